package templates

import (
	"strings"
	"text/template/parse"

	"netrun/inventory/diag"
)

// inspector walks a parsed template once: it finds unknown functions, wrong numbers
// of arguments and what cannot be bounded, and collects the references.
type inspector struct {
	t    *Template
	root bool // the dot is the variables, not an element of a range or with
	err  error
}

func (t *Template) check(tree *parse.Tree, trees map[string]*parse.Tree) error {
	for name, other := range trees {
		if name != "" && other != tree {
			return t.errorAt(max(0, strings.Index(t.Source, name)), "define and block are not known here").
				WithHint("use a variable or a role's template file")
		}
	}
	c := &inspector{t: t, root: true}
	c.list(tree.Root)
	if nodes := tree.Root.Nodes; len(nodes) == 1 {
		action, ok := nodes[0].(*parse.ActionNode)
		t.single = ok && len(action.Pipe.Decl) == 0
	}
	return c.err
}

func (c *inspector) fail(n parse.Node, format string, a ...any) *diag.Error {
	e := c.t.errorAt(int(n.Position()), format, a...)
	if c.err == nil {
		c.err = e
	}
	return e
}

func (c *inspector) list(list *parse.ListNode) {
	if list == nil {
		return
	}
	for _, n := range list.Nodes {
		c.statement(n)
	}
}

func (c *inspector) statement(n parse.Node) {
	switch n := n.(type) {
	case *parse.ActionNode:
		c.pipe(n.Pipe)
	case *parse.IfNode:
		c.pipe(n.Pipe)
		c.list(n.List)
		c.list(n.ElseList)
	case *parse.WithNode:
		c.branch(&n.BranchNode)
	case *parse.RangeNode:
		c.branch(&n.BranchNode)
	case *parse.TemplateNode:
		c.fail(n, "template is not known here").WithHint("use a variable or a role's template file")
	}
}

// branch checks a range or a with: within it the dot is another.
func (c *inspector) branch(n *parse.BranchNode) {
	c.pipe(n.Pipe)
	outer := c.root
	c.root = false
	c.list(n.List)
	c.root = outer
	c.list(n.ElseList)
}

func (c *inspector) pipe(p *parse.PipeNode) {
	for _, v := range p.Decl {
		if v.Ident[0] == "$" {
			c.fail(v, "$ stands for the variables").WithHint("give the local variable a name: $x")
		}
	}
	for i, cmd := range p.Cmds {
		tolerant := i+1 < len(p.Cmds) && tolerates(p.Cmds[i+1])
		c.command(cmd, i > 0, tolerant)
	}
}

// tolerates reports whether the command takes a variable that is not defined for its last argument.
func tolerates(cmd *parse.CommandNode) bool {
	id, ok := cmd.Args[0].(*parse.IdentifierNode)
	return ok && (id.Ident == "default" || id.Ident == "required")
}

func (c *inspector) command(cmd *parse.CommandNode, piped, tolerant bool) {
	id, ok := cmd.Args[0].(*parse.IdentifierNode)
	if !ok {
		if len(cmd.Args) > 1 || piped {
			c.fail(cmd.Args[0], "%s is not a function", cmd.Args[0]).WithHint("functions have no dot: {{ upper .name }}")
		}
		c.operand(cmd.Args[0], tolerant)
		return
	}
	c.call(id, cmd, piped)
}

func (c *inspector) call(id *parse.IdentifierNode, cmd *parse.CommandNode, piped bool) {
	args := cmd.Args[1:]
	f, known := functions[id.Ident]
	if !known {
		c.unknown(id, len(args) == 0 && !piped)
		return
	}
	n := len(args)
	if piped {
		n++
	}
	if n < f.min || (f.max >= 0 && n > f.max) {
		c.fail(id, "%s takes %s, not %d", id.Ident, f.arity(), n).WithHint("%s", f.usage)
	}
	for i, arg := range args {
		if i == 0 && isRoot(arg, c.root) && (id.Ident == "index" || id.Ident == "get") && c.namedRoot(args) {
			continue
		}
		c.operand(arg, tolerates(cmd) && !piped && i == len(args)-1)
	}
	if id.Ident == "defined" {
		c.defined(id, args)
	}
}

func (c *inspector) defined(id *parse.IdentifierNode, args []parse.Node) {
	if len(args) == 1 {
		if s, ok := args[0].(*parse.StringNode); ok {
			name, _, _ := strings.Cut(s.Text, ".")
			c.t.refs.guard(name)
			return
		}
	}
	c.fail(id, "defined takes a variable's name as a text").WithHint(`write defined "name"`)
}

// namedRoot notes the variable of index . "name" and get $ "name".
func (c *inspector) namedRoot(args []parse.Node) bool {
	if len(args) < 2 {
		return false
	}
	s, ok := args[1].(*parse.StringNode)
	if ok {
		c.t.refs.add(s.Text, c.t.Origin.at(c.t.Source, int(s.Position())), len(args) > 2)
	}
	return ok
}

func (c *inspector) unknown(id *parse.IdentifierNode, alone bool) {
	e := c.fail(id, "unknown function %q", id.Ident)
	switch near := diag.Nearest(id.Ident, functionNames()); {
	case alone && !strings.EqualFold(near, id.Ident):
		e.Msg = "a variable is written with a dot"
		e.WithHint("write {{ .%s }}", id.Ident)
	case jinjaNames[id.Ident] != "":
		e.WithHint("%s", jinjaNames[id.Ident])
	default:
		e.WithHint("%s", diag.DidYouMean(id.Ident, functionNames()))
	}
}

// jinjaNames says what takes the place of filters that people know.
var jinjaNames = map[string]string{
	"int": "numbers need no conversion here", "string": "use print", "bool": "conditions belong in when",
	"to_json": "use toJSON", "to_nice_json": "use toJSON", "from_json": "use fromJSON", "length": "use len", "count": "use len",
	"unique": "use uniq", "b64encode": "use b64enc", "b64decode": "use b64dec", "ipaddr": "use host, network, prefixlen, nthhost or subnet",
	"lookup": "a template sees variables only: use vars_files", "dict2items": "use range $k, $v", "regex_replace": "use regexReplace",
	"mandatory": "use required", "map": "use range", "select": "use range and if", "ternary": "use if and else",
}

func isRoot(n parse.Node, dotIsRoot bool) bool {
	if v, ok := n.(*parse.VariableNode); ok {
		return len(v.Ident) == 1 && v.Ident[0] == "$"
	}
	return dotIsRoot && n.Type() == parse.NodeDot
}

func (c *inspector) operand(n parse.Node, tolerant bool) {
	if isRoot(n, c.root) {
		c.fail(n, "%s is all variables at once: name one", n).WithHint(`write .name, or index . "name"`)
		return
	}
	switch n := n.(type) {
	case *parse.FieldNode:
		if c.root {
			c.ref(n, n.Ident[0], tolerant)
		}
		c.words(n.Ident)
	case *parse.VariableNode:
		if n.Ident[0] == "$" {
			c.ref(n, n.Ident[1], tolerant)
		}
		c.words(n.Ident[1:])
	case *parse.ChainNode:
		c.operand(n.Node, tolerant)
		c.words(n.Field)
	case *parse.PipeNode:
		c.pipe(n)
	case *parse.StringNode:
		c.t.refs.word(n.Text)
	case *parse.NumberNode:
		if n.IsComplex {
			c.fail(n, "%s is not a value", n)
		}
	case *parse.IdentifierNode:
		c.bareName(n)
	}
}

// bareName is an identifier as an argument: a function without arguments, or a forgotten dot.
func (c *inspector) bareName(id *parse.IdentifierNode) {
	if f, ok := functions[id.Ident]; !ok || f.min > 0 {
		c.fail(id, "a variable is written with a dot").WithHint("write .%s", id.Ident)
	}
}

func (c *inspector) ref(n parse.Node, name string, optional bool) {
	c.t.refs.add(name, c.t.Origin.at(c.t.Source, int(n.Position())), optional)
}

func (c *inspector) words(names []string) {
	for _, w := range names {
		c.t.refs.word(w)
	}
}
