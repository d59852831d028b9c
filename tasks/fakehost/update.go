package fakehost

import (
	"fmt"

	"netrun/tasks/state"
)

// update changes the fields that the change names, and what hangs on them.
func (h *Host) update(c state.Change) error {
	key := c.After.Key()
	now, there := h.objects.Get(key)
	if !there {
		return missing(key)
	}
	for _, f := range c.Fields {
		if f.Fixed {
			return fmt.Errorf("%s: %w", f.Field, ErrUnsupported)
		}
	}
	for _, need := range c.After.Needs() {
		if _, there := h.objects.Get(need); !there {
			return fmt.Errorf("%s: %w", need, missing(need))
		}
	}
	after := state.With(now, c.After, c.Fields)
	switch after := after.(type) {
	case state.Link:
		h.updateLink(now.(state.Link), after)
		return nil
	case state.Sysctl:
		h.putSysctl(after)
		return nil
	}
	if err := h.check(after); err != nil {
		return err
	}
	h.objects.Put(h.stored(after))
	return nil
}

func (h *Host) updateLink(now, after state.Link) {
	ipv6 := after.IPv6
	after.IPv6 = now.IPv6
	setDefault(&after.Promisc, new(false))
	setDefault(&after.MAC, now.MAC)
	setDefault(&after.MTU, now.MTU)
	h.objects.Put(after)
	if ipv6 != "" && ipv6 != now.IPv6 {
		h.setIPv6(after.Scope, after.Name, ipv6)
	}
	if now.State == "up" && after.State == "down" {
		h.linkDown(after)
	}
}

// linkDown takes away the routes through a link that goes down, and its IPv6 addresses.
func (h *Host) linkDown(l state.Link) {
	h.dropRoutes(l, func(state.Route) bool { return true })
	h.dropAddresses(l, func(a state.Address) bool { return a.Prefix.Addr().Is6() })
}

// setIPv6 is a write to disable_ipv6: off takes the link's IPv6 addresses and routes along.
func (h *Host) setIPv6(scope state.Scope, name, word string) {
	l, ok := h.link(scope, name)
	if !ok {
		return
	}
	l.IPv6 = word
	h.objects.Put(l)
	value := "0"
	if word == "off" {
		value = "1"
		h.dropRoutes(l, func(r state.Route) bool { return r.Dst.Addr().Is6() })
		h.dropAddresses(l, func(a state.Address) bool { return a.Prefix.Addr().Is6() })
	}
	h.objects.Put(state.Sysctl{Scope: scope, Name: "net/ipv6/conf/" + name + "/disable_ipv6", Value: value})
}

func (h *Host) dropRoutes(l state.Link, which func(state.Route) bool) {
	for _, o := range h.objects.All(state.KindRoute, l.Scope) {
		if r := o.(state.Route); r.Dev == l.Name && which(r) {
			h.objects.Delete(r.Key())
		}
	}
}

func (h *Host) dropAddresses(l state.Link, which func(state.Address) bool) {
	for _, o := range h.objects.All(state.KindAddress, l.Scope) {
		if a := o.(state.Address); a.Link == l.Name && which(a) {
			h.objects.Delete(a.Key())
		}
	}
}
