package state

import (
	"net/netip"
	"path"
	"slices"
	"strings"
)

// TouchesSSH reports whether one of the changes concerns what an SSH connection
// from client to server hangs on, in the host's own namespace: the link that holds
// the server's address and what it is made of, the routes and rules towards the
// client, packet filters, sshd's files. In doubt it does. before is the host as it
// was observed. Without valid addresses (a local connection) nothing does.
func TouchesSSH(before View, changes []Change, client, server netip.Addr) bool {
	if !client.IsValid() || !server.IsValid() {
		return false
	}
	p := sshPath{before: before, client: client.Unmap(), server: server.Unmap()}
	p.links = p.stack()
	return slices.ContainsFunc(changes, p.touches)
}

type sshPath struct {
	before         View
	client, server netip.Addr
	links          map[string]bool // the link with the server's address, its bridge ports, what it stands on
}

// stack lists the links that packets between the two ends pass on this host.
func (p sshPath) stack() map[string]bool {
	links := map[string]bool{}
	for _, o := range p.before.All(KindAddress, HostScope) {
		if a := o.(Address); a.Prefix.Addr().Unmap() == p.server {
			p.addLink(links, a.Link)
		}
	}
	if dev, _, ok := Lookup(p.before, HostScope, p.client); ok {
		p.addLink(links, dev)
	}
	return links
}

// addLink adds the link, what it stands on, its bridge, and the ports of a bridge.
func (p sshPath) addLink(links map[string]bool, name string) {
	if name == "" || links[name] {
		return
	}
	links[name] = true
	if o, ok := p.before.Get(LinkKey(HostScope, name)); ok {
		if l := o.(Link); l.ParentScope == HostScope {
			p.addLink(links, l.Parent)
		}
	}
	for _, o := range p.before.All(KindMember, HostScope) {
		if m := o.(Member); m.Bridge == name {
			p.addLink(links, m.Link)
		} else if m.Link == name {
			p.addLink(links, m.Bridge)
		}
	}
}

func (p sshPath) touches(c Change) bool {
	for _, o := range []Object{c.Before, c.After} {
		if o != nil && p.object(c, o) {
			return true
		}
	}
	return false
}

func (p sshPath) object(c Change, o Object) bool {
	if f, ok := o.(File); ok {
		return sshFile(f.Path)
	}
	if o.Key().Scope != HostScope {
		// A link that is taken out of the host's namespace is a change of that link there.
		return false
	}
	switch o := o.(type) {
	case Link:
		return p.links[o.Name] || (c.Op != Create && p.links[o.Parent])
	case Member:
		return p.links[o.Link]
	case Address:
		return p.links[o.Link] || o.Prefix.Addr().Unmap() == p.server || o.Prefix.Contains(p.client)
	case Neighbour:
		return p.links[o.Link]
	case Route:
		return o.Dst.Contains(p.client)
	case Rule, Chain, Jump:
		return true
	case OVSBridge:
		return p.links[o.Name]
	case OVSPort:
		return p.links[o.Name] || p.links[o.Bridge]
	case Sysctl:
		return p.parameter(o.Name)
	}
	return false
}

// parameter reports whether a kernel parameter bears on the path. Forwarding does
// not: the packets of the connection are for the host itself.
func (p sshPath) parameter(name string) bool {
	parts := strings.Split(name, "/")
	if len(parts) < 2 || parts[0] != "net" || parts[len(parts)-1] == "forwarding" || parts[len(parts)-1] == "ip_forward" {
		return false
	}
	if len(parts) >= 5 && (parts[2] == "conf" || parts[2] == "neigh") {
		return parts[3] == "all" || parts[3] == "default" || p.links[parts[3]]
	}
	return true
}

// sshFile reports whether sshd, or the login behind it, reads the file.
func sshFile(name string) bool {
	for _, dir := range []string{"/etc/ssh", "/root/.ssh", "/etc/pam.d", "/etc/sudoers.d", "/etc/security", "/var/lib/netrun", "/run/netrun"} {
		if name == dir || strings.HasPrefix(name, dir+"/") {
			return true
		}
	}
	switch name {
	case "/", "/etc", "/root", "/etc/hosts.allow", "/etc/hosts.deny", "/etc/passwd", "/etc/shadow", "/etc/group", "/etc/sudoers", "/etc/nologin", "/etc/shells", "/etc/nsswitch.conf":
		return true
	}
	return path.Base(name) == "authorized_keys" || path.Base(path.Dir(name)) == ".ssh" || path.Base(name) == ".ssh"
}
