package report

import (
	"cmp"
	"maps"
	"slices"

	"netrun/playbooks/script"
)

// tally counts tasks per host, and remembers what failed.
type tally struct {
	stats    map[string]*Stats
	current  map[string]*counting // the task whose loop may go on
	failed   map[string]bool      // hosts with a failed task in the running play
	failures []failure
}

// counting is a task that has not been counted yet, since more items may come.
type counting struct {
	task   int
	status script.Status
}

// failure is one line of what failed and why.
type failure struct {
	host   string
	msg    string
	task   *Task // nil where it was no task's fault
	item   string
	undone bool
	back   []string // acts that were undone
	acts   []string // those that were not
	kind   string
	// actsOnly: of an undo that failed, nothing that the journal knows is left to undo.
	actsOnly bool
}

func newTally() tally {
	return tally{stats: map[string]*Stats{}, current: map[string]*counting{}, failed: map[string]bool{}}
}

func (t *tally) start(hosts []string) {
	for _, h := range hosts {
		t.host(h)
		t.count(h)
		delete(t.failed, h)
	}
}

func (t *tally) host(name string) *Stats {
	s := t.stats[name]
	if s == nil {
		s = &Stats{}
		t.stats[name] = s
	}
	return s
}

// finish counts what is open and returns a copy.
func (t *tally) finish() map[string]Stats {
	for h := range t.current {
		t.count(h)
	}
	out := make(map[string]Stats, len(t.stats))
	for h, s := range t.stats {
		out[h] = *s
	}
	return out
}

func (t *tally) event(e Event) {
	switch e.Event {
	case EventResult:
		t.result(e)
	case EventEnded:
		t.count(e.Host)
		t.ended(e)
	case EventUndone:
		if e.Error != nil {
			t.host(e.Host).Failed++
			t.failures = append(t.failures, failure{host: e.Host, msg: e.Error.Msg, kind: e.Error.Kind, acts: e.Acts})
		}
	case EventUnreachable:
		t.count(e.Host)
		t.host(e.Host).Unreachable++
		t.failures = append(t.failures, failure{host: e.Host, msg: e.Msg, kind: EventUnreachable})
	}
}

func (t *tally) result(e Event) {
	c := t.current[e.Host]
	if c == nil || c.task != e.Task.ID || e.Item == "" {
		t.count(e.Host)
		c = &counting{task: e.Task.ID, status: e.Status}
		t.current[e.Host] = c
	}
	c.status = worse(c.status, e.Status)
	if e.Status == script.Failed {
		t.failed[e.Host] = true
		t.failures = append(t.failures, failure{host: e.Host, msg: e.Msg, task: e.Task, item: e.Item, kind: "task"})
	}
}

// severity orders the ends of a loop's items: the loop ends as the worst of them.
var severity = map[script.Status]int{
	script.Skipped: 0, script.OK: 1, script.Changed: 2, script.Ignored: 3, script.Rescued: 4, script.Failed: 5, script.Unreachable: 6,
}

func worse(a, b script.Status) script.Status {
	if severity[b] > severity[a] {
		return b
	}
	return a
}

// count adds the host's open task to its counts.
func (t *tally) count(host string) {
	c := t.current[host]
	if c == nil {
		return
	}
	delete(t.current, host)
	s := t.host(host)
	switch c.status {
	case script.OK:
		s.OK++
	case script.Changed:
		s.OK++
		s.Changed++
	case script.Ignored:
		s.OK++
		s.Ignored++
	case script.Skipped:
		s.Skipped++
	case script.Rescued:
		s.Rescued++
	case script.Failed:
		s.Failed++
	}
}

// ended adds to a task's failure what became of the play, or is a failure itself.
func (t *tally) ended(e Event) {
	if e.Error == nil {
		return
	}
	s := t.host(e.Host)
	s.Undone = s.Undone || e.Undone || len(e.UndoneActs) > 0
	if !t.failed[e.Host] {
		s.Failed++
	}
	if !e.explained {
		t.failures = append(t.failures, failure{host: e.Host, msg: e.Error.Msg, kind: e.Error.Kind})
	}
	f := t.lastFailure(e.Host)
	f.undone, f.back, f.acts = e.Undone, e.UndoneActs, e.Acts
	f.actsOnly = e.Changed != nil && *e.Changed == 0
}

func (t *tally) lastFailure(host string) *failure {
	for i := len(t.failures) - 1; i >= 0; i-- {
		if t.failures[i].host == host {
			return &t.failures[i]
		}
	}
	return nil
}

// names are the hosts, sorted.
func names(stats map[string]Stats) []string { return slices.Sorted(maps.Keys(stats)) }

// byHost orders failures by host; those of one host stay in order of time.
func byHost(failures []failure) []failure {
	out := slices.Clone(failures)
	slices.SortStableFunc(out, func(a, b failure) int { return cmp.Compare(a.host, b.host) })
	return out
}
