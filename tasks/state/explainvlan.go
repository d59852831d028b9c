package state

import (
	"slices"
	"strings"
)

// portVLAN deletes the VLANs that the port has too many, and adds those that it lacks.
func (e *explainer) portVLAN(c Change, v PortVLAN) {
	var before, after []string
	if b, ok := c.Before.(PortVLAN); ok {
		before = vlanList(b.VLANs)
	} else if v.Bridge != "" {
		before = []string{"1 pvid untagged"} // what a bridge gives a new port
	}
	if c.After != nil {
		after = vlanList(v.VLANs)
	}
	bridge := func(verb string, words ...string) {
		if v.Bridge == "" {
			words = append(words, "self")
		}
		e.in(v.Scope, append([]string{"bridge", "vlan", verb, "dev", v.Link, "vid"}, words...)...)
	}
	for _, w := range before {
		if !slices.Contains(after, w) {
			id, _, _ := strings.Cut(w, " ")
			bridge("del", id)
		}
	}
	for _, w := range after {
		if !slices.Contains(before, w) {
			bridge("add", strings.Fields(w)...)
		}
	}
}

func vlanList(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, ", ")
}
