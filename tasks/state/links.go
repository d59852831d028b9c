package state

import (
	"cmp"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// NetLink is one link: connections to a local address and port lead elsewhere.
type NetLink struct {
	FromHost string `json:"from_host"` // address, or a name
	FromPort int    `json:"from_port"`
	// ToHost is an address or a name that the host resolves; localhost, and any loopback
	// address, is the host that the scope is on. "" is not known.
	ToHost string `json:"to_host,omitempty"`
	ToPort int    `json:"to_port,omitempty"` // 0 is not known
	Proto  string `json:"proto"`             // tcp, udp or sctp
	Dev    string `json:"dev,omitempty"`     // through which it leaves; "": as the routes say
	Source string `json:"source,omitempty"`  // address with which it leaves; "": as the routes say
	// About says in words which port it is that ToPort should be, "" if that is a number.
	About string `json:"about,omitempty"`
}

// String is the link as people read it: 127.0.0.1:6379 -> db:50000.
func (l NetLink) String() string {
	to := cmp.Or(l.ToHost, "?")
	if l.ToPort != 0 {
		to = net.JoinHostPort(to, strconv.Itoa(l.ToPort))
	}
	text := net.JoinHostPort(l.FromHost, strconv.Itoa(l.FromPort)) + " -> " + to
	if l.Proto != "tcp" {
		text += "/" + l.Proto
	}
	return text
}

// Links wants one of the two chains that a scope's links come to. Links that lead to
// what is not known wait, while the others work.
type Links struct {
	Scope  Scope     `json:"scope,omitempty" state:"key"`
	Family int       `json:"family" state:"key"` // 4 or 6
	Name   string    `json:"name" state:"key"`   // of the chain, without its last letters
	Source bool      `json:"source,omitempty"`   // the chain that gives the packets a source, not the destination
	Links  []NetLink `json:"links,omitempty"`
}

// LinkChainPrefix begins the names of the chains of links.
const LinkChainPrefix = ChainPrefix + "-L"

// chain is the chain without its rules.
func (l Links) chain() Chain {
	letter := "-D"
	if l.Source {
		letter = "-S"
	}
	return Chain{Scope: l.Scope, Family: l.Family, Table: "nat", Name: l.Name + letter}
}

// Key implements Object: that of the chain.
func (l Links) Key() Key { return l.chain().Key() }

// Needs implements Object.
func (l Links) Needs() []Key { return l.chain().Needs() }

// Reads implements Late.
func (l Links) Reads() []Key {
	keys := append(routingKeys(l.Scope), Key{Kind: KindChain, Scope: l.Scope})
	for _, link := range l.Links {
		for _, host := range []string{link.FromHost, link.ToHost} {
			if host != localhost && IsName(host) {
				keys = append(keys, NameKey(host))
			}
		}
		if link.toSelf() {
			keys = append(keys, routingKeys(HostScope)...)
		}
	}
	return keys
}

const localhost = "localhost"

// toSelf reports whether the link leads to the host that the scope is on.
func (l NetLink) toSelf() bool {
	ip, err := netip.ParseAddr(l.ToHost)
	return l.ToHost == localhost || err == nil && ip.IsLoopback()
}

// from is the local address, or why it is not known.
func (l NetLink) from(view View, six bool) (netip.Addr, string) {
	if ip, err := netip.ParseAddr(l.FromHost); err == nil {
		return ip, ""
	}
	if l.FromHost == localhost {
		return netip.AddrFrom4([4]byte{127, 0, 0, 1}), ""
	}
	return Resolved(view, l.FromHost, six)
}

// to is the remote address, or why it is not known.
func (l NetLink) to(view View, scope Scope, six bool) (netip.Addr, string) {
	switch {
	case l.ToHost == "":
		return netip.Addr{}, "its remote host is missing"
	case l.ToPort == 0 && l.About != "":
		return netip.Addr{}, "no port is known for " + l.About
	case l.ToPort == 0:
		return netip.Addr{}, "its remote port is missing"
	case l.toSelf():
		return SelfAddress(view, scope, six)
	}
	if ip, err := netip.ParseAddr(l.ToHost); err == nil {
		return ip, ""
	}
	return Resolved(view, l.ToHost, six)
}

// resolvedLink is a link with the addresses that its names have.
type resolvedLink struct {
	NetLink
	local, remote netip.Addr
	dev, src      string
}

// known parts the links into those that can be made and, in words, those that wait.
func (l Links) known(view View) (links []resolvedLink, held []string) {
	for _, link := range l.Links {
		r := resolvedLink{NetLink: link}
		var why string
		if r.local, why = link.from(view, l.Family == 6); why == "" {
			r.remote, why = link.to(view, l.Scope, l.Family == 6)
		}
		if why == "" {
			why = r.leave(view, l.Scope)
		}
		if why != "" {
			held = append(held, fmt.Sprintf("link %s waits: %s", link, why))
			continue
		}
		links = append(links, r)
	}
	return links, held
}

// Held implements Partial.
func (l Links) Held(view View) []string {
	_, held := l.known(view)
	return held
}

// nothingYet is the rule of a chain all of whose links wait.
var nothingYet = []string{"-m", "comment", "--comment", "no link yet", "-j", "RETURN"}

// Resolve implements Late.
func (l Links) Resolve(view View) (Object, error) {
	c := l.chain()
	links, _ := l.known(view)
	for _, link := range links {
		rule := link.dnat()
		if l.Source {
			rule = link.snat()
		} else if err := l.conflict(view, link); err != nil {
			return nil, err
		}
		rule = CanonicalRule(l.Family, rule)
		// Two local addresses may lead to one remote port, which needs one source.
		if !slices.ContainsFunc(c.Rules, func(other []string) bool { return slices.Equal(rule, other) }) {
			c.Rules = append(c.Rules, rule)
		}
	}
	if len(c.Rules) == 0 {
		c.Rules = [][]string{nothingYet}
	}
	return c, nil
}

func (l resolvedLink) match(ip netip.Addr, port int) []string {
	return []string{"-d", netip.PrefixFrom(ip, ip.BitLen()).String(), "-p", l.Proto, "-m", l.Proto, "--dport", strconv.Itoa(port)}
}

// dnat is the rule that turns the local address into the remote one.
func (l resolvedLink) dnat() []string {
	return append(l.match(l.local, l.FromPort), "-j", "DNAT", "--to-destination", netip.AddrPortFrom(l.remote, uint16(l.ToPort)).String())
}

// leave finds out through which link, and with which address, the packets leave; why
// says that they cannot.
func (l *resolvedLink) leave(view View, scope Scope) (why string) {
	l.dev, l.src = l.Dev, l.Source
	if l.dev != "" && l.src != "" {
		return ""
	}
	through, with, ok := Lookup(view, scope, l.remote)
	l.dev, l.src = cmp.Or(l.dev, through), cmp.Or(l.src, with)
	switch {
	case !ok:
		return fmt.Sprintf("no route to %s%s", l.remote, inScope(scope))
	case l.src == "":
		return fmt.Sprintf("%s has no %s address%s", l.dev, ipVersion(l.remote.Is6()), inScope(scope))
	}
	return ""
}

// snat gives the packets a source to which an answer finds its way: 127.0.0.1 would not.
func (l resolvedLink) snat() []string {
	return append(append([]string{"-o", l.dev}, l.match(l.remote, l.ToPort)...),
		"-m", "conntrack", "--ctstate", "DNAT", "-j", "SNAT", "--to-source", l.src)
}

// conflict refuses a local address that another chain of links has already: the
// rule that happens to come first would win.
func (l Links) conflict(view View, link resolvedLink) error {
	for _, o := range view.All(KindChain, l.Scope) {
		other := o.(Chain)
		if other.Family != l.Family || other.Key() == l.Key() || !IsLinkChain(other) {
			continue
		}
		for _, made := range LinksOf(other) {
			if made.FromHost == link.local.String() && made.FromPort == link.FromPort && made.Proto == link.Proto {
				return fmt.Errorf("link %s: %s leads to %s%s already, by chain %s", link.NetLink,
					net.JoinHostPort(made.FromHost, strconv.Itoa(made.FromPort)), net.JoinHostPort(made.ToHost, strconv.Itoa(made.ToPort)), inScope(l.Scope), other.Name)
			}
		}
	}
	return nil
}

// IsLinkChain reports whether the chain holds the destinations of links.
func IsLinkChain(c Chain) bool {
	return c.Table == "nat" && strings.HasPrefix(c.Name, LinkChainPrefix) && strings.HasSuffix(c.Name, "-D")
}

// LinksOf reads the links that the rules of such a chain make.
func LinksOf(c Chain) []NetLink {
	var out []NetLink
	for _, p := range Publications(c) {
		to, err := netip.ParseAddrPort(p.To)
		port, err2 := strconv.Atoi(p.HostPort)
		if err != nil || err2 != nil || !p.IP.IsValid() {
			continue
		}
		out = append(out, NetLink{FromHost: p.IP.String(), FromPort: port, ToHost: to.Addr().String(), ToPort: int(to.Port()), Proto: p.Proto})
	}
	return out
}
