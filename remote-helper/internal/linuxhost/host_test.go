//go:build linux

package linuxhost

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"netrun/tasks/state"
)

// rig is a Host in a fresh network namespace of its own.
type rig struct {
	*testing.T
	host   *Host
	prefix string // of names of namespaces, unique to the test
	warned []string
}

func newRig(t *testing.T) *rig {
	t.Helper()
	enterNewNamespace(t)
	random := make([]byte, 4)
	rand.Read(random)
	r := &rig{T: t, prefix: "nrt" + hex.EncodeToString(random)}
	r.host = New(Config{BlobDir: t.TempDir(), Warnf: func(format string, args ...any) { r.warned = append(r.warned, format) }})
	t.Cleanup(func() {
		r.dropNamespaces()
		if err := r.host.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// enterNewNamespace moves the test to a network namespace of its own; its thread
// ends with it.
func enterNewNamespace(tb testing.TB) {
	tb.Helper()
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		runtime.UnlockOSThread()
		tb.Skipf("probed unshare(CLONE_NEWNET): %v", err)
	}
}

// dropNamespaces deletes what a failed test left behind.
func (r *rig) dropNamespaces() {
	entries, _ := os.ReadDir("/run/netns")
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), r.prefix) {
			unix.Unmount("/run/netns/"+e.Name(), unix.MNT_DETACH)
			os.Remove("/run/netns/" + e.Name())
		}
	}
}

func (r *rig) netns(name string) state.Netns { return state.Netns{Name: r.prefix + name} }

func (r *rig) scope(name string) state.Scope { return state.NetnsScope(r.prefix + name) }

// create applies the creation of the objects.
func (r *rig) create(objects ...state.Object) {
	r.Helper()
	r.apply(creations(objects...)...)
}

func creations(objects ...state.Object) []state.Change {
	changes := make([]state.Change, len(objects))
	for i, o := range objects {
		changes[i] = state.Change{Op: state.Create, After: state.Mark(o, "netrun")}
	}
	return changes
}

func (r *rig) delete(objects ...state.Object) {
	r.Helper()
	for _, o := range objects {
		r.apply(state.Change{Op: state.Delete, Before: o})
	}
}

// update applies the difference between what is observed and want.
func (r *rig) update(want state.Object) {
	r.Helper()
	have := r.get(want.Key())
	after := state.Merge(have, want)
	r.apply(state.Change{Op: state.Update, Before: have, After: after, Fields: state.DiffExact(after, have)})
}

func (r *rig) apply(changes ...state.Change) {
	r.Helper()
	if err := r.host.Apply(context.Background(), changes); err != nil {
		r.Fatalf("apply: %v", err)
	}
}

func (r *rig) observe(keys ...state.Key) *state.State {
	r.Helper()
	got, err := r.host.Observe(context.Background(), keys)
	if err != nil {
		r.Fatalf("observe: %v", err)
	}
	return got
}

func (r *rig) get(key state.Key) state.Object {
	r.Helper()
	o, ok := r.observe(key).Get(key)
	if !ok {
		r.Fatalf("observe: no %s", key)
	}
	return o
}

// have checks that the objects are there with the fields that are set.
func (r *rig) have(wants ...state.Object) {
	r.Helper()
	var keys []state.Key
	for _, w := range wants {
		keys = append(keys, w.Key())
	}
	got := r.observe(keys...)
	for _, w := range wants {
		o, ok := got.Get(w.Key())
		if !ok {
			r.Errorf("observe: no %s", w.Key())
			continue
		}
		if d := state.Diff(w, o); len(d) > 0 {
			r.Errorf("%s: got %v; want %v (differs in %v)", w.Key(), o, w, d)
		}
	}
}

// lack checks that no object has the key.
func (r *rig) lack(keys ...state.Key) {
	r.Helper()
	got := r.observe(keys...)
	for _, k := range keys {
		if o, ok := got.Get(k); ok {
			r.Errorf("observe: got %v; want no %s", o, k)
		}
	}
}

// with is the rig of a subtest.
func (r *rig) with(t *testing.T) *rig {
	sub := *r
	sub.T = t
	return &sub
}

// output is what a program prints that runs in the rig's namespace.
func (r *rig) output(name string, args ...string) string {
	r.Helper()
	thread := startThread()
	defer thread.stop()
	var out []byte
	err := thread.in(&space{fd: r.host.home}, func() (err error) {
		out, err = exec.Command(name, args...).CombinedOutput()
		return err
	})
	if err != nil {
		r.Fatalf("%s %s: %v: %s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// roundTrip checks that undo brings an object back: it is observed, deleted, made
// again from what was observed, and what the program prints is the same as before.
func (r *rig) roundTrip(key state.Key, program ...string) {
	r.Helper()
	show := func() string { return volatile.ReplaceAllString(r.output(program[0], program[1:]...), "") }
	before := show()
	o := r.get(key)
	r.apply(state.Change{Op: state.Delete, Before: o})
	r.lack(key)
	r.apply(state.Change{Op: state.Create, After: o})
	if d := cmp.Diff(before, show()); d != "" {
		r.Errorf("%s deleted and made again (-before +after):\n%s", key, d)
	}
	if d := state.DiffExact(o, r.get(key)); len(d) > 0 {
		r.Errorf("%s deleted and made again differs in %v", key, d)
	}
}

func prefix(text string) netip.Prefix { return netip.MustParsePrefix(text) }

func addr(text string) netip.Addr { return netip.MustParseAddr(text) }

func asApply(err error, target **state.ApplyError) bool { return errors.As(err, target) }

// exitError is what a program says that fails; "" where it does not fail.
func exitError(r *rig, name string, args ...string) string {
	thread := startThread()
	defer thread.stop()
	var out []byte
	err := thread.in(&space{fd: r.host.home}, func() (err error) {
		out, err = exec.Command(name, args...).CombinedOutput()
		return err
	})
	if err == nil {
		return ""
	}
	return err.Error() + ": " + strings.TrimSpace(string(out))
}
