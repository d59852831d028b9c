package fleet

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"netrun/playbooks/script"
	"netrun/remote-helper/wire"
	"netrun/templates"
)

// Play is one play on one batch of hosts.
type Play struct {
	Begin   wire.Begin // without Script
	Hosts   []string
	Scripts map[string]*script.Script // by host; all have the same number of segments
	// Together makes the play stand on all hosts or on none (any_errors_fatal).
	Together bool
}

// Outcome is how a play ended on a host.
type Outcome struct {
	Ended       *wire.Ended  // nil if the host never said
	Failed      *wire.Failed // the play never began there (another one holds the lock, ...)
	Unreachable error
}

// OK reports whether the play stands on the host.
func (o Outcome) OK() bool {
	return o.Unreachable == nil && o.Failed == nil && o.Ended != nil && o.Ended.Error == nil
}

// Play runs the play on its hosts side by side, and returns how it ended on each.
func (f *Fleet) Play(ctx context.Context, p Play) map[string]Outcome {
	run := &running{Fleet: f, Play: p, ctx: ctx, outcomes: map[string]Outcome{}, own: map[string]templates.Map{}, given: map[string]templates.Map{}, exports: f.exports}
	alive, done := context.WithCancel(ctx)
	defer done()
	go f.keepAlive(alive)
	up := f.Connect(ctx, p.Hosts)
	for _, h := range p.Hosts {
		if err := f.failure(h); err != nil {
			run.outcomes[h] = Outcome{Unreachable: err}
		}
	}
	if f.Stopped() {
		run.never(up)
		return run.outcomes
	}
	if p.Together && !p.Begin.Check && len(up) < len(p.Hosts) {
		// It cannot stand: nobody is to change anything, and take it back.
		run.begun = map[string]bool{}
		run.abort(up, "another host is unreachable, and any_errors_fatal is set")
		return run.outcomes
	}
	run.play(up)
	return run.outcomes
}

// never ends a play that was stopped before it began.
func (r *running) never(hosts []string) {
	failed := &wire.Failed{Kind: wire.FailCanceled, Msg: "stopped before the play began there"}
	for _, h := range hosts {
		r.Report.Event(h, wire.Event{Failed: failed})
		r.end(h, Outcome{Failed: failed})
	}
}

// running is a play under way.
type running struct {
	*Fleet
	Play
	ctx      context.Context
	mu       sync.Mutex
	outcomes map[string]Outcome       // of the hosts that have ended
	begun    map[string]bool          // the hosts that were sent Begin
	own      map[string]templates.Map // by host, what it was given and has not heard of yet
	given    map[string]templates.Map // by host, all that it was given
	exports  map[string]templates.Map
}

func (r *running) play(up []string) {
	r.begun = map[string]bool{}
	segments := r.segments(up)
	if segments == 1 && !r.barrier(up, 0) {
		r.each(up, func(h string) { r.single(h) })
	} else {
		for i := range segments {
			r.segment(r.alive(up), i)
			if r.Together && len(r.alive(up)) < len(r.Hosts) {
				r.abort(r.alive(up), "the play failed on another host, and any_errors_fatal is set")
			}
		}
		r.endAll(append(r.alive(up), r.delegates(up)...))
	}
	if r.Together {
		r.decide(up)
	}
}

func (r *running) segments(up []string) int {
	for _, h := range up {
		return len(r.Scripts[h].Segments)
	}
	return 0
}

// barrier reports whether the segment is a task that not every host runs for itself.
func (r *running) barrier(hosts []string, i int) bool {
	for _, h := range hosts {
		n := r.first(h, i)
		return n != nil && (n.RunOnce || n.Delegate != "" || len(n.Imports) > 0)
	}
	return false
}

func (r *running) first(host string, i int) *script.Node {
	if s := r.Scripts[host]; s != nil && i < len(s.Segments) && len(s.Segments[i]) > 0 {
		return s.Segments[i][0]
	}
	return nil
}

// alive are those of the hosts on which the play goes on.
func (r *running) alive(hosts []string) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []string
	for _, h := range hosts {
		if _, ended := r.outcomes[h]; !ended {
			out = append(out, h)
		}
	}
	return out
}

// single runs a play without barriers: all requests at once, then the answers.
func (r *running) single(h string) {
	s := r.session(h)
	if s == nil {
		return
	}
	r.Report.Phase(h, "run")
	s.send(r.begin(h), wire.Request{Segment: &wire.Segment{}}, wire.Request{End: &wire.End{}})
	r.await(h, s, func(e wire.Event) bool {
		if e.Segment != nil {
			r.export(h, h, e.Segment.Exports)
		}
		return e.Held != nil
	})
}

// begin is the request that starts the play on the host, which may be one that
// only runs tasks of others.
func (r *running) begin(h string) wire.Request {
	b := r.Begin
	b.Script, b.Hold = r.Scripts[h], r.Together
	return wire.Request{Begin: &b}
}

// await handles the host's events until one is what stop looks for, or the play
// has ended there. It reports whether the play goes on.
func (r *running) await(h string, s *session, stop func(wire.Event) bool) bool {
	for e := range s.events {
		if e.Result != nil && s.works != "" {
			e.Result.Host = s.works
		}
		r.Report.Event(h, e)
		switch {
		case e.Confirm != nil:
			go r.confirm(h, *e.Confirm)
		case e.Ended != nil:
			r.end(h, Outcome{Ended: e.Ended})
			return false
		case e.Failed != nil:
			r.end(h, Outcome{Failed: e.Failed})
			return false
		}
		if stop(e) {
			return true
		}
	}
	if r.Stopped() && errors.Is(s.err, errEnded) {
		r.never([]string{h}) // it had not begun, or it would have said how it ended
		return false
	}
	r.giveUp(h, r.lost(s.err))
	r.end(h, Outcome{Unreachable: r.failure(h)})
	return false
}

// lost says what becomes of a play whose host is lost: the host sees to that by itself.
func (r *running) lost(err error) error {
	if err == nil || r.Begin.Run == "" || r.Begin.Check {
		return err
	}
	return fmt.Errorf("%w; unless the play had ended there, the host undoes it by itself", err)
}

func (r *running) end(h string, o Outcome) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.outcomes[h] = o
}

// segment runs segment i on the hosts, and waits for all of them.
func (r *running) segment(hosts []string, i int) {
	if len(hosts) == 0 {
		return
	}
	switch n := r.first(hosts[0], i); {
	case n != nil && n.RunOnce:
		r.delegated(hosts[:1], i)
		if len(r.alive(hosts[:1])) == 0 {
			r.abort(hosts[1:], "the task that "+hosts[0]+" runs once for all failed")
			return
		}
		r.share(hosts[0], hosts[1:])
	case n != nil && n.Delegate != "":
		r.delegated(hosts, i)
	default:
		imports := r.imports(n)
		r.each(hosts, func(h string) { r.run(h, h, i, imports) })
	}
}

// starts reports, once per host, that it has to be sent Begin.
func (r *running) starts(h string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.begun[h] {
		return false
	}
	r.begun[h] = true
	return true
}

// endAll verifies and commits.
func (r *running) endAll(hosts []string) {
	r.each(hosts, func(h string) {
		s := r.session(h)
		if s == nil {
			return
		}
		var requests []wire.Request
		if r.starts(h) { // a play without tasks
			requests = append(requests, r.begin(h))
		}
		s.send(append(requests, wire.Request{End: &wire.End{}})...)
		r.await(h, s, func(e wire.Event) bool { return e.Held != nil })
	})
}

// abort undoes the play on the hosts.
func (r *running) abort(hosts []string, why string) {
	r.each(hosts, func(h string) {
		s := r.session(h)
		if s == nil {
			return
		}
		if r.starts(h) {
			failed := &wire.Failed{Kind: wire.FailTask, Msg: why}
			r.Report.Event(h, wire.Event{Failed: failed})
			r.end(h, Outcome{Failed: failed})
			return
		}
		s.send(wire.Request{Abort: &wire.Abort{Why: why}})
		r.await(h, s, func(wire.Event) bool { return false })
	})
}

// decide lets the play stand if it stands on all hosts.
func (r *running) decide(up []string) {
	commit := len(r.alive(up)) == len(r.Hosts)
	waiting := append(r.alive(up), r.delegates(up)...)
	r.each(waiting, func(h string) {
		if s := r.session(h); s != nil {
			s.send(wire.Request{Decide: &wire.Decide{Commit: commit}})
			r.await(h, s, func(wire.Event) bool { return false })
		}
	})
}
