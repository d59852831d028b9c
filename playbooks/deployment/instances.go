package deployment

import (
	"encoding/base32"
	"fmt"
	"io"
	"slices"
	"strconv"

	"netrun/inventory/diag"
)

// keep sorts the instances of the file into those that stay and those to remove. One that was
// never placed is forgotten: there is nothing on any host.
func (r *resolver) keep() error {
	for i := range r.in.Instances {
		in := &r.in.Instances[i]
		if in.On == "" {
			continue
		}
		host, err := ParseHost(in.On)
		if err != nil {
			return diag.Errorf(in.Pos, "The host %s for instance %s is not recognized - you may be using a different transport than originally specified: %v", in.On, in.ID, err)
		}
		g := r.byName[in.From]
		if g == nil || r.weights[host.Locator] == 0 {
			r.removed = append(r.removed, in.clone())
			continue
		}
		g.members = append(g.members, &member{Instance: in.clone(), was: in})
	}
	for _, g := range r.groups {
		r.trim(g)
	}
	return r.claimIDs()
}

func (in *Instance) clone() Instance {
	out := *in
	out.Ports = slices.Clone(in.Ports)
	out.Environment = slices.Clone(in.Environment)
	return out
}

// trim removes the last instances above the count.
func (r *resolver) trim(g *group) {
	if len(g.members) <= g.Count {
		return
	}
	for _, m := range g.members[g.Count:] {
		r.removed = append(r.removed, m.Instance)
	}
	g.members = g.members[:g.Count]
}

func (r *resolver) claimIDs() error {
	r.ids = map[string]*member{}
	for _, g := range r.groups {
		for _, m := range g.members {
			if err := ParseIdentifier(m.ID); err != nil {
				return diag.Errorf(m.Pos, "%v", err)
			}
			// geard wrote such files: it numbered from the count, whatever numbers were in use.
			if first := r.ids[m.ID]; first != nil {
				return diag.Errorf(m.Pos, "instance %q a second time, on %s", m.ID, m.On).
					WithHint("the first is on %s; delete one there and take it out of the file", first.On)
			}
			r.ids[m.ID] = m
		}
	}
	return nil
}

// create makes new instances up to the counts.
func (r *resolver) create() error {
	if err := r.bounded(); err != nil {
		return err
	}
	for _, g := range r.groups {
		next := 1
		for len(g.members) < g.Count {
			id, err := r.newID(g, &next)
			if err != nil {
				return err
			}
			g.members = append(g.members, g.newMember(id))
			r.ids[id] = g.members[len(g.members)-1]
		}
	}
	return nil
}

// bounded counts what there will be, before any of it is made.
func (r *resolver) bounded() error {
	instances, ports := 0, 0
	for _, g := range r.groups {
		instances += min(g.Count, MaxInstances+1)
		if instances > MaxInstances {
			return diag.Errorf(g.Pos, "more than %d instances, reached with container %s", MaxInstances, g.Name)
		}
		ports += g.Count * len(g.PublicPorts)
		for _, m := range g.members {
			for _, p := range m.Ports {
				if !g.public[p.Internal] {
					ports++
				}
			}
		}
		if ports > MaxPorts {
			return diag.Errorf(g.Pos, "more than %d ports of instances, reached with container %s", MaxPorts, g.Name)
		}
	}
	return nil
}

func (g *group) newMember(id string) *member {
	m := &member{Instance: Instance{
		ID: id, Image: g.Image, From: g.Name, Environment: slices.Clone(g.Environment), Pos: g.Pos,
	}}
	for _, p := range g.PublicPorts {
		m.Ports = append(m.Ports, InstancePort{Internal: p.Internal, External: p.External})
	}
	return m
}

// newID finds an id that no instance has. Numbers are the lowest free ones, so that a hole is
// filled: geard, which counts the instances, gives out a number twice.
func (r *resolver) newID(g *group, next *int) (string, error) {
	if r.in.RandomizeIDs {
		return r.randomID(g)
	}
	for {
		id := r.in.IDPrefix + g.Name + "-" + strconv.Itoa(*next)
		*next++
		if err := ParseIdentifier(id); err != nil {
			return "", diag.Errorf(g.Pos, "%v", err).
				WithHint("the id %q is IdPrefix, the name of the container and a number", id)
		}
		if r.ids[id] == nil {
			return id, nil
		}
	}
}

const (
	randomBytes = 5 // 8 letters and digits
	randomTries = 100
)

var randomLetters = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// randomID is prefix, name and random letters. The name is cut to what an id has room for.
func (r *resolver) randomID(g *group) (string, error) {
	if r.options.Random == nil {
		return "", diag.Errorf(g.Pos, "RandomizeIds without a source of randomness")
	}
	for range randomTries {
		var b [randomBytes]byte
		if _, err := io.ReadFull(r.options.Random, b[:]); err != nil {
			return "", fmt.Errorf("make an id for %s: %w", g.Name, err)
		}
		tail := "-" + randomLetters.EncodeToString(b[:])
		name := g.Name[:min(len(g.Name), max(0, maxID-len(r.in.IDPrefix)-len(tail)))]
		id := r.in.IDPrefix + name + tail
		if err := ParseIdentifier(id); err != nil {
			return "", diag.Errorf(g.Pos, "%v", err).
				WithHint("the id %q is IdPrefix, the name of the container and random letters", id)
		}
		if r.ids[id] == nil {
			return id, nil
		}
	}
	return "", diag.Errorf(g.Pos, "no random id for %s that is not in use", g.Name)
}

// update makes kept instances what their container is now; geard leaves them as they were.
func (r *resolver) update() error {
	for _, g := range r.groups {
		for _, m := range g.members {
			if m.was != nil {
				m.update(g)
			}
		}
	}
	return nil
}

func (m *member) update(g *group) {
	if g.Image != "" {
		m.Image = g.Image
	}
	m.Environment = slices.Clone(g.Environment)
	for _, p := range g.PublicPorts {
		if have := m.port(p.Internal); have == nil {
			m.add(InstancePort{Internal: p.Internal, External: p.External})
		} else if p.External != 0 {
			have.External = p.External
		}
	}
	m.Ports = slices.DeleteFunc(m.Ports, func(p InstancePort) bool {
		return !g.public[p.Internal] && !g.linked[p.Internal]
	})
	m.where = nil
}

// changed says what a host has to change of a kept instance.
func (m *member) changed() (what []string) {
	if m.was == nil {
		return nil
	}
	if m.Image != m.was.Image {
		what = append(what, "image")
	}
	if !sameVariables(m.Environment, m.was.Environment) {
		what = append(what, "environment")
	}
	published := func(a, b InstancePort) bool { return a.Internal == b.Internal && a.External == b.External }
	if !slices.EqualFunc(m.Ports, m.was.Ports, published) {
		what = append(what, "ports")
	}
	return what
}
