package playbooks

import (
	"encoding/json"
	"reflect"

	"netrun/playbooks/script"
	"netrun/templates"
)

// sharing makes hosts whose nodes for a task are the same share one.
type sharing struct {
	known map[string][]*script.Node
}

// same is a node that says the same as n: n itself, or that of an earlier host.
func (s *sharing) same(n *script.Node) *script.Node {
	key, err := json.Marshal(withoutFills(n))
	if err != nil {
		return n
	}
	for _, known := range s.known[string(key)] {
		if sameFills(n, known) {
			return known
		}
	}
	if s.known == nil {
		s.known = map[string][]*script.Node{}
	}
	s.known[string(key)] = append(s.known[string(key)], n)
	return n
}

// withoutFills is the node without the files' contents, which can be large.
func withoutFills(n *script.Node) *script.Node {
	light := *n
	light.Fills = nil
	light.Cases = make([]script.Case, len(n.Cases))
	for i, c := range n.Cases {
		c.Fills = nil
		light.Cases[i] = c
	}
	return &light
}

func sameFills(a, b *script.Node) bool {
	if !sameContents(a.Fills, b.Fills) {
		return false
	}
	for i := range a.Cases {
		if !sameContents(a.Cases[i].Fills, b.Cases[i].Fills) {
			return false
		}
	}
	return true
}

// sameContents compares contents, or the templates of a file, which is parsed once.
func sameContents(a, b []templates.Value) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].V != b[i].V {
			return false
		}
	}
	return true
}

func sameValue(a, b any) bool { return reflect.DeepEqual(a, b) }
