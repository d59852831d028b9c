package ipam

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
)

// number reports the hosts that have none, each with one that is free.
func (p *planner) number() {
	for i, s := range p.lost {
		if i == 0 || p.lost[i-1].Host != s.Host {
			p.wrong(s.pos, p.free(s.Host), "host %s has no number in its name: which slice of range %s is it to have?", s.Host, s.Range)
		}
	}
}

// maxTried bounds the search for a free slice.
const maxTried = 1 << 16

// free says which number is free in all ranges of the host, and takes it.
func (p *planner) free(host string) string {
	var of []*span
	for _, s := range slices.Concat(p.slices, p.lost) {
		if s.Host == host {
			of = append(of, s.of)
		}
	}
	if p.taken == nil {
		p.taken = map[netip.Prefix]bool{}
		for _, s := range p.slices {
			p.taken[s.Subnet] = true
		}
	}
	for i := 1; i < maxTried; i++ {
		if slices.ContainsFunc(of, func(s *span) bool { return i >= s.count() || p.taken[s.slice(i)] }) {
			continue
		}
		for _, s := range of {
			p.taken[s.slice(i)] = true
		}
		return fmt.Sprintf("ipam_index: %d in %s, which is free", i, varFile(host))
	}
	return "no slice is free"
}

// overlaps reports slices that have addresses in common. In the order of their first
// addresses, the larger one first, what overlaps a slice comes right behind it.
func (p *planner) overlaps() {
	ordered := slices.Clone(p.slices)
	slices.SortStableFunc(ordered, func(a, b Slice) int {
		return cmp.Or(a.Subnet.Addr().Compare(b.Subnet.Addr()), cmp.Compare(a.Subnet.Bits(), b.Subnet.Bits()))
	})
	var wide *Slice
	met := map[[2]string]bool{}
	for i, s := range ordered {
		if wide == nil || !wide.Subnet.Overlaps(s.Subnet) {
			wide = &ordered[i]
			continue
		}
		if wide.Subnet == s.Subnet && wide.Range == s.Range {
			if pair := [2]string{wide.Host, s.Host}; !met[pair] {
				met[pair] = true
				p.wrong(s.pos, p.free(s.Host), "hosts %s and %s have the same slice of range %s, %s", wide.Host, s.Host, s.Range, s.Subnet)
			}
			continue
		}
		p.wrong(s.pos, "", "slice %s of range %s (host %s) overlaps %s of range %s (host %s)",
			s.Subnet, s.Range, s.Host, wide.Subnet, wide.Range, wide.Host)
	}
}
