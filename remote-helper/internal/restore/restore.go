// Package restore puts what playbooks want of a host back: after a reboot, when a
// container starts, when something that had to wait can be done. It knows objects,
// and neither playbooks' files nor what made it necessary.
package restore

import (
	"context"
	"errors"
	"fmt"

	"netrun/remote-helper/internal/store"
	"netrun/tasks/reconcile"
	"netrun/tasks/state"
)

// Result is what became of one item.
type Result struct {
	Item    store.Item
	Changes []state.Change // made, or to be made: see Look
	Waits   string         // for what, "" if for nothing
	// Container says that it waits for a container, rather than for something of the host.
	Container bool
	Err       error
}

// Look says how each item stands, and changes nothing.
func Look(ctx context.Context, host state.Host, items []store.Item) ([]Result, error) {
	_, results, err := plan(ctx, host, items, func(int, store.Item) (bool, error) { return false, nil })
	return results, err
}

// Put makes the host what the items want, as far as it can: an item whose container
// does not run, or that needs something else that is not there, waits, and one that
// goes wrong does not keep the rest from it.
func Put(ctx context.Context, host state.Host, items []store.Item) ([]Result, error) {
	failed := map[int]error{}
	for {
		planner, results, err := plan(ctx, host, items, func(n int, i store.Item) (bool, error) {
			return failed[n] != nil || unknowable(i.Object), failed[n]
		})
		if err != nil {
			return nil, err
		}
		err = planner.Apply(ctx)
		if err == nil {
			return results, nil
		}
		var batch *reconcile.BatchError
		if !errors.As(err, &batch) || ctx.Err() != nil || failed[batch.Task-1] != nil {
			return results, err
		}
		failed[batch.Task-1] = err
	}
}

// plan plans the items that are not to be skipped, one by one.
func plan(ctx context.Context, host state.Host, items []store.Item, skip func(int, store.Item) (bool, error)) (*reconcile.Planner, []Result, error) {
	planner := reconcile.New(host, reconcile.Options{Owner: "netrun", Patient: true})
	results := make([]Result, len(items))
	todo := make([]int, 0, len(items))
	for i, item := range items {
		results[i].Item = item
		skipped, why := skip(i, item)
		if results[i].Err = why; !skipped {
			todo = append(todo, i)
		}
	}
	// What one playbook wants may need what another does, which comes later.
	for {
		var waits []int
		for _, i := range todo {
			if err := results[i].plan(ctx, planner, i+1); err != nil {
				return nil, nil, err
			}
			if results[i].Waits != "" || results[i].Err != nil {
				waits = append(waits, i)
			}
		}
		if len(waits) == len(todo) {
			return planner, results, nil
		}
		todo = waits
	}
}

// plan plans one item. Its own failure is part of the result.
func (r *Result) plan(ctx context.Context, planner *reconcile.Planner, task int) error {
	r.Waits, r.Container = "", false
	var changes []state.Change
	changes, r.Err = planner.Plan(ctx, task, state.Present(r.Item.Object))
	r.Changes = append(r.Changes, changes...) // what was planned in an earlier round stands
	if ctx.Err() != nil {
		return fmt.Errorf("put back: %w", context.Cause(ctx))
	}
	waits := planner.Deferred(task)
	r.Waits = reconcile.Reasons(waits)
	for _, d := range waits {
		r.Container = d.Container
	}
	return nil
}

// unknowable is a file's content: it outlives a restart by itself, and is not kept
// twice. That of a link is made of what is known of a container, and changes with it.
func unknowable(o state.Object) bool {
	f, ok := o.(state.File)
	return ok && f.Type == "file" && f.Link == nil
}
