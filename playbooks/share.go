package playbooks

import (
	"bytes"
	"encoding/json"
	"reflect"

	"netrun/playbooks/script"
)

// sharing makes hosts whose nodes for a task are the same share one.
type sharing struct {
	known map[string]*script.Node
}

func (s *sharing) same(n *script.Node) *script.Node {
	raw, err := json.Marshal(n)
	if err != nil {
		return n
	}
	if known, ok := s.known[string(raw)]; ok {
		return known
	}
	if s.known == nil {
		s.known = map[string]*script.Node{}
	}
	s.known[string(bytes.Clone(raw))] = n
	return n
}

func sameValue(a, b any) bool { return reflect.DeepEqual(a, b) }
