package state

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Name is a host name as the host's own resolver answers it. It is only ever
// observed, and a name without an answer is observed too.
type Name struct {
	Name      string       `json:"name" state:"key"`
	Addresses []netip.Addr `json:"addresses,omitempty"` // sorted
	Problem   string       `json:"problem,omitempty"`   // why there are none
}

// NameKey is the key of a host name.
func NameKey(name string) Key { return Key{Kind: KindName, Name: name} }

// Key implements Object.
func (n Name) Key() Key { return NameKey(n.Name) }

// Needs implements Object.
func (n Name) Needs() []Key { return nil }

// Resolved is the address that a name has for the host: the lowest of the family, so
// that a resolver that answers in turns makes no change each time. why says that there is none.
func Resolved(view View, name string, six bool) (ip netip.Addr, why string) {
	o, known := view.Get(NameKey(name))
	if !known {
		return ip, fmt.Sprintf("nobody could be asked for %s", name)
	}
	n := o.(Name)
	for _, a := range n.Addresses {
		if a.Is6() == six && (!ip.IsValid() || a.Less(ip)) {
			ip = a
		}
	}
	switch {
	case ip.IsValid():
		return ip, ""
	case n.Problem != "":
		return ip, fmt.Sprintf("%s is not known here: %s", name, n.Problem)
	}
	return ip, fmt.Sprintf("%s has no %s address", name, ipVersion(six))
}

// Named reports whether the object hangs on what the host's resolver answers.
func Named(o Object) bool {
	late, ok := o.(Late)
	return ok && slices.ContainsFunc(late.Reads(), func(k Key) bool { return k.Kind == KindName })
}

func ipVersion(six bool) string { return map[bool]string{false: "IPv4", true: "IPv6"}[six] }

// SelfAddress is the address at which a scope reaches the host that it is on: the
// gateway of its routes, if that is the host; else one on a subnet that both are on;
// else the one with which the host itself goes out. why says that there is none.
func SelfAddress(view View, scope Scope, six bool) (ip netip.Addr, why string) {
	own := hostAddresses(view, six)
	for _, o := range view.All(KindRoute, scope) {
		via, err := netip.ParseAddr(o.(Route).Via)
		if err == nil && scope != HostScope && mainTable(o.(Route)) && own[via] {
			return via, ""
		}
	}
	for _, o := range view.All(KindAddress, scope) {
		for _, p := range view.All(KindAddress, HostScope) {
			if a := p.(Address).Prefix.Addr(); scope != HostScope && own[a] && o.(Address).Prefix.Contains(a) {
				return a, ""
			}
		}
	}
	for _, o := range view.All(KindRoute, HostScope) {
		r := o.(Route)
		if !mainTable(r) || r.Dst.Bits() > 0 || r.Dst.Addr().Is6() != six {
			continue
		}
		if src, err := netip.ParseAddr(sourceOn(view, HostScope, r.Dev, r.Via, r.Dst.Addr())); err == nil {
			return src, ""
		}
	}
	for _, o := range view.All(KindAddress, HostScope) {
		if a := o.(Address).Prefix.Addr(); own[a] {
			return a, ""
		}
	}
	return ip, fmt.Sprintf("this host has no %s address of its own", ipVersion(six))
}

// hostAddresses are those at which others than the host itself could reach it.
func hostAddresses(view View, six bool) map[netip.Addr]bool {
	own := map[netip.Addr]bool{}
	for _, o := range view.All(KindAddress, HostScope) {
		a := o.(Address).Prefix.Addr()
		if a.Is6() == six && !a.IsLoopback() && !a.IsLinkLocalUnicast() {
			own[a] = true
		}
	}
	return own
}

// IsName reports whether the text is a host name, and not an address.
func IsName(text string) bool {
	ok := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '.' || r == '_'
	}
	for _, r := range text {
		if !ok(r) {
			return false
		}
	}
	return text != "" && len(text) < 254 && text[0] != '-' && strings.Trim(text, "0123456789.") != ""
}
