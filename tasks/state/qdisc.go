package state

import (
	"strings"
)

// Qdisc is a queueing discipline of a link (tc qdisc), with its classes.
type Qdisc struct {
	Scope  Scope  `json:"scope,omitempty" state:"key"`
	Link   string `json:"link" state:"key"`
	Parent string `json:"parent" state:"key"` // root, ingress, or the id of a class: 1:10
	Type   string `json:"type" state:"fixed"` // tbf, htb, netem, ...
	Handle string `json:"handle,omitempty" state:"fixed"`
	// Default is htb's class for what no filter sends elsewhere, in hexadecimal as tc writes it.
	Default string `json:"default,omitempty" state:"fixed"`
	// Options are tc's words as ParseQdisc gives them; none of types that it does not know.
	Options string `json:"options,omitempty"`
	// Classes are those of htb, as HTBClass.String gives them, with "; " between, by id.
	Classes string `json:"classes,omitempty"`
	// Raw is the kernel's own form of the options, in hexadecimal, of types that have no words here.
	Raw string `json:"raw,omitempty" state:"hint"`
}

// QdiscRoot is the Parent of a link's own qdisc.
const QdiscRoot = "root"

// Key implements Object.
func (q Qdisc) Key() Key { return Key{KindQdisc, q.Scope, q.Link + " " + q.Parent} }

// Needs implements Object: a qdisc in a class goes with that of the link.
func (q Qdisc) Needs() []Key {
	needs := []Key{LinkKey(q.Scope, q.Link)}
	if q.Parent != QdiscRoot && q.Parent != "ingress" {
		needs = append(needs, Qdisc{Scope: q.Scope, Link: q.Link, Parent: QdiscRoot}.Key())
	}
	return needs
}

// ClassList are the lines of Classes.
func (q Qdisc) ClassList() []string {
	if q.Classes == "" {
		return nil
	}
	return strings.Split(q.Classes, "; ")
}

func (e *explainer) qdisc(c Change, q Qdisc) {
	place := []string{"dev", q.Link}
	if q.Parent == QdiscRoot || q.Parent == "ingress" {
		place = append(place, q.Parent)
	} else {
		place = append(place, "parent", q.Parent)
	}
	tc := func(words ...string) { e.in(q.Scope, append([]string{"tc"}, words...)...) }
	if c.Op == Delete {
		tc(append([]string{"qdisc", "del"}, place...)...)
		return
	}
	var before Qdisc
	if c.Before != nil {
		before = c.Before.(Qdisc)
	}
	if c.Op == Create || before.Options != q.Options {
		if q.Handle != "" {
			place = append(place, "handle", q.Handle)
		}
		place = append(place, q.Type)
		if q.Default != "" {
			place = append(place, "default", q.Default)
		}
		tc(append(append([]string{"qdisc", verb(c.Op, "add", "change", "del")}, place...), strings.Fields(q.Options)...)...)
	}
	e.classes(tc, q, before)
}

// classes adds, changes and deletes classes by their lines: 1:10 parent 1: rate ...
func (e *explainer) classes(tc func(...string), q, before Qdisc) {
	had, has := map[string]string{}, map[string]bool{}
	for _, line := range before.ClassList() {
		id, _, _ := strings.Cut(line, " ")
		had[id] = line
	}
	for _, line := range q.ClassList() {
		words := strings.Fields(line)
		has[words[0]] = true
		if had[words[0]] == line {
			continue
		}
		verb := "add"
		if had[words[0]] != "" {
			verb = "change"
		}
		tc(append([]string{"class", verb, "dev", q.Link, "parent", words[2], "classid", words[0], "htb"}, words[3:]...)...)
	}
	for _, line := range before.ClassList() {
		if id, _, _ := strings.Cut(line, " "); !has[id] {
			tc("class", "del", "dev", q.Link, "classid", id)
		}
	}
}
