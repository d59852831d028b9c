package reconcile

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"netrun/tasks/state"
)

// planning is the planning of one task.
type planning struct {
	*Planner
	task     int
	changes  []state.Change
	side     []state.Object
	cascaded []state.Key             // what goes because something else goes
	waits    map[int]hindrance       // wants that have to wait, by index
	parts    map[int][]string        // parts of wants that wait
	held     map[state.Key]hindrance // the same by key
}

// all plans the wants one after the other.
func (p *planning) all(wants []state.Want) error {
	p.waits, p.held, p.parts = map[int]hindrance{}, map[state.Key]hindrance{}, map[int][]string{}
	for i, w := range wants {
		h, waits := p.hindrance(w)
		if !waits {
			err := p.want(w)
			if missing := (*state.MissingError)(nil); p.options.Patient && errors.As(err, &missing) {
				h, waits, err = hindrance{why: missing.Error()}, true, nil
			}
			if err != nil {
				return err
			}
		}
		if waits {
			p.waits[i], p.held[w.Object.Key()] = h, h
		} else if partial, ok := w.Object.(state.Partial); ok && !w.Absent {
			p.parts[i] = partial.Held(p.sim)
		}
	}
	return nil
}

func (p *planning) want(w state.Want) error {
	object := w.Object
	if several, ok := object.(state.Several); ok && !w.Absent {
		for _, o := range several.Each(p.sim) {
			if err := p.want(state.Want{Object: o}); err != nil {
				return err
			}
		}
		return nil
	}
	if sweep, ok := object.(state.Sweep); ok {
		p.sweep(sweep)
		return nil
	}
	if resolve := resolver(w); resolve != nil {
		resolved, err := resolve(p.sim)
		if err != nil {
			return err
		}
		if object = resolved; object == nil {
			return nil
		}
	}
	have, there := p.sim.Get(object.Key())
	switch {
	case w.Absent && there && keeps(object, have):
		return nil
	case w.Absent && there && irreplaceable(have):
		return fmt.Errorf("%s is not netrun's, and its other end is in a namespace without a name here: it could not be put back", have.Key())
	case w.Absent && there:
		p.delete(object.Key(), have)
		return nil
	case w.Absent:
		return nil
	case there:
		return p.adjust(object, have)
	}
	return p.create(object)
}

// sweep deletes what the host has and the sweep is about.
func (p *planning) sweep(sweep state.Sweep) {
	for _, k := range sweep.Swept(p.sim) {
		if have, there := p.sim.Get(k); there {
			p.delete(k, have)
		}
	}
}

// resolver finds out what the want means on this host; nil where it says so itself.
func resolver(w state.Want) func(state.View) (state.Object, error) {
	if absent, ok := w.Object.(state.LateAbsent); ok && w.Absent {
		return absent.ResolveAbsent
	}
	if late, ok := w.Object.(state.Late); ok && !w.Absent {
		return late.Resolve
	}
	return nil
}

// keeps reports whether what is there is not what the absent want means.
func keeps(object, have state.Object) bool {
	y, ok := object.(state.Yielder)
	return ok && !y.Yields(have)
}

// irreplaceable reports whether the object is a foreign veth whose other end is not
// known: no undo could make the pair again.
func irreplaceable(o state.Object) bool {
	l, ok := o.(state.Link)
	return ok && l.Type == "veth" && l.Peer == "" && !strings.HasPrefix(l.Alias, "netrun")
}

func (p *planning) create(object state.Object) error {
	for _, need := range object.Needs() {
		if _, ok := p.sim.Get(need); !ok {
			return &state.MissingError{Key: object.Key(), Needs: need}
		}
	}
	if l, ok := object.(state.Link); ok && l.Type == "" {
		return &state.MissingError{Key: l.Key(), Needs: l.Key()}
	}
	taken, err := p.takes(object)
	if err != nil {
		return err
	}
	after := state.Mark(object, p.options.Owner)
	p.keepCollateral(state.Change{Op: state.Create, After: after})
	p.add(state.Change{Op: state.Create, After: after})
	p.take(taken)
	bringer, ok := after.(state.Bringer)
	if !ok {
		return nil
	}
	for _, brought := range bringer.Brings() {
		if _, there := p.sim.Get(brought.Key()); there {
			return fmt.Errorf("create %s: %s is there already", object.Key(), brought.Key())
		}
		p.add(state.Change{Op: state.Create, After: brought, Implied: true})
	}
	return nil
}

// adjust changes what is there into what is wanted, in place if the kernel can.
func (p *planning) adjust(object, have state.Object) error {
	fields := state.Diff(object, have)
	if len(fields) == 0 {
		return nil
	}
	if !slices.ContainsFunc(fields, func(f state.FieldDiff) bool { return f.Fixed }) {
		for _, need := range object.Needs() {
			if _, ok := p.sim.Get(need); !ok {
				return &state.MissingError{Key: object.Key(), Needs: need}
			}
		}
		c := state.Change{Op: state.Update, Before: have, After: state.Merge(have, object), Fields: fields}
		p.keepCollateral(c)
		p.add(c)
		return nil
	}
	if _, file := have.(state.File); file {
		return fmt.Errorf("%s is there already with %s: remove it first, if nothing in it is needed", have.Key(), fixedText(fields))
	}
	if mark, marked := state.MarkOf(have); marked && !strings.HasPrefix(mark, "netrun") {
		return fmt.Errorf("%s is there already with %s, and is not netrun's: remove it, or choose another name", have.Key(), fixedText(fields))
	}
	if hub(have) && !hub(object) {
		return fmt.Errorf("%s is there already, a bridge that others may hang on: remove it first, or choose another name", have.Key())
	}
	p.delete(have.Key(), have)
	return p.create(object)
}

// hub reports whether the object is a bridge, which nobody means to lose to a link that
// happens to get its name.
func hub(o state.Object) bool {
	l, ok := o.(state.Link)
	return ok && (l.Type == "bridge" || l.Type == "openvswitch")
}

func fixedText(fields []state.FieldDiff) string {
	var parts []string
	for _, f := range fields {
		if f.Fixed {
			from := f.From
			if from == "" {
				from = "none"
			}
			parts = append(parts, fmt.Sprintf("%s %s instead of %s", f.Field, from, f.To))
		}
	}
	return strings.Join(parts, ", ")
}

// delete plans the object's removal, after that of what must go first, and
// followed by what the kernel removes along with it.
func (p *planning) delete(key state.Key, have state.Object) {
	p.giveUp(key, have, map[state.Key]bool{})
	for _, d := range p.sim.Dependents(key) {
		if o, ok := p.sim.Get(d); ok && !goesWith(key.Kind, d.Kind) {
			p.cascaded = append(p.cascaded, d)
			p.delete(d, o)
		}
	}
	c := state.Change{Op: state.Delete, Before: have}
	p.keepCollateral(c)
	p.add(c)
	p.cascade(have)
	p.giveBack(have)
}

// giveUp plans the removal of what is somebody else's and hangs on what goes with the
// object: a network card is given back, a lease released.
func (p *planning) giveUp(key state.Key, have state.Object, seen map[state.Key]bool) {
	if seen[key] {
		return
	}
	seen[key] = true
	for _, d := range p.sim.Dependents(key) {
		o, ok := p.sim.Get(d)
		switch {
		case !ok:
		case isNIC(o) || d.Kind == state.KindLease:
			p.cascaded = append(p.cascaded, d)
			p.delete(d, o)
		default:
			p.giveUp(d, o, seen)
		}
	}
	if b, ok := have.(state.Bringer); ok {
		for _, brought := range b.Brings() {
			p.giveUp(brought.Key(), brought, seen)
		}
	}
}

// isNIC reports whether the object goes back to the host, which it must before its
// namespace ends: the kernel would give it back under the name that it has there.
func isNIC(o state.Object) bool {
	l, ok := o.(state.Link)
	return ok && l.NIC != ""
}

// cascade plans the removals that happen by themselves with that of gone.
func (p *planning) cascade(gone state.Object) {
	keys := p.sim.Dependents(gone.Key())
	if b, ok := gone.(state.Bringer); ok {
		for _, brought := range b.Brings() {
			keys = append(keys, brought.Key())
		}
	}
	for _, k := range keys {
		o, ok := p.sim.Get(k)
		if !ok {
			continue
		}
		p.cascaded = append(p.cascaded, k)
		p.add(state.Change{Op: state.Delete, Before: o, Implied: true})
		p.cascade(o)
	}
}

// goesWith reports whether the kernel, or ovs-vswitchd, removes an object of kind
// dependent together with the one of kind gone that it needs.
func goesWith(gone, dependent state.Kind) bool {
	switch gone {
	case state.KindNetns, state.KindOVSBridge:
		return true
	case state.KindLink:
		return dependent != state.KindOVSPort
	}
	return false
}

// add notes the change and carries it out in the simulation.
func (p *planning) add(c state.Change) {
	c.Task = p.task
	p.changes = append(p.changes, c)
	if c.After == nil {
		p.sim.Delete(c.Before.Key())
		return
	}
	p.sim.Put(c.After)
}

// takeBack undoes in the simulation what the failed task had planned.
func (p *planning) takeBack() {
	for i := len(p.changes) - 1; i >= 0; i-- {
		if c := p.changes[i]; c.Before == nil {
			p.sim.Delete(c.After.Key())
		} else {
			p.sim.Put(c.Before)
		}
	}
}

func (p *planning) rewanted(k state.Key, wants []state.Want) bool {
	return slices.ContainsFunc(wants, func(w state.Want) bool { return !w.Absent && w.Object.Key() == k })
}

// applyIndex is the index of the change that an Apply error is about, -1 if none.
func applyIndex(err error) int {
	var apply *state.ApplyError
	if errors.As(err, &apply) {
		return apply.Index
	}
	return -1
}
