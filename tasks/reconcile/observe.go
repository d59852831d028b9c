package reconcile

import (
	"context"
	"fmt"

	"netrun/tasks/state"
)

// network are the kinds that hang together on a link, and are read together.
var network = []state.Kind{state.KindLink, state.KindMember, state.KindAddress, state.KindNeighbour, state.KindRoute}

// observe reads what the wants are about and has not been read yet, in one call.
func (p *Planner) observe(ctx context.Context, wants []state.Want) error {
	var need []state.Key
	asked := map[state.Key]bool{}
	for _, w := range wants {
		for _, k := range about(w.Object) {
			if !p.seen[k] && !asked[k] {
				asked[k] = true
				need = append(need, k)
			}
		}
	}
	return p.read(ctx, need, asked)
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
// namespace, a container's, may not have been looked at when the near one was read.
func (p *Planner) pairUp(got *state.State) {
	for _, o := range got.Objects() {
		far, ok := o.(state.Link)
		if !ok || far.Type != "veth" || far.Peer == "" {
			continue
		}
		k := state.LinkKey(far.PeerScope, far.Peer)
		for _, s := range []*state.State{p.base, p.sim} {
			if near, ok := s.Get(k); ok && near.(state.Link).Type == "veth" && near.(state.Link).Peer == "" {
				l := near.(state.Link)
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
	case state.KindSysctl, state.KindFile, state.KindJSON, state.KindProcess, state.KindContainer, state.KindTable, state.KindChain, state.KindJump:
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
	keys := neighbourhood(o.Key())
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
	case state.KindLink, state.KindMember, state.KindAddress, state.KindNeighbour, state.KindRoute:
		for _, kind := range network {
			keys = append(keys, state.Key{Kind: kind, Scope: k.Scope})
		}
		return keys
	case state.KindNetns:
		scope := state.NetnsScope(k.Name)
		for _, kind := range network {
			keys = append(keys, state.Key{Kind: kind, Scope: scope})
		}
	}
	return append(keys, group(k))
}
