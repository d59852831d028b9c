package serve

import (
	"fmt"
	"os"
	"slices"

	"netrun/playbooks/script"
	"netrun/remote-helper/internal/store"
	"netrun/remote-helper/wire"
	"netrun/tasks/reconcile"
	"netrun/tasks/state"
)

func (s *session) store() *store.Dir { return store.Open(s.StateDir) }

// keep writes down what the play wants, so that it can be put back later. What
// other playbooks wanted and this one has taken away is forgotten there.
func (p *play) keep() error {
	if p.spec.Playbook == "" || os.Geteuid() != 0 {
		return nil
	}
	dir := p.store()
	books, err := dir.Books()
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(books, func(b *store.Book) bool { return b.ID == p.spec.Playbook }) {
		books = append(books, &store.Book{ID: p.spec.Playbook})
	}
	made := changesByKey(p.planner.Records())
	if p.takes(made) {
		if err := p.placed(books); err != nil {
			return err
		}
	}
	var next []*store.Book
	for _, b := range books {
		after := &store.Book{ID: b.ID, Items: slices.Clone(b.Items)}
		p.update(after, books, made)
		kept, err := store.Difference(b, after)
		if err != nil {
			return err
		}
		if len(kept.Items) > 0 {
			p.kept = append(p.kept, kept)
		}
		if len(kept.Items) > 0 || (p.spec.Prunes && b.ID == p.spec.Playbook) {
			next = append(next, after)
		}
	}
	if err := p.journal.Keep(p.kept); err != nil {
		return err
	}
	for _, b := range next {
		if err := dir.Save(b); err != nil {
			return err
		}
	}
	return nil
}

// wouldKeep remembers what the play wants, for a prune that is only looked at, too.
func (p *play) wouldKeep() {
	for _, w := range p.planner.Wanted() {
		p.checked[w.Object.Key()] = !w.Absent
	}
}

// update makes the book what it is after this play.
func (p *play) update(b *store.Book, books []*store.Book, made map[state.Key]*made) {
	if b.ID == p.spec.Playbook {
		p.dropGone(b)
	}
	for _, w := range p.planner.Wanted() {
		step, key := p.steps[w.Task], w.Object.Key()
		switch {
		case w.Absent:
			p.dropAll(b, w, made)
		case b.ID != p.spec.Playbook || step.Node == nil || step.Node.Fleeting || !keepable(w.Object):
			continue
		default:
			p.want(b, key, w, step, made[w.Key])
		}
	}
	if b.ID == p.spec.Playbook {
		for _, k := range p.dropped {
			b.Drop(k)
		}
		return
	}
	for _, other := range books {
		if other.ID == p.spec.Playbook {
			p.bequeath(other, b)
		}
	}
}

// dropAll forgets the object, and what went with it.
func (p *play) dropAll(b *store.Book, w reconcile.Wanted, made map[state.Key]*made) {
	b.Drop(w.Object.Key())
	b.Items = slices.DeleteFunc(b.Items, func(i store.Item) bool {
		at := p.place(i.Object.Key())
		m := made[at]
		return at == w.Key || m != nil && m.gone
	})
}

func (p *play) want(b *store.Book, key state.Key, w reconcile.Wanted, step script.Step, m *made) {
	item := store.Item{Since: p.now()}
	at := b.Find(key)
	if at >= 0 {
		item = b.Items[at]
	}
	item.Object, item.Run, item.Repair = state.Remembered(w.Object, p.planner.View()), p.spec.Run, step.Node.Repair
	item.Play, item.Task, item.At = p.spec.Name, taskName(step), fmt.Sprintf("%s:%d", step.Node.Pos.File, step.Node.Pos.Line)
	if m != nil && !m.gone {
		item.Since = p.now()
		if at < 0 || m.created && !item.Created || item.Before == nil && !item.Created {
			item.Created, item.Before = m.created, m.before
		}
		item.Fields = fieldUnion(item.Fields, m.fields)
	}
	b.Set(item)
}

// keepable leaves out what cannot be written down.
func keepable(o state.Object) bool {
	switch o.(type) {
	case state.Process, state.Container, state.Name:
		return false
	}
	return state.Storable(o)
}

func taskName(step script.Step) string {
	name, _ := step.Node.Name.V.(string)
	if name == "" {
		name = step.Node.Kind
	}
	if step.Item != "" && !step.Node.NoLog {
		name += " (" + step.Item + ")"
	}
	return name
}

// made is what the play's changes did to one object.
type made struct {
	created, brought, gone bool
	before                 state.Object
	fields                 []state.FieldDiff
}

func changesByKey(records []reconcile.Record) map[state.Key]*made {
	out := map[state.Key]*made{}
	for _, r := range records {
		for _, c := range r.Changes {
			m := out[c.Key()]
			if m == nil {
				// What came with another object goes with it, too.
				m = &made{created: c.Op == state.Create && !c.Implied, brought: c.Op == state.Create && c.Implied, before: c.Before}
				out[c.Key()] = m
			}
			m.gone = c.Op == state.Delete
			if c.Op == state.Update && !m.brought {
				m.fields = fieldUnion(m.fields, c.Fields)
			}
		}
	}
	return out
}

// fieldUnion keeps the first diff of each field: it has what was there before.
func fieldUnion(old, more []state.FieldDiff) []state.FieldDiff {
	out := slices.Clone(old)
	for _, f := range more {
		if !slices.ContainsFunc(out, func(o state.FieldDiff) bool { return o.Field == f.Field }) {
			out = append(out, f)
		}
	}
	return out
}

// dropRounds bounds how often the host is looked at again, as for an undo.
const dropRounds = 4

// drop plans and carries out the removal of what the playbook wanted earlier.
func (p *play) drop() error {
	if p.spec.Drop == "" || p.spec.Playbook == "" {
		return nil
	}
	books, err := p.store().Books()
	if err != nil {
		return err
	}
	if err := p.placed(books); err != nil {
		return err
	}
	record := p.removal(books)
	var all []state.Change
	var left []string
	for range dropRounds {
		report, err := p.planner.PlanRemoval(p.ctx, record)
		if err != nil {
			return fmt.Errorf("plan the removal: %w", err)
		}
		all, left = append(all, report.Changes...), report.Left
		p.dropped = slices.DeleteFunc(p.dropped, func(k state.Key) bool {
			return slices.ContainsFunc(report.Unsure, func(d reconcile.Deferred) bool { return d.Key == k })
		})
		if len(report.Changes) == 0 || p.spec.Check {
			break
		}
		if err := (executor{p}).Flush(p.ctx); err != nil {
			return err
		}
	}
	p.told(all, left)
	return nil
}

// told shows what was taken away, as a task without a place.
func (p *play) told(changes []state.Change, left []string) {
	for _, l := range left {
		p.out.send(wire.Event{Note: &wire.Note{Text: "left: " + l}})
	}
	for _, c := range changes {
		if !c.Implied {
			p.changed++
		}
	}
	r := script.Result{Task: 1, Status: script.OK, Changes: changes}
	if len(changes) > 0 {
		r.Status = script.Changed
	}
	p.emit(r)
}

// removal is what would have to be undone, as if one play had made it all. What
// another playbook wants too stays.
func (p *play) removal(books []*store.Book) reconcile.Record {
	var record reconcile.Record
	for _, b := range books {
		if b.ID != p.spec.Playbook {
			continue
		}
		for _, i := range b.Items {
			if p.spec.Drop == "stale" && (i.Run == p.spec.Run || p.checked[i.Object.Key()]) {
				continue
			}
			p.dropped = append(p.dropped, i.Object.Key())
			if p.heir(books, b.ID, i.Object.Key()) {
				continue
			}
			if i.Created {
				record.Changes = append(record.Changes, state.Change{Op: state.Create, After: i.Object})
			} else if i.Before != nil {
				record.Changes = append(record.Changes, state.Change{Op: state.Update, Before: i.Before, After: i.Object, Fields: i.Fields})
			}
		}
	}
	return record
}

// persist sees to it that what is kept comes back, also after a play that changed nothing:
// the last one may not have got that far. That it cannot is no failure of the play.
func (p *play) persist() {
	if p.Persist == nil || p.spec.Playbook == "" || os.Geteuid() != 0 {
		return
	}
	books, err := p.store().Books()
	if err == nil {
		var said string
		if said, err = p.Persist(len(books) > 0); said != "" {
			p.out.send(wire.Event{Note: &wire.Note{Text: said}})
		}
	}
	if err != nil {
		p.out.send(wire.Event{Note: &wire.Note{Text: "after the play: " + err.Error()}})
	}
}
