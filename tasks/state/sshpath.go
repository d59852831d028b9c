package state

import (
	"net/netip"
	"slices"
	"strings"
)

// TouchesSSH reports whether one of the changes concerns what an SSH connection
// from client to server (this host's address) hangs on: the links under it, the
// way back, filters, and who may log in. It would rather say yes once too often.
// before is the host as it was observed, with all links, members, addresses and
// routes of its own namespace; where it does not hold the server's address, every
// link may be the one.
// A connection without addresses (a local one) hangs on nothing.
func TouchesSSH(before *State, changes []Change, client, server netip.Addr) bool {
	if !client.IsValid() || !server.IsValid() || server.IsLoopback() {
		return false
	}
	p := newSSHPath(before, changes, client.Unmap().WithZone(""), server.Unmap().WithZone(""))
	return slices.ContainsFunc(changes, p.touches)
}

// sshPath is what the connection hangs on.
type sshPath struct {
	client, server netip.Addr
	gateway        netip.Addr // towards the client; invalid where the client is a neighbour
	links          map[string]bool
	known          bool   // some link is known to hold the server's address
	jumps          []Jump // that are there
}

func newSSHPath(before *State, changes []Change, client, server netip.Addr) *sshPath {
	p := &sshPath{client: client, server: server, links: map[string]bool{}}
	for _, o := range before.All(KindAddress, HostScope) {
		if a := o.(Address); a.Prefix.Addr() == server {
			p.links[a.Link], p.known = true, true
		}
	}
	for _, o := range before.All(KindJump, HostScope) {
		p.jumps = append(p.jumps, o.(Jump))
	}
	if dev, _, ok := Lookup(before, HostScope, client); ok {
		p.links[dev] = true
	}
	if via := gatewayTo(before, client); via.IsValid() {
		p.gateway = via
	}
	p.spread(before, changes)
	return p
}

// gatewayTo is the gateway of the longest route of the main table to ip.
func gatewayTo(view View, ip netip.Addr) netip.Addr {
	var gateway netip.Addr
	bits := -1
	for _, o := range view.All(KindRoute, HostScope) {
		r := o.(Route)
		if via, err := netip.ParseAddr(r.Via); err == nil && mainTable(r) && r.Dst.Contains(ip) && r.Dst.Bits() > bits {
			gateway, bits = via, r.Dst.Bits()
		}
	}
	return gateway
}

// spread adds the links that those of the path stand on or share a bridge with,
// as they are and as the changes will make them, until there are no more.
func (p *sshPath) spread(before *State, changes []Change) {
	links, members := before.All(KindLink, HostScope), before.All(KindMember, HostScope)
	for _, c := range changes {
		switch o := c.After.(type) {
		case Link:
			links = append(links, o)
		case Member:
			members = append(members, o)
		}
	}
	for grown := true; grown; {
		count := len(p.links)
		for _, o := range members {
			if m := o.(Member); m.Scope == HostScope && (p.links[m.Link] || p.links[m.Bridge]) {
				p.links[m.Link], p.links[m.Bridge] = true, true
			}
		}
		for _, o := range links {
			if l := o.(Link); l.Scope == HostScope && p.links[l.Name] {
				p.below(l)
			}
		}
		grown = len(p.links) > count
	}
}

// below adds the link under l. The other end of a veth counts: with it, the link loses its carrier.
func (p *sshPath) below(l Link) {
	if l.Parent != "" && l.ParentScope == HostScope {
		p.links[l.Parent] = true
	}
	if l.Peer != "" && l.PeerScope == HostScope {
		p.links[l.Peer] = true
	}
}

func (p *sshPath) touches(c Change) bool {
	switch o := c.Object().(type) {
	case Link:
		return p.link(c, o)
	case Member:
		return p.member(c, o)
	case OVSBridge:
		return p.on(o.Name) && c.Op != Create || p.links[o.Name]
	case OVSPort:
		return p.on(o.Name) || p.on(o.Bridge)
	case Netns:
		return false
	case File:
		return loginFile(o.Path)
	case Edit:
		return loginFile(o.File.Path)
	}
	if c.Key().Scope != HostScope {
		return false
	}
	switch o := c.Object().(type) {
	case Address:
		return p.address(c, o)
	case Route:
		return o.Dst.Contains(p.client)
	case Lease:
		return p.on(o.Link) || o.DefaultRoute == nil || *o.DefaultRoute
	case Neighbour:
		return p.on(o.Link) && (o.IP == p.client || o.IP == p.gateway)
	case Sysctl:
		return p.sysctl(o.Name)
	case Rule:
		return p.rule(o)
	case Chain:
		return p.chain(c, o)
	case Jump:
		return p.jump(o)
	case Table:
		return c.Op == Delete
	}
	return false
}

// on reports whether the link is, or may be, on the path.
func (p *sshPath) on(link string) bool { return p.links[link] || !p.known }

// link: a new one is on no path yet, unless it takes the link below for itself.
func (p *sshPath) link(c Change, l Link) bool {
	if c.Op == Create {
		return l.Mode == "passthru" && l.ParentScope == HostScope && p.on(l.Parent)
	}
	return l.Scope == HostScope && p.on(l.Name)
}

// member: joining a bridge of the path matters too, since that may close a loop.
func (p *sshPath) member(c Change, m Member) bool {
	if m.Scope != HostScope {
		return false
	}
	if before, ok := c.Before.(Member); ok && p.on(before.Bridge) {
		return true
	}
	return p.on(m.Link) || p.on(m.Bridge)
}

func (p *sshPath) address(c Change, a Address) bool {
	return a.Prefix.Addr() == p.server || p.on(a.Link) || a.Prefix.Masked().Contains(p.client)
}

// sysctl: forwarding as such does not reach the host's own connections, but IPv6
// forwarding makes a host ignore router advertisements.
func (p *sshPath) sysctl(name string) bool {
	// The connection's packets are for the host itself. Forwarding IPv6 is another
	// matter: it makes a host ignore router advertisements.
	if name == "net/ipv4/ip_forward" || (strings.HasPrefix(name, "net/ipv4/conf/") && strings.HasSuffix(name, "/forwarding")) {
		return false
	}
	if strings.HasSuffix(name, "/disable_ipv6") {
		link := sysctlLink(name)
		return link == "" || p.on(link)
	}
	parts := strings.Split(name, "/")
	if len(parts) < 5 || parts[0] != "net" || (parts[1] != "ipv4" && parts[1] != "ipv6") {
		return false
	}
	where := strings.Join(parts[3:len(parts)-1], "/")
	return where == "all" || where == "default" || p.on(where)
}

// loginFile reports whether the file has a say in who may log in.
func loginFile(path string) bool {
	for _, dir := range []string{"/etc/ssh", "/root/.ssh", "/etc/pam.d", "/etc/sudoers.d", "/etc/security"} {
		if path == dir || strings.HasPrefix(path, dir+"/") {
			return true
		}
	}
	switch path {
	case "/etc/hosts.deny", "/etc/hosts.allow", "/etc/sudoers", "/etc/passwd", "/etc/shadow", "/etc/group", "/etc/nologin",
		"/etc/nsswitch.conf", "/etc/shells", "/", "/etc", "/root", "/home":
		return true // sshd's StrictModes looks at the folders above the keys, too
	}
	if home, ok := strings.CutPrefix(path, "/home/"); ok && !strings.Contains(home, "/") {
		return true
	}
	return strings.Contains(path, "/.ssh/") || strings.HasSuffix(path, "/.ssh")
}
