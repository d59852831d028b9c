package reconcile

import "netrun/tasks/state"

// takes is what the object's creation takes away, which must be there.
func (p *planning) takes(object state.Object) ([]state.Object, error) {
	taker, ok := object.(state.Taker)
	if !ok {
		return nil, nil
	}
	var out []state.Object
	for _, k := range taker.Takes() {
		o, there := p.sim.Get(k)
		if !there {
			return nil, &state.MissingError{Key: object.Key(), Needs: k}
		}
		out = append(out, o)
	}
	return out, nil
}

// take plans what happens by itself when the objects are taken away: addresses and
// routes go along, while links on top of a link stay where they are.
func (p *planning) take(taken []state.Object) {
	for _, o := range taken {
		dependents := p.sim.Dependents(o.Key())
		p.add(state.Change{Op: state.Delete, Before: o, Implied: true})
		for _, k := range dependents {
			if d, ok := p.sim.Get(k); ok && k.Kind != state.KindLink && k.Kind != state.KindOVSPort {
				p.cascaded = append(p.cascaded, k)
				p.add(state.Change{Op: state.Delete, Before: d, Implied: true})
			}
		}
	}
}

// giveBack plans what the removal of a taker brings back by itself.
func (p *planning) giveBack(gone state.Object) {
	taker, ok := gone.(state.Taker)
	if !ok {
		return
	}
	for _, o := range taker.Gives() {
		if _, there := p.sim.Get(o.Key()); !there {
			p.add(state.Change{Op: state.Create, After: o, Implied: true})
		}
	}
}

// taken reports whether an object that the undo will make again takes the key away
// as it did before: nobody else needs to remove it.
func (u *undo) taken(p *planning, k state.Key) bool {
	for _, before := range u.before {
		taker, ok := before.(state.Taker)
		if !ok {
			continue
		}
		if _, there := p.sim.Get(before.Key()); there {
			continue
		}
		for _, t := range taker.Takes() {
			if t == k {
				return true
			}
		}
	}
	return false
}
