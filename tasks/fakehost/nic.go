package fakehost

import (
	"fmt"

	"netrun/tasks/state"
)

// takeNIC moves a link of the host into a namespace, where it is down, and has
// lost its addresses and routes; links on top of it stay.
func (h *Host) takeNIC(l state.Link) error {
	nic, ok := h.link(state.HostScope, l.NIC)
	if !ok {
		return fmt.Errorf("%s: %w", state.LinkKey(state.HostScope, l.NIC), ErrNoDevice)
	}
	h.moveAway(nic)
	moved := nic
	moved.Scope, moved.Name, moved.NIC, moved.Was, moved.Alias, moved.State = l.Scope, l.Name, l.NIC, l.Was, l.Alias, "down"
	h.arrive(moved)
	h.updateLink(moved, state.Merge(moved, l).(state.Link))
	return nil
}

// giveNIC moves it back under its old name.
func (h *Host) giveNIC(l state.Link) error {
	if _, taken := h.link(state.HostScope, l.NIC); taken {
		return ErrExists
	}
	h.moveAway(l)
	h.arrive(l.Gives()[0].(state.Link))
	return nil
}

// moveAway takes the link out of its namespace with what hangs on it there.
func (h *Host) moveAway(l state.Link) {
	dependents := h.objects.Dependents(l.Key())
	h.objects.Delete(l.Key())
	for _, d := range dependents {
		if o, ok := h.objects.Get(d); ok && d.Kind != state.KindLink && d.Kind != state.KindOVSPort {
			h.remove(o)
		}
	}
}

// arrive puts a link that was elsewhere there, with its parameters.
func (h *Host) arrive(l state.Link) {
	l.IPv6 = "on"
	h.objects.Put(l)
	h.openLink(l)
}
