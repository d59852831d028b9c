package deployment

import (
	"cmp"
	"slices"

	"netrun/inventory/diag"
)

// Placement is how new instances find their hosts. Those that are kept stay where they are.
type Placement int

const (
	// RoundRobin deals the new instances out to the hosts, from the first one on at each
	// deployment, whatever runs there. It is what geard does, and takes no note of Affinity.
	RoundRobin Placement = iota
	// Spread gives each new instance to the host with the least load: its instances of this
	// deployment, divided by how often it is listed; the first listed of equals. Affinity
	// "distribute" prefers hosts with few instances of the same container, and the name of
	// another container prefers hosts with many of that one.
	Spread
)

// distribute is the one Affinity that is no name of a container.
const distribute = "distribute"

// place gives each new instance a host. Without hosts it drops them: nothing was kept either.
func (r *resolver) place() error {
	if len(r.hosts) == 0 {
		for _, g := range r.groups {
			g.members = nil
		}
		return nil
	}
	if r.options.Placement == Spread {
		return r.spread()
	}
	next := 0
	for _, g := range r.groups {
		for _, m := range g.members {
			if m.was == nil {
				m.On = r.hosts[next%len(r.hosts)]
				next++
			}
		}
	}
	return nil
}

// spreader counts what is on each host.
type spreader struct {
	r     *resolver
	hosts []string // each once
	load  map[string]int
	on    map[*group]map[string]int
}

func (r *resolver) spread() error {
	s := &spreader{r: r, load: map[string]int{}, on: map[*group]map[string]int{}}
	for _, h := range r.hosts {
		if !slices.Contains(s.hosts, h) {
			s.hosts = append(s.hosts, h)
		}
	}
	for _, g := range r.groups {
		s.on[g] = map[string]int{}
		for _, m := range g.members {
			if m.was != nil {
				s.count(g, m)
			}
		}
	}
	order, err := r.affinityOrder()
	if err != nil {
		return err
	}
	for _, g := range order {
		s.place(g)
	}
	return nil
}

func (s *spreader) count(g *group, m *member) {
	host, _ := ParseHost(m.On) // it was read before
	s.load[host.Locator]++
	s.on[g][host.Locator]++
}

func (s *spreader) place(g *group) {
	wish := func(string) int { return 0 }
	if g.Affinity == distribute {
		wish = func(h string) int { return s.on[g][h] }
	} else if other := s.r.byName[g.Affinity]; other != nil {
		wish = func(h string) int { return -s.on[other][h] }
	}
	for _, m := range g.members {
		if m.was == nil {
			m.On = slices.MinFunc(s.hosts, func(a, b string) int {
				return cmp.Or(cmp.Compare(wish(a), wish(b)), s.compareLoad(a, b))
			})
			s.count(g, m)
		}
	}
}

// compareLoad compares load/weight without dividing.
func (s *spreader) compareLoad(a, b string) int {
	return cmp.Compare(s.load[a]*s.r.weights[b], s.load[b]*s.r.weights[a])
}

// affinityOrder is the order of the descriptor, but with each container after the one that its
// Affinity names: that one's instances must be placed to be counted.
func (r *resolver) affinityOrder() ([]*group, error) {
	order := make([]*group, 0, len(r.groups))
	round := make(map[*group]int, len(r.groups)) // in which a container was reached
	for i, g := range r.groups {
		chain, err := r.affinityChain(g, i+1, round)
		if err != nil {
			return nil, err
		}
		slices.Reverse(chain)
		order = append(order, chain...)
	}
	return order, nil
}

// affinityChain follows the names from g on, up to a container that is in the order already or
// that names none.
func (r *resolver) affinityChain(g *group, now int, round map[*group]int) (chain []*group, err error) {
	for round[g] == 0 {
		if err := r.checkAffinity(g); err != nil {
			return nil, err
		}
		round[g] = now
		chain = append(chain, g)
		if g.Affinity == "" || g.Affinity == distribute {
			return chain, nil
		}
		next := r.byName[g.Affinity]
		if round[next] == now {
			return nil, diag.Errorf(g.Pos, "affinity of container %q to %q goes round in a circle", g.Name, g.Affinity)
		}
		g = next
	}
	return chain, nil
}

func (r *resolver) checkAffinity(g *group) error {
	if g.Affinity == "" || g.Affinity == distribute {
		return nil
	}
	if other := r.byName[g.Affinity]; other == nil || other == g {
		names := slices.DeleteFunc(r.names(), func(n string) bool { return n == g.Name })
		return diag.Errorf(g.Pos, "affinity %q of container %q is neither %q nor another container", g.Affinity, g.Name, distribute).
			WithHint("%s", diag.DidYouMean(g.Affinity, append(names, distribute)))
	}
	return nil
}
