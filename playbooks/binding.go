package playbooks

import (
	"errors"
	"slices"
	"sort"

	"netrun/inventory/diag"
	"netrun/tasks"
	"netrun/templates"
)

// binding is a task being compiled for a host.
type binding struct {
	*compiler
	host     *host
	task     *Task
	scope    *templates.Scope
	loopVars []string // known only where the loop runs on the host
	needs    map[string]bool
	words    map[string]bool
	wanted   []Wanted
}

// failed reports a mistake that came to light for this host.
func (b *binding) failed(err error, pos diag.Pos) {
	var at *diag.Error
	if !errors.As(err, &at) {
		err = &diag.Error{Pos: pos, Msg: err.Error()}
	}
	var undefined *templates.UndefinedError
	if errors.As(err, &undefined) && at != nil {
		switch {
		case b.skipped[undefined.Name]:
			err = &diag.Error{Pos: at.Pos, Msg: at.Msg, Hint: "it is set by a task that --tags, --skip-tags or --start-at-task leave out"}
		case slices.Contains(b.play.registers(), undefined.Name):
			err = &diag.Error{Pos: at.Pos, Msg: at.Msg, Hint: "a later task sets it"}
		}
	}
	b.problems.add(b.host.name, err)
}

// runtimeRefs reports whether one of the variables is known on the host only, or is
// made of one that is.
func (b *binding) runtimeRefs(names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return b.isRuntime(name, 0) })
}

func (b *binding) isRuntime(name string, depth int) bool {
	if slices.Contains(b.loopVars, name) {
		return true
	}
	if b.runtime[name] && !b.isFixed(name) {
		return true
	}
	if name == "hostvars" && b.readers[b.task] {
		return true
	}
	raw, ok := b.scope.Raw(name)
	if !ok || depth > 100 {
		return false
	}
	found := false
	templates.EachTemplate(raw, func(t *templates.Template) {
		for _, ref := range t.Refs() {
			found = found || ref != name && b.isRuntime(ref, depth+1)
		}
	})
	return found
}

// isFixed reports whether the name is given by a layer that wins over registered results.
func (b *binding) isFixed(name string) bool {
	for _, layer := range b.host.strong(b.task.vars) {
		if _, ok := layer[name]; ok {
			return true
		}
	}
	return false
}

// value renders a tree as far as it is known: what depends on the host stays a template.
func (b *binding) value(tree any) any {
	switch x := tree.(type) {
	case *templates.Template:
		return b.template(x)
	case []any:
		out := make([]any, len(x))
		for i, e := range x {
			out[i] = b.value(e)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(x))
		for k, e := range x {
			out[k] = b.value(e)
		}
		return out
	}
	return tree
}

func (b *binding) template(t *templates.Template) any {
	if b.runtimeRefs(t.Refs()) {
		b.checkRefs(t.Required())
		b.need(t.Refs(), t.Words())
		return t
	}
	v, err := t.Eval(b.scope)
	if err != nil {
		b.failed(err, t.Origin.Pos)
		return templates.Unknown{}
	}
	return v
}

// lenient renders a name, which is only shown; what does not render is shown as written.
func (b *binding) lenient(tree any, written string) any {
	t, ok := tree.(*templates.Template)
	if !ok {
		return written
	}
	if b.runtimeRefs(t.Refs()) {
		b.need(t.Refs(), t.Words())
		return t
	}
	text, err := t.Text(b.scope)
	if err != nil {
		b.failed(err, t.Origin.Pos)
		return written
	}
	return text
}

// checkRefs reports variables that nothing defines.
func (b *binding) checkRefs(refs []templates.Ref) {
	for _, ref := range refs {
		if b.runtime[ref.Name] || slices.Contains(b.loopVars, ref.Name) {
			continue
		}
		if _, ok := b.scope.Raw(ref.Name); ok {
			continue
		}
		undefined := &templates.UndefinedError{Name: ref.Name, Known: b.known}
		b.failed(&templates.Error{Pos: ref.Pos, Err: undefined}, ref.Pos)
	}
}

// known lists all names that a task may refer to.
func (b *binding) known() []string {
	names := append(b.scope.Names(), b.loopVars...)
	for name := range b.runtime {
		names = append(names, name)
	}
	sort.Strings(names)
	return slices.Compact(names)
}

// argumentErrors reports mistakes in arguments at their places.
func (b *binding) argumentErrors(err error) {
	for _, e := range b.task.argumentErrors(err) {
		b.failed(e, b.task.Pos)
	}
}

// argumentErrors gives mistakes in arguments their places.
func (t *Task) argumentErrors(err error) []error {
	list := parts(err)
	for i, e := range list {
		var arg *tasks.ArgError
		if errors.As(e, &arg) {
			list[i] = &diag.Error{Pos: t.argumentPos(arg), Msg: argumentText(arg), Hint: arg.Hint}
		}
	}
	return list
}

func argumentText(e *tasks.ArgError) string {
	if e.Key || len(e.Path) == 0 {
		return e.Msg
	}
	short := *e
	short.Hint = ""
	return short.Error()
}

// parts takes joined errors apart.
func parts(err error) []error {
	joined, ok := err.(interface{ Unwrap() []error })
	if _, one := err.(*templates.Error); one || !ok {
		return []error{err}
	}
	var out []error
	for _, e := range joined.Unwrap() {
		out = append(out, parts(e)...)
	}
	return out
}
