package script

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"netrun/tasks"
	"netrun/tasks/reconcile"
	"netrun/tasks/state"
	"netrun/templates"
)

// recorder is an executor that takes note of what it is asked, and fails when told to.
type recorder struct {
	log      []string
	flushErr map[int]error // by number of the flush, from 1
	flushes  int
	onSleep  func()
	now      time.Duration
}

func (r *recorder) Plan(_ context.Context, step Step, wants []state.Want) (Planned, error) {
	name := wants[0].Object.Key().Name
	r.log = append(r.log, "plan "+name)
	if strings.Contains(name, "wrong") {
		return Planned{}, errors.New("no such parameter")
	}
	return Planned{Changes: []state.Change{{Op: state.Create, After: wants[0].Object, Task: step.ID}}}, nil
}

func (r *recorder) Flush(context.Context) error {
	r.flushes++
	r.log = append(r.log, "flush")
	return r.flushErr[r.flushes]
}

func (r *recorder) Machine(*Node, map[string]string) tasks.Machine {
	return machine{r}
}

func (r *recorder) Now() time.Time { return time.Unix(0, 0).Add(r.now) }

func (r *recorder) Sleep(ctx context.Context, d time.Duration) error {
	r.now += d
	if r.onSleep != nil {
		r.onSleep()
	}
	return ctx.Err()
}

type machine struct{ r *recorder }

func (m machine) Run(_ context.Context, c tasks.Command) (tasks.Output, error) {
	m.r.log = append(m.r.log, "run "+strings.Join(c.Argv, " "))
	if c.Argv[0] == "false" {
		return tasks.Output{Status: 1}, nil
	}
	return tasks.Output{}, nil
}
func (m machine) In(_ state.Scope, f func() error) error { return f() }
func (m machine) Facts(context.Context) (map[string]any, error) {
	return map[string]any{"os": "linux"}, nil
}

// object is a task that wants a sysctl; act one that runs a program.
func object(id int, name string) *Node {
	return &Node{ID: id, Kind: "sysctl", Name: templates.Value{V: name}, Args: templates.Value{V: map[string]any{"name": "net.ipv4." + name, "value": 1}}}
}

func act(id int, cmd string) *Node {
	return &Node{ID: id, Kind: "command", Name: templates.Value{V: cmd}, Args: templates.Value{V: cmd}}
}

// play runs segments and finishes; it gives the results as lines, and the first error.
func play(t *testing.T, ctx context.Context, s *Script, exec *recorder) (lines []string, env *Env, err error) {
	t.Helper()
	env = NewEnv(s, Options{Clock: exec})
	emit := func(r Result) {
		line := fmt.Sprintf("%d %s", r.Task, r.Status)
		if r.Undone {
			line += " undone"
		}
		lines = append(lines, line)
	}
	for _, segment := range s.Segments {
		if e := Run(ctx, segment, env, exec, emit); e != nil && err == nil {
			err = e
		}
	}
	if e := Finish(ctx, env, exec, emit); e != nil && err == nil {
		err = e
	}
	return lines, env, err
}

func TestRun(t *testing.T) {
	wrong := object(2, "wrong")
	rescued := &Node{ID: 9, Block: []*Node{object(1, "a"), wrong}, Rescue: []*Node{object(3, "c")}, Always: []*Node{object(4, "d")}}
	rescueFails := &Node{ID: 9, Block: []*Node{act(1, "false")}, Rescue: []*Node{act(2, "false")}, Always: []*Node{object(4, "d")}}
	nested := &Node{ID: 9, Block: []*Node{{ID: 10, Block: []*Node{act(1, "false")}, Always: []*Node{object(2, "b")}}}, Rescue: []*Node{object(3, "c")}}
	ignored := object(2, "wrong")
	ignored.IgnoreErrors = true
	tests := []struct {
		name      string
		nodes     []*Node
		flushErr  map[int]error
		want, log string
		failed    bool
	}{
		{name: "neighbours are one batch", nodes: []*Node{object(1, "a"), object(2, "b"), act(3, "true"), object(4, "d")},
			want: "1 changed, 2 changed, 3 changed, 4 changed", log: "plan a, plan b, flush, run true, plan d, flush"},
		{name: "a plan fails", nodes: []*Node{object(1, "a"), wrong, object(3, "c")}, want: "1 changed undone, 2 failed", log: "plan a, plan wrong", failed: true},
		{name: "a batch fails", nodes: []*Node{object(1, "a"), object(2, "b"), object(3, "c")}, flushErr: map[int]error{1: &reconcile.BatchError{Task: 2, Err: errors.New("no")}},
			want: "1 changed undone, 2 failed undone", log: "plan a, plan b, plan c, flush", failed: true},
		{name: "a batch fails before an act", nodes: []*Node{object(1, "a"), act(2, "true")}, flushErr: map[int]error{1: errors.New("disk full")},
			want: "1 failed undone", log: "plan a, flush", failed: true},
		{name: "ignored", nodes: []*Node{object(1, "a"), ignored, object(3, "c")}, want: "1 changed, 2 ignored, 3 changed", log: "plan a, flush, plan wrong, plan c, flush"},
		{name: "rescued", nodes: []*Node{object(5, "e"), rescued, object(6, "f")}, want: "5 changed, 1 changed, 2 rescued, 3 changed, 4 changed, 6 changed",
			log: "plan e, flush, plan a, plan wrong, flush, plan c, flush, plan d, flush, plan f, flush"},
		{name: "a batch of a block fails", nodes: []*Node{rescued}, flushErr: map[int]error{1: &reconcile.BatchError{Task: 1, Err: errors.New("no")}},
			want: "1 rescued undone, 3 changed, 4 changed", log: "plan a, plan wrong, flush, plan c, flush, plan d, flush"},
		{name: "the rescue fails", nodes: []*Node{rescueFails, object(5, "e")}, want: "1 rescued, 2 failed, 4 changed", log: "run false, run false, plan d, flush", failed: true},
		{name: "a rescue further out", nodes: []*Node{nested}, want: "1 rescued, 2 changed, 3 changed", log: "run false, plan b, flush, plan c, flush"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			exec := &recorder{flushErr: tt.flushErr}
			lines, _, err := play(t, t.Context(), &Script{Segments: [][]*Node{tt.nodes}}, exec)
			var failed *FailedError
			if errors.As(err, &failed) != tt.failed || (err != nil) != tt.failed {
				t.Errorf("got error %v; want a failure: %v", err, tt.failed)
			}
			if got := strings.Join(lines, ", "); got != tt.want {
				t.Errorf("got results %s; want %s", got, tt.want)
			}
			if got := strings.ReplaceAll(strings.Join(exec.log, ", "), "net/ipv4/", ""); got != tt.log {
				t.Errorf("got %s; want %s", got, tt.log)
			}
		})
	}
}

// TestDid: whoever asks is told of each act that changes something, also of one that fails.
func TestDid(t *testing.T) {
	var told []string
	exec, secret := &recorder{}, act(2, "true secret")
	secret.NoLog = true
	options := Options{Clock: exec,
		Act: func(what string) error { told = append(told, "act "+what); return nil },
		Did: func(what string, out tasks.Outcome) {
			told = append(told, fmt.Sprintf("did %s, changed %v", what, out.Changed))
		}}
	env := NewEnv(&Script{}, options)
	nodes := []*Node{object(5, "a"), act(1, "true"), secret, {ID: 4, Kind: "ping"}, act(6, "false")}
	if err := Run(t.Context(), nodes, env, exec, func(Result) {}); err == nil {
		t.Error("got no error; want that of the last task")
	}
	want := "act command: run true; did command: run true, changed true; act command: (no_log); did command: (no_log), changed true; " +
		"act command: run false; did command: run false, changed true"
	if got := strings.Join(told, "; "); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	told = nil
	options.Check = true
	if err := Run(t.Context(), nodes[:2], NewEnv(&Script{}, options), exec, func(Result) {}); err != nil || told != nil {
		t.Errorf("in check: got %v, %q; want nothing", err, told)
	}
}

func TestHandlersAfterFailure(t *testing.T) {
	notifier := act(1, "true")
	notifier.Notify = []string{"h"}
	for _, force := range []bool{false, true} {
		s := &Script{Segments: [][]*Node{{notifier, act(2, "false")}, {act(3, "true")}}, Handlers: []*Node{act(4, "true")}, ForceHandlers: force}
		s.Handlers[0].Name.V = "h"
		lines, env, err := play(t, t.Context(), s, &recorder{})
		want := map[bool]string{false: "1 changed, 2 failed", true: "1 changed, 2 failed, 4 changed"}[force]
		if got := strings.Join(lines, ", "); got != want || err == nil || !env.Ended() {
			t.Errorf("force_handlers %v: got %s, %v; want %s and an error", force, got, err, want)
		}
	}
}

func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("interrupted")
	retried := act(2, "false")
	condition, err := templates.ParseCondition("r.rc == 0", templates.Origin{})
	if err != nil {
		t.Fatal(err)
	}
	retried.Until, retried.Register, retried.Retries, retried.Delay = []*templates.Condition{condition}, "r", 1000, time.Second
	exec := &recorder{onSleep: func() { cancel(stop) }}
	lines, _, err := play(t, ctx, &Script{Segments: [][]*Node{{object(1, "a"), retried, act(3, "true")}}}, exec)
	if err == nil || exec.now > 2*time.Second {
		t.Errorf("got %v after %s; want an error after one wait", err, exec.now)
	}
	if got := strings.Join(lines, ", "); !strings.HasPrefix(got, "1 changed") || strings.Contains(got, "3 ") {
		t.Errorf("got results %s; want the first, and not the last", got)
	}
}

func TestExportsAndSteps(t *testing.T) {
	exporter := act(1, "true")
	exporter.Register, exporter.Export = "r", true
	exec := &recorder{}
	_, env, err := play(t, t.Context(), &Script{Host: "a", Segments: [][]*Node{{exporter, object(2, "b")}}}, exec)
	if err != nil {
		t.Fatal(err)
	}
	exports := env.Exports()
	raw, err := json.Marshal(exports)
	if err != nil || !strings.Contains(string(raw), `"rc":0`) {
		t.Errorf("got %s, %v; want the result of the command", raw, err)
	}
	if again := env.Exports(); len(again) != 0 {
		t.Errorf("got %v a second time; want nothing", again)
	}
	if n, _ := env.Step(1); n == nil || n.ID != 2 {
		t.Errorf("got %v; want the node of step 1", n)
	}
	if n, _ := env.Step(2); n != nil {
		t.Errorf("got %v; want no node", n)
	}
	other := NewEnv(&Script{Host: "b"}, Options{Clock: exec})
	other.Import("a", exports)
	other.exec = exec
	v, err := other.scope(t.Context(), &Node{}, nil).Lookup("hostvars")
	if err != nil || v.(map[string]any)["a"].(map[string]any)["r"] == nil {
		t.Errorf("got %v, %v; want the result of host a", v, err)
	}
}

func TestUnknownKindIsAFailure(t *testing.T) {
	lines, _, err := play(t, t.Context(), &Script{Segments: [][]*Node{{{ID: 1, Kind: "nosuch"}}}}, &recorder{})
	if err == nil || strings.Join(lines, ", ") != "1 failed" {
		t.Errorf("got %v, %v; want a failure", lines, err)
	}
}
