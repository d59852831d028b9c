package state

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// containerKeys are what the facts of a container are read from.
func containerKeys(of Scope) []Key {
	keys := append(of.Needs(), Key{Kind: KindLink, Scope: of}, Key{Kind: KindAddress, Scope: of})
	if name, ok := of.Sought(); ok {
		keys = append(keys, ContainerKey(name))
	}
	return keys
}

// about is a fact of the container, if the word is one of those.
func (f facts) about(name string) (value string, known bool, err error) {
	word, arg, _ := strings.Cut(name, " ")
	switch word {
	case "to4", "to6":
		p, err := Reached(f.view, f.scope, f.of, word == "to6")
		return p.Addr().String(), true, err
	case "net4", "net6":
		p, err := f.net(arg, word == "net6")
		return p.String(), true, err
	case "hostname":
		return hostnameOf(f.view, f.of), true, nil
	case "name":
		return f.of.Bare(), true, nil
	}
	return "", false, nil
}

// net is the subnet that the address has in the container; the address alone where
// the container has no such address.
func (f facts) net(address string, six bool) (netip.Prefix, error) {
	if address == "" {
		p, err := Reached(f.view, f.scope, f.of, six)
		return p.Masked(), err
	}
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return netip.Prefix{}, err
	}
	for _, o := range f.view.All(KindAddress, f.of) {
		if p := o.(Address).Prefix; p.Addr() == ip {
			return p.Masked(), nil
		}
	}
	return netip.PrefixFrom(ip, ip.BitLen()), nil
}

// hostnameOf is what the container calls itself.
func hostnameOf(view View, of Scope) string {
	if name, ok := of.Sought(); ok {
		if o, there := view.Get(ContainerKey(name)); there && o.(Container).Hostname != "" {
			return o.(Container).Hostname
		}
	}
	return of.Bare()
}

// Reached is the address of the container at which the scope reaches it, with its
// prefix length: one on a subnet that the scope is on itself, else one to which it
// has a route. A default route counts for other containers only: the host has none
// that leads to its containers. Among equals an address that the container's runtime
// did not give it comes first, since that stays the same after a restart, then the lowest.
func Reached(view View, from, of Scope, six bool) (netip.Prefix, error) {
	for _, need := range of.Needs() {
		if _, there := view.Get(need); !there {
			return netip.Prefix{}, &MissingError{Key: need, Needs: need}
		}
	}
	own := map[netip.Addr]bool{}
	for _, o := range view.All(KindAddress, from) {
		own[o.(Address).Prefix.Addr()] = true
	}
	var has []string
	best, rank := netip.Prefix{}, 0
	for _, o := range view.All(KindAddress, of) {
		a := o.(Address)
		ip := a.Prefix.Addr()
		if ip.Is6() != six || ip.IsLoopback() || ip.IsLinkLocalUnicast() {
			continue
		}
		has = append(has, a.Prefix.String())
		if own[ip] {
			continue // it has the scope's own network
		}
		r := 2 * nearness(view, from, ip)
		if r > 0 && !given(view, of, a.Prefix) {
			r++
		}
		if r > rank || r == rank && rank > 0 && ip.Less(best.Addr()) {
			best, rank = a.Prefix, r
		}
	}
	switch {
	case rank > 0:
		return best, nil
	case len(has) == 0:
		return best, &noAddressError{of.Bare(), six}
	}
	return best, fmt.Errorf("no route to container %s%s: its addresses are %s", of.Bare(), inScope(from), strings.Join(has, ", "))
}

// given reports whether the address is one that the container's runtime gave it.
func given(view View, of Scope, p netip.Prefix) bool {
	name, sought := of.Sought()
	if !sought {
		return false
	}
	o, there := view.Get(ContainerKey(name))
	return there && slices.Contains(o.(Container).Addresses, p.String())
}

// nearness is 3 for an address on a subnet of the scope's, 2 with a route to it, 1
// by the default route, 0 for none.
func nearness(view View, from Scope, ip netip.Addr) int {
	if _, ok := OnLinkDevice(view, from, ip); ok {
		return 3
	}
	route := 0
	for _, o := range view.All(KindRoute, from) {
		r := o.(Route)
		switch {
		case !mainTable(r) || !r.Dst.Contains(ip):
		case r.Dst.Bits() > 0:
			route = 2
		case from != HostScope:
			route = max(route, 1)
		}
	}
	return route
}

// noAddressError says that a container has no address of the family.
type noAddressError struct {
	container string
	six       bool
}

// Error implements error.
func (e *noAddressError) Error() string {
	return fmt.Sprintf("container %s has no %s address", e.container, map[bool]string{false: "IPv4", true: "IPv6"}[e.six])
}
