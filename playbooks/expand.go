package playbooks

import (
	"encoding"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"netrun/tasks"
	"netrun/templates"
)

// expansion is the inventory as a task that names groups sees it.
type expansion struct{ b *binding }

// Self implements tasks.Inventory.
func (e expansion) Self() string { return e.b.host.name }

// Group implements tasks.Inventory.
func (e expansion) Group(name string) ([]string, bool) {
	inv := e.b.options.Inventory
	if inv == nil {
		return nil, false
	}
	if g := inv.Group(name); g != nil {
		return hostNames(g.Hosts()), true
	}
	if inv.Host(name) != nil {
		return []string{name}, true
	}
	return nil, false
}

// Var implements tasks.Inventory.
func (e expansion) Var(host, name string) (any, bool, error) {
	vars, ok, err := hostvars{e.b.compiler}.Get(host)
	if err != nil || !ok {
		return nil, false, err
	}
	return vars.(templates.Getter).Get(name)
}

// expandLinks gives the hosts of the inventory in a task's links their addresses, of
// whatever kind the task is.
func (b *binding) expandLinks(args any) any {
	given, ok := args.(map[string]any)
	if !ok || given["links"] == nil || !hasLinks(b.task.kind) {
		return args
	}
	items := given["links"]
	switch items.(type) {
	case string, map[string]any:
		items = []any{items} // one link stands for a list
	}
	known, _ := withUnknown(items)
	if _, list := known.([]any); !list {
		return args
	}
	expanded, err := tasks.ExpandLinks(expansion{b}, known.([]any))
	if err != nil {
		b.argumentErrors(err)
		return args
	}
	return merged(given, map[string]any{"links": mergeKnown(items, expanded)})
}

// hasLinks reports whether the kind takes links.
func hasLinks(k *tasks.Kind) bool {
	return slices.ContainsFunc(k.Arguments(), func(a tasks.Argument) bool { return a.Name == "links" })
}

// expandedArgs writes the arguments of an expanded task back, so that the host
// decodes what Expand has made of them.
func (b *binding) expandedArgs(task tasks.Task, given any) any {
	args := encodeArguments(reflect.ValueOf(task).Elem())
	again, complete, err := b.task.kind.Decode(args)
	if err != nil || !complete || !reflect.DeepEqual(again, task) {
		b.failed(fmt.Errorf("arguments of %s do not survive their expansion: %v", b.task.Kind, err), b.task.Pos)
		return given
	}
	return args
}

// partlyExpandedArgs are the given ones, where those that are known are what Expand
// has made of them.
func (b *binding) partlyExpandedArgs(task tasks.Task, given any) any {
	args := encodeArguments(reflect.ValueOf(task).Elem())
	for name, value := range namedArguments(b.task.kind, given) {
		if _, known := withUnknown(value); !known {
			args[name] = mergeKnown(value, args[name])
		}
	}
	return args
}

// mergeKnown is what Expand has made of a value, with the templates of the value where
// they were: Expand has kept their places, or all of it stays as it was given.
func mergeKnown(given, expanded any) any {
	if _, known := withUnknown(given); known {
		return expanded
	}
	switch g := given.(type) {
	case []any:
		e, ok := expanded.([]any)
		if !ok || len(e) != len(g) {
			return given
		}
		out := make([]any, len(g))
		for i := range g {
			out[i] = mergeKnown(g[i], e[i])
		}
		return out
	case map[string]any:
		e, ok := expanded.(map[string]any)
		if !ok {
			return given
		}
		out := maps.Clone(e)
		for name, value := range g {
			out[name] = mergeKnown(value, e[name])
		}
		return out
	}
	return given
}

func encodeArguments(v reflect.Value) map[string]any {
	args := map[string]any{}
	for i := range v.NumField() {
		tag, ok := v.Type().Field(i).Tag.Lookup("arg")
		unset := v.Field(i).IsZero() && v.Type().Field(i).Tag.Get("default") == ""
		if !ok || tag == "-" || unset {
			continue
		}
		name, words, _ := strings.Cut(tag, ",")
		value := encodeArgument(v.Field(i))
		if strings.Contains(words, "rest") {
			for k, e := range value.(map[string]any) {
				args[k] = e
			}
			continue
		}
		args[name] = value
	}
	return args
}

func encodeArgument(v reflect.Value) any {
	switch x := v.Interface().(type) {
	case time.Duration:
		return x.String()
	case encoding.TextMarshaler:
		if text, err := x.MarshalText(); err == nil {
			return string(text)
		}
	case fmt.Stringer:
		return x.String()
	}
	switch v.Kind() {
	case reflect.Pointer:
		return encodeArgument(v.Elem())
	case reflect.String:
		return v.String()
	case reflect.Bool:
		return v.Bool()
	case reflect.Int:
		return int(v.Int())
	case reflect.Slice:
		out := make([]any, v.Len())
		for i := range out {
			out[i] = encodeArgument(v.Index(i))
		}
		return out
	case reflect.Map:
		out := map[string]any{}
		for _, k := range v.MapKeys() {
			out[k.String()] = encodeArgument(v.MapIndex(k))
		}
		return out
	case reflect.Struct:
		return encodeArguments(v)
	case reflect.Interface:
		if v.IsNil() {
			return nil
		}
		return v.Elem().Interface()
	}
	return v.Interface()
}
