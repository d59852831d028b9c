package templates

import (
	"fmt"
	"math"
	"math/bits"
	"slices"
	"sort"
	"strconv"
	"strings"
)

var numbers = map[string]function{
	"add": {2, -1, "add A B ...", pure(arithmetic(addInts, func(x, y float64) float64 { return x + y }))},
	"sub": {2, 2, "sub A B: A - B", pure(arithmetic(func(x, y int) (int, error) { return addInts(x, -y) }, func(x, y float64) float64 { return x - y }))},
	"mul": {2, -1, "mul A B ...", pure(arithmetic(mulInts, func(x, y float64) float64 { return x * y }))},
	"div": {2, 2, "div A B: A / B; of integers, an integer", pure(arithmetic(divInts, func(x, y float64) float64 { return x / y }))},
	"mod": {2, 2, "mod A B: what is left of A / B", pure(arithmetic(modInts, math.Mod))},
}

// arithmetic folds the arguments: as integers where all are, else as floats.
func arithmetic(ints func(x, y int) (int, error), floats func(x, y float64) float64) func([]any) (any, error) {
	return func(a []any) (any, error) {
		total, err := numeral(a[0])
		if err != nil {
			return nil, err
		}
		for _, v := range a[1:] {
			n, err := numeral(v)
			if err != nil {
				return nil, err
			}
			x, isInt := total.(int)
			y, isInt2 := n.(int)
			if isInt && isInt2 {
				if total, err = ints(x, y); err != nil {
					return nil, err
				}
				continue
			}
			f, _ := asFloat(total)
			g, _ := asFloat(n)
			total = floats(f, g)
		}
		return total, nil
	}
}

// numeral is a number, or a text that is one: variables of a command line are texts.
func numeral(v any) (any, error) {
	s, ok := v.(string)
	if !ok {
		if _, ok := asFloat(v); ok {
			return v, nil
		}
		return nil, fmt.Errorf("%s is not a number", what(v))
	}
	if n, err := strconv.Atoi(strings.TrimSpace(s)); err == nil {
		return n, nil
	}
	if f, err := strconv.ParseFloat(strings.TrimSpace(s), 64); err == nil {
		return f, nil
	}
	return nil, fmt.Errorf("%s is not a number", what(v))
}

func integer(v any) (int, error) {
	n, err := numeral(v)
	if i, ok := n.(int); ok || err != nil {
		return i, err
	}
	return 0, fmt.Errorf("%s is not an integer", what(v))
}

var errOverflow = fmt.Errorf("the result is beyond 64 bits")

func addInts(x, y int) (int, error) {
	sum := x + y
	if (sum > x) != (y > 0) && y != 0 {
		return 0, errOverflow
	}
	return sum, nil
}

func mulInts(x, y int) (int, error) {
	high, low := bits.Mul64(uint64(abs(x)), uint64(abs(y)))
	if high != 0 || low > math.MaxInt64 {
		return 0, errOverflow
	}
	return x * y, nil
}

func abs(x int) int {
	if x < 0 {
		return -x
	}
	return x
}

func divInts(x, y int) (int, error) {
	if y == 0 {
		return 0, fmt.Errorf("division by 0")
	}
	return x / y, nil
}

func modInts(x, y int) (int, error) {
	if y == 0 {
		return 0, fmt.Errorf("division by 0")
	}
	return x % y, nil
}

var lists = map[string]function{
	"list":  {0, -1, "list A B ...", pure(func(a []any) (any, error) { return slices.Clone(a), nil })},
	"dict":  {0, -1, `dict "key" A "other" B: a map`, pure(dict)},
	"get":   {2, 3, `get MAP "key" [DEFAULT]`, pure(get)},
	"index": {2, -1, `index LIST 0, index MAP "key" "inner"`, pure(index)},
	"slice": {2, 3, "slice LIST FROM [TO]: a part of a list or text", pure(slice)},
	"len":   {1, 1, "len LIST: number of elements, or of bytes of a text", pure(length)},
	"keys":  {1, 1, "keys MAP: its keys, sorted", pure(keys)},
	"pluck": {2, 2, `pluck MAP "name": of each entry of MAP what it has under that name`, pure(pluck)},
	"first": {1, 1, "first LIST", pure(func(a []any) (any, error) { return element(a[0], 0) })},
	"last":  {1, 1, "last LIST", pure(func(a []any) (any, error) { return element(a[0], -1) })},
	"sort":  {1, 1, "sort LIST: numbers or texts", pure(sortList)},
	"uniq":  {1, 1, "uniq LIST: each element once, where it comes first", uniq},
	"join":  {2, 2, "LIST | join SEPARATOR: one text", pure(join)},
}

func dict(a []any) (any, error) {
	if len(a)%2 != 0 {
		return nil, fmt.Errorf("a key without a value")
	}
	m := make(map[string]any, len(a)/2)
	for i := 0; i < len(a); i += 2 {
		key, err := textOf(a[i])
		if err != nil {
			return nil, err
		}
		m[key] = a[i+1]
	}
	return m, nil
}

func get(a []any) (any, error) {
	v, err := element(a[0], a[1])
	if isUndefined(err) && len(a) == 3 {
		return a[2], nil
	}
	return v, err
}

func index(a []any) (v any, err error) {
	v = a[0]
	for _, key := range a[1:] {
		if v, err = element(v, key); err != nil {
			return nil, err
		}
	}
	return v, nil
}

func slice(a []any) (any, error) {
	n, err := length(a[:1])
	if err != nil {
		return nil, err
	}
	from, err := integer(a[1])
	if err != nil {
		return nil, err
	}
	to := n.(int)
	if len(a) == 3 {
		if to, err = integer(a[2]); err != nil {
			return nil, err
		}
	}
	if from < 0 || to < from || to > n.(int) {
		return nil, fmt.Errorf("%d to %d of %d elements", from, to, n)
	}
	if l, ok := a[0].([]any); ok {
		return l[from:to:to], nil
	}
	s, ok := a[0].(string)
	if !ok {
		return nil, fmt.Errorf("%s has no parts", what(a[0]))
	}
	return s[from:to], nil
}

func length(a []any) (any, error) {
	switch x := a[0].(type) {
	case string:
		return len(x), nil
	case []any:
		return len(x), nil
	case map[string]any:
		return len(x), nil
	case Getter:
		return len(x.Keys()), nil
	}
	return nil, fmt.Errorf("%s has no length", what(a[0]))
}

func keys(a []any) (any, error) {
	var names []string
	switch x := a[0].(type) {
	case map[string]any:
		names = sortedKeys(x)
	case Getter:
		names = x.Keys()
	default:
		return nil, fmt.Errorf("%s has no keys", what(a[0]))
	}
	out := make([]any, len(names))
	for i, n := range names {
		out[i] = n
	}
	return out, nil
}

// pluck is a map of what the entries of a map have under one name; those without it
// are left out, as hosts are that registered nothing.
func pluck(a []any) (any, error) {
	names, err := keys(a[:1])
	if err != nil {
		return nil, err
	}
	out := map[string]any{}
	for _, n := range names.([]any) {
		entry, err := element(a[0], n)
		if err != nil {
			return nil, err
		}
		v, err := element(entry, a[1])
		switch {
		case err == nil:
			out[n.(string)] = v
		case !isUndefined(err):
			return nil, err
		}
	}
	return out, nil
}

func sortList(a []any) (any, error) {
	l, ok := a[0].([]any)
	if !ok {
		return nil, fmt.Errorf("%s is not a list", what(a[0]))
	}
	out := slices.Clone(l)
	var wrong error
	sort.SliceStable(out, func(i, j int) bool {
		c, err := compare(out[i], out[j])
		if err != nil {
			wrong = err
		}
		return c < 0
	})
	return out, wrong
}

func uniq(r *run, a []any) (any, error) {
	l, ok := a[0].([]any)
	if !ok {
		return nil, fmt.Errorf("%s is not a list", what(a[0]))
	}
	out := make([]any, 0, len(l))
	seen := make(map[string]bool, len(l))
	for _, e := range l {
		id, err := appendJSON(nil, e, MaxOutput)
		if err != nil {
			return nil, err
		}
		if err := r.spend(1 + len(id)/16); err != nil {
			return nil, err
		}
		if !seen[string(id)] {
			seen[string(id)] = true
			out = append(out, e)
		}
	}
	return out, nil
}

func join(a []any) (any, error) {
	sep, err := textOf(a[0])
	if err != nil {
		return nil, err
	}
	l, ok := a[1].([]any)
	if !ok {
		return nil, fmt.Errorf("%s is not a list", what(a[1]))
	}
	var out []byte
	for i, e := range l {
		if i > 0 {
			out = append(out, sep...)
		}
		if out, err = appendText(out, e, MaxOutput); err != nil {
			return nil, err
		}
	}
	return string(out), nil
}
