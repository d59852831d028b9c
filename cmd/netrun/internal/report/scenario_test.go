package report

import (
	"bytes"
	"errors"
	"time"

	"netrun/inventory/diag"
	"netrun/playbooks/script"
	"netrun/remote-helper/wire"
	"netrun/tasks/state"
	"netrun/templates"
)

// stage is a report under test, with a clock that stands still unless told.
type stage struct {
	*Report
	out  *bytes.Buffer
	now  time.Time
	cols int
}

func newStage(mode Mode) *stage {
	s := &stage{out: &bytes.Buffer{}, now: time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC), cols: 60}
	s.Report = New(Config{
		Out: s.out, Mode: mode, Now: func() time.Time { return s.now },
		Size: func() (int, int) { return s.cols, 24 }, Diff: true, Color: mode == Live,
	})
	return s
}

// pass lets time pass, as Watch would see it.
func (s *stage) pass(d time.Duration) {
	const step = 500 * time.Millisecond
	for ; d > 0; d -= step {
		s.now = s.now.Add(min(d, step))
		s.Tick()
	}
}

func (s *stage) result(host string, r script.Result) { s.Event(host, wire.Event{Result: &r}) }

func (s *stage) simple(host string, task int, status script.Status) {
	s.result(host, script.Result{Task: task, Status: status})
}

func (s *stage) ended(host string, e wire.Ended) { s.Event(host, wire.Event{Ended: &e}) }

func site(hosts ...string) Play {
	return Play{Run: "20260102T150405-3fa9", Name: "wire nodes", Hosts: hosts, Tasks: []Task{
		{ID: 1, Name: "bridge for containers", Kind: "bridge", Pos: &diag.Pos{File: "site.yaml", Line: 4, Col: 7}},
		{ID: 2, Name: "restart web", Kind: "service", Role: "web", Pos: &diag.Pos{File: "roles/web/tasks/main.yaml", Line: 2, Col: 3}},
		{ID: 3, Name: "address", Kind: "address", Pos: &diag.Pos{File: "site.yaml", Line: 9, Col: 7}},
		{ID: 4, Name: "reload", Kind: "command", Handler: true, Pos: &diag.Pos{File: "site.yaml", Line: 14, Col: 7}},
	}}
}

var bridge = state.Change{Op: state.Create, After: state.Link{Name: "br0", Type: "bridge", State: "up"}}

var mtu = state.Change{
	Op: state.Update, Before: state.Link{Name: "eth0", MTU: 1500}, After: state.Link{Name: "eth0", MTU: 1400},
	Fields: []state.FieldDiff{{Field: "mtu", From: "1500", To: "1400"}},
}

// scenarios are what the golden transcripts are made of.
var scenarios = map[string]func(s *stage){
	"interleaved": interleaved,
	"slow":        slow,
	"failure":     failed,
	"confirm":     confirmed,
	"loop":        loop,
	"undo":        undo,
	"many":        many,
}

// interleaved: node1 is through before node2 says anything.
func interleaved(s *stage) {
	s.PlayStart(site("node1", "node2"))
	s.Phase("node1", "connect")
	s.Phase("node2", "connect")
	s.Phase("node1", "run")
	s.result("node1", script.Result{Task: 1, Status: script.Changed, Changes: []state.Change{bridge, mtu}})
	s.simple("node1", 2, script.Skipped)
	s.simple("node1", 3, script.OK)
	s.result("node1", script.Result{Task: 4, Status: script.Changed, Handler: true, Elapsed: 12 * time.Millisecond})
	s.ended("node1", wire.Ended{Changed: 2})
	s.pass(time.Second)
	s.Phase("node2", "run")
	s.simple("node2", 1, script.OK)
	s.simple("node2", 2, script.OK)
	s.result("node2", script.Result{Task: 3, Status: script.OK, Msg: "12 bytes"})
	s.ended("node2", wire.Ended{})
	s.PlayEnd()
	s.Recap()
}

// slow: node2 keeps node1's results waiting, but not for long.
func slow(s *stage) {
	s.PlayStart(site("node1", "node2", "node3"))
	for _, h := range []string{"node1", "node2", "node3"} {
		s.Phase(h, "connect")
	}
	s.Phase("node1", "run")
	s.simple("node1", 1, script.OK)
	s.simple("node1", 2, script.OK)
	s.Phase("node2", "run")
	s.simple("node2", 1, script.OK)
	s.pass(8 * time.Second)
	s.Unreachable("node3", errors.New("node3: dial 10.0.0.3:22: no route to host"))
	s.simple("node2", 2, script.Changed)
	s.simple("node1", 3, script.OK)
	s.ended("node1", wire.Ended{})
	s.simple("node2", 3, script.OK)
	s.ended("node2", wire.Ended{Changed: 1})
	s.PlayEnd()
	s.Recap()
}

func failed(s *stage) {
	s.Warn(diag.Pos{File: "site.yaml", Line: 4, Col: 7}, "bridge br0 has no stp")
	s.PlayStart(site("node1", "node2", "node3", "node4"))
	s.result("node1", script.Result{Task: 1, Status: script.Changed, Changes: []state.Change{bridge}, Undone: true})
	s.result("node1", script.Result{Task: 3, Status: script.Failed, Msg: "add address 10.0.0.1/24 to eth9:\nno such link\x1b[2J"})
	s.ended("node1", wire.Ended{Undone: true, UndoneActs: []string{"container: stop container b", "container: create container a from img"},
		Acts: []string{"restart web"}, Error: &wire.Failed{Kind: wire.FailTask, Msg: "add address"}})
	s.Event("node2", wire.Event{Failed: &wire.Failed{Kind: wire.FailLocked, Msg: `play "other" by ann@desk is at work`}})
	s.simple("node3", 1, script.OK)
	s.result("node3", script.Result{Task: 3, Status: script.Ignored, Msg: "no carrier"})
	s.ended("node3", wire.Ended{Undone: true, Error: &wire.Failed{Kind: wire.FailTask, Msg: "the play failed on another host, and any_errors_fatal is set"}})
	s.ended("node4", wire.Ended{Acts: []string{"container: stop container b"},
		Error: &wire.Failed{Kind: wire.FailUndo, Msg: "stopped by the controller; undo: container: stop container b: docker start: status 1"}})
	s.PlayEnd()
	s.Recap()
}

func confirmed(s *stage) {
	s.PlayStart(site("node1", "node2"))
	s.Event("node1", wire.Event{Began: &wire.Began{Found: []string{`play "old" by bob@desk, begun 2026-01-01 10:00:00 UTC, never ended: undone, 3 changes`}}})
	for _, h := range []string{"node1", "node2"} {
		s.Event(h, wire.Event{Confirm: &wire.Confirm{Token: "x", Deadline: 60000, Why: "update link eth0 mtu: 1500 -> 1400"}})
		s.Phase(h, "confirm")
	}
	s.pass(time.Second)
	s.Event("node1", wire.Event{Settled: &wire.Settled{Confirmed: true}})
	s.Phase("node1", "run")
	s.Event("node1", wire.Event{Note: &wire.Note{Text: "bridge br0 forwards in 30 s (stp)"}})
	s.result("node1", script.Result{Task: 1, Status: script.Changed, Changes: []state.Change{mtu}})
	s.ended("node1", wire.Ended{Changed: 1})
	s.pass(6 * time.Second)
	s.Event("node2", wire.Event{Settled: &wire.Settled{}})
	s.ended("node2", wire.Ended{Undone: true, Error: &wire.Failed{Kind: wire.FailConfirm, Msg: "nobody confirmed within 1m0s that this host can still be reached"}})
	s.PlayEnd()
	s.Recap()
}

func loop(s *stage) {
	s.PlayStart(site("node1"))
	s.result("node1", script.Result{Task: 1, Looped: true, Item: "br0", Status: script.OK})
	s.result("node1", script.Result{Task: 1, Looped: true, Item: "br1", Status: script.Changed, Changes: []state.Change{bridge}})
	s.result("node1", script.Result{Task: 1, Looped: true, Status: script.Skipped})
	s.result("node1", script.Result{Task: 2, Status: script.Rescued, Msg: "no such unit", Attempts: 3})
	s.result("node1", script.Result{Task: 3, Status: script.OK, Msg: "hello\nworld", Register: templates.Value{V: map[string]any{"msg": "hello"}}})
	s.ended("node1", wire.Ended{Changed: 1})
	s.PlayEnd()
	s.Recap()
}

func undo(s *stage) {
	s.Event("node1", wire.Event{Undone: &wire.Undone{Plays: []string{"wire nodes"}, Changes: []string{"delete link br0"},
		Left: []string{"file /etc/hosts: changed since by someone else"}, Acts: []string{"restart web"}}})
	s.Event("node2", wire.Event{Undone: &wire.Undone{}})
	s.Event("node3", wire.Event{Undone: &wire.Undone{Error: &wire.Failed{Kind: wire.FailUndo, Msg: "delete link br0: device busy"}}})
	s.Recap()
}

// many: more hosts than the block has rows, on a terminal that becomes narrow.
func many(s *stage) {
	var hosts []string
	for _, c := range "abcdefghijklmnop" {
		hosts = append(hosts, "a-host-with-a-rather-long-name-"+string(c))
	}
	s.PlayStart(site(hosts...))
	for _, h := range hosts {
		s.Phase(h, "connect")
		s.now = s.now.Add(time.Second)
	}
	s.Tick()
	s.cols = 30
	for _, h := range hosts[:14] {
		s.Phase(h, "run")
		s.ended(h, wire.Ended{})
	}
	s.Tick()
	s.PlayEnd()
	s.Close()
}
