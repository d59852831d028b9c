package serve

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"netrun/remote-helper/internal/store"
	"netrun/remote-helper/wire"
	"netrun/tasks"
	"netrun/tasks/state"
)

// deed is an act that was done, or begun.
type deed struct {
	what string
	undo func(context.Context) error // nil: nobody can
	keep func(context.Context) error // nil: nothing to do
}

// actPatience is how long one act may take to be undone, or to let go of what was kept for that.
const actPatience = time.Minute

// act journals that an act is about to be done, so that an undo can name it. What
// it changes is not known, so the host is observed anew afterwards.
func (p *play) act(what string) error {
	p.deeds = append(p.deeds, deed{what: what})
	p.planner.Forget()
	return p.journal.Act(what)
}

// did remembers how the act that was begun last is taken back.
func (p *play) did(_ string, out tasks.Outcome) {
	last := &p.deeds[len(p.deeds)-1]
	last.undo, last.keep = out.Undo, out.Keep
	p.gone = append(p.gone, out.Gone...)
}

// dropGone drops what the book has in containers that the play has removed. Rules on the
// host that are about them are for tasks to take away.
func (p *play) dropGone(b *store.Book) {
	b.Items = slices.DeleteFunc(b.Items, func(i store.Item) bool {
		scope := i.Object.Key().Scope
		if h, ok := i.Object.(state.Hairpin); ok {
			scope = h.Of
		}
		_, sought := scope.Sought()
		return sought && slices.Contains(p.gone, scope.Bare())
	})
}

// undoAll runs without the play's context: that may be what ended the play.
func (p *play) undoAll() error {
	ctx := context.WithoutCancel(p.ctx)
	if err := p.planner.Undo(ctx); err != nil {
		return err // the journal stays, and the next play tries again
	}
	if err := p.store().Revert(p.spec.Run, p.kept); err != nil {
		return err
	}
	return p.journal.Discard()
}

// undoActs undoes what acts did, last first, and tells which it could. The play's
// context may be what ended the play, so it has no say here.
func (p *play) undoActs(ended *wire.Ended) error {
	p.holdGuard()
	var errs []error
	for _, d := range slices.Backward(p.deeds) {
		err := p.patiently(d.undo)
		switch {
		case d.undo == nil || err != nil:
			ended.Acts = append(ended.Acts, d.what)
		default:
			ended.UndoneActs = append(ended.UndoneActs, d.what)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", d.what, err))
		}
	}
	slices.Reverse(ended.Acts)
	return errors.Join(errs...)
}

// keepActs tells the acts that the play stands. What goes wrong with that is no failure of it.
func (p *play) keepActs() {
	p.holdGuard()
	for _, d := range p.deeds {
		if err := p.patiently(d.keep); err != nil {
			p.out.send(wire.Event{Note: &wire.Note{Text: fmt.Sprintf("after the play: %s: %v", d.what, err)}})
		}
	}
}

// patiently calls f, if there is one.
func (p *play) patiently(f func(context.Context) error) error {
	if f == nil {
		return nil
	}
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(p.ctx), actPatience, fmt.Errorf("it took longer than %s", actPatience))
	defer cancel()
	return f(ctx)
}

// holdGuard gives the guard, which would take this process for hung, the time that acts may take.
func (p *play) holdGuard() {
	if p.guard == nil || len(p.deeds) == 0 {
		return
	}
	// A guard that cannot be told has died, and does nothing any more.
	_ = p.guard.Extend(time.Duration(len(p.deeds)) * actPatience)
}
