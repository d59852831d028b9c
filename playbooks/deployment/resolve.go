package deployment

import (
	"cmp"
	"fmt"
	"io"
	"net/netip"
	"slices"

	"netrun/inventory/diag"
)

// Options say where a deployment goes.
type Options struct {
	Hosts     []string   // such as "node1:43273"; one that is listed twice gets twice as much
	Placement Placement  // of new instances
	NonLocal  netip.Addr // first address of links that are NonLocal; the zero one is 192.168.1.1
	Random    io.Reader  // for ids, if the deployment has RandomizeIDs
}

// resolver goes from a descriptor to a plan in the steps of Resolve.
type resolver struct {
	in      *Deployment
	options Options
	hosts   []string          // locators, as listed
	weights map[string]int    // how often a locator is listed
	groups  []*group          // a container each, in order of the descriptor
	byName  map[string]*group // by name of the container
	ids     map[string]*member
	edges   []*edge
	removed []Instance
}

// group is a container with its instances.
type group struct {
	Container
	members []*member
	public  map[int]bool // internal ports that the container lists
	linked  map[int]bool // internal ports that links need
}

// member is an instance that stays or comes.
type member struct {
	Instance
	was   *Instance   // how it stood in the file; nil of a new one
	where map[int]int // index of a port in Ports by its internal port; nil until asked for
}

// Resolve keeps the instances that d has on the hosts, makes new ones up to the counts, places
// them, and gives each linked port its local address. It does not change d. With no hosts all
// instances are removed. The first mistake is the error, in the words of geard if geard finds
// it too, as a *diag.Error where its place is known.
//
// A kept instance keeps its id, its host, the ports the host gave out and its local addresses;
// its image, environment and the ports of the container are those of the container now.
func (d *Deployment) Resolve(o Options) (*Plan, error) {
	r := &resolver{in: d, options: o}
	for _, step := range []func() error{
		r.readHosts, r.readContainers, r.keep, r.create, r.place,
		r.link, r.expose, r.update, r.reserve,
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return r.plan(), nil
}

func (r *resolver) readHosts() error {
	r.weights = make(map[string]int, len(r.options.Hosts))
	for _, text := range r.options.Hosts {
		h, err := readHost(text)
		if err != nil {
			return fmt.Errorf("read host %q: %w", text, err)
		}
		r.hosts = append(r.hosts, h.Locator)
		r.weights[h.Locator]++
	}
	return nil
}

func (r *resolver) readContainers() error {
	if errs := twice(r.in.Containers); len(errs) > 0 {
		return errs[0]
	}
	r.byName = make(map[string]*group, len(r.in.Containers))
	for _, c := range r.in.Containers {
		g := newGroup(c)
		r.groups = append(r.groups, g)
		r.byName[c.Name] = g
	}
	return nil
}

// newGroup copies what Resolve changes of a container, and what the plan would share with it.
func newGroup(c Container) *group {
	c.PublicPorts = slices.Clone(c.PublicPorts)
	c.Environment = slices.Clone(c.Environment)
	c.Links = slices.Clone(c.Links)
	c.Count = max(c.Count, 0)
	g := &group{Container: c, public: map[int]bool{}, linked: map[int]bool{}}
	for _, p := range c.PublicPorts {
		g.public[p.Internal] = true
	}
	return g
}

// port finds a port of the instance, the first if there were several, or nil.
func (m *member) port(internal int) *InstancePort {
	if m.where == nil {
		m.where = make(map[int]int, len(m.Ports))
		for i := len(m.Ports) - 1; i >= 0; i-- {
			m.where[m.Ports[i].Internal] = i
		}
	}
	i, ok := m.where[internal]
	if !ok {
		return nil
	}
	return &m.Ports[i]
}

// add gives the instance a port that it does not have.
func (m *member) add(p InstancePort) {
	if m.where != nil {
		m.where[p.Internal] = len(m.Ports)
	}
	m.Ports = append(m.Ports, p)
}

// edge is a link between two containers.
type edge struct {
	*Link
	from, to *group
}

// String is the link's name in errors.
func (e *edge) String() string { return e.from.Name + "-" + e.to.Name }

// priority is higher for a link that leaves less choice: it is served first.
func (e *edge) priority() int {
	p := 0
	if e.MatchPort {
		p += 4
	}
	if e.NonLocal {
		p += 2
	}
	if e.from == e.to {
		p++
	}
	return p
}

// link finds the ends of each link and completes its list of ports.
func (r *resolver) link() error {
	total := 0
	for _, g := range r.groups {
		for i := range g.Links {
			e, err := r.edge(g, &g.Links[i])
			if err != nil {
				return err
			}
			total += len(e.AliasPorts) * max(1, len(e.to.members)) * max(1, len(g.members))
			if total > MaxLinks {
				return diag.Errorf(e.Pos, "more than %d links from instance to instance, reached with %s", MaxLinks, e)
			}
			r.edges = append(r.edges, e)
		}
	}
	slices.SortStableFunc(r.edges, func(a, b *edge) int { return cmp.Compare(b.priority(), a.priority()) })
	return nil
}

func (r *resolver) edge(from *group, l *Link) (*edge, error) {
	to := r.byName[l.To]
	switch {
	case to == nil:
		return nil, diag.Errorf(l.Pos, "deployment: target %s not found for source %s", l.To, from.Name).
			WithHint("%s", diag.DidYouMean(l.To, r.names()))
	case len(to.PublicPorts) == 0:
		return nil, diag.Errorf(l.Pos, "deployment: target %s has no public ports to link to from %s", to.Name, from.Name)
	}
	l.AliasPorts = completed(l, to)
	l.Ports = nil
	return &edge{Link: l, from: from, to: to}, nil
}

func (r *resolver) names() []string {
	names := make([]string, len(r.groups))
	for i, g := range r.groups {
		names[i] = g.Name
	}
	return names
}

// completed lists the ports that a link is about: those it names, or else all public ones.
func completed(l *Link, to *group) []Port {
	ports := slices.Clone(l.AliasPorts)
	has := make(map[int]bool, len(ports))
	for _, p := range ports {
		has[p.Internal] = true
	}
	for _, p := range l.Ports {
		if !has[p] {
			has[p] = true
			ports = append(ports, Port{Internal: p})
		}
	}
	if len(ports) > 0 {
		return ports
	}
	for _, p := range to.PublicPorts {
		ports = append(ports, Port{Internal: p.Internal})
	}
	return ports
}

// expose makes every target publish the ports that links name. A port that the container does
// not list is taken from an instance that has it still, but given to none.
func (r *resolver) expose() error {
	for _, e := range r.edges {
		for _, p := range e.AliasPorts {
			e.to.linked[p.Internal] = true
			for _, m := range e.to.members {
				if m.port(p.Internal) != nil {
					continue
				}
				if !e.to.public[p.Internal] {
					return diag.Errorf(e.Pos, "deployment: target port %d on %s is not found, cannot link from %s", p.Internal, e.to.Name, e.from.Name)
				}
				m.add(InstancePort{Internal: p.Internal})
			}
		}
	}
	return nil
}
