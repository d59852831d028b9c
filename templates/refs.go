package templates

import (
	"slices"

	"netrun/inventory/diag"
)

// Ref is a variable's name where a template or condition refers to it.
type Ref struct {
	Name string
	Pos  diag.Pos
}

// refs are the variables that a text refers to. The zero value has none.
type refs struct {
	list    []reference
	guarded map[string]bool // asked about with defined
	words   map[string]bool
}

type reference struct {
	name     string
	pos      diag.Pos
	optional bool
}

func (r *refs) add(name string, pos diag.Pos, optional bool) {
	r.list = append(r.list, reference{name, pos, optional})
	r.word(name)
}

func (r *refs) guard(name string) {
	if r.guarded == nil {
		r.guarded = map[string]bool{}
	}
	r.guarded[name] = true
	r.word(name)
}

func (r *refs) word(w string) {
	if r.words == nil {
		r.words = map[string]bool{}
	}
	r.words[w] = true
}

// all are the names, sorted; those that are only asked about with defined too.
func (r *refs) all() []string {
	var names []string
	for _, ref := range r.list {
		names = append(names, ref.name)
	}
	for name := range r.guarded {
		names = append(names, name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (r *refs) required() []Ref {
	var out []Ref
	for _, ref := range r.list {
		if !ref.optional && !r.guarded[ref.name] {
			out = append(out, Ref{ref.name, ref.pos})
		}
	}
	return out
}

func (r *refs) sortedWords() []string {
	out := make([]string, 0, len(r.words))
	for w := range r.words {
		out = append(out, w)
	}
	slices.Sort(out)
	return out
}
