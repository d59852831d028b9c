package reconcile

import (
	"context"
	"fmt"
	"slices"

	"netrun/tasks/state"
)

// Settling are the objects that the last batch changed, and that may begin their
// work only some time after they are there.
func (p *Planner) Settling() []state.Key {
	if len(p.records) == 0 {
		return nil
	}
	var keys []state.Key
	for _, c := range p.records[len(p.records)-1].Changes {
		now, there := p.sim.Get(c.Key())
		settler, ok := now.(state.Settler)
		if there && ok && settler.Settles(p.sim) && !slices.Contains(keys, c.Key()) {
			keys = append(keys, c.Key())
		}
	}
	return keys
}

// Unsettled observes the objects anew, and says what they still wait for.
func (p *Planner) Unsettled(ctx context.Context, keys []state.Key) ([]string, error) {
	var need []state.Key
	for _, k := range keys {
		for _, n := range state.SettleKeys(k) {
			if !slices.Contains(need, n) {
				need = append(need, n)
			}
		}
	}
	if len(need) == 0 {
		return nil, nil
	}
	now, err := p.host.Observe(ctx, need)
	if err != nil {
		return nil, fmt.Errorf("observe what is settling: %w", err)
	}
	var out []string
	for _, k := range keys {
		o, _ := now.Get(k)
		if settler, ok := o.(state.Settler); ok {
			out = append(out, settler.Unsettled(now)...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// Advice says what of the last batch will not work though it is as it was wanted.
func (p *Planner) Advice(ctx context.Context) ([]string, error) {
	if len(p.records) == 0 {
		return nil, nil
	}
	var changed, need []state.Key
	for _, c := range p.records[len(p.records)-1].Changes {
		if keys := state.AdviceKeys(c); len(keys) > 0 {
			changed = append(changed, c.Key())
			need = append(need, keys...)
		}
	}
	if len(need) == 0 {
		return nil, nil
	}
	slices.SortFunc(need, compareKeys)
	now, err := p.host.Observe(ctx, slices.Compact(need))
	if err != nil {
		return nil, fmt.Errorf("observe what was made: %w", err)
	}
	return state.Advise(now, changed), nil
}

func compareKeys(a, b state.Key) int {
	switch {
	case a.Less(b):
		return -1
	case b.Less(a):
		return 1
	}
	return 0
}
