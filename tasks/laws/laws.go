// Package laws holds what must be true of any task on any state.Host: a second
// plan is empty, a failure at any write leaves the host as before, undo gives the
// host back, and what was not asked for stays. Tests of every kind of task run it
// on the host in memory and on the kernel. It knows no task and no kind of host.
package laws

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"netrun/tasks/reconcile"
	"netrun/tasks/state"
)

// NewHost makes a host of its own for one case. It cleans up after itself by t.Cleanup.
type NewHost func(t *testing.T) state.Host

// maxWrites bounds the failures that are tried: each costs a host.
const maxWrites = 60

// Run checks every law for the wants on hosts where given has been made before.
func Run(t *testing.T, newHost NewHost, given, wants []state.Want) {
	t.Helper()
	Once(t, newHost, given, wants)
	c := newLaws(newHost, given, wants)
	t.Run("failure", func(t *testing.T) { c.failure(t, c.given, c.wants) })
	if gone := absent(wants); len(gone) > 0 {
		t.Run("absent failure", func(t *testing.T) { c.failure(t, append(slices.Clone(c.given), wants...), gone) })
	}
}

// Once checks the laws that take one host each: all but the failure at each write.
func Once(t *testing.T, newHost NewHost, given, wants []state.Want) {
	t.Helper()
	c := newLaws(newHost, given, wants)
	t.Run("again", c.again)
	t.Run("undo", c.undo)
	if gone := absent(wants); len(gone) > 0 {
		t.Run("absent", func(t *testing.T) { c.absent(t, gone) })
	}
}

func newLaws(newHost NewHost, given, wants []state.Want) *laws {
	return &laws{newHost: newHost, given: append(Foreign(), given...), wants: wants}
}

// Foreign is what somebody else has on the host: a bridge, its address, and a route through it.
func Foreign() []state.Want {
	prefix := netip.MustParsePrefix
	return state.Present(
		state.Link{Name: "foreign0", Type: "bridge", State: "up", MTU: 1400},
		state.Address{Link: "foreign0", Prefix: prefix("203.0.113.1/24")},
		state.Address{Link: "foreign0", Prefix: prefix("203.0.113.2/24")},
		state.Route{Dst: prefix("198.51.100.0/24"), Via: "203.0.113.9", Dev: "foreign0"},
		state.Neighbour{Link: "foreign0", IP: netip.MustParseAddr("203.0.113.9"), MAC: "02:00:00:00:00:99"},
		state.Rule{Family: 4, Priority: 31000, From: "198.51.100.0/24", Table: 254},
	)
}

type laws struct {
	newHost      NewHost
	given, wants []state.Want
}

// host is a new one on which the wants have been made by somebody else.
func (l *laws) host(t *testing.T, wants []state.Want) state.Host {
	t.Helper()
	h := l.newHost(t)
	apply(t, h, "someone", wants)
	return h
}

// apply plans and applies as owner. A failure ends the test.
func apply(t *testing.T, h state.Host, owner string, wants []state.Want) (*reconcile.Planner, []state.Change) {
	t.Helper()
	p := reconcile.New(h, reconcile.Options{Owner: owner})
	changes, err := p.Plan(t.Context(), 1, wants)
	if err != nil {
		t.Fatalf("plan: %v", err)
	}
	if err := p.Apply(t.Context()); err != nil {
		t.Fatalf("apply: %v", err)
	}
	return p, changes
}

// again: what was applied is there, and a second plan has nothing to do; nothing else has changed.
func (l *laws) again(t *testing.T) {
	h := l.host(t, l.given)
	keys := l.watched()
	before := observe(t, h, keys)
	p, changes := apply(t, h, "netrun", l.wants)
	left, err := p.Verify(t.Context())
	if err != nil || len(left) > 0 {
		t.Fatalf("verify: got %v, error %v; want nothing left", left, err)
	}
	second, err := reconcile.New(h, reconcile.Options{Owner: "netrun"}).Plan(t.Context(), 1, l.wants)
	if err != nil || len(second) > 0 {
		t.Fatalf("second plan: got %v, error %v; want none", second, err)
	}
	after := observe(t, h, keys)
	touched := map[state.Key]bool{}
	for _, c := range changes {
		touched[c.Key()] = true
	}
	for _, o := range before.Objects() {
		if touched[o.Key()] || along(o, touched) {
			continue
		}
		now, there := after.Get(o.Key())
		if !there {
			t.Errorf("%s: gone, though nobody asked for it", o.Key())
		} else if diffs := state.DiffExact(o, now); len(diffs) > 0 {
			t.Errorf("%s: changed, though nobody asked for it: %v", o.Key(), diffs)
		}
	}
}

// along reports whether the kernel changes the object by itself with what was
// touched: a bridge's MAC address and MTU follow those of its ports, parameters of
// one link those of all, and a port of Open vSwitch takes every packet.
func along(o state.Object, touched map[state.Key]bool) bool {
	switch o := o.(type) {
	case state.Sysctl:
		return true
	case state.File:
		for k := range touched {
			if path, _, ok := state.JSONKeyParts(k.Name); ok && k.Kind == state.KindJSON && path == o.Path {
				return true
			}
		}
	case state.Link:
		if o.Type != "bridge" {
			return touched[state.OVSPort{Name: o.Name}.Key()]
		}
		for k := range touched {
			if k.Kind == state.KindMember && k.Scope == o.Scope {
				return true
			}
		}
	}
	return false
}

// undo gives the host back as it was before.
func (l *laws) undo(t *testing.T) {
	h := l.host(t, l.given)
	keys := l.watched()
	before := snapshot(t, h, keys)
	p, _ := apply(t, h, "netrun", l.wants)
	if err := p.Undo(context.Background()); err != nil {
		t.Errorf("undo: %v", err)
	}
	same(t, before, snapshot(t, h, keys))
}

// absent: what was there is gone, and comes back by undo.
func (l *laws) absent(t *testing.T, gone []state.Want) {
	h := l.host(t, l.given)
	apply(t, h, "netrun", l.wants)
	keys := l.watched()
	before := snapshot(t, h, keys)
	p, changes := apply(t, h, "netrun", gone)
	if len(changes) == 0 {
		t.Fatal("got no change; want the objects to go")
	}
	left, err := p.Verify(t.Context())
	if err != nil || len(left) > 0 {
		t.Errorf("verify: got %v, error %v; want nothing left", left, err)
	}
	if err := p.Undo(context.Background()); err != nil {
		t.Errorf("undo: %v", err)
	}
	same(t, before, snapshot(t, h, keys))
}

// failure: whichever write goes wrong, the host is as before.
func (l *laws) failure(t *testing.T, given, wants []state.Want) {
	for n := 1; n <= maxWrites; n++ {
		h := l.host(t, given)
		keys := l.watched()
		before := snapshot(t, h, keys)
		broken := &failing{Host: h, left: n}
		p := reconcile.New(broken, reconcile.Options{Owner: "netrun"})
		if _, err := p.Plan(t.Context(), 1, wants); err != nil {
			t.Fatalf("plan: %v", err)
		}
		err := p.Apply(t.Context())
		if err == nil {
			return // there are fewer writes
		}
		var batch *reconcile.BatchError
		if !errors.As(err, &batch) || !errors.Is(err, errInjected) || batch.Undo != nil {
			t.Errorf("failure at write %d: got error %v; want the injected one, all undone", n, err)
		}
		if diff := cmp.Diff(before, snapshot(t, h, keys)); diff != "" {
			t.Fatalf("failure at write %d: the host is not as before (-before +after):\n%s", n, diff)
		}
	}
	t.Errorf("got more than %d writes; want an example that takes fewer", maxWrites)
}

func same(t *testing.T, before, after []string) {
	t.Helper()
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("after undo the host is not as before (-before +after):\n%s", diff)
	}
}

var errInjected = errors.New("injected failure")

// failing is a host on which one write goes wrong.
type failing struct {
	state.Host
	left int // writes until then
}

// Apply implements state.Host.
func (f *failing) Apply(ctx context.Context, changes []state.Change) error {
	for i, c := range changes {
		if c.Implied {
			continue
		}
		if f.left--; f.left == 0 {
			if err := f.Host.Apply(ctx, changes[:i]); err != nil {
				return fmt.Errorf("before the injected failure: %w", err)
			}
			return &state.ApplyError{Index: i, Err: errInjected}
		}
	}
	return f.Host.Apply(ctx, changes)
}
