// Package jsontext edits the text of a JSON object: it sets and removes members and
// leaves every other byte as it is, so that order, spacing and numbers of what others
// wrote survive. It knows no files and no hosts.
package jsontext

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"netrun/tasks/state"
)

// New is the text that a file begins with which was not there before.
const New = "{\n}\n"

// Member is one member of the object.
type Member struct {
	Name  string
	Value string // as Canonical writes it
	// Raw is a member that was there as it was written, with the space before it.
	Raw string
	// Behind are the names of the members before it, in their order.
	Behind []string
}

// Members lists the members of the object that the text is, in their order. A text
// of spaces only has none. Two members with one name are an error: which one counts
// is everybody's own guess.
func Members(text []byte) ([]Member, error) {
	o, err := parse(text)
	if err != nil {
		return nil, err
	}
	out := make([]Member, len(o.members))
	var names []string
	for i, m := range o.members {
		out[i] = Member{Name: m.name, Value: m.value, Raw: string(text[m.from:m.to]), Behind: slices.Clone(names)}
		names = append(names, m.name)
	}
	return out, nil
}

// Set is the text with the member's value, be it there or not. One that is not there
// comes at the end; if it was there once, which Raw tells, it is written as then, behind
// the last one of Behind that is there.
func Set(text []byte, m Member) ([]byte, error) {
	if !json.Valid([]byte(m.Value)) {
		return nil, fmt.Errorf("value of %q is not JSON: %s", m.Name, m.Value)
	}
	if len(bytes.TrimSpace(text)) == 0 {
		text = append([]byte("{}"), text...)
	}
	o, err := parse(text)
	if err != nil {
		return nil, err
	}
	if i := o.find(m.Name); i >= 0 {
		return o.replace(i, m), nil
	}
	return o.insert(o.place(m), m), nil
}

// Remove is the text without the member.
func Remove(text []byte, name string) ([]byte, error) {
	o, err := parse(text)
	if err != nil {
		return nil, err
	}
	i := o.find(name)
	if i < 0 {
		return text, nil
	}
	from, to := o.members[i].from, o.members[i].to
	switch {
	case i < len(o.members)-1:
		to++ // the comma behind it
	case i > 0:
		from-- // the comma before it
	}
	return slices.Concat(text[:from], text[to:]), nil
}

// Apply is the text once the change of one of its members is made; nil where nothing
// is left in a text that was New: then the file goes.
func Apply(text []byte, c state.Change) ([]byte, error) {
	j := c.Object().(state.JSONKey)
	if c.Op != state.Delete {
		return Set(text, Member{Name: j.Name, Value: j.Value, Raw: j.Raw, Behind: j.Behind})
	}
	text, err := Remove(text, j.Name)
	if string(text) == New {
		return nil, err
	}
	return text, err
}

// Canonical is a JSON value in one form of the many it can be written in: no spaces,
// keys sorted, numbers to the digit as they were.
func Canonical(value []byte) (string, error) {
	d := json.NewDecoder(bytes.NewReader(value))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return "", err
	}
	return Text(v)
}

// Text is the canonical text of a value.
func Text(v any) (string, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return "", err
	}
	return strings.TrimSuffix(b.String(), "\n"), nil
}

// object is a text and where its members are.
type object struct {
	text    []byte
	members []span
	open    int // behind the opening brace
}

// span is a member: from the delimiter before it to the one behind it, but for the
// last one, to its end.
type span struct {
	name     string
	value    string
	from, to int
	at       int // where the value begins
	end      int // where it ends
}

func (o *object) find(name string) int {
	return slices.IndexFunc(o.members, func(m span) bool { return m.name == name })
}

// place is the index that a new member gets.
func (o *object) place(m Member) int {
	if m.Raw == "" {
		return len(o.members)
	}
	for _, name := range slices.Backward(m.Behind) {
		if i := o.find(name); i >= 0 {
			return i + 1
		}
	}
	return 0
}

// replace writes the value over that of member i.
func (o *object) replace(i int, m Member) []byte {
	have := o.members[i]
	if raw, ok := asWritten(m); ok {
		return slices.Concat(o.text[:have.from], raw, o.text[have.to:])
	}
	return slices.Concat(o.text[:have.at], []byte(m.Value), o.text[have.end:])
}

// insert writes the member so that it becomes number i.
func (o *object) insert(i int, m Member) []byte {
	raw, ok := asWritten(m)
	if !ok {
		raw = slices.Concat(o.lead(), quoted(m.Name), []byte(": "), []byte(m.Value))
	}
	switch {
	case len(o.members) == 0:
		return slices.Concat(o.text[:o.open], raw, o.text[o.open:])
	case i == len(o.members):
		at := o.members[i-1].to
		return slices.Concat(o.text[:at], []byte(","), raw, o.text[at:])
	}
	at := o.members[i].from
	return slices.Concat(o.text[:at], raw, []byte(","), o.text[at:])
}

// asWritten is the member's Raw, if that says what the member is.
func asWritten(m Member) ([]byte, bool) {
	if m.Raw == "" {
		return nil, false
	}
	o, err := parse([]byte("{" + m.Raw + "}"))
	if err != nil || len(o.members) != 1 || o.members[0].name != m.Name || o.members[0].value != m.Value {
		return nil, false
	}
	return []byte(m.Raw), true
}

// lead is the space before a new member: that of the first one.
func (o *object) lead() []byte {
	if len(o.members) > 0 {
		rest := o.text[o.members[0].from:]
		return rest[:len(rest)-len(bytes.TrimLeft(rest, " \t\r\n"))]
	}
	if inside, _, _ := bytes.Cut(o.text[o.open:], []byte("}")); bytes.Contains(inside, []byte("\n")) {
		return []byte("\n  ")
	}
	return nil
}

func quoted(name string) []byte {
	text, err := Text(name)
	if err != nil {
		return []byte(`""`) // a string always has JSON
	}
	return []byte(text)
}

var errNoObject = errors.New("it is not a JSON object")

func parse(text []byte) (*object, error) {
	o := &object{text: text}
	if len(bytes.TrimSpace(text)) == 0 {
		return o, nil
	}
	if !json.Valid(text) {
		return nil, invalid(text)
	}
	if bytes.TrimLeft(text, " \t\r\n")[0] != '{' {
		return nil, errNoObject
	}
	o.open = bytes.IndexByte(text, '{') + 1
	return o, o.scan()
}

// invalid says what is wrong with the text, and on which line.
func invalid(text []byte) error {
	var any json.RawMessage
	err := json.Unmarshal(text, &any)
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		line := 1 + bytes.Count(text[:min(int(syntax.Offset), len(text))], []byte("\n"))
		return fmt.Errorf("line %d is not JSON: %w", line, err)
	}
	return err
}

// scan finds the members of a text that is valid.
func (o *object) scan() error {
	for at := o.open; ; {
		from := at
		at = o.skipSpace(at)
		if o.text[at] == '}' {
			return nil
		}
		end := o.skipValue(at)
		m := span{from: from, at: o.skipSpace(o.skipSpace(end) + 1)}
		if err := json.Unmarshal(o.text[at:end], &m.name); err != nil {
			return err
		}
		m.end = o.skipValue(m.at)
		var err error
		if m.value, err = Canonical(o.text[m.at:m.end]); err != nil {
			return err
		}
		if o.find(m.name) >= 0 {
			return fmt.Errorf("%q is there twice", m.name)
		}
		at = o.skipSpace(m.end)
		last := o.text[at] == '}'
		m.to = at
		if last {
			m.to = m.end
		}
		o.members = append(o.members, m)
		if last {
			return nil
		}
		at++
	}
}

func (o *object) skipSpace(at int) int {
	for bytes.IndexByte([]byte(" \t\r\n"), o.text[at]) >= 0 {
		at++
	}
	return at
}

// skipValue is where the value that begins at at ends.
func (o *object) skipValue(at int) int {
	depth := 0
	for ; ; at++ {
		switch o.text[at] {
		case '"':
			at = o.stringEnd(at)
		case '{', '[':
			depth++
			continue
		case '}', ']':
			depth--
		case ',', ':', ' ', '\t', '\r', '\n':
			continue
		default:
			at = o.wordEnd(at)
		}
		if depth == 0 {
			return at + 1
		}
	}
}

// stringEnd is the closing quote of the string that begins at at.
func (o *object) stringEnd(at int) int {
	for at++; o.text[at] != '"'; at++ {
		if o.text[at] == '\\' {
			at++
		}
	}
	return at
}

// wordEnd is the last character of the number or word that begins at at.
func (o *object) wordEnd(at int) int {
	for bytes.IndexByte([]byte(",]} \t\r\n"), o.text[at+1]) < 0 {
		at++
	}
	return at
}
