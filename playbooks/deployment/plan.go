package deployment

import (
	"fmt"

	"netrun/inventory/diag"
)

// Plan is a resolved deployment.
type Plan struct {
	// Deployed is the annotated form: links with their ports, and instances by container, the
	// kept ones of a container before its new ones.
	Deployed *Deployment
	// Instances says what to do, in the order of Deployed.Instances.
	Instances []Planned
	// Removed are instances to delete, before others are installed: an id may be given anew.
	Removed []Instance

	ports map[portKey]*InstancePort
}

// portKey is a port of an instance of the plan.
type portKey struct {
	id       string
	internal int
}

// Planned is an instance and its links.
type Planned struct {
	Instance *Instance // in Deployed.Instances
	Added    bool      // it is new
	Changed  []string  // "image", "environment" and "ports" of a kept one, as far as they differ
	// Links are in the order of their rules. The instances of one container share them: they
	// are not to be changed.
	Links []PlannedLink
}

// PlannedLink makes a local address lead to a port of an instance. Where that is, Plan.Link says.
type PlannedLink struct {
	From     Target // the local address
	Target   string // id of the instance
	On       string // its host, as placed: "node2:43273"
	Internal int    // its own port
}

func (r *resolver) plan() *Plan {
	p := &Plan{
		Deployed: &Deployment{IDPrefix: r.in.IDPrefix, RandomizeIDs: r.in.RandomizeIDs},
		Removed:  r.removed,
		ports:    map[portKey]*InstancePort{},
	}
	links := r.plannedLinks()
	for _, g := range r.groups {
		p.Deployed.Containers = append(p.Deployed.Containers, g.Container)
		for _, m := range g.members {
			p.Deployed.Instances = append(p.Deployed.Instances, m.Instance)
			p.Instances = append(p.Instances, Planned{Added: m.was == nil, Changed: m.changed(), Links: links[g]})
		}
	}
	for i := range p.Instances {
		p.Instances[i].Instance = &p.Deployed.Instances[i]
		p.index(p.Instances[i].Instance)
	}
	return p
}

func (p *Plan) index(in *Instance) {
	for i := range in.Ports {
		key := portKey{in.ID, in.Ports[i].Internal}
		if p.ports[key] == nil {
			p.ports[key] = &in.Ports[i]
		}
	}
}

// plannedLinks is the links of each container, which are those of each of its instances: by
// priority, then by instance of the target, then by port.
func (r *resolver) plannedLinks() map[*group][]PlannedLink {
	links := make(map[*group][]PlannedLink, len(r.groups))
	for _, e := range r.edges {
		if len(e.from.members) == 0 {
			continue
		}
		for _, m := range e.to.members {
			for _, p := range e.AliasPorts {
				links[e.from] = append(links[e.from], PlannedLink{m.port(p.Internal).Target, m.ID, m.On, p.Internal})
			}
		}
	}
	return links
}

// Link is where a link leads to: the name of the target's host, without its port and
// "localhost" for this machine, and the port of that host, 0 as long as it is not known.
func (p *Plan) Link(l PlannedLink) (host string, port int) {
	host = l.On
	if h, err := ParseHost(l.On); err == nil {
		host = h.Name
	}
	if to := p.ports[portKey{l.Target, l.Internal}]; to != nil {
		port = to.External
	}
	return host, port
}

// Compact is a link as geard writes it on a command line: "127.0.0.1:5432:node2:4000".
func (p *Plan) Compact(l PlannedLink) string {
	host, port := p.Link(l)
	return fmt.Sprintf("%s:%d:%s:%d", l.From.Host, l.From.Port, host, port)
}

// SetExternal notes the port that a host gave out for a port of an instance. Links know it
// from then on. It is not safe while others use the plan.
func (p *Plan) SetExternal(id string, internal, external int) error {
	port := p.ports[portKey{id, internal}]
	switch {
	case port == nil:
		return fmt.Errorf("set port %d of %q: the plan has no such port", internal, id)
	case external < 0 || external > maxPort:
		return fmt.Errorf("set port %d of %q: %d is no port", internal, id, external)
	}
	port.External = external
	return nil
}

// Conflicts finds ports of a host that two instances want: the host would refuse the second.
// Each error names both and stands at the container of the second.
func (p *Plan) Conflicts() (errs []error) {
	type hostPort struct {
		on   string
		port int
	}
	owners := map[hostPort]string{}
	places := p.places()
	for i := range p.Deployed.Instances {
		in := &p.Deployed.Instances[i]
		for _, port := range in.Ports {
			if port.External == 0 {
				continue
			}
			key := hostPort{in.On, port.External}
			if first, taken := owners[key]; taken {
				errs = append(errs, diag.Errorf(places[in.From], "port %d of host %s is wanted by %s and by %s", port.External, in.On, first, in.ID).
					WithHint("leave External out to have the host choose, or give each a host of its own"))
				continue
			}
			owners[key] = in.ID
		}
	}
	return errs
}

func (p *Plan) places() map[string]diag.Pos {
	places := make(map[string]diag.Pos, len(p.Deployed.Containers))
	for _, c := range p.Deployed.Containers {
		places[c.Name] = c.Pos
	}
	return places
}
