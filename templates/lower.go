package templates

import (
	"strconv"
	"strings"
	"text/template"
	"text/template/parse"
)

// lowering turns a tree that was checked into one that text/template executes as
// templates are meant here. Every call is given the run ($) and its place; .a.b is a
// call too, so that a variable is looked up when it is needed, and its absence has a
// place and a hint:
//
//	{{ .a.b | upper }}              {{ (_var $ 3 "a" "b") | upper $ 10 | _emit $ 3 }}
//	{{ .gone | default 1 }}         {{ (_var_or_absent $ 3 "gone") | default $ 11 1 | _emit $ 3 }}
//	{{ range .list }}x{{ end }}     {{ range (_var $ 9 "list") | _each $ 9 }}{{ _tick $ 9 }}x{{ end }}
type lowering struct {
	root  bool // the dot is the variables, not an element of a range or with
	funcs template.FuncMap
}

// compile makes the tree into the program. It must have been checked.
func (t *Template) compile(tree *parse.Tree) error {
	l := &lowering{root: true, funcs: template.FuncMap{}}
	l.list(tree.Root)
	var err error
	t.program, err = template.New("t").Funcs(l.funcs).AddParseTree("t", tree)
	return err
}

func (l *lowering) list(list *parse.ListNode) {
	if list == nil {
		return
	}
	for _, n := range list.Nodes {
		l.statement(n)
	}
}

func (l *lowering) statement(n parse.Node) {
	switch n := n.(type) {
	case *parse.ActionNode:
		l.pipe(n.Pipe, false)
		if len(n.Pipe.Decl) == 0 {
			n.Pipe.Cmds = append(n.Pipe.Cmds, l.call(n.Pos, callEmit))
		}
	case *parse.IfNode:
		l.pipe(n.Pipe, false)
		l.list(n.List)
		l.list(n.ElseList)
	case *parse.WithNode:
		l.branch(&n.BranchNode)
	case *parse.RangeNode:
		l.branch(&n.BranchNode)
		n.Pipe.Cmds = append(n.Pipe.Cmds, l.call(n.Pos, callEach))
		tick := &parse.ActionNode{NodeType: parse.NodeAction, Pos: n.Pos, Pipe: l.pipeOf(l.call(n.Pos, callTick))}
		n.List.Nodes = append([]parse.Node{tick}, n.List.Nodes...)
	}
}

// branch is a range or a with: within it the dot is another.
func (l *lowering) branch(n *parse.BranchNode) {
	l.pipe(n.Pipe, false)
	outer := l.root
	l.root = false
	l.list(n.List)
	l.root = outer
	l.list(n.ElseList)
}

// pipe lowers a pipeline; where lenient, what is undefined in it is absent.
func (l *lowering) pipe(p *parse.PipeNode, lenient bool) {
	for i, cmd := range p.Cmds {
		l.command(cmd, i > 0, lenient || i+1 < len(p.Cmds) && tolerates(p.Cmds[i+1]))
	}
}

func (l *lowering) command(cmd *parse.CommandNode, piped, lenient bool) {
	id, ok := cmd.Args[0].(*parse.IdentifierNode)
	if !ok {
		cmd.Args[0] = l.operand(cmd.Args[0], lenient)
		return
	}
	args := cmd.Args[1:]
	for i, n := range args {
		if i == 0 && isRoot(n, l.root) {
			args[i] = l.pipeOf(l.call(n.Position(), callVars))
			continue
		}
		last := !piped && i == len(args)-1
		args[i] = l.operand(n, lenient || last && tolerates(cmd))
	}
	cmd.Args = l.call(id.Pos, id.Ident, args...).Args
}

func (l *lowering) operand(n parse.Node, lenient bool) parse.Node {
	suffix := ""
	if lenient {
		suffix = orAbsent
	}
	switch n := n.(type) {
	case *parse.FieldNode:
		if l.root {
			return l.pipeOf(l.call(n.Pos, callVar+suffix, words(n.Pos, n.Ident)...))
		}
		return l.member(n.Pos, suffix, &parse.DotNode{NodeType: parse.NodeDot, Pos: n.Pos}, n.Ident)
	case *parse.VariableNode:
		switch {
		case n.Ident[0] == "$":
			return l.pipeOf(l.call(n.Pos, callVar+suffix, words(n.Pos, n.Ident[1:])...))
		case len(n.Ident) > 1:
			return l.member(n.Pos, suffix, variable(n.Pos, n.Ident[0]), n.Ident[1:])
		}
	case *parse.ChainNode:
		return l.member(n.Pos, suffix, l.operand(n.Node, lenient), n.Field)
	case *parse.PipeNode:
		l.pipe(n, lenient)
	case *parse.IdentifierNode:
		return l.pipeOf(l.call(n.Pos, n.Ident))
	case *parse.NilNode:
		return l.pipeOf(l.call(n.Pos, callNull))
	case *parse.NumberNode:
		return numeralNode(n)
	}
	return n
}

// member is v.x.y.
func (l *lowering) member(at parse.Pos, suffix string, v parse.Node, path []string) parse.Node {
	return l.pipeOf(l.call(at, callMember+suffix, append([]parse.Node{v}, words(at, path)...)...))
}

// call is a call of a function with the run and its place; those of text/template
// itself are called as they are.
func (l *lowering) call(at parse.Pos, name string, args ...parse.Node) *parse.CommandNode {
	cmd := &parse.CommandNode{NodeType: parse.NodeCommand, Pos: at, Args: []parse.Node{parse.NewIdentifier(name).SetPos(at)}}
	if f := named(name); f != nil {
		l.funcs[name] = f
		place := strconv.Itoa(int(at))
		cmd.Args = append(cmd.Args, variable(at, "$"),
			&parse.NumberNode{NodeType: parse.NodeNumber, Pos: at, IsInt: true, Int64: int64(at), Text: place})
	}
	cmd.Args = append(cmd.Args, args...)
	return cmd
}

func (l *lowering) pipeOf(cmd *parse.CommandNode) *parse.PipeNode {
	return &parse.PipeNode{NodeType: parse.NodePipe, Pos: cmd.Pos, Cmds: []*parse.CommandNode{cmd}}
}

func variable(at parse.Pos, name string) parse.Node {
	return &parse.VariableNode{NodeType: parse.NodeVariable, Pos: at, Ident: []string{name}}
}

func words(at parse.Pos, list []string) []parse.Node {
	out := make([]parse.Node, len(list))
	for i, w := range list {
		out[i] = &parse.StringNode{NodeType: parse.NodeString, Pos: at, Quoted: strconv.Quote(w), Text: w}
	}
	return out
}

// numeralNode writes a number so that text/template takes it for what YAML would:
// 1e3 is an integer, and what is beyond 64 bits is a float.
func numeralNode(n *parse.NumberNode) parse.Node {
	switch {
	case n.IsInt && !strings.Contains(n.Text, "."):
		n.Text = strconv.FormatInt(n.Int64, 10)
	case n.IsFloat:
		n.Text = strconv.FormatFloat(n.Float64, 'e', -1, 64)
	}
	return n
}
