package lint

import (
	"net/netip"
	"strconv"
	"strings"

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
		for _, remote := range append([]string{l.Remote}, strings.Fields(l.Remotes)...) {
			n.linkTunnel(o, l, remote)
		}
	})
	each(n, func(o *owned, p state.OVSPort) {
		remote, err := netip.ParseAddr(p.Options["remote_ip"])
		if p.Type != "gre" && p.Type != "vxlan" && p.Type != "geneve" || err != nil {
			return
		}
		local, _ := netip.ParseAddr(p.Options["local_ip"])
		port, _ := strconv.Atoi(p.Options["dst_port"]) // unset: the usual one
		n.tunnel(&tunnel{owned: o, at: place{o.host.Name, state.HostScope, p.Name}, kind: p.Type, id: key(p.Options["key"]), port: udp(p.Type, port),
			remote: remote, local: local})
	})
}

// linkTunnel adds the tunnel of a link to one of the hosts to which it leads.
func (n *network) linkTunnel(o *owned, l state.Link, to string) {
	remote, err := netip.ParseAddr(to)
	kind, isTunnel := map[string]string{"vxlan": "vxlan", "geneve": "geneve", "gretap": "gre", "ip6gretap": "gre"}[l.Type]
	if !isTunnel || err != nil || remote.IsMulticast() {
		return
	}
	local, _ := netip.ParseAddr(l.Local) // unset: any of the host's
	id := strconv.Itoa(l.VNI)
	if kind == "gre" {
		id = strconv.FormatUint(uint64(l.GREKey), 10)
	}
	n.tunnel(&tunnel{owned: o, at: place{o.host.Name, l.Scope, l.Name}, kind: kind, id: id, port: udp(kind, l.Port), remote: remote, local: local})
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

// usualPorts are the UDP ports of the kinds that have one.
var usualPorts = map[string]int{"vxlan": 4789, "geneve": 6081}

// udp is a port that is not the usual one.
func udp(kind string, port int) string {
	if port == 0 || port == usualPorts[kind] {
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
			t.at.link, t.host.Name, t.usual(), near.at.link, far.Name, near.usual())
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
			if remote, err := netip.ParseAddr(o.Remote); o.Type == t.kind && o.Type != "" && strconv.Itoa(o.VNI) == t.id && (err != nil || remote.IsMulticast()) {
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

func (t *tunnel) usual() string {
	if t.port == "" {
		return strconv.Itoa(usualPorts[t.kind])
	}
	return t.port
}

func anyAddr(ip netip.Addr) string {
	if !ip.IsValid() {
		return "any address"
	}
	return ip.String()
}

// twins reports two tunnels of a host between which what arrives could not be told apart.
func (n *network) twins() {
	for _, h := range n.hosts {
		for i, t := range h.tunnels {
			for _, u := range h.tunnels[:i] {
				if t.at == u.at || t.kind != u.kind || t.id != u.id || t.port != u.port || t.at.scope != u.at.scope {
					continue
				}
				switch {
				case t.remote == u.remote && (t.local == u.local || !t.local.IsValid() || !u.local.IsValid()):
					n.report(false, "give one of them another key", []*Task{u.task, t.task}, "tunnels %s and %s of %s both lead to %s with id %s: nobody can tell what comes out of which",
						u.at.link, t.at.link, h.Name, t.remote, t.id)
				case t.isKernelVXLAN() && u.isKernelVXLAN() && t.remote.Is6() == u.remote.Is6():
					n.report(false, "geneve and gretap can, and so can Open vSwitch", []*Task{u.task, t.task}, "tunnels %s and %s of %s: the kernel has one vxlan link for id %s",
						u.at.link, t.at.link, h.Name, t.id)
				}
			}
		}
	}
}

func (t *tunnel) isKernelVXLAN() bool {
	l, ok := t.object.(state.Link)
	return ok && l.Type == "vxlan"
}
