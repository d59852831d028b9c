package state

import "strings"

// Kind names a sort of object, in the words of ip, iptables and ovs-vsctl.
type Kind string

// The kinds of objects. Their order in kindOrder is the order in which they
// come to be on a host.
const (
	KindNetns     Kind = "netns"
	KindProcess   Kind = "process"
	KindContainer Kind = "container"
	KindName      Kind = "name"
	KindOVSBridge Kind = "ovs-bridge"
	KindLink      Kind = "link"
	KindOVSPort   Kind = "ovs-port"
	KindMember    Kind = "member"
	KindPortVLAN  Kind = "port-vlan"
	KindQdisc     Kind = "qdisc"
	KindUppers    Kind = "uppers"
	KindSysctl    Kind = "sysctl"
	KindOffload   Kind = "offload"
	KindAddress   Kind = "address"
	KindNeighbour Kind = "neighbour"
	KindRoute     Kind = "route"
	KindRule      Kind = "rule"
	KindLease     Kind = "lease"
	KindTable     Kind = "table"
	KindChain     Kind = "chain"
	KindJump      Kind = "jump"
	KindFile      Kind = "file"
	KindJSON      Kind = "json"
	KindPort      Kind = "port"
	KindHostsLine Kind = "hosts-line"
	KindStrays    Kind = "strays"
)

// kindOrder ranks the kinds: what is later may need what is earlier.
var kindOrder = rankKinds(KindNetns, KindProcess, KindContainer, KindName, KindOVSBridge, KindLink, KindOVSPort, KindMember, KindPortVLAN, KindUppers, KindQdisc,
	KindSysctl, KindOffload, KindAddress, KindNeighbour, KindRoute, KindRule, KindLease, KindTable, KindChain, KindJump, KindFile, KindJSON, KindPort, KindHostsLine, KindStrays)

func rankKinds(kinds ...Kind) map[Kind]int {
	ranks := make(map[Kind]int, len(kinds))
	for i, k := range kinds {
		ranks[k] = i
	}
	return ranks
}

// Rank is the kind's place in the order in which objects come to be.
func (k Kind) Rank() int { return kindOrder[k] }

// Scope says in which network namespace of a host an object lives: "" is the
// host's own, "netns:NAME" a named one (as ip netns lists them), "pid:N" that of
// a process.
type Scope string

// HostScope is the host's own network namespace.
const HostScope Scope = ""

// NetnsScope is the scope of the named network namespace.
func NetnsScope(name string) Scope { return Scope("netns:" + name) }

// PidScope is the scope of the network namespace of process pid (decimal).
func PidScope(pid string) Scope { return Scope("pid:" + pid) }

// Split gives the scope's two parts, "netns" and "blue" of "netns:blue"; both
// are empty for the host's own.
func (s Scope) Split() (sort, name string) {
	sort, name, _ = strings.Cut(string(s), ":")
	return sort, name
}

// Needs lists the object that must be there for the scope to be.
func (s Scope) Needs() []Key {
	switch sort, name := s.Split(); sort {
	case "netns":
		return []Key{{Kind: KindNetns, Name: name}}
	case "pid":
		return []Key{{Kind: KindProcess, Name: name}}
	}
	if sought, ok := s.Sought(); ok {
		return []Key{ContainerKey(sought)}
	}
	return nil
}

// Key identifies an object on a host. Name's form is the kind's own: a link's
// name, "eth0 10.0.0.1/24" for an address, a path for a file.
type Key struct {
	Kind  Kind   `json:"kind"`
	Scope Scope  `json:"scope,omitempty"`
	Name  string `json:"name"`
}

// String is the key as people read it: `link br0`, `address eth0 10.0.0.1/24 in netns:blue`.
func (k Key) String() string {
	text := string(k.Kind)
	if k.Name != "" {
		text += " " + k.Name
	}
	if k.Scope != HostScope {
		text += " in " + string(k.Scope)
	}
	return text
}

// Less orders keys by the rank of their kind, then scope, then name.
func (k Key) Less(other Key) bool {
	if k.Kind != other.Kind {
		return k.Kind.Rank() < other.Kind.Rank()
	}
	if k.Scope != other.Scope {
		return k.Scope < other.Scope
	}
	return k.Name < other.Name
}
