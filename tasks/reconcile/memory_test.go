package reconcile

import (
	"context"
	"errors"
	"strings"

	"netrun/tasks/state"
)

// memory is a host that believes the plan: it carries out implied changes as they
// are listed. What a kernel would really do is tasks/fakehost's business.
type memory struct {
	objects  *state.State
	failAt   int // fail the n-th written change, counted from 1; 0 never
	writes   int
	observed int
}

var errInjected = errors.New("injected")

func newMemory(objects ...state.Object) *memory { return &memory{objects: state.New(objects...)} }

func (m *memory) Observe(_ context.Context, keys []state.Key) (*state.State, error) {
	m.observed++
	out := state.New()
	for _, k := range keys {
		if k.Name == "" {
			for _, o := range m.objects.All(k.Kind, k.Scope) {
				out.Put(o)
			}
		} else if o, ok := m.objects.Get(k); ok {
			out.Put(o)
		}
	}
	return out, nil
}

func (m *memory) Apply(_ context.Context, changes []state.Change) error {
	for i, c := range changes {
		if !c.Implied {
			if m.writes++; m.writes == m.failAt {
				return &state.ApplyError{Index: i, Err: errInjected}
			}
		}
		if c.After == nil {
			m.objects.Delete(c.Before.Key())
		} else {
			m.objects.Put(c.After)
		}
	}
	return nil
}

func (m *memory) text() string {
	var lines []string
	for _, o := range m.objects.Objects() {
		raw, err := state.Encode(o)
		if err != nil {
			panic(err)
		}
		lines = append(lines, string(raw))
	}
	return strings.Join(lines, "\n")
}

// kept is a journal in memory.
type kept []Record

func (k *kept) Write(r Record) error {
	*k = append(*k, r)
	return nil
}
