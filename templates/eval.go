package templates

import (
	"errors"
	"fmt"
	"text/template/parse"
)

// The bounds of one evaluation.
const (
	MaxOutput = 16 << 20  // bytes of text
	maxSteps  = 4_000_000 // actions, calls and elements gone through
)

// Vars are the variables that a template may name.
type Vars interface {
	// Lookup gives a variable's value. The error is an *UndefinedError where there
	// is none, and an *UnknownError where its value is not known.
	Lookup(name string) (any, error)
}

// Eval gives the template's value: that of its action where it is one and nothing
// else, otherwise its text. The error is an *Error.
func (t *Template) Eval(vars Vars) (any, error) {
	r := &run{t: t, vars: vars, steps: maxSteps, root: true}
	if t.only == nil {
		return r.text()
	}
	v, err := r.pipe(t.only)
	if err != nil {
		return nil, r.at(t.only, err)
	}
	return v, nil
}

// Text gives the template's text. The error is an *Error.
func (t *Template) Text(vars Vars) (string, error) {
	r := &run{t: t, vars: vars, steps: maxSteps, root: true}
	return r.text()
}

// run is one evaluation.
type run struct {
	t     *Template
	vars  Vars
	steps int
	out   []byte
	dot   any
	root  bool // the dot is the variables
	local []local
}

type local struct {
	name  string
	value any
}

var (
	errBreak    = errors.New("break")
	errContinue = errors.New("continue")
	errSteps    = fmt.Errorf("the template computes too long: more than %d steps", maxSteps)
	errOutput   = fmt.Errorf("the template gives more than %d MiB of text", MaxOutput>>20)
)

func (r *run) text() (string, error) {
	if err := r.list(r.t.root); err != nil {
		return "", r.at(r.t.root, err)
	}
	return string(r.out), nil
}

func (r *run) at(n parse.Node, err error) error {
	if err == nil || err == errBreak || err == errContinue {
		return err
	}
	return located(r.t.Origin.at(r.t.Source, int(n.Position())), err)
}

// spend counts n steps.
func (r *run) spend(n int) error {
	r.steps -= n
	if r.steps < 0 {
		return errSteps
	}
	return nil
}

func (r *run) list(list *parse.ListNode) error {
	if list == nil {
		return nil
	}
	for _, n := range list.Nodes {
		if err := r.spend(1); err != nil {
			return r.at(n, err)
		}
		if err := r.statement(n); err != nil {
			return r.at(n, err)
		}
	}
	return nil
}

func (r *run) statement(n parse.Node) error {
	switch n := n.(type) {
	case *parse.TextNode:
		return r.emit(n.Text)
	case *parse.ActionNode:
		return r.action(n)
	case *parse.IfNode:
		return r.branch(&n.BranchNode, false)
	case *parse.WithNode:
		return r.branch(&n.BranchNode, true)
	case *parse.RangeNode:
		return r.ranging(n)
	case *parse.BreakNode:
		return errBreak
	case *parse.ContinueNode:
		return errContinue
	case *parse.CommentNode:
		return nil
	}
	return fmt.Errorf("%s is not known here", n)
}

func (r *run) emit(text []byte) error {
	if len(r.out)+len(text) > MaxOutput {
		return errOutput
	}
	r.out = append(r.out, text...)
	return nil
}

func (r *run) action(n *parse.ActionNode) error {
	v, err := r.pipe(n.Pipe)
	if err != nil || len(n.Pipe.Decl) > 0 {
		return err
	}
	r.out, err = appendText(r.out, v, MaxOutput)
	return err
}

func (r *run) branch(n *parse.BranchNode, with bool) error {
	mark, dot, root := len(r.local), r.dot, r.root
	defer func() { r.local, r.dot, r.root = r.local[:mark], dot, root }()
	v, err := r.pipe(n.Pipe)
	if err != nil {
		return err
	}
	if !truth(v) {
		return r.list(n.ElseList)
	}
	if with {
		r.dot, r.root = v, false
	}
	return r.list(n.List)
}

func (r *run) ranging(n *parse.RangeNode) error {
	mark, dot, root := len(r.local), r.dot, r.root
	defer func() { r.local, r.dot, r.root = r.local[:mark], dot, root }()
	v, err := r.value(n.Pipe)
	if err != nil {
		return err
	}
	count := 0
	err = each(v, func(key, elem any) error {
		count++
		return r.round(n, mark, key, elem)
	})
	if err == errBreak {
		err = nil
	}
	if count == 0 && err == nil {
		return r.list(n.ElseList)
	}
	return err
}

// round runs a range's list for one element.
func (r *run) round(n *parse.RangeNode, mark int, key, elem any) error {
	if err := r.spend(1); err != nil {
		return err
	}
	r.local = r.local[:mark]
	r.dot, r.root = elem, false
	switch decl := n.Pipe.Decl; {
	case len(decl) == 1:
		r.bind(decl[0].Ident[0], elem, n.Pipe.IsAssign)
	case len(decl) == 2:
		r.bind(decl[0].Ident[0], key, n.Pipe.IsAssign)
		r.bind(decl[1].Ident[0], elem, n.Pipe.IsAssign)
	}
	err := r.list(n.List)
	if err == errContinue {
		return nil
	}
	return err
}

// bind declares a local variable, or assigns the nearest one of that name.
func (r *run) bind(name string, v any, assign bool) {
	for i := len(r.local) - 1; assign && i >= 0; i-- {
		if r.local[i].name == name {
			r.local[i].value = v
			return
		}
	}
	r.local = append(r.local, local{name, v})
}

// pipe is the pipeline's value; its variables are bound.
func (r *run) pipe(p *parse.PipeNode) (any, error) {
	v, err := r.value(p)
	if err != nil {
		return nil, err
	}
	for _, d := range p.Decl {
		r.bind(d.Ident[0], v, p.IsAssign)
	}
	return v, nil
}

func (r *run) value(p *parse.PipeNode) (v any, err error) {
	for i, cmd := range p.Cmds {
		v, err = r.command(cmd, v, i > 0)
		if isUndefined(err) && i+1 < len(p.Cmds) && tolerates(p.Cmds[i+1]) {
			v, err = nil, nil
		}
		if err != nil {
			return nil, r.at(cmd, err)
		}
	}
	return v, nil
}

// isUndefined reports whether the value asked for is not there: not one that it is made of.
func isUndefined(err error) bool {
	if e, ok := err.(*Error); ok {
		err = e.Err
	}
	switch err.(type) {
	case *UndefinedError, *missingKeyError:
		return true
	}
	return false
}

func (r *run) command(cmd *parse.CommandNode, piped any, isPiped bool) (any, error) {
	if err := r.spend(1); err != nil {
		return nil, err
	}
	id, ok := cmd.Args[0].(*parse.IdentifierNode)
	if !ok {
		return r.operand(cmd.Args[0])
	}
	switch id.Ident {
	case "and", "or":
		return r.shortCircuit(id.Ident == "or", cmd, piped, isPiped)
	case "defined":
		return isDefined(r.vars, cmd.Args[1].(*parse.StringNode).Text)
	}
	args := make([]any, 0, len(cmd.Args))
	for i, n := range cmd.Args[1:] {
		v, err := r.argument(id.Ident, i, n)
		if isUndefined(err) && tolerates(cmd) && !isPiped && i == len(cmd.Args)-2 {
			v, err = nil, nil
		}
		if err != nil {
			return nil, r.at(n, err)
		}
		args = append(args, v)
	}
	if isPiped {
		args = append(args, piped)
	}
	return r.call(id.Ident, args)
}
