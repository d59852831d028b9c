package reconcile

import (
	"context"
	"errors"
	"slices"
	"strings"

	"netrun/tasks/state"
)

// Deferred is a want that waits for its container to run, or for something else
// that is not there yet.
type Deferred struct {
	Key state.Key
	Why string
	// Container says that it waits for a container, in the end.
	Container bool
	// Part says that only a part of the object waits.
	Part bool
}

// Reasons says why things wait: the first that does as a whole, for the others mostly
// wait for the same, and each for which a part does.
func Reasons(waits []Deferred) string {
	var out []string
	for i, d := range waits {
		if i == 0 || d.Part && !slices.Contains(out, d.Why) {
			out = append(out, d.Why)
		}
	}
	return strings.Join(out, "; ")
}

// hindrance is why a want has to wait.
type hindrance struct {
	why       string
	container bool
}

// locate gives the wants the scopes by which the host knows their containers.
func (p *Planner) locate(ctx context.Context, wants []state.Want) ([]state.Want, error) {
	if !anySought(wants) {
		return wants, nil
	}
	if err := p.findContainers(ctx, wants); err != nil {
		return nil, err
	}
	out := make([]state.Want, len(wants))
	for i, w := range wants {
		var errs []error
		out[i] = state.Want{Absent: w.Absent, Object: state.Move(w.Object, func(s state.Scope) state.Scope {
			found, err := s.Locate(p.sim)
			errs = append(errs, err)
			return found
		})}
		if err := errors.Join(errs...); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Places lists the keys by which the host knows the objects, which may name their
// containers as people do. One whose container is not to be told keeps its own key.
func (p *Planner) Places(ctx context.Context, objects []state.Object) ([]state.Key, error) {
	wants := make([]state.Want, len(objects))
	for i, o := range objects {
		wants[i] = state.Want{Object: o}
	}
	if err := p.findContainers(ctx, wants); err != nil {
		return nil, err
	}
	out := make([]state.Key, len(objects))
	for i, o := range objects {
		out[i] = state.Move(o, func(s state.Scope) state.Scope {
			if found, err := s.Locate(p.sim); err == nil {
				return found
			}
			return s
		}).Key()
	}
	return out, nil
}

func anySought(wants []state.Want) bool {
	for _, w := range wants {
		for _, s := range state.Scopes(w.Object) {
			if _, ok := s.Sought(); ok {
				return true
			}
		}
	}
	return false
}

// findContainers asks the host for the containers that the wants name, all at once.
func (p *Planner) findContainers(ctx context.Context, wants []state.Want) error {
	var need []state.Key
	asked := map[state.Key]bool{}
	add := func(k state.Key) {
		if !p.seen[k] && !asked[k] {
			asked[k] = true
			need = append(need, k)
		}
	}
	for _, w := range wants {
		for _, s := range state.Scopes(w.Object) {
			if name, ok := s.Sought(); ok {
				add(state.ContainerKey(name))
				add(state.Key{Kind: state.KindNetns})
			}
		}
	}
	if err := p.read(ctx, need, asked); err != nil {
		return err
	}
	// The objects in a container name it by its scope.
	for _, k := range need {
		if o, ok := p.sim.Get(k); ok && k.Kind == state.KindContainer {
			c := o.(state.Container)
			if c.Name = string(c.Scope); c.Scope != "" && !p.seen[c.Key()] {
				p.seen[c.Key()] = true
				p.base.Put(c)
				p.sim.Put(c)
			}
		}
	}
	return nil
}

// hindrance says why the want has to wait, if it must: a container does not run, or
// it hangs on something that waits itself.
func (p *planning) hindrance(w state.Want) (hindrance, bool) {
	for _, s := range state.Scopes(w.Object) {
		if ok, why := s.Live(p.sim); !ok {
			return hindrance{why, true}, true
		}
	}
	if w.Absent {
		return hindrance{}, false
	}
	keys := w.Object.Needs()
	if late, ok := w.Object.(state.Late); ok {
		for _, r := range late.Reads() {
			if ok, why := r.Scope.Live(p.sim); !ok {
				return hindrance{why, true}, true
			}
			keys = append(keys, r)
		}
	}
	own := w.Object.Key()
	for _, k := range keys {
		if k == own {
			continue // that it waited the last time is no reason
		}
		if h, ok := p.held[k]; ok {
			return h, true
		}
		if h, ok := p.waiting[k]; ok {
			return h, true
		}
	}
	return hindrance{}, false
}
