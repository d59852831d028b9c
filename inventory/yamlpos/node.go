// Package yamlpos reads YAML (and so JSON) into values that remember where they
// stand, with bounds on size, depth and alias expansion.
//
// It knows YAML and Ansible's reading of it. It does not know what the keys
// mean: inventories, variable files and playbooks are decoded from its nodes.
package yamlpos

import "netrun/inventory/diag"

// Kind says what a Node holds.
type Kind int

// The kinds of Node. A null is a Scalar whose Value is nil.
const (
	Scalar Kind = iota + 1
	Mapping
	Sequence
)

// Node is one value of a text. Nodes are shared where an alias names an anchor,
// so they are not to be changed.
type Node struct {
	Kind Kind
	Pos  diag.Pos
	// Value is a scalar's value: string, int, float64, bool or nil. Types are
	// those of YAML 1.2's core schema, and as in Ansible yes, no, on and off
	// are booleans, 0644 is octal and 1_000 a thousand. An integer beyond 64
	// bits stays a string. For a key it is always the key's text.
	Value any
	// Raw is a scalar's text as parsed: unescaped and unquoted, not typed.
	Raw string
	// Tag is the scalar's explicit tag (such as "!!str"), or "".
	Tag string
	// Quoted is set for a scalar in quotes or in a block (| and >).
	Quoted bool
	// Keys and Values are a mapping's entries, in order of the text; entries
	// that came in by a merge key (<<) follow its own.
	Keys, Values []*Node
	// Items are the elements of a sequence.
	Items []*Node

	size, height int // of the tree below, aliases expanded
}

// Get returns the value of a mapping's key, or nil if n is no mapping or has no
// such key.
func (n *Node) Get(key string) *Node {
	if n == nil {
		return nil
	}
	for i, k := range n.Keys {
		if k.Raw == key {
			return n.Values[i]
		}
	}
	return nil
}

// IsNull reports whether n is absent, or an empty or null value.
func (n *Node) IsNull() bool {
	return n == nil || n.Kind == Scalar && n.Value == nil
}

// Any returns the value without positions: a scalar's Value, map[string]any or
// []any. Each call returns a new value, which is the caller's.
func (n *Node) Any() any {
	switch n.Kind {
	case Mapping:
		m := make(map[string]any, len(n.Keys))
		for i, k := range n.Keys {
			m[k.Raw] = n.Values[i].Any()
		}
		return m
	case Sequence:
		s := make([]any, len(n.Items))
		for i, item := range n.Items {
			s[i] = item.Any()
		}
		return s
	}
	return n.Value
}

// What names the kind of value for a message: "a mapping", "a list", "text",
// "a number", "a boolean" or "nothing".
func (n *Node) What() string {
	switch n.Kind {
	case Mapping:
		return "a mapping"
	case Sequence:
		return "a list"
	}
	switch n.Value.(type) {
	case nil:
		return "nothing"
	case bool:
		return "a boolean"
	case int, float64:
		return "a number"
	}
	return "text"
}
