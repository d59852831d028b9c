package serve

import (
	"errors"
	"fmt"
	"slices"

	"netrun/remote-helper/internal/journal"
	"netrun/remote-helper/wire"
	"netrun/tasks/reconcile"
)

// history answers with the plays that the host's journals know.
func (s *session) history() {
	dir, err := s.dir()
	if err != nil {
		s.failed(wire.FailHost, err)
		return
	}
	entries, err := dir.List()
	if err != nil {
		s.failed(wire.FailHost, err)
		return
	}
	past := &wire.Past{Plays: []wire.PastPlay{}}
	for _, e := range entries {
		state := "applied"
		if e.Open {
			state = "unfinished"
		}
		past.Plays = append(past.Plays, wire.PastPlay{Run: e.Run, Name: e.Name, By: e.By, Started: e.Started, Changes: e.Changes(), State: state})
	}
	s.out.send(wire.Event{Past: past})
}

// undo takes the plays of a run back, last first: as a play of its own, which is
// guarded and confirmed like any other, since it too can cut the connection.
func (s *session) undo(req *wire.Undo) {
	undone := &wire.Undone{}
	spec := &wire.Begin{Run: "undo-" + req.Run, Name: "undo", By: req.By, Check: req.Check, Confirm: req.Confirm, Deadline: req.Deadline}
	p, _, err := s.newPlay(spec)
	if err != nil {
		undone.Error = wire.Fail(failureKind(err), err)
		s.out.send(wire.Event{Undone: undone})
		return
	}
	entries, err := p.undoRun(req.Run, undone)
	switch {
	case err != nil:
		undone.Error = p.fail(wire.Fail(wire.FailUndo, err)).Error
	case len(undone.Left) > 0 && !req.Check:
		// What was undone stays undone, also after a restart, and the journals stay for another try.
		undone.Error = wire.Fail(wire.FailUndo, errors.Join(p.journal.Discard(), p.unkeep(entries), errLeft))
		if failed := p.close(nil); failed != nil {
			undone.Error = failed
		}
	default:
		undone.Error = p.forget(entries)
	}
	s.out.send(wire.Event{Undone: undone})
}

func (p *play) undoRun(run string, undone *wire.Undone) ([]*journal.Entry, error) {
	all, err := p.journals.List()
	if err != nil {
		return nil, err
	}
	var entries []*journal.Entry
	for _, e := range slices.Backward(all) {
		if e.Run != run {
			continue
		}
		if e.Broken != nil {
			return nil, e.Broken
		}
		entries = append(entries, e)
		if err := p.undoEntry(e, undone); err != nil {
			return nil, fmt.Errorf("undo play %q: %w", e.Name, err)
		}
	}
	return entries, nil
}

// errLeft is the end of an undo that had to leave something.
var errLeft = errors.New("what others have changed since was left as it is; the journal is kept: put it right, and undo again")

// undoRounds bounds how often the host is looked at again: what is restored can
// take along what was restored before (a link that goes down its routes).
const undoRounds = 4

func (p *play) undoEntry(e *journal.Entry, undone *wire.Undone) error {
	undone.Plays = append(undone.Plays, e.Name)
	undone.Acts = append(undone.Acts, e.Acts...)
	for range undoRounds {
		report, err := p.planner.PlanUndo(p.ctx, e.Records, reconcile.UndoOptions{Careful: true})
		if err != nil {
			return err
		}
		if len(report.Changes) == 0 {
			undone.Left = append(undone.Left, report.Left...)
			return nil
		}
		for _, c := range report.Changes {
			if !c.Implied {
				undone.Changes = append(undone.Changes, c.String())
			}
		}
		if p.spec.Check {
			undone.Left = append(undone.Left, report.Left...)
			return nil
		}
		if err := (executor{p}).Flush(p.ctx); err != nil {
			return err
		}
	}
	return fmt.Errorf("it is not as before after %d rounds", undoRounds)
}

// forget removes the journals of the plays that were taken back, and that of doing so.
func (p *play) forget(entries []*journal.Entry) *wire.Failed {
	if p.spec.Check {
		return p.close(nil)
	}
	// Its own journal first: left alone, it would have the next play undo the undo.
	errs := []error{p.journal.Discard()}
	errs = append(errs, p.unkeep(entries), p.putBackKept(entries))
	for _, e := range entries {
		errs = append(errs, p.journals.Remove(e.Path))
	}
	return p.close(errors.Join(errs...))
}

// unkeep puts what is kept back to before the plays. To do so twice is as once.
func (p *play) unkeep(entries []*journal.Entry) error {
	var errs []error
	for _, e := range entries {
		errs = append(errs, p.store().Revert(e.Run, e.Kept))
	}
	return errors.Join(errs...)
}
