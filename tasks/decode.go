package tasks

import (
	"encoding"
	"errors"
	"fmt"
	"math"
	"reflect"
	"sort"
	"strconv"
	"strings"
	"time"

	"netrun/inventory/diag"
)

// ArgError is a mistake in an argument. Path leads to the value below the kind's
// arguments (string keys and int indexes), so that its place in the file is found.
type ArgError struct {
	Path []any
	Msg  string
	Hint string // what would be right
	Key  bool   // the name is wrong, not the value
}

// Error implements error.
func (e *ArgError) Error() string {
	text := e.Msg
	if p := pathText(e.Path); p != "" && !e.Key {
		text = p + ": " + text
	}
	if e.Hint != "" {
		text += " (" + e.Hint + ")"
	}
	return text
}

// Wrong is an ArgError about the named argument, for use in Check.
func Wrong(arg, format string, a ...any) *ArgError {
	return &ArgError{Path: []any{arg}, Msg: fmt.Sprintf(format, a...)}
}

// WithHint adds what would be right.
func (e *ArgError) WithHint(format string, a ...any) *ArgError {
	e.Hint = fmt.Sprintf(format, a...)
	return e
}

func pathText(path []any) string {
	var b strings.Builder
	for _, p := range path {
		switch p := p.(type) {
		case int:
			fmt.Fprintf(&b, "[%d]", p)
		case string:
			if b.Len() > 0 {
				b.WriteByte('.')
			}
			b.WriteString(p)
		}
	}
	return b.String()
}

// Unknown stands for a value that is not known yet (a template that needs the
// host). The decoder accepts it everywhere; such a task must not be asked for objects.
type Unknown struct{}

var (
	durationType = reflect.TypeFor[time.Duration]()
	textType     = reflect.TypeFor[encoding.TextUnmarshaler]()
	unknownType  = reflect.TypeFor[Unknown]()
)

// Decode makes a task of the kind from its arguments: nil, a string (for a kind
// with a Free argument) or a map of JSON-like values. It reports every mistake,
// as *ArgErrors joined: unknown and missing arguments, wrong types, values out of
// the choices. Numbers and booleans may come as strings, since templates make
// strings. complete is false when an Unknown was met: then Check must not be called.
func (k *Kind) Decode(args any) (t Task, complete bool, err error) {
	m, err := k.argMap(args)
	if err != nil {
		return nil, false, err
	}
	t = k.New()
	d := decoder{complete: true}
	d.structure(reflect.ValueOf(t).Elem(), m, nil, k.Name)
	return t, d.complete, errors.Join(d.errs...)
}

func (k *Kind) argMap(args any) (map[string]any, error) {
	switch a := args.(type) {
	case nil:
		return nil, nil
	case map[string]any:
		return a, nil
	case []any:
		return nil, &ArgError{Msg: k.Name + " takes named arguments, not a list"}
	default:
		if k.Free == "" {
			return nil, &ArgError{Msg: fmt.Sprintf("%s takes named arguments, not %s", k.Name, describe(a)),
				Hint: "known: " + strings.Join(argNames(k.Arguments()), ", ")}
		}
		return map[string]any{k.Free: a}, nil
	}
}

func argNames(args []Argument) []string {
	var names []string
	for _, a := range args {
		if !a.rest {
			names = append(names, a.Name)
		}
	}
	sort.Strings(names)
	return names
}

type decoder struct {
	errs     []error
	complete bool
}

func (d *decoder) fail(path []any, key bool, hint, format string, a ...any) {
	d.errs = append(d.errs, &ArgError{Path: append([]any{}, path...), Msg: fmt.Sprintf(format, a...), Hint: hint, Key: key})
}

// structure fills the struct v from m; what names the kind for messages.
func (d *decoder) structure(v reflect.Value, m map[string]any, path []any, what string) {
	args, err := argumentsOf(v.Type())
	if err != nil {
		d.fail(path, false, "", "%v", err)
		return
	}
	d.unknownNames(v, m, args, path, what)
	for _, arg := range args {
		if arg.rest {
			continue
		}
		at := append(path[:len(path):len(path)], arg.Name)
		value, given := m[arg.Name]
		switch {
		case given && value != nil:
			d.value(v.Field(arg.index), value, at)
			d.choice(v.Field(arg.index), value, arg, at)
		case arg.Required:
			d.fail(path, true, "", "%s needs the argument %q: %s", what, arg.Name, arg.Doc)
		case arg.Default != "":
			d.value(v.Field(arg.index), arg.Default, at)
		}
	}
}

func (d *decoder) unknownNames(v reflect.Value, m map[string]any, args []Argument, path []any, what string) {
	known := argNames(args)
	rest := -1
	for _, a := range args {
		if a.rest {
			rest = a.index
		}
	}
	given := make([]string, 0, len(m))
	for name := range m {
		given = append(given, name)
	}
	sort.Strings(given)
	for _, name := range given {
		if contains(known, name) {
			continue
		}
		if rest >= 0 {
			d.restValue(v.Field(rest), name, m[name])
			continue
		}
		at := append(path[:len(path):len(path)], name)
		d.fail(at, true, diag.DidYouMean(name, known), "unknown argument %q of %s", name, what)
	}
}

func (d *decoder) restValue(v reflect.Value, name string, value any) {
	if v.IsNil() {
		v.Set(reflect.ValueOf(map[string]any{}))
	}
	if _, unknown := value.(Unknown); unknown {
		d.complete = false
	}
	v.SetMapIndex(reflect.ValueOf(name), reflect.ValueOf(&value).Elem())
}

func (d *decoder) choice(v reflect.Value, value any, arg Argument, path []any) {
	if len(arg.Choices) == 0 || v.Kind() != reflect.String || reflect.TypeOf(value) == unknownType {
		return
	}
	if !contains(arg.Choices, v.String()) {
		d.fail(path, false, diag.DidYouMean(v.String(), arg.Choices), "%q is not one of %s", v.String(), strings.Join(arg.Choices, ", "))
	}
}

// value sets v from a JSON-like value.
func (d *decoder) value(v reflect.Value, value any, path []any) {
	if reflect.TypeOf(value) == unknownType {
		d.complete = false
		return
	}
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	if v.Type() == durationType {
		d.duration(v, value, path)
		return
	}
	if t, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		d.text(t, value, path)
		return
	}
	switch v.Kind() {
	case reflect.String, reflect.Bool, reflect.Int:
		d.scalar(v, value, path)
	case reflect.Slice:
		d.slice(v, value, path)
	case reflect.Map:
		d.mapping(v, value, path)
	case reflect.Struct:
		if m, ok := value.(map[string]any); ok {
			d.structure(v, m, path, pathText(path))
		} else {
			d.fail(path, false, "", "%s where a map is wanted", describe(value))
		}
	case reflect.Interface:
		d.any(v, value)
	}
}

func (d *decoder) any(v reflect.Value, value any) {
	if hasUnknown(value) {
		d.complete = false
	}
	v.Set(reflect.ValueOf(value))
}

func hasUnknown(value any) bool {
	switch x := value.(type) {
	case Unknown:
		return true
	case []any:
		for _, e := range x {
			if hasUnknown(e) {
				return true
			}
		}
	case map[string]any:
		for _, e := range x {
			if hasUnknown(e) {
				return true
			}
		}
	}
	return false
}

func (d *decoder) text(t encoding.TextUnmarshaler, value any, path []any) {
	s, ok := scalarText(value)
	if !ok {
		d.fail(path, false, "", "%s where a text is wanted", describe(value))
		return
	}
	if err := t.UnmarshalText([]byte(s)); err != nil {
		d.fail(path, false, "", "%s", strings.TrimPrefix(err.Error(), "netip."))
	}
}

func (d *decoder) duration(v reflect.Value, value any, path []any) {
	s, ok := scalarText(value)
	if ok && s != "" && strings.Trim(s, "0123456789.") == "" {
		s += "s" // a bare number is seconds, as in Ansible
	}
	parsed, err := time.ParseDuration(s)
	if !ok || err != nil || parsed < 0 {
		d.fail(path, false, "write 30, 30s or 2m", "%s is not a duration", describe(value))
		return
	}
	v.SetInt(int64(parsed))
}

func (d *decoder) scalar(v reflect.Value, value any, path []any) {
	s, ok := scalarText(value)
	if !ok {
		d.fail(path, false, "", "%s where %s is wanted", describe(value), withArticle(typeName(v.Type())))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(s)
	case reflect.Int:
		n, err := strconv.Atoi(strings.TrimSpace(s))
		if err != nil {
			d.fail(path, false, "", "%s where an integer is wanted", describe(value))
			return
		}
		v.SetInt(int64(n))
	case reflect.Bool:
		b, ok := Truth(s)
		if !ok {
			d.fail(path, false, "", "%s where true or false is wanted", describe(value))
			return
		}
		v.SetBool(b)
	}
}

func withArticle(noun string) string {
	if strings.ContainsAny(noun[:1], "aeiou") {
		return "an " + noun
	}
	return "a " + noun
}

// Truth reads the words that YAML 1.1 and Ansible take for a boolean.
func Truth(s string) (value, ok bool) {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "true", "yes", "on", "1":
		return true, true
	case "false", "no", "off", "0":
		return false, true
	}
	return false, false
}

func (d *decoder) slice(v reflect.Value, value any, path []any) {
	items, ok := value.([]any)
	if !ok {
		items = []any{value} // one item may stand for a list of one
	}
	out := reflect.MakeSlice(v.Type(), len(items), len(items))
	for i, item := range items {
		at := path
		if ok {
			at = append(path[:len(path):len(path)], i)
		}
		d.value(out.Index(i), item, at)
	}
	v.Set(out)
}

func (d *decoder) mapping(v reflect.Value, value any, path []any) {
	m, ok := value.(map[string]any)
	if !ok {
		d.fail(path, false, "", "%s where a map is wanted", describe(value))
		return
	}
	out := reflect.MakeMap(v.Type())
	for name, item := range m {
		elem := reflect.New(v.Type().Elem()).Elem()
		if item != nil {
			d.value(elem, item, append(path[:len(path):len(path)], name))
		}
		out.SetMapIndex(reflect.ValueOf(name), elem)
	}
	v.Set(out)
}

// scalarText is a scalar as the text that a user would have written.
func scalarText(value any) (string, bool) {
	switch x := value.(type) {
	case string:
		return x, true
	case bool:
		return strconv.FormatBool(x), true
	case int:
		return strconv.Itoa(x), true
	case int64:
		return strconv.FormatInt(x, 10), true
	case float64:
		if x == math.Trunc(x) && math.Abs(x) < 1e15 {
			return strconv.FormatInt(int64(x), 10), true
		}
		return strconv.FormatFloat(x, 'g', -1, 64), true
	}
	return "", false
}

func describe(value any) string {
	switch x := value.(type) {
	case string:
		return strconv.Quote(x)
	case []any:
		return "a list"
	case map[string]any:
		return "a map"
	default:
		return fmt.Sprint(x)
	}
}

func isPlainStruct(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && !reflect.PointerTo(t).Implements(textType)
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}
