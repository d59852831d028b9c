package reconcile

import (
	"context"
	"fmt"
	"strings"

	"netrun/tasks/state"
)

// PlanRemoval plans to take away what the record made, and to put back the fields
// that it changed, as this planner's own batch. Unlike PlanUndo it goes by what the
// objects are now: what no longer carries netrun's mark, and fields that somebody
// else has changed since, are left alone and reported. What was in a container that
// does not run is gone. The record's objects may name containers as people do.
func (p *Planner) PlanRemoval(ctx context.Context, record Record) (UndoReport, error) {
	located, err := p.locateChanges(ctx, record.Changes)
	if err != nil {
		return UndoReport{}, err
	}
	return p.PlanUndo(ctx, []Record{{Changes: located}}, UndoOptions{removal: true})
}

func (p *Planner) locateChanges(ctx context.Context, changes []state.Change) ([]state.Change, error) {
	wants := make([]state.Want, len(changes))
	for i, c := range changes {
		wants[i] = state.Want{Object: c.After}
	}
	located, err := p.locate(ctx, wants)
	if err != nil {
		return nil, err
	}
	var out []state.Change
	step := &planning{Planner: p}
	for i, c := range changes {
		c.After = located[i].Object
		if _, gone := step.hindrance(state.Want{Object: c.After, Absent: true}); !gone {
			out = append(out, c)
		}
	}
	return out, nil
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
