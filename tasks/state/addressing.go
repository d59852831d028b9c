package state

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Protocol is the routing protocol number that marks netrun's own routes and
// rules (`ip route` shows it as "proto 78").
const Protocol = 78

// Address is an IP address on a link. Addresses that the kernel or a DHCP client
// made by itself are not objects.
type Address struct {
	Scope  Scope        `json:"scope,omitempty" state:"key"`
	Link   string       `json:"link" state:"key"`
	Prefix netip.Prefix `json:"prefix" state:"key"` // 10.0.0.1/24: the address, not the network
	Label  string       `json:"label,omitempty" state:"fixed"`
	Peer   string       `json:"peer,omitempty" state:"fixed"` // address of the other end, where it has one
	// Broadcast, AddrScope, Metric and NoPrefixRoute are ip address's brd, scope, metric and
	// noprefixroute; unset is none, global, none and false.
	Broadcast     string `json:"broadcast,omitempty" state:"fixed"`
	AddrScope     string `json:"addr_scope,omitempty" state:"fixed"` // site, link or host
	Metric        int    `json:"metric,omitempty" state:"fixed"`     // of its subnet's route
	NoPrefixRoute *bool  `json:"noprefixroute,omitempty" state:"fixed"`
	// Primary is observed of an IPv4 address to which others of its subnet are secondary;
	// created again, it goes before them, so that it is the source address as before.
	Primary  bool `json:"primary,omitempty" state:"hint"`
	Announce bool `json:"announce,omitempty" state:"hint"` // gratuitous ARP / unsolicited NA once added
	NoDAD    bool `json:"nodad,omitempty" state:"hint"`
}

// Key implements Object.
func (a Address) Key() Key { return Key{KindAddress, a.Scope, a.Link + " " + a.Prefix.String()} }

// Needs implements Object.
func (a Address) Needs() []Key { return []Key{LinkKey(a.Scope, a.Link)} }

// Neighbour is a permanent ARP or NDP entry.
type Neighbour struct {
	Scope Scope      `json:"scope,omitempty" state:"key"`
	Link  string     `json:"link" state:"key"`
	IP    netip.Addr `json:"ip" state:"key"`
	MAC   string     `json:"mac"`
}

// Key implements Object.
func (n Neighbour) Key() Key { return Key{KindNeighbour, n.Scope, n.Link + " " + n.IP.String()} }

// Needs implements Object.
func (n Neighbour) Needs() []Key { return []Key{LinkKey(n.Scope, n.Link)} }

// Route is a route of a routing table. Routes that the kernel made by itself
// (proto kernel, the local table) are not objects.
type Route struct {
	Scope  Scope        `json:"scope,omitempty" state:"key"`
	Dst    netip.Prefix `json:"dst" state:"key"`              // masked; 0.0.0.0/0 is the default route
	Table  int          `json:"table,omitempty" state:"key"`  // 0 is main (254)
	Metric int          `json:"metric,omitempty" state:"key"` // IPv6: 0 is 1024
	Via    string       `json:"via,omitempty"`                // gateway address
	Dev    string       `json:"dev,omitempty"`                // "" in a want: the link through which Via is reached
	Src    string       `json:"src,omitempty"`                // preferred source address
	Type   string       `json:"type,omitempty"`               // unicast (""), blackhole, unreachable, prohibit
	MTU    int          `json:"mtu,omitempty"`
	OnLink *bool        `json:"onlink,omitempty"`
	// Nexthops are the further gateways of a multipath route, each "via A dev B weight N".
	Nexthops []string `json:"nexthops,omitempty"`
	Protocol int      `json:"protocol,omitempty" state:"mark"`
}

// Key implements Object.
func (r Route) Key() Key {
	name := r.Dst.String()
	if r.Table != 0 && r.Table != 254 {
		name += " table " + strconv.Itoa(r.Table)
	}
	if m := r.metric(); m != 0 {
		name += " metric " + strconv.Itoa(m)
	}
	return Key{KindRoute, r.Scope, name}
}

// metric is the effective one: the kernel gives an IPv6 route 1024 where none is asked for.
func (r Route) metric() int {
	if r.Metric == 0 && r.Dst.Addr().Is6() {
		return 1024
	}
	return r.Metric
}

// Needs implements Object.
func (r Route) Needs() []Key {
	if r.Dev == "" {
		return r.Scope.Needs()
	}
	return []Key{LinkKey(r.Scope, r.Dev)}
}

// Reads implements Late.
func (r Route) Reads() []Key {
	if r.Dev != "" || r.Via == "" {
		return nil
	}
	return routingKeys(r.Scope)
}

// Resolve implements Late: a route that names only its gateway goes through the
// link on which the gateway is.
func (r Route) Resolve(view View) (Object, error) {
	if r.Dev != "" || r.Via == "" {
		return r, nil
	}
	via, err := netip.ParseAddr(r.Via)
	if err != nil {
		return nil, fmt.Errorf("route %s: gateway %q: %w", r.Dst, r.Via, err)
	}
	dev, ok := OnLinkDevice(view, r.Scope, via)
	if !ok {
		return nil, fmt.Errorf("route %s: gateway %s is on no link's subnet%s", r.Dst, via, inScope(r.Scope))
	}
	r.Dev = dev
	return r, nil
}

// Rule is a rule of the routing policy (`ip rule`). All of it is its identity:
// the kernel has no other.
type Rule struct {
	Scope    Scope  `json:"scope,omitempty" state:"key"`
	Family   int    `json:"family" state:"key"` // 4 or 6
	Priority int    `json:"priority,omitempty" state:"key"`
	From     string `json:"from,omitempty" state:"key"` // prefix, "" is all
	To       string `json:"to,omitempty" state:"key"`
	IIF      string `json:"iif,omitempty" state:"key"`
	OIF      string `json:"oif,omitempty" state:"key"`
	FwMark   string `json:"fwmark,omitempty" state:"key"` // 0x1 or 0x1/0xff
	Table    int    `json:"table,omitempty" state:"key"`
	Action   string `json:"action,omitempty" state:"key"` // "" is lookup; blackhole, unreachable, prohibit
	Protocol int    `json:"protocol,omitempty" state:"mark"`
}

// Key implements Object.
func (r Rule) Key() Key {
	parts := []string{"v" + strconv.Itoa(r.Family), "pref " + strconv.Itoa(r.Priority)}
	for _, p := range []struct{ word, value string }{{"from", r.From}, {"to", r.To}, {"iif", r.IIF}, {"oif", r.OIF},
		{"fwmark", r.FwMark}, {"", r.Action}} {
		if p.value != "" {
			parts = append(parts, strings.TrimSpace(p.word+" "+p.value))
		}
	}
	if r.Table != 0 {
		parts = append(parts, "table "+strconv.Itoa(r.Table))
	}
	return Key{KindRule, r.Scope, strings.Join(parts, " ")}
}

// Needs implements Object.
func (r Rule) Needs() []Key { return r.Scope.Needs() }
