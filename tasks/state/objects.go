package state

// Object is one piece of a host's network. Implementations are the structs of
// this package, always handled by value. Field tags tell the generic code how a
// field behaves:
//
//	state:"key"    part of the object's identity
//	state:"fixed"  cannot be changed in place: another value means delete and create
//	state:"hint"   used when applying, never compared and never observed
//	state:"mark"   the mark of ownership: set when netrun creates the object, never compared
type Object interface {
	// Key identifies the object on its host.
	Key() Key
	// Needs lists the objects that must exist for this one to exist.
	Needs() []Key
}

// Netns is a named network namespace, as `ip netns add` makes it.
type Netns struct {
	Name string `json:"name" state:"key"`
}

// Key implements Object.
func (n Netns) Key() Key { return Key{Kind: KindNetns, Name: n.Name} }

// Needs implements Object.
func (n Netns) Needs() []Key { return nil }

// Brings implements Bringer: a new namespace has a loopback link, which is down.
func (n Netns) Brings() []Object {
	return []Object{Link{Scope: NetnsScope(n.Name), Name: "lo", Type: "loopback", State: "down"}}
}

// Process is a running process whose network namespace is a scope. It is only
// ever observed: netrun neither starts nor ends it.
type Process struct {
	Pid string `json:"pid" state:"key"` // decimal
}

// Key implements Object.
func (p Process) Key() Key { return Key{Kind: KindProcess, Name: p.Pid} }

// Needs implements Object.
func (p Process) Needs() []Key { return nil }

// Member is a link's membership of a Linux bridge (`ip link set LINK master BRIDGE`).
type Member struct {
	Scope  Scope  `json:"scope,omitempty" state:"key"`
	Link   string `json:"link" state:"key"`
	Bridge string `json:"bridge"`
	// Isolated ports exchange frames with the other ports of the bridge, not with each other.
	Isolated *bool `json:"isolated,omitempty"`
	// Hairpin ports may send a frame back where it came from.
	Hairpin *bool `json:"hairpin,omitempty"`
	// Phase is what spanning tree has the port do, as observed: listening, learning, forwarding, blocking.
	Phase string `json:"phase,omitempty" state:"hint"`
}

// Key implements Object.
func (m Member) Key() Key { return Key{KindMember, m.Scope, m.Link} }

// Needs implements Object.
func (m Member) Needs() []Key {
	needs := []Key{LinkKey(m.Scope, m.Link)}
	if m.Bridge != "" {
		needs = append(needs, LinkKey(m.Scope, m.Bridge))
	}
	return needs
}

// Sysctl is a kernel parameter. Name is written with slashes, as the path below
// /proc/sys ("net/ipv4/ip_forward"), since interface names may contain dots.
type Sysctl struct {
	Scope Scope  `json:"scope,omitempty" state:"key"`
	Name  string `json:"name" state:"key"`
	Value string `json:"value"`
}

// Key implements Object.
func (s Sysctl) Key() Key { return Key{KindSysctl, s.Scope, s.Name} }

// Needs implements Object: net/ipv4/conf/eth0/... needs eth0.
func (s Sysctl) Needs() []Key {
	needs := s.Scope.Needs()
	if link := sysctlLink(s.Name); link != "" {
		needs = append(needs, LinkKey(s.Scope, link))
	}
	return needs
}
