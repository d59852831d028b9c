package lint

import (
	"fmt"
	"net/netip"

	"netrun/tasks/state"
)

// gateways reports routes through an address that the scope cannot reach.
func (n *network) gateways() {
	each(n, func(o *owned, r state.Route) {
		via, err := netip.ParseAddr(r.Via)
		if err != nil || r.OnLink != nil && *r.OnLink || via.IsLinkLocalUnicast() || !o.host.knows(r.Scope, r.Dev) {
			return
		}
		if o.host.reaches(r.Scope, via) {
			return
		}
		n.report(false, "an address in the gateway's subnet, or onlink: true", []*Task{o.task},
			"route to %s of %s: the gateway %s is in no subnet of %s", dst(r), o.host.Name, via, where(r))
	})
}

func dst(r state.Route) string {
	if r.Dst.Bits() == 0 {
		return "default"
	}
	return r.Dst.String()
}

func where(r state.Route) string {
	if r.Scope != state.HostScope {
		return string(r.Scope)
	}
	return r.Dev
}

// knows reports whether all addresses that matter are made by tasks: in a namespace
// that a task makes, or on a link that a task makes.
func (h *host) knows(scope state.Scope, dev string) bool {
	if sort, name := scope.Split(); sort == "netns" {
		return h.objects[state.Netns{Name: name}.Key()] != nil
	}
	l, ok := h.link(scope, dev)
	return ok && l.Type != "" && l.Type != "device" && len(h.subnetsOf(scope, dev)) > 0
}

func (h *host) subnetsOf(scope state.Scope, dev string) []netip.Prefix {
	var out []netip.Prefix
	for _, k := range h.keys {
		if a, ok := h.objects[k].object.(state.Address); ok && a.Scope == scope && (dev == "" || a.Link == dev) {
			out = append(out, a.Prefix.Masked())
			if peer, err := netip.ParseAddr(a.Peer); err == nil {
				out = append(out, netip.PrefixFrom(peer, peer.BitLen()))
			}
		}
	}
	return out
}

// reaches reports whether the address is on a link of the scope.
func (h *host) reaches(scope state.Scope, ip netip.Addr) bool {
	for _, p := range h.subnetsOf(scope, "") {
		if p.Contains(ip) {
			return true
		}
	}
	for _, k := range h.keys {
		r, ok := h.objects[k].object.(state.Route)
		if ok && r.Scope == scope && r.Via == "" && r.Dst.Contains(ip) {
			return true
		}
	}
	return false
}

// links reports DNAT rules to an address that should be somebody's and is nobody's.
func (n *network) links() {
	each(n, func(o *owned, c state.Chain) {
		for _, rule := range c.Rules {
			to, ok := destination(rule)
			if ok && n.owners[to] == nil && n.inKnownSubnet(to) {
				n.report(true, "", []*Task{o.task}, "link of %s to %s: no host of this play has that address, though its subnet is known", o.host.Name, to)
			}
		}
	})
}

// linked reports links that lead to nobody, and local addresses that two tasks link.
func (n *network) linked() {
	type local struct {
		host    *host
		scope   state.Scope
		address string
	}
	seen := map[local]*owned{}
	each(n, func(o *owned, l state.Links) {
		if l.Source {
			return // the same links once more
		}
		for _, link := range l.Links {
			to, err := netip.ParseAddr(link.ToHost)
			if err == nil && !to.IsLoopback() && n.owners[to] == nil && n.inKnownSubnet(to) {
				n.report(true, "", []*Task{o.task}, "link of %s to %s: no host of this play has that address, though its subnet is known", o.host.Name, to)
			}
			at := local{o.host, l.Scope, fmt.Sprintf("%s port %d/%s", link.FromHost, link.FromPort, link.Proto)}
			if other := seen[at]; other != nil && other.object.Key() != l.Key() {
				n.report(false, "", []*Task{other.task, o.task}, "%s in %s of %s is linked twice: the rule that happens to come first would win", at.address, l.Scope.Bare(), o.host.Name)
			}
			seen[at] = o
		}
	})
}

// destination is the address that a rule sends packets to.
func destination(rule []string) (netip.Addr, bool) {
	for i, word := range rule {
		if word != "--to-destination" || i+1 == len(rule) {
			continue
		}
		if ap, err := netip.ParseAddrPort(rule[i+1]); err == nil {
			return ap.Addr(), true
		}
		ip, err := netip.ParseAddr(rule[i+1])
		return ip, err == nil
	}
	return netip.Addr{}, false
}

func (n *network) inKnownSubnet(ip netip.Addr) bool {
	found := false
	each(n, func(_ *owned, a state.Address) {
		found = found || a.Prefix.Bits() > 0 && !a.Prefix.IsSingleIP() && a.Prefix.Masked().Contains(ip)
	})
	return found
}
