package reconcile

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"

	"netrun/tasks/state"
)

// UndoOptions say how careful an undo is.
type UndoOptions struct {
	// Careful leaves alone, and reports, what somebody else has changed since: for
	// an undo long after the play. Without it the state before is restored, however
	// far an interrupted apply had come.
	Careful bool
	removal bool // see Planner.PlanRemoval
}

// UndoReport is what an undo did.
type UndoReport struct {
	Changes []state.Change // carried out
	Left    []string       // left as it is, and why, one line each
	Unsure  []Deferred     // of a removal: left, since nobody tells whether it is there
}

// undoRounds bounds how often an undo looks again: one restored object can take
// others along (a link that comes up loses what was set on it while down).
const undoRounds = 4

// Undo puts the host back to before the records, which are oldest first. It
// compares with what is there, so that a half-done batch, a half-done undo and
// one that is done already are all the same to it. What cannot be put back does
// not keep the rest from it: the error joins the causes.
func Undo(ctx context.Context, host state.Host, records []Record, options UndoOptions) (UndoReport, error) {
	u := newUndo(host, records, options)
	var report UndoReport
	var cause error
	for range undoRounds {
		changes, err := u.plan(ctx)
		report.Left = u.left
		if err != nil {
			return report, err
		}
		if len(changes) == 0 {
			return report, nil
		}
		done, err := u.apply(ctx, changes)
		report.Changes = append(report.Changes, done...)
		if cause = err; err != nil && len(done) == 0 {
			break
		}
	}
	changes, err := u.plan(ctx)
	if err != nil || len(changes) == 0 {
		return report, err
	}
	return report, errors.Join(fmt.Errorf("undo: %d objects are not as before, the first: %s", len(changes), changes[0]), cause)
}

// PlanUndo plans to put the host back to before the records, as Undo does, but
// as this planner's own batch: the next Apply journals it and carries it out, and
// the planner's Undo would take that back.
func (p *Planner) PlanUndo(ctx context.Context, records []Record, options UndoOptions) (UndoReport, error) {
	u := newUndo(p.host, records, options)
	now, err := u.observe(ctx)
	if err != nil {
		return UndoReport{}, err
	}
	p.Forget()
	p.base = state.New(now.Objects()...)
	p.pending = u.changes(now)
	return UndoReport{Changes: p.pending, Left: u.left}, nil
}

// undo holds, for each key that the records touch, what there was before the first touch.
type undo struct {
	host    state.Host
	options UndoOptions
	before  map[state.Key]state.Object // nil: it was not there
	after   map[state.Key]state.Object // what the last record made of it
	fields  map[state.Key]map[string]bool
	made    map[state.Key]map[string]string // the values that the fields were given
	renewed map[state.Key]bool              // deleted and made anew: all fields count
	side    map[state.Key]state.Object
	keys    []state.Key
	left    []string
	anew    map[state.Key]bool // what the planned changes bring back by themselves
}

func newUndo(host state.Host, records []Record, options UndoOptions) *undo {
	u := &undo{host: host, options: options, before: map[state.Key]state.Object{}, after: map[state.Key]state.Object{},
		fields: map[state.Key]map[string]bool{}, made: map[state.Key]map[string]string{}, renewed: map[state.Key]bool{}, side: map[state.Key]state.Object{}}
	for _, r := range records {
		for _, c := range r.Changes {
			u.addChange(c)
		}
	}
	for _, r := range records {
		for _, o := range r.Collateral {
			u.addCollateral(o)
		}
	}
	sort.Slice(u.keys, func(i, j int) bool { return u.keys[i].Less(u.keys[j]) })
	return u
}

func (u *undo) addChange(c state.Change) {
	k := c.Key()
	if _, known := u.before[k]; !known {
		u.before[k] = c.Before
		u.keys = append(u.keys, k)
		u.fields[k], u.made[k] = map[string]bool{}, map[string]string{}
	}
	u.after[k] = c.After
	if c.Op == state.Delete {
		u.renewed[k] = true
	}
	for _, f := range c.Fields {
		u.fields[k][f.Field], u.made[k][f.Field] = true, f.To
	}
}

func (u *undo) addCollateral(o state.Object) {
	k := o.Key()
	if _, touched := u.before[k]; touched {
		return
	}
	if _, known := u.side[k]; !known {
		u.side[k] = o
		u.keys = append(u.keys, k)
	}
}

// plan compares what is there with what was.
func (u *undo) plan(ctx context.Context) ([]state.Change, error) {
	now, err := u.observe(ctx)
	if err != nil {
		return nil, err
	}
	return u.changes(now), nil
}

// changes lead from now, which they are carried out on, to what was.
func (u *undo) changes(now *state.State) []state.Change {
	u.left, u.anew = nil, map[state.Key]bool{}
	p := &planning{Planner: &Planner{sim: now}}
	u.removals(p)
	u.restorations(p)
	u.emptyTables(p)
	if len(p.changes) == 0 {
		u.collateral(p)
	}
	return p.changes
}

func (u *undo) observe(ctx context.Context) (*state.State, error) {
	var need []state.Key
	asked := map[state.Key]bool{}
	ask := func(keys []state.Key) {
		for _, g := range keys {
			if !asked[g] {
				asked[g] = true
				need = append(need, g)
			}
		}
	}
	for _, k := range u.keys {
		ask(neighbourhood(k))
		for _, o := range []state.Object{u.before[k], u.side[k]} {
			if o != nil {
				ask(about(o))
			}
		}
	}
	now, err := u.host.Observe(ctx, need)
	if err != nil {
		return nil, fmt.Errorf("observe for undo: %w", err)
	}
	return now, nil
}

// removals deletes what was not there before. Jumps go before the chains that
// they lead to; a namespace or link takes the rest along.
func (u *undo) removals(p *planning) {
	for _, kind := range []state.Kind{state.KindJump, state.KindChain} {
		u.removeKind(p, kind)
	}
	for _, kind := range state.Kinds() {
		if kind != state.KindTable && !kind.IsParameter() {
			u.removeKind(p, kind)
		}
	}
}

// removeKind goes backwards: a file goes before the directory that it is in.
func (u *undo) removeKind(p *planning, kind state.Kind) {
	for _, k := range slices.Backward(u.keys) {
		if before, touched := u.before[k]; k.Kind != kind || !touched || before != nil {
			continue
		}
		now, there := p.sim.Get(k)
		if !there {
			continue
		}
		if u.taken(p, k) || u.foreign(k, now) {
			continue
		}
		p.delete(k, now)
	}
}

// foreign reports, and notes, that a careful undo must leave the object alone.
func (u *undo) foreign(k state.Key, now state.Object) bool {
	after := u.after[k]
	if u.options.removal {
		return u.notOurs(k, now)
	}
	if !u.options.Careful {
		return false
	}
	if after == nil {
		u.left = append(u.left, fmt.Sprintf("%s: somebody has made it anew since", k))
		return true
	}
	if !sameType(after, now) {
		return false // a want that has become an object
	}
	diffs := u.concerned(k, state.Diff(after, now))
	if len(diffs) == 0 {
		return false
	}
	u.left = append(u.left, fmt.Sprintf("%s: somebody has changed %s from %q to %q since", k, diffs[0].Field, diffs[0].To, diffs[0].From))
	return true
}

// concerned are the differences that an undo would do away with. Of what the records
// only changed those are the fields they changed: the rest stays as it is, whoever it
// comes from. A bridge's MAC address, for one, goes with its last port.
func (u *undo) concerned(k state.Key, diffs []state.FieldDiff) []state.FieldDiff {
	if u.before[k] == nil || u.renewed[k] {
		return diffs
	}
	return slices.DeleteFunc(diffs, func(f state.FieldDiff) bool { return !u.fields[k][f.Field] })
}

// restorations brings back what the records touched, in the order in which objects
// come to be.
func (u *undo) restorations(p *planning) {
	for _, k := range u.keys {
		target := u.before[k]
		if target == nil {
			continue
		}
		if now, there := p.sim.Get(k); there {
			u.restore(p, k, target, now)
		} else {
			u.recreate(p, target)
		}
	}
}

// collateral brings back what went missing with what was touched. It comes last, in
// a round of its own: much of it comes back by itself, as it went.
func (u *undo) collateral(p *planning) {
	for _, k := range u.keys {
		target, side := u.side[k]
		if !side {
			continue
		}
		now, there := p.sim.Get(k)
		switch {
		case !there:
			u.recreate(p, target)
		case k.Kind == state.KindSysctl:
			u.setFields(p, target, now, state.DiffExact(target, now))
		}
	}
}

// recreate makes the object again, unless what it needs is gone for good.
func (u *undo) recreate(p *planning, target state.Object) {
	if u.options.removal {
		return // somebody has removed what was only changed
	}
	// What goes because this undo takes something away is nobody else's doing.
	if u.options.Careful && u.after[target.Key()] != nil && !slices.Contains(p.cascaded, target.Key()) {
		u.left = append(u.left, fmt.Sprintf("%s: somebody has removed it since", target.Key()))
		return
	}
	if !u.ready(p, target) {
		return
	}
	taken, err := p.takes(target)
	if err != nil {
		u.left = append(u.left, err.Error())
		return
	}
	p.add(state.Change{Op: state.Create, After: target})
	p.take(taken)
	if b, ok := target.(state.Bringer); ok {
		for _, brought := range b.Brings() {
			if _, there := p.sim.Get(brought.Key()); !there {
				u.anew[brought.Key()] = true
				p.add(state.Change{Op: state.Create, After: brought, Implied: true})
			}
		}
	}
}

// ready reports whether all that the object needs is there, and notes it if not. A
// table comes with its first chain, so it can be missing without harm.
func (u *undo) ready(p *planning, target state.Object) bool {
	for _, scope := range state.Scopes(target) {
		if ok, why := scope.Live(p.sim); !ok {
			u.left = append(u.left, fmt.Sprintf("%s: %s", target.Key(), why))
			return false
		}
	}
	for _, need := range target.Needs() {
		if _, ok := p.sim.Get(need); ok {
			continue
		}
		chain, ok := target.(state.Chain)
		if target.Key().Kind.IsParameter() {
			return false // a parameter goes and comes with its link
		}
		if !ok || need.Kind != state.KindTable {
			u.left = append(u.left, fmt.Sprintf("%s: %s is gone", target.Key(), need))
			return false
		}
		p.add(state.Change{Op: state.Create, After: state.Table{Scope: chain.Scope, Family: chain.Family, Name: chain.Table}})
	}
	return true
}

// restore sets back the fields that the records changed, and no others.
func (u *undo) restore(p *planning, k state.Key, target, now state.Object) {
	var fields []state.FieldDiff
	fixed := false
	for _, f := range state.DiffExact(target, now) {
		if u.fields[k][f.Field] || u.renewed[k] {
			fields = append(fields, f)
			fixed = fixed || f.Fixed
		}
	}
	if u.options.removal {
		u.setFields(p, target, now, u.unchanged(k, fields))
		return
	}
	if len(fields) == 0 || !u.anew[k] && u.foreign(k, now) {
		return
	}
	if fixed {
		p.delete(k, now)
		u.recreate(p, target)
		return
	}
	u.setFields(p, target, now, fields)
}

func (u *undo) setFields(p *planning, target, now state.Object, fields []state.FieldDiff) {
	if len(fields) == 0 {
		return
	}
	p.add(state.Change{Op: state.Update, Before: now, After: state.With(now, target, fields), Fields: fields})
}

// emptyTables removes the iptables tables that the records brought to life and
// that hold nothing any more. One that others have come to use is theirs.
func (u *undo) emptyTables(p *planning) {
	for _, k := range u.keys {
		before, touched := u.before[k]
		if k.Kind != state.KindTable || !touched || before != nil {
			continue
		}
		now, there := p.sim.Get(k)
		if table, ok := now.(state.Table); there && ok && !table.Busy && len(p.sim.Dependents(k)) == 0 {
			p.delete(k, now)
		}
	}
}

// apply carries the changes out. A change that goes wrong is left out and the
// rest tried again, so that one stubborn object does not hold up the others.
func (u *undo) apply(ctx context.Context, changes []state.Change) ([]state.Change, error) {
	var errs []error
	left := changes
	var done []state.Change
	for len(left) > 0 {
		err := u.host.Apply(ctx, left)
		if err == nil {
			return append(done, left...), errors.Join(errs...)
		}
		i := applyIndex(err)
		errs = append(errs, err)
		if i < 0 || i >= len(left) || ctx.Err() != nil {
			return done, errors.Join(errs...)
		}
		done = append(done, left[:i]...)
		left = left[i+1:]
	}
	return done, errors.Join(errs...)
}
