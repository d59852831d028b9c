package reconcile

import (
	"strings"

	"netrun/tasks/state"
)

// keepCollateral notes what the change could take along without being asked:
// a link that goes down loses its routes and its IPv6 addresses, an address its
// routes, "all" parameters write over those of each interface.
func (p *planning) keepCollateral(c state.Change) {
	switch o := c.Object().(type) {
	case state.Link:
		if c.Op == state.Update {
			p.keepDependents(c.Key())
		}
	case state.Address:
		if c.Op == state.Delete {
			p.keepDependents(state.LinkKey(o.Scope, o.Link))
		}
	case state.Member:
		if c.Op != state.Create {
			p.keepDependents(state.LinkKey(o.Scope, o.Link))
		}
	case state.Sysctl:
		p.keepParameters(o)
	}
}

func (p *planning) keepDependents(link state.Key) {
	for _, d := range p.sim.Dependents(link) {
		switch d.Kind {
		case state.KindAddress, state.KindRoute, state.KindNeighbour, state.KindMember:
			o, _ := p.sim.Get(d)
			p.side = append(p.side, o)
		}
	}
}

// keepParameters keeps the values that net/ipv4/ip_forward and net/*/conf/all/*
// overwrite: those of each interface, and accept_redirects, which goes with
// forwarding. A host observes them along with the parameter.
func (p *planning) keepParameters(s state.Sysctl) {
	prefix, _, all := strings.Cut(s.Name, "all/")
	if s.Name == "net/ipv4/ip_forward" {
		prefix, all = "net/ipv4/conf/", true
	}
	if !all || !strings.HasSuffix(prefix, "/conf/") {
		return
	}
	for _, o := range p.sim.All(state.KindSysctl, s.Scope) {
		if other := o.(state.Sysctl); other.Name != s.Name && strings.HasPrefix(other.Name, prefix) {
			p.side = append(p.side, other)
		}
	}
}
