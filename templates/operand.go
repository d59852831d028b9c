package templates

import (
	"fmt"
	"strings"
	"text/template/parse"
)

// argument evaluates an argument; the variables themselves may be the first one of index and get.
func (r *run) argument(name string, i int, n parse.Node) (any, error) {
	if i == 0 && isRoot(n, r.root) && (name == "index" || name == "get") {
		return varsGetter{r.vars}, nil
	}
	return r.operand(n)
}

// shortCircuit is and, or: the operands up to the first that decides. A piped value
// is the last operand.
func (r *run) shortCircuit(stopAt bool, cmd *parse.CommandNode, piped any, isPiped bool) (v any, err error) {
	for _, n := range cmd.Args[1:] {
		if v, err = r.operand(n); err != nil {
			return nil, r.at(n, err)
		}
		if truth(v) == stopAt {
			return v, nil
		}
	}
	if isPiped {
		return piped, nil
	}
	return v, nil
}

func (r *run) call(name string, args []any) (any, error) {
	f, ok := functions[name]
	if !ok {
		return nil, fmt.Errorf("unknown function %q", name)
	}
	if err := r.spend(cost(name, args)); err != nil {
		return nil, err
	}
	v, err := f.call(r, args)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return v, r.spend(weight(v))
}

func (r *run) operand(n parse.Node) (any, error) {
	switch n := n.(type) {
	case *parse.FieldNode:
		if r.root {
			return r.variable(n, n.Ident)
		}
		return r.path(n, r.dot, n.Ident)
	case *parse.VariableNode:
		return r.localVariable(n)
	case *parse.ChainNode:
		v, err := r.operand(n.Node)
		if err != nil {
			return nil, r.at(n, err)
		}
		return r.path(n, v, n.Field)
	case *parse.PipeNode:
		return r.value(n)
	case *parse.IdentifierNode:
		return r.call(n.Ident, nil)
	case *parse.DotNode:
		return r.dot, nil
	}
	return constant(n)
}

func constant(n parse.Node) (any, error) {
	switch n := n.(type) {
	case *parse.StringNode:
		return n.Text, nil
	case *parse.BoolNode:
		return n.True, nil
	case *parse.NilNode:
		return nil, nil
	case *parse.NumberNode:
		if n.IsInt && !(n.IsFloat && strings.Contains(n.Text, ".")) {
			return int(n.Int64), nil
		}
		if n.IsFloat {
			return n.Float64, nil
		}
	}
	return nil, fmt.Errorf("%s is not a value", n)
}

func (r *run) variable(n parse.Node, ident []string) (any, error) {
	v, err := r.vars.Lookup(ident[0])
	if err != nil {
		return nil, r.at(n, err)
	}
	return r.path(n, v, ident[1:])
}

func (r *run) localVariable(n *parse.VariableNode) (any, error) {
	if n.Ident[0] == "$" {
		return r.variable(n, n.Ident[1:])
	}
	for i := len(r.local) - 1; i >= 0; i-- {
		if r.local[i].name == n.Ident[0] {
			return r.path(n, r.local[i].value, n.Ident[1:])
		}
	}
	return nil, fmt.Errorf("undefined variable %s", n.Ident[0])
}

func (r *run) path(n parse.Node, v any, fields []string) (any, error) {
	for _, f := range fields {
		var err error
		if v, err = field(v, f); err != nil {
			return nil, r.at(n, err)
		}
	}
	return v, nil
}
