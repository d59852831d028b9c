package lint

import (
	"fmt"

	"netrun/tasks/state"
)

// overhead is what a tunnel adds to a frame, in bytes, over IPv4.
var overhead = map[string]int{"vxlan": 50, "geneve": 50, "gre": 38}

const (
	keyExtra  = 4    // of a GRE tunnel
	ipv6Extra = 20   // what an IPv6 header is longer
	usualMTU  = 1500 // of an underlay of which nothing is known
)

// overhead is what this tunnel adds.
func (t *tunnel) overhead() int {
	bytes := overhead[t.kind]
	if t.kind == "gre" && t.id != "0" {
		bytes += keyExtra
	}
	if t.remote.Is6() {
		bytes += ipv6Extra
	}
	return bytes
}

// mtus reports, once each, links on a tunnel's bridge whose packets are too long for it.
func (n *network) mtus() {
	told := map[*owned]bool{}
	for _, t := range n.tunnels {
		room, why, known := n.room(t)
		for _, o := range t.beside(n.bridges) {
			if l := o.object.(state.Link); l.MTU > room && !told[o] {
				told[o] = true
				n.report(!known, "", []*Task{t.task, o.task}, "link %s of %s has MTU %d, and the tunnel %s carries no more than %d: %s",
					l.Name, t.host.Name, l.MTU, t.at.link, room, why)
			}
		}
	}
}

// room is the longest packet that the tunnel carries, and why. Where nobody has said what
// the underlay's MTU is, the tunnel's own tells, else the usual one is taken.
func (n *network) room(t *tunnel) (room int, why string, known bool) {
	under, known := n.underlay(t)
	if known {
		return under.MTU - t.overhead(), fmt.Sprintf("%s has %d", under.Name, under.MTU), true
	}
	if own := t.mtu(); own > 0 {
		return own, "that is its mtu", true
	}
	return usualMTU - t.overhead(), fmt.Sprintf("if the underlay has %d", usualMTU), false
}

// mtu is what the task that wants the tunnel says of its MTU, 0 if nothing.
func (t *tunnel) mtu() int {
	if l, ok := t.object.(state.Link); ok {
		return l.MTU
	}
	if b := t.host.objects[state.OVSBridge{Name: t.object.(state.OVSPort).Bridge}.Key()]; b != nil {
		return b.object.(state.OVSBridge).MTURequest
	}
	return 0
}

// beside is the tunnel's own link, its bridge and those that are joined with it on this
// host, and the links in them with their other ends.
func (t *tunnel) beside(bridges domains) []*owned {
	bridge, bridged := t.bridge()
	same := func(p place) bool { return bridged && p != place{} && bridges.root(p) == bridges.root(bridge) }
	var out []*owned
	for _, k := range t.host.keys {
		o := t.host.objects[k]
		l, ok := o.object.(state.Link)
		if !ok {
			continue
		}
		here := place{t.host.Name, l.Scope, l.Name}
		far := place{t.host.Name, l.PeerScope, l.Peer}
		if here == t.at || same(here) || same(t.host.bridgeOf(here)) || l.Peer != "" && same(t.host.bridgeOf(far)) {
			out = append(out, o)
		}
	}
	return out
}

// underlay is the link that a tunnel's packets leave by, if its MTU is known.
func (n *network) underlay(t *tunnel) (state.Link, bool) {
	name, scope := "", t.at.scope
	if l, ok := t.object.(state.Link); ok {
		name, scope = l.Parent, l.ParentScope
	}
	for _, k := range t.host.keys {
		a, ok := t.host.objects[k].object.(state.Address)
		if ok && name == "" && a.Scope == scope && (a.Prefix.Addr() == t.local || a.Prefix.Contains(t.remote)) {
			name = a.Link
		}
	}
	l, ok := t.host.link(scope, name)
	return l, ok && l.MTU > 0
}
