package lint

import "netrun/tasks/state"

// slices reports addresses that are to be on one host and in the slice of another.
func (n *network) slices() {
	each(n, func(o *owned, a state.Address) {
		for _, other := range n.hosts {
			for _, s := range other.Slices {
				if other != o.host && s.Contains(a.Prefix.Addr()) && !o.host.within(a) {
					n.report(false, "", []*Task{o.task}, "address %s of %s is in the slice of %s, %s", a.Prefix.Addr(), o.host.Name, other.Name, s)
				}
			}
		}
	})
}

// within reports whether the address is in a slice of the host's own: of two slices that
// overlap, the inventory is told.
func (h *host) within(a state.Address) bool {
	for _, s := range h.Slices {
		if s.Contains(a.Prefix.Addr()) {
			return true
		}
	}
	return false
}
