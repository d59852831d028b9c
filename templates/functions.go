package templates

import (
	"fmt"
	"sort"
	"sync"
	"text/template"
)

// function is one that templates may call. Arguments that a pipe may give come last.
type function struct {
	min, max int // arguments; max -1 is any number
	usage    string
	call     func(r *run, args []any) (any, error)
}

func (f function) arity() string {
	switch {
	case f.max < 0:
		return fmt.Sprintf("at least %s", arguments(f.min))
	case f.min == f.max:
		return arguments(f.min)
	}
	return fmt.Sprintf("%d to %s", f.min, arguments(f.max))
}

func arguments(n int) string {
	if n == 1 {
		return "1 argument"
	}
	return fmt.Sprintf("%d arguments", n)
}

var functions map[string]function

func init() {
	functions = map[string]function{
		"and":     {1, -1, "and A B ...: the first empty one, or the last", nil},
		"or":      {1, -1, "or A B ...: the first that is not empty, or the last", nil},
		"defined": {1, 1, `defined "name": whether there is such a variable`, nil},
	}
	for _, group := range []map[string]function{logic, texts, numbers, lists, addresses} {
		for name, f := range group {
			functions[name] = f
		}
	}
}

var functionNames = sync.OnceValue(func() []string {
	names := make([]string, 0, len(functions))
	for name := range functions {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
})

// Functions lists the functions of templates with how each is used, sorted by name.
func Functions() [][2]string {
	out := make([][2]string, 0, len(functions))
	for _, name := range functionNames() {
		out = append(out, [2]string{name, functions[name].usage})
	}
	return out
}

// pure makes a function of one that needs no run.
func pure(f func(args []any) (any, error)) func(*run, []any) (any, error) {
	return func(_ *run, args []any) (any, error) { return f(args) }
}

var logic = map[string]function{
	"not":      {1, 1, "not A: whether A is empty", pure(isEmpty)},
	"eq":       {2, -1, "eq A B C: whether A is one of the others", equals},
	"ne":       {2, 2, "ne A B: whether they differ", notEquals},
	"lt":       {2, 2, "lt A B: A < B", ordered(func(c int) bool { return c < 0 })},
	"le":       {2, 2, "le A B: A <= B", ordered(func(c int) bool { return c <= 0 })},
	"gt":       {2, 2, "gt A B: A > B", ordered(func(c int) bool { return c > 0 })},
	"ge":       {2, 2, "ge A B: A >= B", ordered(func(c int) bool { return c >= 0 })},
	"default":  {2, 2, "VALUE | default OTHER: OTHER where VALUE is not defined, null or the empty text", pure(orDefault)},
	"required": {2, 2, `VALUE | required "message": an error where VALUE is not defined, null or empty`, pure(orError)},
}

// isEmpty is the opposite of what if thinks of a value.
func isEmpty(a []any) (any, error) {
	truth, _ := template.IsTrue(a[0])
	return !truth, nil
}

func orDefault(a []any) (any, error) {
	if a[1] == nil || a[1] == "" {
		return a[0], nil
	}
	return a[1], nil
}

func orError(a []any) (any, error) {
	if a[1] == nil || a[1] == "" {
		msg, err := textOf(a[0])
		if err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("%s", msg)
	}
	return a[1], nil
}

func equals(r *run, a []any) (any, error) {
	for _, other := range a[1:] {
		same, err := r.equal(a[0], other)
		if same || err != nil {
			return same, err
		}
	}
	return false, nil
}

func notEquals(r *run, a []any) (any, error) {
	same, err := r.equal(a[0], a[1])
	return !same, err
}

// equal compares deeply. A number and a text never are equal, and asking is taken
// for a mistake; null may be compared with everything.
func (r *run) equal(a, b any) (bool, error) {
	if err := r.spend(1); err != nil {
		return false, err
	}
	if x, y, ok := floats(a, b); ok {
		return x == y, nil
	}
	switch x := a.(type) {
	case []any:
		if y, ok := b.([]any); ok {
			return r.equalLists(x, y)
		}
	case map[string]any:
		if y, ok := b.(map[string]any); ok {
			return r.equalMaps(x, y)
		}
	case string:
		if y, ok := b.(string); ok {
			return x == y, r.spend(len(x) / 64)
		}
	case bool:
		if y, ok := b.(bool); ok {
			return x == y, nil
		}
	}
	if a == nil || b == nil {
		return a == nil && b == nil, nil
	}
	return false, fmt.Errorf("%s and %s are not comparable", what(a), what(b))
}

func (r *run) equalLists(x, y []any) (bool, error) {
	if len(x) != len(y) {
		return false, nil
	}
	for i := range x {
		if same, err := r.equal(x[i], y[i]); !same || err != nil {
			return false, err
		}
	}
	return true, nil
}

func (r *run) equalMaps(x, y map[string]any) (bool, error) {
	if len(x) != len(y) {
		return false, nil
	}
	for _, k := range sortedKeys(x) {
		other, ok := y[k]
		if !ok {
			return false, nil
		}
		if same, err := r.equal(x[k], other); !same || err != nil {
			return false, err
		}
	}
	return true, nil
}

func ordered(holds func(int) bool) func(*run, []any) (any, error) {
	return pure(func(a []any) (any, error) {
		c, err := compare(a[0], a[1])
		return err == nil && holds(c), err
	})
}

// compare orders numbers and texts.
func compare(a, b any) (int, error) {
	if x, y, ok := floats(a, b); ok {
		switch {
		case x < y:
			return -1, nil
		case x > y:
			return 1, nil
		}
		return 0, nil
	}
	x, ok := a.(string)
	y, ok2 := b.(string)
	if !ok || !ok2 {
		return 0, fmt.Errorf("%s and %s have no order", what(a), what(b))
	}
	switch {
	case x < y:
		return -1, nil
	case x > y:
		return 1, nil
	}
	return 0, nil
}

func floats(a, b any) (x, y float64, ok bool) {
	x, ok = asFloat(a)
	if !ok {
		return 0, 0, false
	}
	y, ok = asFloat(b)
	return x, y, ok
}

func asFloat(v any) (float64, bool) {
	switch n := v.(type) {
	case int:
		return float64(n), true
	case float64:
		return n, true
	}
	return 0, false
}
