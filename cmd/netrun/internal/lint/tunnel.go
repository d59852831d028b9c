package lint

import (
	"net/netip"
	"strconv"

	"netrun/tasks/state"
)

// tunnel is one end of a tunnel to one other end.
type tunnel struct {
	*owned
	number        int // of all
	at            place
	kind          string // vxlan, gre, geneve
	id            string // VNI or key
	port          string // UDP; "" is the kind's own
	remote, local netip.Addr
}

// findTunnels lists the ends whose other end is one address.
func (n *network) findTunnels() {
	each(n, func(o *owned, l state.Link) {
		remote, err := netip.ParseAddr(l.Remote)
		if l.Type != "vxlan" || err != nil || remote.IsMulticast() {
			return
		}
		local, _ := netip.ParseAddr(l.Local) // unset: any of the host's
		n.tunnel(&tunnel{owned: o, at: place{o.host.Name, l.Scope, l.Name}, kind: "vxlan", id: strconv.Itoa(l.VNI), port: udp(l.Port),
			remote: remote, local: local})
	})
	each(n, func(o *owned, p state.OVSPort) {
		remote, err := netip.ParseAddr(p.Options["remote_ip"])
		if p.Type != "gre" && p.Type != "vxlan" && p.Type != "geneve" || err != nil {
			return
		}
		local, _ := netip.ParseAddr(p.Options["local_ip"])
		port, _ := strconv.Atoi(p.Options["dst_port"]) // unset: the usual one
		n.tunnel(&tunnel{owned: o, at: place{o.host.Name, state.HostScope, p.Name}, kind: p.Type, id: key(p.Options["key"]), port: udp(port),
			remote: remote, local: local})
	})
}

func (n *network) tunnel(t *tunnel) {
	t.number = len(n.tunnels)
	n.tunnels = append(n.tunnels, t)
	t.host.tunnels = append(t.host.tunnels, t)
}

// key is a tunnel's key; Open vSwitch takes none for 0.
func key(text string) string {
	if text == "" {
		return "0"
	}
	return text
}

// udp is a port that is not the usual one.
func udp(port int) string {
	if port == 0 || port == 4789 {
		return ""
	}
	return strconv.Itoa(port)
}

// leadsTo reports whether the tunnel's other end is an address of the host.
func (t *tunnel) leadsTo(h *host) bool { return h.addrs[t.remote] }

// fits reports whether two ends make one tunnel.
func (t *tunnel) fits(u *tunnel) bool {
	return t.kind == u.kind && t.id == u.id && t.port == u.port && t.leadsTo(u.host) && u.leadsTo(t.host) &&
		(!t.local.IsValid() || t.local == u.remote) && (!u.local.IsValid() || u.local == t.remote)
}

// eachWhole calls f once for each tunnel of which both ends are known, the later end first.
func (n *network) eachWhole(f func(t, u *tunnel)) {
	for _, t := range n.tunnels {
		far := n.owners[t.remote]
		if far == nil {
			continue
		}
		for _, u := range far.tunnels {
			if u.number < t.number && t.fits(u) {
				f(t, u)
			}
		}
	}
}

// joinTunnels joins the domains of both ends.
func (n *network) joinTunnels() {
	n.eachWhole(func(t, u *tunnel) { n.domains.join(t.at, u.at) })
}

// tunnelEnds reports tunnels with one end, and ends that do not fit.
func (n *network) tunnelEnds() {
	for _, t := range n.tunnels {
		far := n.owners[t.remote]
		if far == nil || far == t.host || len(far.Tasks) == 0 {
			continue // somebody else's
		}
		n.tunnelEnd(t, far)
	}
}

func (n *network) tunnelEnd(t *tunnel, far *host) {
	var near *tunnel // leads back, and does not fit
	others := false  // far has tunnels at all
	for _, u := range far.tunnels {
		if u.kind != t.kind {
			continue
		}
		others = true
		if t.fits(u) {
			return
		}
		if u.leadsTo(t.host) && (near == nil || u.id == t.id) {
			near = u
		}
	}
	switch {
	case near == nil && n.listens(far, t):
	case near == nil:
		n.report(!others, "", []*Task{t.task}, "tunnel %s of %s leads to %s (%s), which has no %s tunnel back",
			t.at.link, t.host.Name, far.Name, t.remote, t.kind)
	case near.id != t.id:
		n.report(false, "", []*Task{near.task, t.task}, "tunnel %s of %s has id %s, and its other end, %s of %s, has %s",
			t.at.link, t.host.Name, t.id, near.at.link, far.Name, near.id)
	case near.port != t.port:
		n.report(false, "", []*Task{near.task, t.task}, "tunnel %s of %s uses UDP port %s, and its other end, %s of %s, uses %s",
			t.at.link, t.host.Name, usual(t.port), near.at.link, far.Name, usual(near.port))
	default:
		n.report(false, "", []*Task{near.task, t.task}, "tunnel %s of %s goes from %s to %s, and its other end, %s of %s, from %s to %s",
			t.at.link, t.host.Name, anyAddr(t.local), t.remote, near.at.link, far.Name, anyAddr(near.local), near.remote)
	}
}

// listens reports whether the host has an end of that network that takes packets from anybody.
func (n *network) listens(h *host, t *tunnel) bool {
	for _, k := range h.keys {
		switch o := h.objects[k].object.(type) {
		case state.Link:
			if remote, err := netip.ParseAddr(o.Remote); o.Type == t.kind && strconv.Itoa(o.VNI) == t.id && (err != nil || remote.IsMulticast()) {
				return true
			}
		case state.OVSPort:
			if o.Type == t.kind && (o.Options["remote_ip"] == "flow" || o.Options["key"] == "flow") {
				return true
			}
		}
	}
	return false
}

func usual(port string) string {
	if port == "" {
		return "4789"
	}
	return port
}

func anyAddr(ip netip.Addr) string {
	if !ip.IsValid() {
		return "any address"
	}
	return ip.String()
}

// loops reports bridges that tunnels connect in a circle, without a spanning tree.
func (n *network) loops() {
	circle := domains{}
	n.eachWhole(func(t, u *tunnel) {
		a, aok := t.bridge()
		b, bok := u.bridge()
		if !aok || !bok || t.host.spanning(a) || u.host.spanning(b) {
			return
		}
		if circle.root(a) == circle.root(b) {
			n.report(true, "set stp (or rstp) on one of the bridges", []*Task{u.task, t.task},
				"tunnel %s between %s of %s and %s of %s closes a circle of bridges without a spanning tree: one broadcast would go round for ever",
				t.at.link, b.link, b.host, a.link, a.host)
		}
		circle.join(a, b)
	})
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
