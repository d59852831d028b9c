package serve

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"netrun/playbooks/script"
	"netrun/remote-helper/wire"
	"netrun/tasks"
)

// exploit is an act that writes down what becomes of it.
type exploit struct {
	Name string `arg:"name,required" doc:"what it is called"`
	Ends string `arg:"ends" default:"well" choices:"well,badly,cleanly" doc:"whether it fails, and has then put everything back"`
	Back string `arg:"back" default:"yes" choices:"yes,no,fails" doc:"whether it can be undone"`
	Kept string `arg:"kept" default:"yes" choices:"yes,no,fails" doc:"whether there is something to let go of"`
}

func init() {
	tasks.Register(tasks.Kind{Name: "exploit", Short: "an act of the tests", Free: "name", New: func() tasks.Task { return new(exploit) }})
}

var chronicle struct {
	sync.Mutex
	lines []string
}

func chronicled(line string) {
	chronicle.Lock()
	defer chronicle.Unlock()
	chronicle.lines = append(chronicle.lines, line)
}

// told is what was written down since it was last asked.
func told() string {
	chronicle.Lock()
	defer chronicle.Unlock()
	defer func() { chronicle.lines = nil }()
	return strings.Join(chronicle.lines, ", ")
}

func (e *exploit) Check() error { return nil }

func (e *exploit) Needed(context.Context, tasks.Machine) (string, error) { return "do " + e.Name, nil }

func (e *exploit) Do(context.Context, tasks.Machine) (tasks.Outcome, error) {
	chronicled("do " + e.Name)
	out := tasks.Outcome{Changed: true, Undo: e.later("undo", e.Back), Keep: e.later("keep", e.Kept)}
	switch e.Ends {
	case "badly":
		return out, errors.New("it went wrong")
	case "cleanly":
		return tasks.Outcome{Undo: tasks.NothingLeft}, errors.New("it went wrong")
	}
	return out, nil
}

func (e *exploit) later(verb, how string) func(context.Context) error {
	if how == "no" {
		return nil
	}
	return func(ctx context.Context) error {
		_, bounded := ctx.Deadline()
		if ctx.Err() != nil || !bounded {
			chronicled("a context that is none")
		}
		chronicled(verb + " " + e.Name)
		if how == "fails" {
			return errors.New("cannot " + verb)
		}
		return nil
	}
}

func deedNode(id int, args ...string) *script.Node {
	all := map[string]any{}
	for i := 0; i < len(args); i += 2 {
		all[args[i]] = args[i+1]
	}
	return node(id, "exploit", all)
}

func fails(id int) *script.Node { return node(id, "fail", map[string]any{"msg": "no"}) }

func TestActsAreUndoneLastFirst(t *testing.T) {
	r := newRig(t)
	r.send(playOf("auto", deedNode(1, "name", "a"), node(2, "bridge", map[string]any{"name": "br0"}),
		deedNode(3, "name", "b", "back", "no"), deedNode(4, "name", "c"), fails(5))...)
	ended := r.ended()
	if ended.Error == nil || ended.Error.Kind != wire.FailTask || !ended.Undone {
		t.Errorf("got %+v (%v), want a failed task and an undone play", ended, ended.Error)
	}
	if diff := cmp.Diff([]string{"exploit: do c", "exploit: do a"}, ended.UndoneActs); diff != "" {
		t.Errorf("undone acts (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"exploit: do b"}, ended.Acts); diff != "" {
		t.Errorf("acts that stay (-want +got):\n%s", diff)
	}
	if got, want := told(), "do a, do b, do c, undo c, undo a"; got != want {
		t.Errorf("got %s; want %s", got, want)
	}
}

func TestActsAreKeptInOrder(t *testing.T) {
	r := newRig(t)
	r.send(playOf("auto", deedNode(1, "name", "a", "kept", "fails"), deedNode(2, "name", "b", "kept", "no"), deedNode(3, "name", "c"))...)
	note := r.until("note", func(e wire.Event) bool { return e.Note != nil }).Note
	if want := "after the play: exploit: do a: cannot keep"; note.Text != want {
		t.Errorf("got note %q; want %q", note.Text, want)
	}
	if ended := r.ended(); ended.Error != nil || len(ended.Acts)+len(ended.UndoneActs) > 0 {
		t.Errorf("got %+v (%v), want a play that stands", ended, ended.Error)
	}
	if got, want := told(), "do a, do b, do c, keep a, keep c"; got != want {
		t.Errorf("got %s; want %s", got, want)
	}
}

func TestActThatCannotBeUndoneIsAFailedUndo(t *testing.T) {
	r := newRig(t)
	r.send(playOf("auto", deedNode(1, "name", "a"), deedNode(2, "name", "b", "back", "fails"), fails(3))...)
	ended := r.ended()
	if ended.Error == nil || ended.Error.Kind != wire.FailUndo || !strings.Contains(ended.Error.Msg, "undo: exploit: do b: cannot undo") {
		t.Errorf("got error %v, want that b could not be undone", ended.Error)
	}
	if got, want := told(), "do a, do b, undo b, undo a"; got != want {
		t.Errorf("got %s; want %s", got, want)
	}
	if len(ended.Acts) != 1 || len(ended.UndoneActs) != 1 {
		t.Errorf("got %+v, want one act that was undone and one that was not", ended)
	}
}

// TestFailedActSaysWhatItLeft: what fails is undone too, as far as it says that it can be.
func TestFailedActSaysWhatItLeft(t *testing.T) {
	for _, test := range []struct{ ends, want string }{{"badly", "do a, undo a"}, {"cleanly", "do a"}} {
		r := newRig(t)
		r.send(playOf("auto", deedNode(1, "name", "a", "ends", test.ends))...)
		if ended := r.ended(); ended.Error == nil || len(ended.Acts) > 0 || len(ended.UndoneActs) != 1 {
			t.Errorf("%s: got %+v, want a failure that left nothing", test.ends, ended)
		}
		if got := told(); got != test.want {
			t.Errorf("%s: got %s; want %s", test.ends, got, test.want)
		}
	}
}

// TestRescuedActStays: it stays done, unless the play fails later.
func TestRescuedActStays(t *testing.T) {
	block := &script.Node{ID: 9, Block: []*script.Node{deedNode(1, "name", "a"), fails(2)}, Rescue: []*script.Node{deedNode(3, "name", "b")}}
	r := newRig(t)
	r.send(playOf("auto", block)...)
	if ended := r.ended(); ended.Error != nil {
		t.Fatal(ended.Error)
	}
	if got, want := told(), "do a, do b, keep a, keep b"; got != want {
		t.Errorf("got %s; want %s", got, want)
	}
	r.send(playOf("auto", block, fails(4))...)
	r.ended()
	if got, want := told(), "do a, do b, undo b, undo a"; got != want {
		t.Errorf("with a failure later: got %s; want %s", got, want)
	}
}

// TestHeldPlayUndoesItsActs: before the decision nothing is let go of.
func TestHeldPlayUndoesItsActs(t *testing.T) {
	for commit, want := range map[bool]string{true: "do a, keep a", false: "do a, undo a"} {
		r := newRig(t)
		reqs := playOf("auto", deedNode(1, "name", "a"))
		reqs[0].Begin.Hold = true
		r.send(reqs...)
		r.until("held", func(e wire.Event) bool { return e.Held != nil })
		chronicle.Lock()
		if len(chronicle.lines) != 1 {
			t.Errorf("before the decision: got %q; want nothing but the act", chronicle.lines)
		}
		chronicle.Unlock()
		r.send(wire.Request{Decide: &wire.Decide{Commit: commit}})
		if ended := r.ended(); (ended.Error == nil) != commit {
			t.Errorf("commit %v: got %v", commit, ended.Error)
		}
		if got := told(); got != want {
			t.Errorf("commit %v: got %s; want %s", commit, got, want)
		}
	}
}

func TestLostControllerUndoesActs(t *testing.T) {
	r := newRig(t)
	r.send(playOf("auto", deedNode(1, "name", "a"), node(2, "command", map[string]any{"argv": []any{"/bin/sleep", "60"}}))...)
	r.until("result", func(e wire.Event) bool { return e.Result != nil })
	if err := r.stdin.Close(); err != nil {
		t.Fatal(err)
	}
	if ended := r.ended(); ended.Error == nil || ended.Error.Kind != wire.FailCanceled || len(ended.UndoneActs) != 1 || len(ended.Acts) != 1 {
		t.Errorf("got %+v (%v), want a canceled play with one act undone", ended, ended.Error)
	}
	if got, want := told(), "do a, undo a"; got != want {
		t.Errorf("got %s; want %s", got, want)
	}
}

func TestCheckDoesAndUndoesNothing(t *testing.T) {
	r := newRig(t)
	for _, nodes := range [][]*script.Node{{deedNode(1, "name", "a")}, {deedNode(1, "name", "a"), fails(2)}} {
		reqs := playOf("auto", nodes...)
		reqs[0].Begin.Check = true
		r.send(reqs...)
		if ended := r.ended(); len(ended.Acts)+len(ended.UndoneActs) > 0 {
			t.Errorf("got %+v, want no acts", ended)
		}
	}
	if got := told(); got != "" {
		t.Errorf("got %s; want nothing", got)
	}
	done := deedNode(1, "name", "a")
	done.CheckMode = new(bool)
	for want, nodes := range map[string][]*script.Node{"do a, keep a": {done}, "do a, undo a": {done, fails(2)}} {
		reqs := playOf("auto", nodes...)
		reqs[0].Begin.Check = true
		r.send(reqs...)
		r.ended()
		if got := told(); got != want {
			t.Errorf("with check_mode: false: got %s; want %s", got, want)
		}
	}
}

// TestNoLogHidesWhyAnActWasNotUndone: the cause may hold what no_log hides.
func TestNoLogHidesWhyAnActWasNotUndone(t *testing.T) {
	r := newRig(t)
	secret := deedNode(1, "name", "a", "back", "fails")
	secret.NoLog = true
	r.send(playOf("auto", secret, fails(2))...)
	ended := r.ended()
	if ended.Error == nil || strings.Contains(ended.Error.Msg, "cannot undo") || !strings.Contains(ended.Error.Msg, "exploit: (no_log): the reason is hidden") {
		t.Errorf("got %v, want the act, without its words", ended.Error)
	}
	told()
}
