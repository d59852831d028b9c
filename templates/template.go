package templates

import (
	"encoding/json"
	"strings"
	"text/template"
	"unicode/utf8"

	"netrun/inventory/diag"
)

// Origin says where a text stands in a file.
type Origin struct {
	Pos diag.Pos // of the text's first character
	// Indent is how many columns precede each further line of the text in the
	// file; -1 if the text does not stand there as it is (folded, escaped).
	Indent int
}

// at is the place of the byte offset off of text.
func (o Origin) at(text string, off int) diag.Pos {
	p := o.Pos
	off = min(max(off, 0), len(text))
	if p.Line == 0 || o.Indent < 0 {
		return p
	}
	before := text[:off]
	if n := strings.Count(before, "\n"); n > 0 {
		p.Line += n
		p.Col = o.Indent + 1
		before = before[strings.LastIndexByte(before, '\n')+1:]
	}
	p.Col += utf8.RuneCountInString(before)
	return p
}

// Template is a text with actions, parsed and checked. It is not changed by its
// evaluation and may be used by several goroutines.
type Template struct {
	Source string
	Origin Origin

	program *template.Template
	single  bool // the text is one action
	refs    refs
}

// HasActions reports whether the text is to be taken for a template.
func HasActions(text string) bool { return strings.Contains(text, "{{") }

// Refs lists the variables that the template refers to, sorted.
func (t *Template) Refs() []string { return t.refs.all() }

// Required lists those of Refs that must exist: the template would not pass over
// their absence (default, required, defined).
func (t *Template) Required() []Ref { return t.refs.required() }

// Words lists the identifiers and texts that stand in the template's actions: all
// that a variable might be called by.
func (t *Template) Words() []string { return t.refs.sortedWords() }

func (t *Template) errorAt(off int, format string, a ...any) *diag.Error {
	return diag.Errorf(t.Origin.at(t.Source, off), format, a...)
}

type templateJSON struct {
	Text   string   `json:"$t"`
	Pos    diag.Pos `json:"p"`
	Indent int      `json:"i,omitempty"`
}

func (t *Template) appendJSON(b []byte) ([]byte, error) {
	raw, err := json.Marshal(templateJSON{t.Source, t.Origin.Pos, t.Origin.Indent})
	return append(b, raw...), err
}

func fromJSON(text string, m map[string]any) (*Template, error) {
	return Parse(text, originFromJSON(m))
}

func originFromJSON(m map[string]any) Origin {
	var o Origin
	if p, ok := m["p"].(map[string]any); ok {
		o.Pos.File, _ = p["file"].(string)
		o.Pos.Line, o.Pos.Col = jsonInt(p["line"]), jsonInt(p["col"])
	}
	o.Indent = jsonInt(m["i"])
	return o
}

func jsonInt(v any) int {
	n, _ := v.(json.Number)
	i, _ := n.Int64()
	return int(i)
}
