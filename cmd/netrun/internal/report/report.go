package report

import (
	"context"
	"io"
	"strings"
	"sync"
	"time"

	"netrun/inventory/diag"
	"netrun/remote-helper/wire"
	"netrun/tasks/state"
)

// Mode is how events are shown.
type Mode int

// The three renderers.
const (
	Lines Mode = iota
	Live
	JSON
)

// Config is what a Report works with.
type Config struct {
	Out     io.Writer
	Mode    Mode
	Now     func() time.Time
	Size    func() (columns, rows int) // of the terminal; Live only
	Color   bool
	Diff    bool                        // show each change
	Explain func(state.Change) []string // show each change as these commands instead; nil: do not
	Verbose int
}

// Play is what a report needs to know of a play before it begins.
type Play struct {
	Run   string
	Name  string
	Hosts []string // of this batch
	Tasks []Task   // in the order in which a host comes by them, handlers last
	Check bool
}

// Report implements fleet.Reporter. It is safe for concurrent use.
type Report struct {
	Config
	mu     sync.Mutex
	show   renderer
	hosts  tracker
	counts tally
	tasks  map[int]*Task
	files  map[string]string // fetched, by host
	check  bool              // the running play changes nothing
}

// renderer shows events, one at a time.
type renderer interface {
	event(e Event)
	// tick is called a few times a second.
	tick(now time.Time)
	// close shows what is held back; events may still come.
	close()
}

// New is a report that has shown nothing yet.
func New(c Config) *Report {
	r := &Report{Config: c, hosts: newTracker(), counts: newTally(), tasks: map[int]*Task{}, files: map[string]string{}}
	switch c.Mode {
	case JSON:
		r.show = newJSONLines(c.Out)
	case Live:
		r.show = newLive(&r.Config, &r.hosts)
	default:
		r.show = newLines(&r.Config, &r.hosts)
	}
	return r
}

// Watch keeps what is shown up to date until ctx ends.
func (r *Report) Watch(ctx context.Context) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			r.Tick()
		}
	}
}

// Tick shows what the passing of time makes visible.
func (r *Report) Tick() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.show.tick(r.Now())
}

// PlayStart says that a play begins on a batch of hosts.
func (r *Report) PlayStart(p Play) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tasks = make(map[int]*Task, len(p.Tasks))
	for i := range p.Tasks {
		r.tasks[p.Tasks[i].ID] = &p.Tasks[i]
	}
	r.check = p.Check
	r.hosts.start(p, r.Now())
	r.counts.start(p.Hosts)
	r.emit(Event{Event: EventPlay, Run: p.Run, Play: p.Name, Hosts: p.Hosts, Check: p.Check})
}

// PlayEnd says that all hosts of the batch have ended.
func (r *Report) PlayEnd() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hosts.end()
	r.show.tick(r.Now())
}

// Warn shows a warning about the playbook or the inventory.
func (r *Report) Warn(pos diag.Pos, msg string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := Event{Event: EventWarning, Msg: msg}
	if pos != (diag.Pos{}) {
		e.Pos = &pos
	}
	r.emit(e)
}

// Say shows a line that is about no host.
func (r *Report) Say(msg string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.emit(Event{Event: EventNote, Msg: msg})
}

// Fetched says that a file of the host lies at path. It belongs to the host's next result.
func (r *Report) Fetched(host, path string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.files[host] = path
}

// Event implements fleet.Reporter.
func (r *Report) Event(host string, e wire.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hosts.heard(host, r.Now())
	for _, ev := range r.convert(host, e) {
		r.emit(ev)
	}
}

// Unreachable implements fleet.Reporter.
func (r *Report) Unreachable(host string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.emit(Event{Event: EventUnreachable, Host: host, Msg: strings.TrimPrefix(err.Error(), host+": ")})
}

// Phase implements fleet.Reporter.
func (r *Report) Phase(host, phase string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.emit(Event{Event: EventPhase, Host: host, Phase: phase})
}

// Recap shows what failed and why, and the counts of each host.
func (r *Report) Recap() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hosts.end()
	stats := r.counts.finish()
	r.emit(Event{Event: EventRecap, Stats: stats, failures: byHost(r.counts.failures)})
}

// Suspend clears the live block while f runs: f asks a question on the terminal.
func (r *Report) Suspend(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.show.close()
	f()
}

// Close shows what is still held back, and gives the terminal back as it was.
func (r *Report) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.show.close()
}

// Stats are the counts of each host so far.
func (r *Report) Stats() map[string]Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.counts.finish()
}

// emit counts an event and shows it.
func (r *Report) emit(e Event) {
	e.Time = r.Now()
	e.explained = e.Error != nil && e.Error.Kind == "task" && r.counts.failed[e.Host]
	r.hosts.event(e)
	r.counts.event(e)
	r.show.event(e)
}
