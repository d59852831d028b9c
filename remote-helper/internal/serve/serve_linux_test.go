package serve

import (
	"context"
	"encoding/json"
	"io"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"netrun/playbooks/script"
	"netrun/remote-helper/internal/journal"
	"netrun/remote-helper/internal/linuxhost"
	"netrun/remote-helper/internal/machine"
	"netrun/remote-helper/wire"
	"netrun/tasks"
	"netrun/tasks/reconcile"
	"netrun/tasks/state"
	"netrun/templates"
)

// rig is a helper that serves over pipes, on a network namespace of its own.
type rig struct {
	*testing.T
	config   Config
	writer   *wire.Writer
	stdin    io.Closer
	events   chan wire.Event
	finished chan error
}

type realClock struct{}

func (realClock) Now() time.Time { return time.Now() }

func (realClock) Sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func newRig(t *testing.T) *rig {
	t.Helper()
	runtime.LockOSThread() // the thread ends with the test, and the namespace with it
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		runtime.UnlockOSThread()
		t.Skipf("probed unshare(CLONE_NEWNET): %v", err)
	}
	host := linuxhost.New(linuxhost.Config{BlobDir: t.TempDir()})
	t.Cleanup(func() {
		if err := host.Close(); err != nil {
			t.Error(err)
		}
	})
	r := &rig{T: t, config: Config{Host: host, StateDir: t.TempDir(), RunDir: t.TempDir(), Clock: realClock{},
		Machine: func(user string, _ map[string]string) tasks.Machine { return machine.New(host, nil, user, time.Now) }}}
	r.connect()
	return r
}

// connect starts a session, as a fresh connection does.
func (r *rig) connect() {
	in, stdin := io.Pipe()
	stdout, out := io.Pipe()
	c := r.config
	c.In, c.Out = in, out
	events, finished := make(chan wire.Event, 100), make(chan error, 1)
	r.events, r.finished, r.stdin, r.writer = events, finished, stdin, wire.NewWriter(stdin)
	go func() { finished <- Serve(context.Background(), c) }()
	go func() {
		reader := wire.NewReader(stdout)
		for {
			var e wire.Event
			if reader.JSON(&e) != nil {
				close(events)
				return
			}
			events <- e
		}
	}()
	r.Cleanup(func() { stdin.Close(); stdout.Close() })
}

func (r *rig) send(reqs ...wire.Request) {
	r.Helper()
	for _, q := range reqs {
		if err := r.writer.JSON(q); err != nil {
			r.Fatal(err)
		}
	}
}

// until returns the first event that stop takes.
func (r *rig) until(what string, stop func(wire.Event) bool) wire.Event {
	r.Helper()
	timeout := time.After(20 * time.Second)
	for {
		select {
		case e, ok := <-r.events:
			if !ok {
				r.Fatalf("the session ended before %s", what)
			}
			if stop(e) {
				return e
			}
		case <-timeout:
			r.Fatalf("no %s within 20 s", what)
		}
	}
}

func (r *rig) ended() *wire.Ended {
	r.Helper()
	e := r.until("end", func(e wire.Event) bool { return e.Ended != nil || e.Failed != nil })
	if e.Failed != nil {
		r.Fatalf("failed: %v", e.Failed)
	}
	return e.Ended
}

func (r *rig) links() map[string]state.Link {
	r.Helper()
	got, err := r.config.Host.Observe(context.Background(), []state.Key{{Kind: state.KindLink}})
	if err != nil {
		r.Fatal(err)
	}
	links := map[string]state.Link{}
	for _, o := range got.All(state.KindLink, state.HostScope) {
		links[o.(state.Link).Name] = o.(state.Link)
	}
	return links
}

func node(id int, kind string, args map[string]any) *script.Node {
	return &script.Node{ID: id, Kind: kind, Args: templates.Value{V: args}}
}

func playOf(confirm string, nodes ...*script.Node) []wire.Request {
	begin := &wire.Begin{Run: "r1", Name: "test", By: "me@here", Owner: "netrun", Confirm: confirm, Deadline: 300,
		Script: &script.Script{Host: "h", Segments: [][]*script.Node{nodes}}}
	return []wire.Request{{Begin: begin}, {Segment: &wire.Segment{}}, {End: &wire.End{}}}
}

func TestPlayIsAppliedVerifiedAndRepeatedWithoutChange(t *testing.T) {
	r := newRig(t)
	for round, want := range []int{2, 0} {
		r.send(playOf("auto", node(1, "bridge", map[string]any{"name": "br0"}),
			node(2, "address", map[string]any{"dev": "br0", "address": "10.9.0.1/24"}))...)
		if ended := r.ended(); ended.Error != nil || ended.Changed != want {
			t.Fatalf("round %d: got %+v (%v), want %d changes", round, ended, ended.Error, want)
		}
	}
	if _, there := r.links()["br0"]; !there {
		t.Error("there is no br0")
	}
}

// TestRegistersOutliveTheirPlay: a play reads what an earlier one of the run has found out.
func TestRegistersOutliveTheirPlay(t *testing.T) {
	r := newRig(t)
	hostname := node(1, "command", map[string]any{"argv": []any{"/bin/echo", "known"}})
	hostname.Register = "r"
	r.send(playOf("auto", hostname, node(2, "set_fact", map[string]any{"mine": 5}))...)
	r.ended()
	r.send(playOf("auto", node(1, "assert", map[string]any{"that": []any{`r.stdout == "known" and mine == 5`}}))...)
	if ended := r.ended(); ended.Error != nil {
		t.Errorf("second play: got %v, want what the first one registered", ended.Error)
	}
}

func TestFailureUndoesThePlay(t *testing.T) {
	r := newRig(t)
	r.send(playOf("auto", node(1, "bridge", map[string]any{"name": "br0"}), node(2, "command", map[string]any{"argv": []any{"/bin/false"}}))...)
	ended := r.ended()
	if ended.Error == nil || !ended.Undone || ended.Error.Kind != wire.FailTask {
		t.Errorf("got %+v, want a failed task and an undone play", ended)
	}
	if _, there := r.links()["br0"]; there {
		t.Error("br0 is still there")
	}
	if open, err := openDir(r).List(); err != nil || len(open) != 0 {
		t.Errorf("journals: got %v, %v; want none", open, err)
	}
}

func TestLostControllerUndoesThePlay(t *testing.T) {
	r := newRig(t)
	reqs := playOf("auto", node(1, "bridge", map[string]any{"name": "br0"}), node(2, "command", map[string]any{"argv": []any{"/bin/true"}}),
		node(3, "command", map[string]any{"argv": []any{"/bin/sleep", "60"}}))
	r.send(reqs...)
	r.until("second result", func(e wire.Event) bool { return e.Result != nil && e.Result.Task == 2 })
	if err := r.stdin.Close(); err != nil {
		t.Fatal(err)
	}
	if ended := r.ended(); ended.Error == nil || ended.Error.Kind != wire.FailCanceled || !ended.Undone {
		t.Errorf("got %+v (%v), want a canceled and undone play", ended, ended.Error)
	}
	if _, there := r.links()["br0"]; there {
		t.Error("br0 is still there")
	}
}

func TestUnfinishedPlayIsFoundAndUndone(t *testing.T) {
	r := newRig(t)
	j := openDir(r).Begin(journal.Header{Run: "dead", Name: "died", By: "ann@desk"})
	link := state.Link{Name: "br7", Type: "bridge"}
	changes := []state.Change{{Op: state.Create, After: link}}
	if err := j.Write(recordOf(changes)); err != nil {
		t.Fatal(err)
	}
	if err := r.config.Host.Apply(context.Background(), changes); err != nil {
		t.Fatal(err)
	}
	r.send(playOf("auto")...)
	began := r.until("began", func(e wire.Event) bool { return e.Began != nil }).Began
	if len(began.Found) != 1 {
		t.Errorf("found: got %v, want the dead play", began.Found)
	}
	if _, there := r.links()["br7"]; there {
		t.Error("br7 is still there")
	}
}

func TestSecondPlayIsToldWhoHoldsTheLock(t *testing.T) {
	r := newRig(t)
	r.send(playOf("auto")[0])
	r.until("began", func(e wire.Event) bool { return e.Began != nil })
	r.connect()
	r.send(playOf("auto")[0])
	failed := r.until("refusal", func(e wire.Event) bool { return e.Failed != nil }).Failed
	if failed.Kind != wire.FailLocked {
		t.Errorf("got %v, want that the lock is held", failed)
	}
}

func TestUndoTakesARunBack(t *testing.T) {
	r := newRig(t)
	before := encode(r.links())
	r.send(playOf("auto", node(1, "bridge", map[string]any{"name": "br0"}), node(2, "address", map[string]any{"dev": "br0", "address": "10.9.0.1/24"}))...)
	if ended := r.ended(); ended.Error != nil {
		t.Fatal(ended.Error)
	}
	r.send(wire.Request{Undo: &wire.Undo{Run: "r1", By: "me"}})
	undone := r.until("undone", func(e wire.Event) bool { return e.Undone != nil }).Undone
	if undone.Error != nil || len(undone.Plays) != 1 {
		t.Errorf("got %+v (%v), want one play undone", undone, undone.Error)
	}
	if after := encode(r.links()); after != before {
		t.Errorf("got %s, want %s as before", after, before)
	}
	r.send(wire.Request{History: &wire.History{}})
	if past := r.until("history", func(e wire.Event) bool { return e.Past != nil }).Past; len(past.Plays) != 0 {
		t.Errorf("history: got %v, want nothing left", past.Plays)
	}
}

func openDir(r *rig) *journal.Dir {
	r.Helper()
	d, err := journal.Open(r.config.StateDir)
	if err != nil {
		r.Fatal(err)
	}
	return d
}

func recordOf(changes []state.Change) reconcile.Record { return reconcile.Record{Changes: changes} }

// encode is links as text: pointers differ from one observation to the next.
func encode(links map[string]state.Link) string {
	raw, err := json.Marshal(links)
	if err != nil {
		panic(err)
	}
	return string(raw)
}
