package serve

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"netrun/playbooks/script"
	"netrun/remote-helper/internal/guard"
	"netrun/remote-helper/internal/journal"
	"netrun/remote-helper/internal/lock"
	"netrun/remote-helper/internal/probe"
	"netrun/remote-helper/internal/store"
	"netrun/remote-helper/wire"
	"netrun/tasks/reconcile"
	"netrun/tasks/state"
)

// play is a play under way: a transaction of this host.
type play struct {
	*session
	spec    *wire.Begin
	ctx     context.Context // of its work; ends when the controller is gone or says stop
	stop    context.CancelCauseFunc
	lock    *lock.Lock
	journal *journal.Journal
	planner *reconcile.Planner
	own     *script.Env // of this host's script, nil where it only runs delegated tasks
	guard   *guard.Guard
	probes  []probe.Probe // worked before the first change
	probed  bool
	changed int
	deeds   []deed   // acts, in the order in which they were done
	gone    []string // containers that they removed
	steps   map[int]script.Step
	kept    []store.Kept            // changed in what is kept for restarts
	dropped []state.Key             // taken away, by the keys in the book
	places  map[state.Key]state.Key // by which the host knows what books have in containers
}

// begin starts a play: lock, repair of what was left behind, script.
func (s *session) begin(spec *wire.Begin) {
	if s.play != nil {
		s.failed(wire.FailHost, errors.New("begin: the last play has not ended"))
		return
	}
	p, found, err := s.newPlay(spec)
	if err != nil {
		s.failed(failureKind(err), err)
		return
	}
	s.play = p
	s.out.send(wire.Event{Began: &wire.Began{Found: found}})
}

// failureKind tells a host that is busy from one that is in trouble.
func failureKind(err error) wire.FailureKind {
	var held *lock.HeldError
	if errors.As(err, &held) {
		return wire.FailLocked
	}
	return wire.FailHost
}

func (s *session) newPlay(spec *wire.Begin) (*play, []string, error) {
	if err := os.MkdirAll(s.RunDir, 0o700); err != nil {
		return nil, nil, fmt.Errorf("make run directory: %w", err)
	}
	who := lock.Holder{By: spec.By, Play: spec.Name, Pid: os.Getpid(), Since: s.now()}
	held, err := s.takeLock(who)
	if err != nil {
		return nil, nil, err
	}
	dir, err := s.dir()
	if err != nil {
		return nil, nil, errors.Join(err, held.Release())
	}
	found, err := Repair(s.lost, s.Host, dir, s.store(), spec.Check)
	if err != nil {
		return nil, nil, errors.Join(err, held.Release())
	}
	p := &play{session: s, spec: spec, lock: held, steps: map[int]script.Step{}}
	p.ctx, p.stop = context.WithCancelCause(s.lost)
	p.journal = s.journals.Begin(journal.Header{Run: spec.Run, Play: spec.Play, Name: spec.Name, By: spec.By, Started: s.now()})
	p.planner = reconcile.New(s.Host, reconcile.Options{Owner: spec.Owner, Journal: p.journal})
	if spec.Script != nil {
		p.own = p.interpreter(spec.Script)
		p.own.Set(s.known)
	}
	return p, found, nil
}

// watchPatience is how long a play waits for the host's own watch to be done.
const watchPatience = 30 * time.Second

func (s *session) takeLock(who lock.Holder) (*lock.Lock, error) {
	ctx, done := context.WithTimeout(s.lost, watchPatience)
	defer done()
	return lock.Wait(ctx, s.lockPath(), who, func(h lock.Holder) bool { return h.By == lock.Watch || h.Pid == 0 })
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// segment runs one segment, of this host's script or of another's.
func (s *session) segment(req *wire.Segment) {
	p := s.play
	if p == nil {
		if req.For != nil { // another host waits for the answer
			s.out.send(wire.Event{Segment: &wire.SegmentDone{Failed: true}})
		}
		return // the play has failed meanwhile, and said so
	}
	sc, env := p.spec.Script, p.own
	if req.For != nil {
		sc, env = req.For, p.interpreter(req.For)
	}
	if sc == nil || req.Index < 0 || req.Index >= len(sc.Segments) {
		p.ends(wire.FailHost, fmt.Errorf("segment %d: the script has none", req.Index))
		return
	}
	for host, values := range req.Imports {
		env.Import(host, values)
	}
	env.Set(req.Own)
	err := script.Run(p.ctx, sc.Segments[req.Index], env, executor{p}, p.emit)
	var failed *script.FailedError
	switch {
	case err == nil:
		s.out.send(wire.Event{Segment: &wire.SegmentDone{Exports: env.Exports()}})
	case req.For != nil && errors.As(err, &failed):
		// The other host has failed, and tells this one how to end.
		s.out.send(wire.Event{Segment: &wire.SegmentDone{Failed: true, Exports: env.Exports()}})
	default:
		p.scriptFailed(err)
	}
}

// scriptFailed ends the play because of a task, or because it was stopped.
func (p *play) scriptFailed(err error) {
	if p.spec.Script != nil && p.spec.Script.ForceHandlers && p.ctx.Err() == nil {
		err = errors.Join(err, script.Finish(p.ctx, p.own, executor{p}, p.emit))
	}
	var failed *script.FailedError
	switch {
	case p.ctx.Err() != nil:
		p.ends(wire.FailCanceled, context.Cause(p.ctx))
	case errors.As(err, &failed):
		p.ends(wire.FailTask, err)
	default:
		p.ends(wire.FailHost, err)
	}
}

// ends ends the play by a failure.
func (p *play) ends(kind wire.FailureKind, err error) {
	p.session.play = nil
	p.out.send(wire.Event{Ended: p.fail(wire.Fail(kind, err))})
}

// end verifies and commits the play.
func (s *session) end() {
	p := s.play
	if p == nil {
		return // the play has failed meanwhile, and said so
	}
	if p.own != nil {
		if err := script.Finish(p.ctx, p.own, executor{p}, p.emit); err != nil {
			p.scriptFailed(err)
			return
		}
	}
	if err := p.drop(); err != nil {
		p.ends(wire.FailTask, err)
		return
	}
	s.play = nil
	if p.own != nil {
		s.known = p.own.Facts()
	}
	if err := p.finish(); err != nil {
		s.out.send(wire.Event{Ended: p.fail(err)})
		return
	}
	s.out.send(wire.Event{Ended: &wire.Ended{Changed: p.changed}})
}

// finish takes the play from its last task to its commit.
func (p *play) finish() *wire.Failed {
	if p.spec.Check {
		p.wouldKeep()
		p.keepActs() // those that say check_mode: false
		return p.close(nil)
	}
	if err := p.verify(); err != nil {
		return err
	}
	if p.spec.Hold {
		if err := p.hold(); err != nil {
			return err
		}
	}
	if err := p.lost.Err(); err != nil {
		return wire.Fail(wire.FailCanceled, context.Cause(p.lost))
	}
	if err := p.keep(); err != nil {
		return wire.Fail(wire.FailHost, err)
	}
	if err := p.journal.Commit(); err != nil {
		return wire.Fail(wire.FailHost, err)
	}
	p.persist()
	p.keepActs()
	// The play stands: what goes wrong from here on is to be told, and no failure of it.
	if failed := p.close(p.journals.Prune()); failed != nil {
		p.out.send(wire.Event{Note: &wire.Note{Text: "after the play: " + failed.Msg}})
	}
	return nil
}

// verify reads the host anew: nothing may be left to do.
func (p *play) verify() *wire.Failed {
	if !p.journal.Written() {
		return nil // nothing was changed, so what was observed still holds
	}
	left, err := p.planner.Verify(p.ctx)
	if err != nil {
		return wire.Fail(wire.FailVerify, fmt.Errorf("verify: %w", err))
	}
	if len(left) > 0 {
		return wire.Fail(wire.FailVerify, fmt.Errorf("verify: after the play there would still be %s to make, the first: %s",
			count(len(left), "change"), left[0]))
	}
	return p.requireProbes()
}

// hold waits for the controller's word on whether the play stands on all hosts.
func (p *play) hold() *wire.Failed {
	p.out.send(wire.Event{Held: &wire.Held{}})
	select {
	case req, ok := <-p.requests:
		if ok && req.Decide != nil && req.Decide.Commit {
			return nil
		}
		return wire.Fail(wire.FailCanceled, errors.New("the play failed on another host"))
	case <-p.lost.Done():
		return wire.Fail(wire.FailCanceled, context.Cause(p.lost))
	}
}

// fail undoes what the play did here and says how that went.
func (p *play) fail(cause *wire.Failed) *wire.Ended {
	// What was only planned does not stand either.
	ended := &wire.Ended{Error: cause, Undone: p.changed > 0 && !p.spec.Check}
	var err error
	if p.journal.Written() {
		ended.Undone = true
		if err = p.undoAll(); err != nil {
			ended.Undone, ended.Changed = false, p.changed
		}
	}
	if err = errors.Join(err, p.undoActs(ended)); err != nil {
		ended.Error = &wire.Failed{Kind: wire.FailUndo, Msg: fmt.Sprintf("%s; undo: %v", cause.Msg, err)}
	}
	if closing := p.close(nil); closing != nil && ended.Error.Kind != wire.FailUndo {
		ended.Error = &wire.Failed{Kind: cause.Kind, Msg: cause.Msg + "; " + closing.Msg}
	}
	return ended
}

// close lets go of what the play holds.
func (p *play) close(err error) *wire.Failed {
	p.stop(nil)
	if p.own != nil {
		p.facts = p.own.Facts()
	}
	if p.guard != nil {
		err = errors.Join(err, p.guard.Disarm())
	}
	err = errors.Join(err, p.lock.Release())
	if err != nil {
		return wire.Fail(wire.FailHost, err)
	}
	return nil
}
