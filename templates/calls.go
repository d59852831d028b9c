package templates

import (
	"fmt"
	"iter"
	"slices"
	"strings"
)

// A callee is a function as text/template calls it: the run and the place in the
// text come first, where lower.go puts them.
type callee = func(r *run, off int, args ...any) (any, error)

// The functions that lower.go puts in. Their names cannot be written: check knows
// none of them.
const (
	callVar    = "_var"    // "name" "field"...: a variable, or a part of it
	callMember = "_member" // VALUE "field"...: a part of a value
	callVars   = "_vars"   // the variables themselves, for index and get
	callNull   = "_null"   // nil, which text/template takes for an argument only
	callEach   = "_each"   // VALUE: what range goes through
	callTick   = "_tick"   // counts a round
	callEmit   = "_emit"   // VALUE: its text; keeps the value of a single action
	orAbsent   = "_or_absent"
)

// absent stands for what is not there on its way to default or required; calls with
// it give it on. Being of a text's kind and empty, it is false to and and or.
type absent string

func isAbsent(v any) bool {
	_, ok := v.(absent)
	return ok
}

// named is the callee of a function's name. The functions and and or are text/template's
// own and have none: they alone need not evaluate all of their arguments.
func named(name string) callee {
	if f, ok := internal[strings.TrimSuffix(name, orAbsent)]; ok {
		return placed(f, strings.HasSuffix(name, orAbsent))
	}
	f, ok := functions[name]
	if !ok || f.call == nil {
		return nil
	}
	passesOver := name == "default" || name == "required"
	return placed(func(r *run, args []any) (any, error) {
		if n := len(args) - 1; passesOver && isAbsent(args[n]) {
			args[n] = nil
		}
		if slices.ContainsFunc(args, isAbsent) {
			return absent(""), nil
		}
		if err := r.spend(cost(name, args)); err != nil {
			return nil, err
		}
		v, err := f.call(r, args)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		return v, r.spend(weight(v))
	}, false)
}

// placed gives the errors of f their place; where lenient, what is undefined is absent.
func placed(f func(*run, []any) (any, error), lenient bool) callee {
	return func(r *run, off int, args ...any) (any, error) {
		r.place = off
		err := r.spend(callSteps)
		var v any
		if err == nil {
			v, err = f(r, args)
		}
		if lenient && isUndefined(err) {
			return absent(""), nil
		}
		if err != nil {
			return nil, r.at(off, err)
		}
		return v, nil
	}
}

var internal map[string]func(*run, []any) (any, error)

func init() {
	internal = map[string]func(*run, []any) (any, error){
		callVar:    func(r *run, a []any) (any, error) { return r.variable(a) },
		callMember: func(_ *run, a []any) (any, error) { return member(a[0], a[1:]) },
		callVars:   func(r *run, _ []any) (any, error) { return varsGetter{r.vars}, nil },
		callNull:   func(*run, []any) (any, error) { return nil, nil },
		callEach:   func(r *run, a []any) (any, error) { return r.elements(a[0]) },
		callTick:   func(*run, []any) (any, error) { return "", nil },
		callEmit:   func(r *run, a []any) (any, error) { return r.emit(a[0]) },
		"defined":  func(r *run, a []any) (any, error) { return isDefined(r.vars, a[0].(string)) },
	}
}

func (r *run) variable(path []any) (any, error) {
	v, err := r.vars.Lookup(path[0].(string))
	if err != nil {
		return nil, err
	}
	return member(v, path[1:])
}

// member is v.x.y. text/template's own would call methods of v.
func member(v any, path []any) (_ any, err error) {
	if isAbsent(v) {
		return v, nil
	}
	for _, name := range path {
		if v, err = field(v, name.(string)); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// elements is v as text/template goes through it: a number as pairs, so that it may
// have two variables, and what is made on demand as a map.
func (r *run) elements(v any) (any, error) {
	switch x := v.(type) {
	case nil, []any, map[string]any:
		return v, nil
	case int:
		return countTo(x), nil
	case Getter:
		all := map[string]any{}
		err := each(x, func(key string, elem any) error {
			all[key] = elem
			return r.spend(1)
		})
		return all, err
	}
	return nil, fmt.Errorf("%s is not a list or a map", what(v))
}

func countTo(n int) iter.Seq2[int, int] {
	return func(yield func(int, int) bool) {
		for i := range n {
			if !yield(i, i) {
				return
			}
		}
	}
}

// emit gives what text/template is to write for a value.
func (r *run) emit(v any) (any, error) {
	if isAbsent(v) {
		return nil, errAbsent
	}
	if r.native {
		r.value = v
		return "", nil
	}
	if s, ok := v.(string); ok {
		return s, nil
	}
	out, err := appendText(nil, v, MaxOutput-len(r.out))
	return string(out), err
}
