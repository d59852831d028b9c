package fakehost

import (
	"slices"
	"strings"

	"netrun/tasks/state"
)

// uppers are the links on top of one of the host's.
func (h *Host) uppers(name string) (state.Uppers, bool) {
	if _, ok := h.link(state.HostScope, name); !ok {
		return state.Uppers{}, false
	}
	var above []string
	for _, o := range h.objects.Objects() {
		if l, ok := o.(state.Link); ok && l.Parent == name && l.ParentScope == state.HostScope {
			above = append(above, string(l.Scope)+" "+l.Name)
		}
	}
	slices.Sort(above)
	return state.Uppers{Link: name, Above: strings.Join(above, "\n")}, true
}
