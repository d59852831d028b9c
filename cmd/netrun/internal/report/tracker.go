package report

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// tracker knows what each host of the running play is busy with.
type tracker struct {
	play  string
	begun time.Time
	order map[int]int // task id -> its place in the play
	hosts map[string]*busy
	ranks map[string]int // of hosts in the play
}

// busy is one host's doing.
type busy struct {
	name      string
	phase     string // connect, run, confirm
	task      string // the last one that it has reported
	since     time.Time
	connected bool
	done      bool
}

func newTracker() tracker { return tracker{hosts: map[string]*busy{}} }

func (t *tracker) start(p Play, now time.Time) {
	t.play, t.begun = p.Name, now
	t.order = make(map[int]int, len(p.Tasks))
	for i, task := range p.Tasks {
		t.order[task.ID] = i
	}
	connected := t.hosts
	t.hosts, t.ranks = make(map[string]*busy, len(p.Hosts)), make(map[string]int, len(p.Hosts))
	for i, h := range p.Hosts {
		t.ranks[h] = i
		b := &busy{name: h, phase: "wait", since: now}
		if old := connected[h]; old != nil {
			b.connected = old.connected
		}
		t.hosts[h] = b
	}
}

// end is for a play whose hosts have all ended.
func (t *tracker) end() {
	for _, b := range t.hosts {
		b.done = true
	}
}

// heard notes a sign of life.
func (t *tracker) heard(host string, now time.Time) {
	b := t.hosts[host]
	if b == nil {
		return
	}
	b.connected = true
	if b.phase == "connect" || b.phase == "wait" {
		b.phase, b.since = "run", now
	}
}

func (t *tracker) event(e Event) {
	b := t.hosts[e.Host]
	if b == nil {
		return
	}
	switch e.Event {
	case EventPhase:
		if b.phase != e.Phase {
			b.phase, b.since = e.Phase, e.Time
		}
		b.connected = b.connected || e.Phase != "connect"
	case EventResult:
		b.task, b.since = e.Task.Name, e.Time
	case EventEnded, EventUnreachable, EventUndone, EventFacts, EventHistory:
		b.done = true
	}
}

// place orders tasks; an unknown one comes after all others.
func (t *tracker) place(task int) int {
	if at, ok := t.order[task]; ok {
		return at
	}
	return len(t.order) + task
}

func (t *tracker) ended(host string) bool {
	b := t.hosts[host]
	return b == nil || b.done
}

// waiting are the hosts that have not ended, the slowest first.
func (t *tracker) waiting() []*busy {
	var out []*busy
	for _, b := range t.hosts {
		if !b.done {
			out = append(out, b)
		}
	}
	slices.SortFunc(out, func(a, b *busy) int {
		return cmp.Or(a.since.Compare(b.since), cmp.Compare(a.name, b.name))
	})
	return out
}

// what says in a few words what the host is busy with. What is known of a running
// host is the last task that it has reported: it may be several tasks further.
func (b *busy) what() string {
	switch {
	case b.phase == "connect":
		return "connecting"
	case b.phase == "confirm":
		return "confirming over a fresh connection"
	case b.phase == "wait":
		return "waiting for its turn"
	case b.task != "":
		return fmt.Sprintf("after task %q", clean(b.task))
	}
	return "running"
}

// counts are the hosts of the play, how many of them are connected, and how many have ended.
func (t *tracker) counts() (all, connected, done int) {
	for _, b := range t.hosts {
		if b.connected {
			connected++
		}
		if b.done {
			done++
		}
	}
	return len(t.hosts), connected, done
}
