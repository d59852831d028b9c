package reconcile

import (
	"context"
	"fmt"

	"netrun/tasks/state"
)

// network are the kinds that hang together on a link, and are read together.
var network = []state.Kind{state.KindLink, state.KindMember, state.KindAddress, state.KindNeighbour, state.KindRoute, state.KindLease}

// observe reads what the wants are about and has not been read yet, in one call.
func (p *Planner) observe(ctx context.Context, wants []state.Want) error {
	if err := p.readAll(ctx, wants, func(w state.Want) []state.Key { return append(about(w.Object), along(w)...) }); err != nil {
		return err
	}
	return p.readAll(ctx, wants, func(w state.Want) []state.Key {
		var keys []state.Key
		if c, ok := w.Object.(state.Curious); ok {
			for _, k := range c.ReadsNext(p.sim) {
				keys = append(keys, neighbourhood(k)...)
			}
		}
		return keys
	})
}

// readAll reads the keys of all wants at once, unless they have been read.
func (p *Planner) readAll(ctx context.Context, wants []state.Want, keys func(state.Want) []state.Key) error {
	var need []state.Key
	asked := map[state.Key]bool{}
	for _, w := range wants {
		for _, k := range keys(w) {
			if !p.seen[k] && !asked[k] {
				asked[k] = true
				need = append(need, k)
			}
		}
	}
	return p.read(ctx, need, asked)
}

// along are the kinds that go with a link that is wanted absent, and are too rare to
// be read with every link.
func along(w state.Want) []state.Key {
	if !w.Absent {
		return nil
	}
	scopes := append(state.Scopes(w.Object), w.Object.Key().Scope)
	var keys []state.Key
	if l, ok := w.Object.(state.Link); ok {
		keys = append(keys, state.Offload{Scope: l.Scope, Link: l.Name, Feature: "tx"}.Key())
		if l.Peer != "" {
			keys = append(keys, state.Offload{Scope: l.PeerScope, Link: l.Peer, Feature: "tx"}.Key())
		}
	}
	for _, scope := range scopes {
		keys = append(keys, state.Key{Kind: state.KindPortVLAN, Scope: scope}, state.Key{Kind: state.KindQdisc, Scope: scope})
	}
	return keys
}

// read observes the keys, and adds what is found to what is known.
func (p *Planner) read(ctx context.Context, need []state.Key, asked map[state.Key]bool) error {
	if len(need) == 0 {
		return nil
	}
	got, err := p.host.Observe(ctx, need)
	if err != nil {
		return fmt.Errorf("observe: %w", err)
	}
	for _, k := range need {
		p.seen[k] = true
	}
	p.take(got, asked)
	p.pairUp(got)
	// Links may have been read before the bridges that tell what they are.
	p.base.NameOVSLinks()
	p.sim.NameOVSLinks()
	return nil
}

// take adds the objects of the groups just asked for. A host may return more: of
// kinds read by name (parameters, chains, files) that is welcome, unless the
// simulation already knows better.
func (p *Planner) take(got *state.State, asked map[state.Key]bool) {
	for _, o := range got.Objects() {
		k := o.Key()
		if asked[group(k)] && group(k).Name == "" {
			continue // below, in the kernel's order
		}
		if _, known := p.base.Get(k); !known && group(k).Name != "" && !p.seen[k] || asked[k] {
			p.base.Put(o)
			p.sim.Put(o)
		}
	}
	for g := range asked {
		if g.Name != "" {
			continue
		}
		for _, o := range got.All(g.Kind, g.Scope) {
			if group(o.Key()).Name != "" {
				continue // above
			}
			p.base.Put(o)
			p.sim.Put(o)
		}
	}
}

// pairUp tells the near ends of veth pairs what only the other ends knew: that
// namespace, a container's, may not have been looked at when the near one was read,
// or have been known by another name (podman mounts those of its containers).
func (p *Planner) pairUp(got *state.State) {
	for _, o := range got.Objects() {
		far, ok := o.(state.Link)
		if !ok || far.Type != "veth" || far.Peer == "" {
			continue
		}
		k := state.LinkKey(far.PeerScope, far.Peer)
		for _, s := range []*state.State{p.base, p.sim} {
			near, ok := s.Get(k)
			if !ok {
				continue
			}
			if l := near.(state.Link); l.Type == "veth" && l.PeerScope != far.Scope && l.Index != 0 && l.Index == far.PeerIndex {
				l.Peer, l.PeerScope, l.PeerIndex = far.Name, far.Scope, far.Index
				s.Put(l)
			}
		}
	}
}

// group is what is read for a key: all of its kind and scope, or, for kinds of
// which a host has too many, the key itself.
func group(k state.Key) state.Key {
	switch k.Kind {
	case state.KindSysctl, state.KindOffload, state.KindUppers, state.KindFile, state.KindJSON, state.KindProcess, state.KindContainer, state.KindName, state.KindTable, state.KindChain, state.KindJump:
		return k
	}
	return state.Key{Kind: k.Kind, Scope: k.Scope}
}

// about lists the groups that planning the object looks at.
func about(o state.Object) []state.Key {
	if sweep, ok := o.(state.Sweep); ok {
		var keys []state.Key
		for _, r := range sweep.Reads() {
			keys = append(keys, neighbourhood(r)...)
		}
		return keys
	}
	var keys []state.Key
	if _, curious := o.(state.Curious); !curious { // such a want reads what it has to, and no more
		keys = neighbourhood(o.Key())
	}
	for _, n := range o.Needs() {
		keys = append(keys, neighbourhood(n)...)
	}
	if l, ok := o.(interface{ Reads() []state.Key }); ok {
		for _, r := range l.Reads() {
			keys = append(keys, neighbourhood(r)...)
		}
	}
	if b, ok := o.(state.Bringer); ok {
		for _, brought := range b.Brings() {
			keys = append(keys, neighbourhood(brought.Key())...)
		}
	}
	return keys
}

// neighbourhood is the key's group, its scope's object, and what goes with a link.
func neighbourhood(k state.Key) []state.Key {
	var keys []state.Key
	for _, s := range k.Scope.Needs() {
		keys = append(keys, group(s))
	}
	switch k.Kind {
	case state.KindLink, state.KindMember, state.KindAddress, state.KindNeighbour, state.KindRoute, state.KindLease:
		for _, kind := range network {
			keys = append(keys, state.Key{Kind: kind, Scope: k.Scope})
		}
		return keys
	case state.KindNetns:
		if k.Name == "" {
			break // which there are
		}
		scope := state.NetnsScope(k.Name)
		for _, kind := range network {
			keys = append(keys, state.Key{Kind: kind, Scope: scope})
		}
	}
	return append(keys, group(k))
}
