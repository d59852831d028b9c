package restore

import (
	"netrun/remote-helper/internal/store"
	"netrun/tasks/state"
)

// Concerned lists the items that have to do with a container: those in it, those
// that read something of it, and those that hang on such. is says whether a name
// that an item uses means the container.
func Concerned(items []store.Item, is func(name string) bool) []store.Item {
	hit := map[state.Key]bool{}
	var out []store.Item
	for _, i := range items {
		if mentions(i.Object, is) || hangsOn(i.Object, hit) {
			hit[i.Object.Key()] = true
			out = append(out, i)
		}
	}
	return out
}

// Names lists the containers that the items name, each once, in their order.
func Names(items []store.Item) []string {
	var out []string
	seen := map[string]bool{}
	for _, i := range items {
		mentions(i.Object, func(name string) bool {
			if !seen[name] {
				seen[name] = true
				out = append(out, name)
			}
			return false
		})
	}
	return out
}

func mentions(o state.Object, is func(string) bool) bool {
	for _, s := range state.Scopes(o) {
		if name, ok := s.Sought(); ok && is(name) {
			return true
		}
	}
	for _, k := range looksAt(o) {
		name, ok := k.Scope.Sought()
		if k.Kind == state.KindContainer {
			name, ok = k.Name, true
		}
		if ok && is(name) {
			return true
		}
	}
	return false
}

func hangsOn(o state.Object, hit map[state.Key]bool) bool {
	for _, k := range looksAt(o) {
		if hit[k] {
			return true
		}
	}
	return false
}

func looksAt(o state.Object) []state.Key {
	keys := o.Needs()
	if late, ok := o.(state.Late); ok {
		keys = append(keys, late.Reads()...)
	}
	return keys
}
