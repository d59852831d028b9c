package templates

import (
	"fmt"
	"sort"
	"strings"
)

// Getter is a map whose values are made when they are asked for, such as hostvars.
type Getter interface {
	Get(key string) (value any, ok bool, err error)
	Keys() []string // sorted
}

// field is v.name.
func field(v any, name string) (any, error) {
	switch x := v.(type) {
	case map[string]any:
		if e, ok := x[name]; ok {
			return known(e)
		}
		return nil, &missingKeyError{name, func() []string { return sortedKeys(x) }}
	case Getter:
		e, ok, err := x.Get(name)
		if err == nil && !ok {
			err = &missingKeyError{name, x.Keys}
		}
		if err != nil {
			return nil, err
		}
		return known(e)
	}
	return nil, fmt.Errorf("%s has no .%s", what(v), name)
}

// known refuses a part that is not known, such as another host's result in --check.
func known(v any) (any, error) {
	if u, unknown := v.(Unknown); unknown {
		return nil, &UnknownError{u.Name}
	}
	return v, nil
}

// element is v[key], where a negative index counts from the end.
func element(v, key any) (any, error) {
	switch x := v.(type) {
	case []any:
		i, ok := key.(int)
		if f, isFloat := key.(float64); isFloat && f == float64(int(f)) {
			i, ok = int(f), true
		}
		if !ok {
			return nil, fmt.Errorf("%s is not an index of a list", what(key))
		}
		if i < 0 {
			i += len(x)
		}
		if i < 0 || i >= len(x) {
			return nil, fmt.Errorf("index %v of a list of %d", key, len(x))
		}
		return known(x[i])
	case map[string]any, Getter:
		name, err := textOf(key)
		if err != nil {
			return nil, err
		}
		return field(v, name)
	}
	return nil, fmt.Errorf("%s has no elements", what(v))
}

// each goes through a map in the order of its keys.
func each(m any, f func(key string, elem any) error) error {
	switch x := m.(type) {
	case map[string]any:
		for _, k := range sortedKeys(x) {
			if err := f(k, x[k]); err != nil {
				return err
			}
		}
	case Getter:
		for _, k := range x.Keys() {
			e, ok, err := x.Get(k)
			if err == nil && ok {
				err = f(k, e)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// what names a value for a message.
func what(v any) string {
	switch x := v.(type) {
	case nil:
		return "null"
	case bool:
		return fmt.Sprint(x)
	case int, float64:
		return fmt.Sprintf("the number %v", x)
	case string:
		if len(x) > 40 {
			x = x[:40] + "..."
		}
		return fmt.Sprintf("the text %q", x)
	case []any:
		return "a list"
	}
	return "a map"
}

// weight is how many steps the making of a value counts.
func weight(v any) int {
	switch x := v.(type) {
	case string:
		return len(x) / 16
	case []any:
		return len(x)
	case map[string]any:
		return len(x)
	}
	return 0
}

// cost is how many steps a call counts for what it is given.
func cost(name string, args []any) int {
	n := 0
	for _, a := range args {
		n += weight(a)
	}
	switch name {
	case "regexMatch", "regexReplace":
		return 100 + 16*n
	case "nthhost", "subnet", "fromJSON":
		return 10 + n
	}
	return n
}

// isDefined reports whether there is a variable, and the parts of it that the
// path "x.y.z" names. A value that is not known, or wrong, is an error.
func isDefined(vars Vars, path string) (any, error) {
	name, rest, nested := strings.Cut(path, ".")
	v, err := vars.Lookup(name)
	for err == nil && nested {
		name, rest, nested = strings.Cut(rest, ".")
		if !hasFields(v) {
			return false, nil
		}
		v, err = field(v, name)
	}
	if isUndefined(err) {
		return false, nil
	}
	return err == nil, err
}

func hasFields(v any) bool {
	switch v.(type) {
	case map[string]any, Getter:
		return true
	}
	return false
}

// varsGetter lets index and get look at the variables themselves.
type varsGetter struct{ vars Vars }

// Get implements Getter.
func (g varsGetter) Get(key string) (any, bool, error) {
	v, err := g.vars.Lookup(key)
	if _, undefined := err.(*UndefinedError); undefined {
		return nil, false, nil
	}
	return v, err == nil, err
}

// Keys implements Getter.
func (g varsGetter) Keys() []string {
	n, ok := g.vars.(interface{ Names() []string })
	if !ok {
		return nil
	}
	names := n.Names()
	sort.Strings(names)
	return names
}
