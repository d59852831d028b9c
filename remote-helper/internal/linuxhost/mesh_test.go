//go:build linux

package linuxhost

import (
	"fmt"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"netrun/tasks"
	"netrun/tasks/reconcile"
	"netrun/tasks/state"
)

// A host's part of a mesh of twenty is one transaction of the database. What it costs the
// processor is logged, not judged: others run beside it.
func TestMeshOfTwentyHosts(t *testing.T) {
	r := newRig(t)
	startOVS(r)
	r.create(state.Link{Name: "docker0", Type: "bridge", State: "up"}, state.Link{Name: "up0", Type: "bridge", State: "up"},
		state.Address{Link: "up0", Prefix: prefix("10.9.0.1/24")})
	before, spent := transactions(r), processorTime(t)
	p := reconcile.New(r.host, reconcile.Options{})
	changes, err := p.Plan(t.Context(), 1, meshOf(t, 20))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left, err := p.Verify(t.Context()); err != nil || len(left) > 0 {
		t.Errorf("verify: got %v, %v; want nothing", left, err)
	}
	t.Logf("%d changes, %s of processor time for plan, apply and verification, ovs-vsctl's included", len(changes), processorTime(t)-spent)
	if got := transactions(r) - before; got != 1 {
		t.Errorf("got %d transactions; want 1", got)
	}
	ports := r.observe(state.Key{Kind: state.KindOVSPort}).All(state.KindOVSPort, state.HostScope)
	if len(ports) != 19 {
		t.Errorf("got %d ports; want 19", len(ports))
	}
	again, err := reconcile.New(r.host, reconcile.Options{}).Plan(t.Context(), 1, meshOf(t, 20))
	if err != nil || len(again) > 0 {
		t.Errorf("again: got %v, %v; want nothing", again, err)
	}
}

// meshOf is what the first of n hosts wants.
func meshOf(t *testing.T, n int) []state.Want {
	t.Helper()
	var peers []any
	for i := 2; i <= n; i++ {
		peers = append(peers, map[string]any{"name": fmt.Sprint("node", i), "address": fmt.Sprint("10.9.0.", i)})
	}
	kind, _ := tasks.Lookup("mesh")
	task, _, err := kind.Decode(map[string]any{"bridge": "docker0", "peers": peers})
	if err != nil {
		t.Fatal(err)
	}
	return task.(tasks.Wanter).Want()
}

// processorTime is what this process and its children have used so far.
func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var sum int64
	for _, who := range []int{unix.RUSAGE_SELF, unix.RUSAGE_CHILDREN} {
		var u unix.Rusage
		if err := unix.Getrusage(who, &u); err != nil {
			t.Fatal(err)
		}
		sum += u.Utime.Nano() + u.Stime.Nano()
	}
	return time.Duration(sum)
}
