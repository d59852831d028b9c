package templates

import (
	"errors"
	"fmt"
	"slices"
	"sort"
)

// Lazy is a variable that is made when it is first asked for.
type Lazy func() (any, error)

// Scope is the variables in force at one place: layers of values, the strongest
// first. Values with templates in them are evaluated when they are looked up, in
// this very scope, and kept. It implements Vars and is not safe for concurrent use.
type Scope struct {
	layers []map[string]any
	memo   map[string]any
	open   []string // variables being evaluated, for cycles
}

// NewScope makes a scope of layers, the strongest first. The maps are not copied;
// call Forget after changing one.
func NewScope(layers ...map[string]any) *Scope {
	s := &Scope{layers: make([]map[string]any, 0, len(layers))}
	for _, l := range layers {
		if len(l) > 0 {
			s.layers = append(s.layers, l)
		}
	}
	return s
}

// Over is a scope with stronger layers put on top. It shares nothing that was
// evaluated, since what variables are made of may now be another.
func (s *Scope) Over(layers ...map[string]any) *Scope {
	return NewScope(append(layers, s.layers...)...)
}

// Forget drops what was evaluated.
func (s *Scope) Forget() { clear(s.memo) }

// Raw is a variable as it was given, with its templates, and whether there is one.
func (s *Scope) Raw(name string) (any, bool) {
	for _, l := range s.layers {
		if v, ok := l[name]; ok {
			return v, true
		}
	}
	return nil, false
}

// Names lists the variables, sorted.
func (s *Scope) Names() []string {
	var names []string
	for _, l := range s.layers {
		for n := range l {
			names = append(names, n)
		}
	}
	sort.Strings(names)
	return slices.Compact(names)
}

// Lookup implements Vars.
func (s *Scope) Lookup(name string) (any, error) {
	raw, ok := s.Raw(name)
	if !ok {
		return nil, &UndefinedError{name, s.Names}
	}
	if done, ok := settled(raw); ok {
		if u, unknown := raw.(Unknown); unknown {
			return nil, &UnknownError{u.Name}
		}
		return done, nil
	}
	if v, ok := s.memo[name]; ok {
		return v, nil
	}
	v, err := s.evaluate(name, raw)
	if err != nil {
		return nil, err
	}
	if s.memo == nil {
		s.memo = map[string]any{}
	}
	s.memo[name] = v
	return v, nil
}

// settled reports whether a value is one that cannot hold a template: a scalar or
// something made on demand. The others are looked through once.
func settled(raw any) (any, bool) {
	switch raw.(type) {
	case *Template, []any, map[string]any, Lazy:
		return nil, false
	}
	return raw, true
}

func (s *Scope) evaluate(name string, raw any) (any, error) {
	if i := slices.Index(s.open, name); i >= 0 {
		return nil, &CycleError{append(slices.Clone(s.open[i:]), name)}
	}
	s.open = append(s.open, name)
	defer func() { s.open = s.open[:len(s.open)-1] }()
	var v any
	var err error
	if lazy, ok := raw.(Lazy); ok {
		v, err = lazy()
	} else {
		v, err = Render(raw, s)
	}
	var cycle *CycleError
	if err != nil && !errors.As(err, &cycle) {
		err = &nestedError{name, err}
	}
	return v, err
}

// nestedError is a mistake in what a variable is made of: not its own absence,
// which default and defined pass over.
type nestedError struct {
	name string
	err  error
}

// Error implements error.
func (e *nestedError) Error() string { return fmt.Sprintf("variable %q: %v", e.name, e.err) }

// Unwrap gives the cause.
func (e *nestedError) Unwrap() error { return e.err }

// Render evaluates the templates in a tree of values. A part without templates is
// not copied. The error is an *Error.
func Render(tree any, vars Vars) (any, error) {
	switch x := tree.(type) {
	case *Template:
		return x.Eval(vars)
	case []any:
		return renderList(x, vars)
	case map[string]any:
		return renderMap(x, vars)
	}
	return tree, nil
}

func renderList(list []any, vars Vars) (any, error) {
	var out []any
	for i, e := range list {
		v, err := Render(e, vars)
		if err != nil {
			return nil, err
		}
		if out == nil && changed(v, e) {
			out = slices.Clone(list)
		}
		if out != nil {
			out[i] = v
		}
	}
	if out == nil {
		return list, nil
	}
	return out, nil
}

func renderMap(m map[string]any, vars Vars) (any, error) {
	var out map[string]any
	for _, k := range sortedKeys(m) {
		v, err := Render(m[k], vars)
		if err != nil {
			return nil, err
		}
		if out == nil && changed(v, m[k]) {
			out = make(map[string]any, len(m))
			for k, e := range m {
				out[k] = e
			}
		}
		if out != nil {
			out[k] = v
		}
	}
	if out == nil {
		return m, nil
	}
	return out, nil
}

// changed reports whether rendering gave another value than it was given: a
// template's, or a new list or map.
func changed(v, from any) bool {
	switch x := from.(type) {
	case *Template:
		return true
	case []any:
		y, ok := v.([]any)
		return !ok || len(x) > 0 && &x[0] != &y[0]
	case map[string]any:
		return holdsTemplate(x)
	}
	return false
}

func holdsTemplate(tree any) bool {
	switch x := tree.(type) {
	case *Template:
		return true
	case []any:
		return slices.ContainsFunc(x, holdsTemplate)
	case map[string]any:
		for _, e := range x {
			if holdsTemplate(e) {
				return true
			}
		}
	}
	return false
}

// EachTemplate calls f for every template in a tree of values.
func EachTemplate(tree any, f func(*Template)) {
	switch x := tree.(type) {
	case *Template:
		f(x)
	case []any:
		for _, e := range x {
			EachTemplate(e, f)
		}
	case map[string]any:
		for _, k := range sortedKeys(x) {
			EachTemplate(x[k], f)
		}
	}
}
