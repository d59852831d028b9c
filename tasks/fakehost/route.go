package fakehost

import (
	"fmt"
	"net/netip"

	"netrun/tasks/state"
)

// checkRoute wants the link up and the gateway on it.
func (h *Host) checkRoute(r state.Route) error {
	if r.Type != "" && r.Type != "unicast" {
		return nil
	}
	l, ok := h.link(r.Scope, r.Dev)
	switch {
	case !ok:
		return ErrNoDevice
	case l.State != "up":
		return ErrDown
	}
	if r.Src != "" && !h.hasAddress(r.Scope, r.Src) {
		return fmt.Errorf("source %s: %w", r.Src, ErrInvalid)
	}
	if r.Via == "" || r.OnLink != nil && *r.OnLink {
		return nil
	}
	via, err := netip.ParseAddr(r.Via)
	if err != nil {
		return fmt.Errorf("gateway %q: %w", r.Via, ErrInvalid)
	}
	if h.hasAddress(r.Scope, r.Via) || !h.onLink(r, via) {
		return fmt.Errorf("gateway %s: %w", via, ErrUnreachable)
	}
	return nil
}

func (h *Host) hasAddress(scope state.Scope, addr string) bool {
	for _, o := range h.objects.All(state.KindAddress, scope) {
		if o.(state.Address).Prefix.Addr().String() == addr {
			return true
		}
	}
	return false
}

// onLink reports whether a subnet of the link, or a route without a gateway, holds via.
func (h *Host) onLink(r state.Route, via netip.Addr) bool {
	for _, o := range h.objects.All(state.KindAddress, r.Scope) {
		if a := o.(state.Address); a.Link == r.Dev && a.Prefix.Contains(via) {
			return true
		}
	}
	for _, o := range h.objects.All(state.KindRoute, r.Scope) {
		if other := o.(state.Route); other.Dev == r.Dev && other.Via == "" && other.Dst.Contains(via) && other.Key() != r.Key() {
			return true
		}
	}
	return false
}
