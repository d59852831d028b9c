package fakehost

import (
	"fmt"

	"netrun/tasks/state"
)

// delete takes the object away with all that cannot be without it.
func (h *Host) delete(o state.Object) error {
	key := o.Key()
	now, there := h.objects.Get(key)
	if !there {
		return missing(key)
	}
	if err := h.checkDelete(now); err != nil {
		return err
	}
	if l, ok := now.(state.Link); ok && l.NIC != "" {
		return h.giveNIC(l)
	}
	h.remove(now)
	if a, ok := now.(state.Address); ok {
		h.addressGone(a)
	}
	return nil
}

func (h *Host) checkDelete(o state.Object) error {
	switch o := o.(type) {
	case state.Process:
		return ErrDenied
	case state.Sysctl, state.Offload, state.Uppers:
		return ErrUnsupported
	case state.Link:
		if o.NIC != "" {
			return nil // it goes home
		}
		if o.Type == "loopback" || o.Type == "device" || o.Type == "openvswitch" {
			return ErrUnsupported
		}
	case state.Table, state.Chain:
		if left := h.objects.Dependents(o.Key()); len(left) > 0 {
			return fmt.Errorf("%s: %w", left[0], ErrBusy)
		}
	case state.File:
		for _, other := range h.objects.All(state.KindFile, state.HostScope) {
			if inside(o.Path, other.(state.File).Path) {
				return ErrNotEmpty
			}
		}
	}
	return nil
}

// remove deletes the object, what needs it and what came with it.
func (h *Host) remove(o state.Object) {
	key := o.Key()
	dependents := h.objects.Dependents(key)
	h.objects.Delete(key)
	for _, d := range dependents {
		if other, ok := h.objects.Get(d); ok && !survives(o, other) {
			h.remove(other)
		}
	}
	if b, ok := o.(state.Bringer); ok {
		for _, brought := range b.Brings() {
			if other, ok := h.objects.Get(brought.Key()); ok {
				h.remove(other)
			}
		}
	}
}

// survives reports whether other stays though what it needs goes: ovs-vswitchd
// keeps its record of a port whose link is gone.
func survives(gone, other state.Object) bool {
	_, link := gone.(state.Link)
	_, port := other.(state.OVSPort)
	return link && port
}

// addressGone does what the kernel does when an address goes: routes that prefer
// it as source go, and with the last IPv4 address of a link all its IPv4 routes.
func (h *Host) addressGone(a state.Address) {
	l, ok := h.link(a.Scope, a.Link)
	if !ok {
		return
	}
	addr, last := a.Prefix.Addr(), a.Prefix.Addr().Is4()
	for _, o := range h.objects.All(state.KindAddress, a.Scope) {
		if other := o.(state.Address); other.Link == a.Link && other.Prefix.Addr().Is4() {
			last = false
		}
	}
	h.dropRoutes(l, func(r state.Route) bool {
		return r.Src == addr.String() || last && r.Dst.Addr().Is4()
	})
}
