package lint

import "netrun/tasks/state"

// place is a link of some host, the element of which layer 2 domains are made.
type place struct {
	host  string
	scope state.Scope
	link  string
}

// domains is a forest of places: those with the same root share a layer 2 domain.
type domains map[place]place

func (d domains) root(p place) place {
	up, ok := d[p]
	if !ok || up == p {
		return p
	}
	r := d.root(up)
	d[p] = r
	return r
}

func (d domains) join(a, b place) { d[d.root(a)] = d.root(b) }

// outside stands for all that is not made by tasks: links of hardware may be
// plugged together.
var outside = place{}

// open reports whether the domain reaches a link that no task makes.
func (n *network) open(p place) bool { return n.domains.root(p) == n.domains.root(outside) }

// shared reports whether two places may hear each other's frames.
func (n *network) shared(a, b place) bool { return n.domains.root(a) == n.domains.root(b) }

// join finds out which links share a layer 2 domain.
func (n *network) join() {
	each(n, func(o *owned, l state.Link) {
		here := place{o.host.Name, l.Scope, l.Name}
		switch {
		case l.Type == "" || l.Type == "device":
			n.uplink(o.host, here)
		case l.Type == "veth" && l.Peer != "":
			n.domains.join(here, place{o.host.Name, l.PeerScope, l.Peer})
		case l.Parent != "" && l.Type != "vxlan" && l.Type != "vlan":
			n.uplink(o.host, place{o.host.Name, l.ParentScope, l.Parent})
			n.domains.join(here, place{o.host.Name, l.ParentScope, l.Parent})
		}
	})
	each(n, func(o *owned, m state.Member) {
		n.uplink(o.host, place{o.host.Name, m.Scope, m.Link})
		n.uplink(o.host, place{o.host.Name, m.Scope, m.Bridge})
		n.domains.join(place{o.host.Name, m.Scope, m.Link}, place{o.host.Name, m.Scope, m.Bridge})
	})
	each(n, func(o *owned, p state.OVSPort) {
		if p.Type == "" {
			n.uplink(o.host, place{o.host.Name, state.HostScope, p.Name})
		}
		n.domains.join(place{o.host.Name, state.HostScope, p.Name}, place{o.host.Name, state.HostScope, p.Bridge})
	})
	each(n, func(o *owned, a state.Address) { n.uplink(o.host, place{o.host.Name, a.Scope, a.Link}) })
	n.joinTunnels()
}

// uplink joins a link that no task makes with the outside.
func (n *network) uplink(h *host, p place) {
	if p.link == "lo" || p.link == "" || p.scope == state.HostScope && p.link == "docker0" {
		return // nothing is plugged into Docker's own bridge
	}
	l, wanted := h.link(p.scope, p.link)
	if wanted && l.Type != "" && l.Type != "device" || h.peers[p] {
		return
	}
	if h.objects[state.Key{Kind: state.KindOVSBridge, Name: p.link}] != nil {
		return
	}
	if o := h.objects[state.OVSPort{Name: p.link}.Key()]; o != nil && o.object.(state.OVSPort).Type != "" {
		return
	}
	n.domains.join(p, outside)
}
