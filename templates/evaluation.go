package templates

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/expr-lang/expr/builtin"
)

// evaluation is what $env stands for while a condition is evaluated.
type evaluation struct {
	vars  Vars
	steps int
}

// conditionFunctions are those that conditions have beside the builtins of expr;
// the ones with an underscore are put there by the rewriter.
var conditionFunctions = map[string]*builtin.Function{
	"defined": fn("defined", isDefinedCall, reflect.TypeFor[func(any) any]()),
	"default": fn("default", defaultCall, reflect.TypeFor[func(any, any) any]()),
	"bool":    fn("bool", boolCall, reflect.TypeFor[func(any) bool]()),

	"_variable":        fn("_variable", variableCall, reflect.TypeFor[func(any, string) any]()),
	"_variable_or_nil": fn("_variable_or_nil", orNil(variableCall), reflect.TypeFor[func(any, string) any]()),
	"_member":          fn("_member", memberCall, reflect.TypeFor[func(any, any) any]()),
	"_member_or_nil":   fn("_member_or_nil", orNil(memberCall), reflect.TypeFor[func(any, any) any]()),
	"_defined":         fn("_defined", isDefinedCall, reflect.TypeFor[func(any, string) bool]()),
	"_count":           fn("_count", countCall, reflect.TypeFor[func(any, any) any]()),
}

func fn(name string, f func(...any) (any, error), t reflect.Type) *builtin.Function {
	return &builtin.Function{Name: name, Func: f, Types: []reflect.Type{t}}
}

func variableCall(a ...any) (any, error) {
	return a[0].(*evaluation).vars.Lookup(a[1].(string))
}

// memberCall is what[key]. A member of what is not there is nil where the lenient
// form asks for it.
func memberCall(a ...any) (any, error) {
	if a[0] == nil {
		return nil, &missingKeyError{key: fmt.Sprint(a[1])}
	}
	return element(plain(a[0]), a[1])
}

func orNil(f func(...any) (any, error)) func(...any) (any, error) {
	return func(a ...any) (any, error) {
		v, err := f(a...)
		if isUndefined(err) {
			return nil, nil
		}
		return v, err
	}
}

func isDefinedCall(a ...any) (any, error) {
	return isDefined(a[0].(*evaluation).vars, a[1].(string))
}

func defaultCall(a ...any) (any, error) {
	if a[0] == nil || a[0] == "" {
		return a[1], nil
	}
	return a[0], nil
}

// countCall counts a round of a predicate (all, filter, ...).
func countCall(a ...any) (any, error) {
	e := a[0].(*evaluation)
	if e.steps--; e.steps < 0 {
		return nil, errSteps
	}
	return a[1], nil
}

// boolCall reads the words that YAML 1.1 and Ansible take for a boolean.
func boolCall(a ...any) (any, error) {
	switch x := a[0].(type) {
	case bool:
		return x, nil
	case string:
		switch strings.ToLower(strings.TrimSpace(x)) {
		case "true", "yes", "on", "1", "y", "t":
			return true, nil
		case "false", "no", "off", "0", "n", "f", "":
			return false, nil
		}
	case int:
		if x == 0 || x == 1 {
			return x == 1, nil
		}
	}
	return nil, fmt.Errorf("%s is neither true nor false", what(a[0]))
}
