package reconcile

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"netrun/tasks/state"
)

// PlanRemoval plans to take away what the record made, and to put back the fields
// that it changed, as this planner's own batch. Unlike PlanUndo it goes by what the
// objects are now: what no longer carries netrun's mark, and fields that somebody
// else has changed since, are left alone and reported. What was in a container that
// does not run is gone; whether it runs must be known. The record's objects may name
// containers as people do.
func (p *Planner) PlanRemoval(ctx context.Context, record Record) (UndoReport, error) {
	located, unsure, err := p.locateChanges(ctx, record.Changes)
	if err != nil {
		return UndoReport{}, err
	}
	report, err := p.PlanUndo(ctx, []Record{{Changes: located}}, UndoOptions{removal: true})
	for _, d := range unsure {
		report.Left = append(report.Left, fmt.Sprintf("%s: %s", d.Key, d.Why))
	}
	report.Unsure = unsure
	return report, err
}

// locateChanges gives the changes whose containers run, and the objects of which a
// runtime that does not answer would have to tell.
func (p *Planner) locateChanges(ctx context.Context, changes []state.Change) ([]state.Change, []Deferred, error) {
	wants := make([]state.Want, len(changes))
	for i, c := range changes {
		wants[i] = state.Want{Object: c.After}
	}
	located, err := p.locate(ctx, wants)
	if err != nil {
		return nil, nil, err
	}
	var out []state.Change
	var unsure []Deferred
	step := &planning{Planner: p}
	for i, c := range changes {
		own := c.After.Key()
		c.After = located[i].Object
		h, gone := step.hindrance(state.Want{Object: c.After, Absent: true})
		outside, _ := c.After.Key().Scope.Live(p.sim)
		switch {
		case !gone:
			out = append(out, c)
		case p.unasked(c.After):
			unsure = append(unsure, Deferred{Key: own, Why: h.why, Container: true})
		case outside: // what is on the host because of a container (rules, files) outlives it
			out = append(out, c)
		}
	}
	return out, unsure, nil
}

// unasked reports whether a runtime that does not answer keeps the object's container
// from being found.
func (p *Planner) unasked(o state.Object) bool {
	return slices.ContainsFunc(state.Scopes(o), func(s state.Scope) bool {
		name, _ := s.Sought()
		found, ok := p.sim.Get(state.ContainerKey(name))
		c, is := found.(state.Container)
		return ok && is && c.Silent
	})
}

// notOurs reports, and notes, that a removal must leave the object alone.
func (u *undo) notOurs(k state.Key, now state.Object) bool {
	if mark, marked := state.MarkOf(now); marked && !strings.HasPrefix(mark, "netrun") {
		u.left = append(u.left, fmt.Sprintf("%s: it is not netrun's", k))
		return true
	}
	return false
}

// unchanged keeps the fields that still are as the record left them, and notes the others.
func (u *undo) unchanged(k state.Key, fields []state.FieldDiff) []state.FieldDiff {
	var out []state.FieldDiff
	for _, f := range fields {
		if made := u.made[k][f.Field]; made != f.From {
			u.left = append(u.left, fmt.Sprintf("%s: somebody has changed %s from %q to %q since", k, f.Field, made, f.From))
			continue
		}
		out = append(out, f)
	}
	return out
}
