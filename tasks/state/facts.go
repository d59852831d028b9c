package state

import (
	"fmt"
	"net/netip"
	"strings"
)

// Facts that a field may name, written ${word argument}:
//
//	${src 10.0.0.4}   the source address that the scope uses towards that address
//	${dev 10.0.0.4}   the link through which that address is reached
//	${addr4 eth0}     the first IPv4 address of the link, ${addr6 eth0} the first IPv6 one
//
// Where the object is about a container (its field Of), also:
//
//	${to4}            the IPv4 address at which the scope reaches the container, ${to6} the IPv6 one
//	${net4 10.0.0.4}  the subnet of that address in the container, ${net6 ADDRESS} the same of IPv6;
//	                  without an address, that of ${to4}
//	${hostname}       what the container calls itself, ${name} what others call it
//	${port 4000-4999} a free port of the range, kept from one application to the next

// HasFacts reports whether one of the texts names a fact.
func HasFacts(texts ...string) bool {
	for _, t := range texts {
		if strings.Contains(t, "${") {
			return true
		}
	}
	return false
}

// Expand replaces the facts that text names by their values in the scope.
func Expand(view View, scope Scope, text string) (string, error) {
	return facts{view: view, scope: scope}.expand(text)
}

// facts are those of a scope, and of a container as the scope sees it.
type facts struct {
	view  View
	scope Scope
	of    Scope // "" for none
}

func (f facts) expand(text string) (string, error) {
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(text, "${")
		out.WriteString(before)
		if !found {
			return out.String(), nil
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed {
			return "", fmt.Errorf("fact %q has no closing brace", "${"+rest)
		}
		value, err := f.fact(name)
		if err != nil {
			return "", fmt.Errorf("fact ${%s}: %w", name, err)
		}
		out.WriteString(value)
		text = after
	}
}

func (f facts) all(texts []string) ([]string, error) {
	out := make([]string, len(texts))
	for i, t := range texts {
		value, err := f.expand(t)
		if err != nil {
			return nil, err
		}
		out[i] = value
	}
	return out, nil
}

func (f facts) fact(name string) (string, error) {
	if f.of != "" {
		if value, known, err := f.about(name); known {
			return value, err
		}
	}
	return fact(f.view, f.scope, name)
}

func fact(view View, scope Scope, name string) (string, error) {
	word, arg, _ := strings.Cut(name, " ")
	switch word {
	case "src", "dev":
		ip, err := netip.ParseAddr(arg)
		if err != nil {
			return "", err
		}
		dev, src, ok := Lookup(view, scope, ip)
		if !ok {
			return "", fmt.Errorf("no route to %s%s", ip, inScope(scope))
		}
		if word == "dev" {
			return dev, nil
		}
		if src == "" {
			return "", fmt.Errorf("%s has no address of that family%s", dev, inScope(scope))
		}
		return src, nil
	case "addr4", "addr6":
		return firstAddress(view, scope, arg, word == "addr6")
	}
	return "", fmt.Errorf("unknown word %q (known: addr4, addr6, dev, src)", word)
}

func firstAddress(view View, scope Scope, link string, v6 bool) (string, error) {
	for _, o := range view.All(KindAddress, scope) {
		if a := o.(Address); a.Link == link && a.Prefix.Addr().Is6() == v6 {
			return a.Prefix.Addr().String(), nil
		}
	}
	return "", fmt.Errorf("%s has no such address%s", link, inScope(scope))
}

// routingKeys are what Lookup and OnLinkDevice read.
func routingKeys(scope Scope) []Key {
	return []Key{{Kind: KindLink, Scope: scope}, {Kind: KindAddress, Scope: scope}, {Kind: KindRoute, Scope: scope}}
}

// OnLinkDevice is the link with the longest subnet that contains ip.
func OnLinkDevice(view View, scope Scope, ip netip.Addr) (string, bool) {
	dev, bits := "", -1
	for _, o := range view.All(KindAddress, scope) {
		a := o.(Address)
		if a.Prefix.Contains(ip) && a.Prefix.Bits() > bits {
			dev, bits = a.Link, a.Prefix.Bits()
		}
	}
	for _, o := range view.All(KindRoute, scope) {
		r := o.(Route)
		if mainTable(r) && r.Via == "" && r.Dev != "" && r.Dst.Contains(ip) && r.Dst.Bits() > bits {
			dev, bits = r.Dev, r.Dst.Bits()
		}
	}
	return dev, bits >= 0
}

// Lookup is a routing decision of the scope's main table: the link and the source
// address for packets to ip. Policy rules are not followed. src is "" where the
// link has no address of the family.
func Lookup(view View, scope Scope, ip netip.Addr) (dev, src string, ok bool) {
	best, bits := Route{}, -1
	for _, o := range view.All(KindAddress, scope) {
		if a := o.(Address); a.Prefix.Contains(ip) && a.Prefix.Bits() > bits {
			best, bits = Route{Dev: a.Link, Src: a.Prefix.Addr().String()}, a.Prefix.Bits()
		}
	}
	for _, o := range view.All(KindRoute, scope) {
		r := o.(Route)
		if !mainTable(r) || !r.Dst.Contains(ip) || r.Dst.Bits() < bits {
			continue
		}
		if r.Dst.Bits() > bits || r.metric() < best.metric() {
			best, bits = r, r.Dst.Bits()
		}
	}
	if bits < 0 || best.Dev == "" {
		return "", "", false
	}
	if best.Src == "" {
		best.Src = sourceOn(view, scope, best.Dev, best.Via, ip)
	}
	return best.Dev, best.Src, true
}

// sourceOn is the address of dev in the gateway's subnet, else its first one of ip's family.
func sourceOn(view View, scope Scope, dev, via string, ip netip.Addr) string {
	gateway, err := netip.ParseAddr(via)
	first := ""
	for _, o := range view.All(KindAddress, scope) {
		a := o.(Address)
		if a.Link != dev || a.Prefix.Addr().Is6() != ip.Is6() {
			continue
		}
		if err == nil && a.Prefix.Contains(gateway) {
			return a.Prefix.Addr().String()
		}
		if first == "" {
			first = a.Prefix.Addr().String()
		}
	}
	return first
}

func mainTable(r Route) bool {
	return (r.Table == 0 || r.Table == 254) && (r.Type == "" || r.Type == "unicast")
}

func inScope(scope Scope) string {
	if scope == HostScope {
		return ""
	}
	return " in " + string(scope)
}
