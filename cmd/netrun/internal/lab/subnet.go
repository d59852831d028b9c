package lab

import (
	"fmt"
	"net/netip"
)

// chooseSubnet returns the first prefix for hosts hosts, counted from the seed,
// that overlaps nothing in used: 10.200.0.0 to 10.255.255.255 cut into /24, or
// /20 for more than 250 hosts.
func chooseSubnet(hosts int, seed uint32, used []netip.Prefix) (netip.Prefix, error) {
	bits := 24
	if hosts > 250 {
		bits = 20
	}
	size := uint32(1) << (32 - bits)
	const first, span = 10<<24 | 200<<16, 56 << 16
	slots := uint32(span) / size
	for i := range slots {
		n := first + (seed+i)%slots*size
		p := netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}), bits)
		if !overlapsAny(p, used) {
			return p, nil
		}
	}
	return netip.Prefix{}, fmt.Errorf("find a free management subnet: routes of this machine overlap all of 10.200.0.0 to 10.255.255.255 (choose one with --subnet)")
}

func overlapsAny(p netip.Prefix, used []netip.Prefix) bool {
	for _, u := range used {
		if u.Bits() > 0 && p.Overlaps(u) {
			return true
		}
	}
	return false
}

// fabricPrefixes returns the subnets that the hosts use among themselves: a
// management subnet must not hide them.
func (t *Topology) fabricPrefixes() []netip.Prefix {
	var out []netip.Prefix
	for _, h := range t.Hosts {
		for _, i := range h.Interfaces {
			for _, a := range i.Address {
				out = append(out, a.Masked())
			}
		}
	}
	return out
}
