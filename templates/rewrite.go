package templates

import (
	"errors"
	"slices"
	"sort"
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/builtin"

	"netrun/inventory/diag"
)

// rewriter turns the reading of variables and members into calls of functions of
// ours, which look variables up when they are needed and name the nearest known
// name where one is missing. expr itself takes what is missing for nil.
type rewriter struct {
	c      *Condition
	locals []string // declared with let
	err    error
}

func (w *rewriter) fail(n ast.Node, format string, a ...any) *diag.Error {
	e := w.c.errorAt(w.c.offset(n.Location().From), format, a...)
	if w.err == nil {
		w.err = e
	}
	return e
}

func call(at ast.Node, name string, args ...ast.Node) ast.Node {
	n := &ast.CallNode{Callee: &ast.IdentifierNode{Value: name}, Arguments: args}
	n.SetLocation(at.Location())
	n.Callee.SetLocation(at.Location())
	return n
}

func env() ast.Node { return &ast.IdentifierNode{Value: "$env"} }

// node rewrites n; where lenient, what is missing is nil.
func (w *rewriter) node(n ast.Node, lenient bool) ast.Node {
	switch x := n.(type) {
	case *ast.IdentifierNode:
		return w.identifier(x, lenient)
	case *ast.MemberNode:
		return w.member(x, lenient)
	case *ast.ChainNode:
		return w.node(x.Node, true)
	case *ast.CallNode:
		return w.call(x)
	case *ast.BuiltinNode:
		w.nodes(x.Arguments)
	case *ast.PredicateNode:
		x.Node = call(x, "_count", env(), w.node(x.Node, false))
	case *ast.BinaryNode:
		x.Left = w.node(x.Left, x.Operator == "??")
		x.Right = w.node(x.Right, false)
	case *ast.VariableDeclaratorNode:
		x.Value = w.node(x.Value, false)
		w.locals = append(w.locals, x.Name)
		x.Expr = w.node(x.Expr, false)
		w.locals = w.locals[:len(w.locals)-1]
	case *ast.StringNode:
		w.c.refs.word(x.Value)
	default:
		w.inner(n)
	}
	return n
}

// inner rewrites the parts of the nodes that need nothing special.
func (w *rewriter) inner(n ast.Node) {
	switch x := n.(type) {
	case *ast.UnaryNode:
		x.Node = w.node(x.Node, false)
	case *ast.SliceNode:
		x.Node = w.node(x.Node, false)
		x.From, x.To = w.optional(x.From), w.optional(x.To)
	case *ast.SequenceNode:
		w.nodes(x.Nodes)
	case *ast.ConditionalNode:
		x.Cond, x.Exp1, x.Exp2 = w.node(x.Cond, false), w.node(x.Exp1, false), w.node(x.Exp2, false)
	case *ast.ArrayNode:
		w.nodes(x.Nodes)
	case *ast.MapNode:
		w.nodes(x.Pairs)
	case *ast.PairNode:
		x.Key, x.Value = w.node(x.Key, false), w.node(x.Value, false)
	}
}

func (w *rewriter) optional(n ast.Node) ast.Node {
	if n == nil {
		return nil
	}
	return w.node(n, false)
}

func (w *rewriter) nodes(list []ast.Node) {
	for i := range list {
		list[i] = w.node(list[i], false)
	}
}

func (w *rewriter) identifier(n *ast.IdentifierNode, lenient bool) ast.Node {
	if n.Value == "$env" || strings.HasPrefix(n.Value, "_") && conditionFunctions[n.Value] != nil {
		w.fail(n, "%s is not a variable", n.Value)
		return n
	}
	if slices.Contains(w.locals, n.Value) {
		return n
	}
	w.c.refs.add(n.Value, w.c.Origin.at(w.c.Source, w.c.offset(n.Location().From)), lenient)
	return call(n, tolerant("_variable", lenient), env(), &ast.StringNode{Value: n.Value})
}

func tolerant(name string, lenient bool) string {
	if lenient {
		return name + "_or_nil"
	}
	return name
}

func (w *rewriter) member(n *ast.MemberNode, lenient bool) ast.Node {
	if id, ok := n.Node.(*ast.IdentifierNode); ok && id.Value == "$env" {
		if name, ok := n.Property.(*ast.StringNode); ok {
			as := &ast.IdentifierNode{Value: name.Value}
			as.SetLocation(n.Location())
			return w.identifier(as, lenient)
		}
	}
	lenient = lenient || n.Optional
	return call(n, tolerant("_member", lenient), w.node(n.Node, lenient), w.node(n.Property, false))
}

func (w *rewriter) call(n *ast.CallNode) ast.Node {
	id, ok := n.Callee.(*ast.IdentifierNode)
	if !ok {
		w.fail(n, "values have no methods").WithHint(`functions and operators: upper(x), x startsWith "a", x contains "b"`)
		return n
	}
	switch f, ok := conditionFunctions[id.Value]; {
	case id.Value == "defined":
		return w.defined(n)
	case !ok || strings.HasPrefix(id.Value, "_"):
		w.unknown(n, id.Value)
	case len(n.Arguments) != f.Types[0].NumIn():
		w.fail(n, "%s takes %s, not %d", id.Value, arguments(f.Types[0].NumIn()), len(n.Arguments))
	}
	for i := range n.Arguments {
		n.Arguments[i] = w.node(n.Arguments[i], i == 0 && id.Value == "default")
	}
	return n
}

func (w *rewriter) unknown(n ast.Node, name string) {
	e := w.fail(n, "unknown function %q", name)
	if hint, ok := conditionJinja[name]; ok {
		e.WithHint("%s", hint)
		return
	}
	e.WithHint("%s", diag.DidYouMean(name, conditionFunctionNames()))
}

var conditionJinja = map[string]string{
	"length": "use len", "search": "use the operator matches", "match": "use the operator matches", "lookup": "use vars_files",
	"startswith": "use the operator startsWith", "endswith": "use the operator endsWith",
}

func conditionFunctionNames() []string {
	names := make([]string, 0, len(builtin.Builtins))
	for _, f := range builtin.Builtins {
		if !slices.Contains(disabled, f.Name) {
			names = append(names, f.Name)
		}
	}
	for name := range conditionFunctions {
		if !strings.HasPrefix(name, "_") {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	return names
}

// defined takes a name, as a text or as it is: defined("x.y"), defined(x.y).
func (w *rewriter) defined(n *ast.CallNode) ast.Node {
	if len(n.Arguments) == 1 {
		if path, err := pathOf(n.Arguments[0]); err == nil {
			name, _, _ := strings.Cut(path, ".")
			if !slices.Contains(w.locals, name) {
				w.c.refs.guard(name)
				return call(n, "_defined", env(), &ast.StringNode{Value: path})
			}
		}
	}
	w.fail(n, "defined takes a variable's name").WithHint(`write defined("name")`)
	return n
}

var errNoPath = errors.New("not a path of names")

func pathOf(n ast.Node) (string, error) {
	switch x := n.(type) {
	case *ast.StringNode:
		return x.Value, nil
	case *ast.IdentifierNode:
		return x.Value, nil
	case *ast.ChainNode:
		return pathOf(x.Node)
	case *ast.MemberNode:
		base, err := pathOf(x.Node)
		last, ok := x.Property.(*ast.StringNode)
		if err != nil || !ok {
			return "", errNoPath
		}
		return base + "." + last.Value, nil
	}
	return "", errNoPath
}
