package report

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"netrun/playbooks/script"
	"netrun/remote-helper/wire"
)

var update = flag.Bool("update", false, "rewrite the golden transcripts")

func TestTranscripts(t *testing.T) {
	for name, play := range scenarios {
		for ext, mode := range map[string]Mode{"lines": Lines, "live": Live, "json": JSON} {
			t.Run(name+"/"+ext, func(t *testing.T) {
				s := newStage(mode)
				play(s)
				s.Close()
				golden(t, filepath.Join("testdata", name+"."+ext), visible(s.out.String()))
			})
		}
	}
}

// visible shows escape sequences as a person can read them.
func visible(s string) string { return strings.ReplaceAll(s, "\x1b", "␛") }

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got; -update rewrites it):\n%s", path, diff)
	}
}

func TestLiveRestoresCursor(t *testing.T) {
	for name, play := range scenarios {
		s := newStage(Live)
		play(s)
		s.Close()
		hide, show := strings.LastIndex(s.out.String(), hideCursor), strings.LastIndex(s.out.String(), showCursor)
		if hide > show {
			t.Errorf("%s: the cursor stays hidden", name)
		}
	}
}

// TestHostOrder: whatever the interleaving, a host's results are shown in the order in which they came.
func TestHostOrder(t *testing.T) {
	s := newStage(Lines)
	s.PlayStart(site("a", "b"))
	for _, task := range []int{1, 4, 2, 3} { // a handler in the middle: meta flush_handlers
		s.result("a", script.Result{Task: task, Status: script.OK, Msg: fmt.Sprint("t", task)})
	}
	for _, task := range []int{1, 2, 3} {
		s.simple("b", task, script.OK)
	}
	s.ended("a", wire.Ended{})
	s.ended("b", wire.Ended{})
	s.Close()
	out := s.out.String()
	last := -1
	for _, want := range []string{"t1", "t4", "t2", "t3"} {
		at := strings.Index(out, "[a]: "+want)
		if at <= last {
			t.Errorf("%s at %d, want it after %d:\n%s", want, at, last, out)
		}
		last = at
	}
}

func TestStatsCountALoopOnce(t *testing.T) {
	s := newStage(JSON)
	loop(s)
	want := map[string]Stats{"node1": {OK: 2, Changed: 1, Rescued: 1}}
	if diff := cmp.Diff(want, s.Stats()); diff != "" {
		t.Errorf("stats (-want +got):\n%s", diff)
	}
}

func TestJSONIsOneEventALine(t *testing.T) {
	s := newStage(JSON)
	failed(s)
	for _, line := range strings.Split(strings.TrimSpace(s.out.String()), "\n") {
		var e Event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Errorf("%s: %v", line, err)
		}
	}
}

func TestConcurrentUse(t *testing.T) {
	for _, mode := range []Mode{Lines, Live, JSON} {
		s := newStage(mode)
		var hosts []string
		for i := range 20 {
			hosts = append(hosts, fmt.Sprintf("node%d", i))
		}
		s.PlayStart(site(hosts...))
		var wg sync.WaitGroup
		for _, h := range hosts {
			wg.Go(func() {
				s.Phase(h, "run")
				for task := range 4 {
					s.simple(h, task+1, script.OK)
					s.Tick()
				}
				s.Unreachable(h, errors.New("gone"))
			})
		}
		wg.Wait()
		if got := s.Stats()["node7"]; got != (Stats{OK: 4, Unreachable: 1}) {
			t.Errorf("mode %d: got %+v, want 4 ok and unreachable", mode, got)
		}
	}
}

func TestGroupsListHostsInThePlaysOrder(t *testing.T) {
	s := newStage(Lines)
	s.PlayStart(site("a", "b", "c"))
	for _, h := range []string{"c", "a", "b"} {
		s.simple(h, 1, script.OK)
		s.ended(h, wire.Ended{})
	}
	s.Close()
	if want := "ok: [a]\nok: [b]\nok: [c]\n"; !strings.Contains(s.out.String(), want) {
		t.Errorf("got %s, want in it %s", s.out, want)
	}
}

func TestFetchedFileBelongsToTheNextFetch(t *testing.T) {
	s := newStage(Lines)
	play := site("a")
	play.Tasks = append(play.Tasks, Task{ID: 5, Name: "get it", Kind: "fetch"})
	s.PlayStart(play)
	s.Fetched("a", "got/a/file")
	s.result("a", script.Result{Task: 1, Status: script.OK})
	s.result("a", script.Result{Task: 5, Status: script.OK, Msg: "8 bytes"})
	s.ended("a", wire.Ended{})
	s.Close()
	if want := "ok: [a]: 8 bytes -> got/a/file\n"; !strings.Contains(s.out.String(), want) {
		t.Errorf("got %s, want in it %s", s.out, want)
	}
}

func TestSuspendClearsTheBlock(t *testing.T) {
	s := newStage(Live)
	s.PlayStart(site("a"))
	s.Tick()
	s.Suspend(func() { s.out.WriteString("question? ") })
	out := s.out.String()
	if i, j := strings.LastIndex(out, showCursor), strings.Index(out, "question?"); i < 0 || i > j {
		t.Errorf("got %q, want the cursor back before the question", out)
	}
}
