package state

import "sort"

// State is a set of objects, observed on a host or simulated by a plan. The zero
// value is not usable: call New. It is not safe for concurrent use.
type State struct {
	objects    map[Key]Object
	byKind     map[Key][]Key            // {Kind, Scope, ""} -> keys in the order they came
	dependents map[Key]map[Key]struct{} // key -> the keys that need it
}

// New is a state that holds the objects.
func New(objects ...Object) *State {
	s := &State{objects: map[Key]Object{}, byKind: map[Key][]Key{}, dependents: map[Key]map[Key]struct{}{}}
	for _, o := range objects {
		s.Put(o)
	}
	return s
}

// Get is the object with that key.
func (s *State) Get(k Key) (Object, bool) {
	o, ok := s.objects[k]
	return o, ok
}

// Put adds the object, or replaces the one with its key.
func (s *State) Put(o Object) {
	k := o.Key()
	if old, ok := s.objects[k]; ok {
		s.unlink(k, old)
	} else {
		group := Key{Kind: k.Kind, Scope: k.Scope}
		s.byKind[group] = append(s.byKind[group], k)
	}
	s.objects[k] = o
	for _, need := range o.Needs() {
		if s.dependents[need] == nil {
			s.dependents[need] = map[Key]struct{}{}
		}
		s.dependents[need][k] = struct{}{}
	}
}

// Delete removes the object with that key, and nothing else.
func (s *State) Delete(k Key) {
	old, ok := s.objects[k]
	if !ok {
		return
	}
	s.unlink(k, old)
	delete(s.objects, k)
	group := Key{Kind: k.Kind, Scope: k.Scope}
	keys := s.byKind[group]
	for i := range keys {
		if keys[i] == k {
			s.byKind[group] = append(keys[:i:i], keys[i+1:]...)
			return
		}
	}
}

func (s *State) unlink(k Key, old Object) {
	for _, need := range old.Needs() {
		delete(s.dependents[need], k)
	}
}

// All lists the objects of a kind in a scope, in the order in which they were
// observed or planned (the kernel's order tells a primary address from a secondary one).
func (s *State) All(kind Kind, scope Scope) []Object {
	keys := s.byKind[Key{Kind: kind, Scope: scope}]
	out := make([]Object, len(keys))
	for i, k := range keys {
		out[i] = s.objects[k]
	}
	return out
}

// Dependents lists what needs the object, directly, sorted.
func (s *State) Dependents(k Key) []Key {
	out := make([]Key, 0, len(s.dependents[k]))
	for d := range s.dependents[k] {
		out = append(out, d)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Less(out[j]) })
	return out
}

// Objects lists everything, sorted by key.
func (s *State) Objects() []Object {
	out := make([]Object, 0, len(s.objects))
	for _, o := range s.objects {
		out = append(out, o)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Key().Less(out[j].Key()) })
	return out
}

// Len is the number of objects.
func (s *State) Len() int { return len(s.objects) }
