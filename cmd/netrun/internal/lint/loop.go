package lint

import (
	"maps"

	"netrun/tasks/state"
)

// loops reports bridges that tunnels connect in a circle, without a spanning tree and
// without split horizon.
func (n *network) loops() {
	circle := maps.Clone(n.bridges)
	n.eachWhole(func(t, u *tunnel) {
		a, aok := t.bridge()
		b, bok := u.bridge()
		if !aok || !bok || t.host.spanning(a) || u.host.spanning(b) {
			return
		}
		if t.host.splits(a) {
			a = t.leaf() // what comes in here goes out by no other tunnel
		}
		if u.host.splits(b) {
			b = u.leaf()
		}
		if circle.root(a) == circle.root(b) {
			n.report(true, "split_horizon, or stp (or rstp) on one of the bridges", []*Task{u.task, t.task},
				"tunnel %s between %s of %s and %s of %s closes a circle of bridges without a spanning tree: one broadcast would go round for ever",
				t.at.link, b.link, b.host, a.link, a.host)
		}
		circle.join(a, b)
	})
}

// joinBridges joins the bridges of a host that are put into each other: the link of one is
// a port of the other, or they have ends of one patch.
func (n *network) joinBridges(d domains) {
	each(n, func(o *owned, m state.Member) {
		if o.host.objects[state.OVSBridge{Name: m.Link}.Key()] != nil && m.Scope == state.HostScope {
			d.join(place{o.host.Name, m.Scope, m.Link}, place{o.host.Name, m.Scope, m.Bridge})
		}
	})
	each(n, func(o *owned, p state.OVSPort) {
		far := o.host.objects[state.OVSPort{Name: p.Options["peer"]}.Key()]
		if p.Type == "patch" && far != nil {
			d.join(place{o.host.Name, state.HostScope, p.Bridge}, place{o.host.Name, state.HostScope, far.object.(state.OVSPort).Bridge})
		}
	})
}

// splits reports whether the bridge keeps all its tunnels apart from each other.
func (h *host) splits(bridge place) bool {
	for _, t := range h.tunnels {
		if b, ok := t.bridge(); ok && b == bridge && !t.isolated() {
			return false
		}
	}
	return true
}

// leaf is the tunnel's end as a place of its own: one link may lead to several hosts.
func (t *tunnel) leaf() place {
	return place{t.at.host, t.at.scope, t.at.link + " to " + t.remote.String()}
}

// isolated reports whether what comes out of the tunnel goes into no other one: a link
// to several hosts is one port of its bridge.
func (t *tunnel) isolated() bool {
	if l, ok := t.object.(state.Link); ok && l.Remotes != "" {
		return true
	}
	if p, ok := t.object.(state.OVSPort); ok {
		return p.Protected != nil && *p.Protected
	}
	m := t.host.objects[state.Member{Scope: t.at.scope, Link: t.at.link}.Key()]
	return m != nil && m.object.(state.Member).Isolated != nil && *m.object.(state.Member).Isolated
}

// bridge is the bridge that the tunnel is a port of.
func (t *tunnel) bridge() (place, bool) {
	b := t.host.bridgeOf(t.at)
	return b, b != place{}
}

// bridgeOf is the bridge that the link is a port of, the zero place if it is of none.
func (h *host) bridgeOf(p place) place {
	if m := h.objects[state.Member{Scope: p.scope, Link: p.link}.Key()]; m != nil {
		return place{h.Name, p.scope, m.object.(state.Member).Bridge}
	}
	if o := h.objects[state.OVSPort{Name: p.link}.Key()]; o != nil && p.scope == state.HostScope {
		return place{h.Name, state.HostScope, o.object.(state.OVSPort).Bridge}
	}
	return place{}
}

// spanning reports whether the bridge keeps circles from being closed.
func (h *host) spanning(bridge place) bool {
	if l, ok := h.link(bridge.scope, bridge.link); ok && l.STP != nil && *l.STP {
		return true
	}
	o := h.objects[state.OVSBridge{Name: bridge.link}.Key()]
	if o == nil || bridge.scope != state.HostScope {
		return false
	}
	b := o.object.(state.OVSBridge)
	return b.STP != nil && *b.STP || b.RSTP != nil && *b.RSTP
}
