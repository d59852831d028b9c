package lint

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"netrun/tasks/state"
)

// holder is an address at a place.
type holder struct {
	*owned
	at      place
	address state.Address
}

func (n *network) holders() []holder {
	var out []holder
	each(n, func(o *owned, a state.Address) {
		if !everywhere(o.host, a) {
			out = append(out, holder{o, place{o.host.Name, a.Scope, a.Link}, a})
		}
	})
	return out
}

// everywhere is for addresses that many may have: link-local, loopback, and those
// of a single host on lo or a dummy link, which are anycast.
func everywhere(h *host, a state.Address) bool {
	ip := a.Prefix.Addr()
	if ip.IsLinkLocalUnicast() || ip.IsLoopback() || ip.IsMulticast() {
		return true
	}
	l, _ := h.link(a.Scope, a.Link)
	return a.Prefix.IsSingleIP() && (a.Link == "lo" || l.Type == "dummy")
}

// addresses reports those that two have who can hear each other.
func (n *network) addresses() {
	byIP := map[netip.Addr][]holder{}
	var order []netip.Addr
	for _, h := range n.holders() {
		ip := h.address.Prefix.Addr()
		if len(byIP[ip]) == 0 {
			order = append(order, ip)
		}
		byIP[ip] = append(byIP[ip], h)
	}
	for _, ip := range order {
		for _, group := range n.meeting(byIP[ip]) {
			n.duplicate(ip, group)
		}
	}
}

// meeting cuts holders into groups that share a domain; those who are alone are left out.
func (n *network) meeting(holders []holder) [][]holder {
	byRoot := map[place][]holder{}
	var roots []place
	for _, h := range holders {
		root := n.domains.root(h.at)
		if len(byRoot[root]) == 0 {
			roots = append(roots, root)
		}
		byRoot[root] = append(byRoot[root], h)
	}
	var out [][]holder
	for _, r := range roots {
		if len(byRoot[r]) > 1 {
			out = append(out, byRoot[r])
		}
	}
	return out
}

func (n *network) duplicate(ip netip.Addr, group []holder) {
	var where []string
	var tasks []*Task
	sameScope := true // an address on several links of one host is legal, and seldom meant
	for _, h := range group {
		where = append(where, h.describe())
		tasks = append(tasks, h.task)
		sameScope = sameScope && h.at.host == group[0].at.host && h.at.scope == group[0].at.scope
	}
	slices.SortStableFunc(tasks[1:], func(a, b *Task) int { return strings.Compare(a.Pos.File, b.Pos.File) })
	n.report(sameScope, "", tasks, "address %s is given more than once: to %s", ip, nameList(where))
}

// describe is "node1 eth1", "node1 eth1 in netns:web".
func (h holder) describe() string {
	text := h.at.host + " " + h.at.link
	if h.at.scope != state.HostScope {
		text += " in " + string(h.at.scope)
	}
	return text
}

// macs reports MAC addresses that two links have who can hear each other.
func (n *network) macs() {
	byMAC := map[string][]holder{}
	var order []string
	each(n, func(o *owned, l state.Link) {
		mac := strings.ToLower(l.MAC)
		// A bridge may well have the MAC of one of its ports, and a VLAN that of its link.
		if mac == "" || l.Type == "bridge" || l.Type == "vlan" || l.Mode == "passthru" {
			return
		}
		if len(byMAC[mac]) == 0 {
			order = append(order, mac)
		}
		byMAC[mac] = append(byMAC[mac], holder{owned: o, at: place{o.host.Name, l.Scope, l.Name}})
	})
	for _, mac := range order {
		for _, group := range n.meeting(byMAC[mac]) {
			var where []string
			var tasks []*Task
			for _, h := range group {
				where = append(where, h.describe())
				tasks = append(tasks, h.task)
			}
			n.report(false, "", tasks, "MAC %s is given more than once: to %s", mac, nameList(where))
		}
	}
}

// subnet is a network on a bridge or another link that tasks make.
type subnet struct {
	holder
	prefix netip.Prefix
}

// subnets reports networks of different domains that overlap although the
// site routes between them.
func (n *network) subnets() {
	var all []subnet
	for _, h := range n.holders() {
		if !n.open(h.at) && !h.address.Prefix.IsSingleIP() && n.routed(h.address.Prefix.Masked()) {
			all = append(all, subnet{h, h.address.Prefix.Masked()})
		}
	}
	slices.SortStableFunc(all, func(a, b subnet) int {
		return cmp.Or(a.prefix.Addr().Compare(b.prefix.Addr()), cmp.Compare(a.prefix.Bits(), b.prefix.Bits()))
	})
	var wide *subnet // the last one that reaches furthest
	for i := range all {
		s := &all[i]
		if wide == nil || !wide.prefix.Overlaps(s.prefix) {
			wide = s
			continue
		}
		if wide.at.host != s.at.host && !n.shared(wide.at, s.at) {
			n.report(false, "give each node a subnet of its own", []*Task{wide.task, s.task},
				"subnet %s of %s overlaps with %s of %s, and there are routes to both", s.prefix, s.describe(), wide.prefix, wide.describe())
		}
	}
}

// routed reports whether a task makes a route that leads to some of the network.
func (n *network) routed(p netip.Prefix) bool {
	return slices.ContainsFunc(n.routes, p.Overlaps)
}
