package templates

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Value is a tree of nil, bool, int, float64, string, []any and map[string]any
// with *Template and Unknown leaves. It is JSON both ways without loss: integers stay
// integers, bytes that are not UTF-8 stay bytes, and a template is
// {"$t": text, "p": position}.
type Value struct{ V any }

// Map is a Value that is a map.
type Map map[string]any

// IsZero reports whether the value is absent or null, for the omitzero option of JSON.
func (v Value) IsZero() bool { return v.V == nil }

// MarshalJSON implements json.Marshaler.
func (v Value) MarshalJSON() ([]byte, error) { return appendValue(nil, v.V) }

// MarshalJSON implements json.Marshaler.
func (m Map) MarshalJSON() ([]byte, error) { return appendMembers(nil, m) }

// UnmarshalJSON implements json.Unmarshaler.
func (v *Value) UnmarshalJSON(raw []byte) error {
	tree, err := decodeTree(raw)
	if err != nil {
		return err
	}
	v.V, err = fromTree(tree)
	return err
}

// UnmarshalJSON implements json.Unmarshaler.
func (m *Map) UnmarshalJSON(raw []byte) error {
	tree, err := decodeTree(raw)
	if err != nil {
		return err
	}
	members, ok := tree.(map[string]any)
	if !ok && tree != nil {
		return fmt.Errorf("decode variables: not a map")
	}
	*m = members
	return eachMember(members)
}

func decodeTree(raw []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var tree any
	if err := dec.Decode(&tree); err != nil {
		return nil, fmt.Errorf("decode value: %w", err)
	}
	return tree, nil
}

func appendValue(b []byte, v any) ([]byte, error) {
	switch x := v.(type) {
	case nil:
		return append(b, "null"...), nil
	case bool:
		return strconv.AppendBool(b, x), nil
	case int:
		return strconv.AppendInt(b, int64(x), 10), nil
	case int64:
		return strconv.AppendInt(b, x, 10), nil
	case float64:
		return appendFloat(b, x), nil
	case string:
		return appendString(b, x)
	case *Template:
		return x.appendJSON(b)
	case Unknown:
		return appendMembers(b, map[string]any{"$u": x.Name})
	case []any:
		return appendList(b, x)
	case map[string]any:
		return appendMap(b, x)
	}
	return nil, fmt.Errorf("encode value: %T is not a value of a playbook", v)
}

// appendFloat keeps 1.0 apart from 1, and writes what JSON has no number for as {"$f": "NaN"}.
func appendFloat(b []byte, f float64) []byte {
	text := strconv.FormatFloat(f, 'g', -1, 64)
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return append(append(append(b, `{"$f":"`...), text...), `"}`...)
	}
	if !strings.ContainsAny(text, ".e") {
		text += ".0"
	}
	return append(b, text...)
}

func appendString(b []byte, s string) ([]byte, error) {
	if !utf8.ValidString(s) {
		b = append(b, `{"$b":"`...)
		b = base64.StdEncoding.AppendEncode(b, []byte(s))
		return append(b, `"}`...), nil
	}
	raw, err := json.Marshal(s)
	return append(b, raw...), err
}

func appendList(b []byte, list []any) (_ []byte, err error) {
	b = append(b, '[')
	for i, e := range list {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = appendValue(b, e); err != nil {
			return nil, err
		}
	}
	return append(b, ']'), nil
}

// appendMap puts a map whose keys could be taken for an encoding's into {"$m": ...}.
func appendMap(b []byte, m map[string]any) (_ []byte, err error) {
	for k := range m {
		if !strings.HasPrefix(k, "$") {
			continue
		}
		if b, err = appendMembers(append(b, `{"$m":`...), m); err != nil {
			return nil, err
		}
		return append(b, '}'), nil
	}
	return appendMembers(b, m)
}

func appendMembers(b []byte, m map[string]any) (_ []byte, err error) {
	b = append(b, '{')
	for i, k := range sortedKeys(m) {
		if i > 0 {
			b = append(b, ',')
		}
		key, err := json.Marshal(k)
		if err != nil {
			return nil, err
		}
		if b, err = appendValue(append(append(b, key...), ':'), m[k]); err != nil {
			return nil, err
		}
	}
	return append(b, '}'), nil
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

func fromTree(tree any) (any, error) {
	switch x := tree.(type) {
	case json.Number:
		return number(x)
	case []any:
		for i, e := range x {
			v, err := fromTree(e)
			if err != nil {
				return nil, err
			}
			x[i] = v
		}
	case map[string]any:
		return fromObject(x)
	}
	return tree, nil
}

func fromObject(m map[string]any) (any, error) {
	if text, ok := m["$t"].(string); ok {
		return fromJSON(text, m)
	}
	if text, ok := m["$b"].(string); ok {
		raw, err := base64.StdEncoding.DecodeString(text)
		return string(raw), err
	}
	if text, ok := m["$f"].(string); ok {
		return strconv.ParseFloat(text, 64)
	}
	if name, ok := m["$u"].(string); ok {
		return Unknown{name}, nil
	}
	if inner, ok := m["$m"].(map[string]any); ok {
		m = inner
	}
	return m, eachMember(m)
}

func eachMember(m map[string]any) error {
	for k, e := range m {
		v, err := fromTree(e)
		if err != nil {
			return err
		}
		m[k] = v
	}
	return nil
}

func number(n json.Number) (any, error) {
	if !strings.ContainsAny(n.String(), ".eE") {
		if i, err := strconv.Atoi(n.String()); err == nil {
			return i, nil
		}
	}
	f, err := n.Float64()
	if err != nil {
		return nil, fmt.Errorf("decode number %s: %w", n, err)
	}
	return f, nil
}
