// Package serve is the helper's request loop: it takes one play after the other
// from the controller, runs them on the host as transactions, and answers with
// events. What it leans on (objects, journal, lock, guard) lives elsewhere.
package serve

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"path/filepath"
	"sync/atomic"
	"time"

	"netrun/playbooks/script"
	"netrun/remote-helper/internal/journal"
	"netrun/remote-helper/wire"
	"netrun/tasks"
	"netrun/tasks/state"
	"netrun/templates"
)

// Config is what a session works with.
type Config struct {
	In       io.Reader
	Out      io.Writer
	Host     state.Host
	Machine  func(user string, env map[string]string) tasks.Machine
	StateDir string // journals; survives a reboot
	RunDir   string // lock and confirmations; need not
	Self     string // this program's path, for the guard
	Clock    script.Clock
	// Client and Server are the ends of the SSH connection, invalid for a local one.
	Client, Server netip.Addr
	LoginUser      string // whom acts without become run as; "" is the helper's own user
	// Persist sees to it that what is kept is put back after restarts; wanted says
	// whether anything is. Its text is for people, "" if there is nothing to say.
	Persist func(wanted bool) (string, error)
	// Watching says how the services that put things back stand.
	Watching func() (restore, watch string)
	// Containers lists the ones that run; nil where no runtime can be asked.
	Containers func(ctx context.Context) ([]state.Container, error)
}

// session is one connection's state.
type session struct {
	Config
	out      *output
	requests chan wire.Request
	journals *journal.Dir
	lost     context.Context    // ends when the controller is gone
	play     *play              // the running one, or nil
	facts    templates.Map      // what this host's last play registered and set, for its next one
	known    templates.Map      // registered results and facts of the plays so far
	checked  map[state.Key]bool // what plays that changed nothing (--check) would have kept
	heard    atomic.Int64       // when the controller last said something, Unix ns
}

// errGone is the cause of a canceled play when the connection has ended.
var errGone = errors.New("the controller went away")

// errAsked is the cause when the controller asked to stop.
var errAsked = errors.New("stopped by the controller")

// Serve answers requests until the controller closes the connection. A play that
// is under way then is undone.
func Serve(ctx context.Context, c Config) error {
	lost, gone := context.WithCancelCause(ctx)
	s := &session{Config: c, out: newOutput(c.Out), requests: make(chan wire.Request, 16), lost: lost, checked: map[state.Key]bool{}}
	s.heard.Store(s.now().UnixNano())
	go s.read(wire.NewReader(c.In), gone)
	go s.listen(gone)
	err := s.loop()
	gone(nil)
	s.out.close()
	return err
}

// Silence is how long the controller may say nothing, not even Alive, before it
// is taken for gone: a connection that was cut silently shows no other sign.
const Silence = 60 * time.Second

// listen gives the controller up after Silence.
func (s *session) listen(gone context.CancelCauseFunc) {
	tick := time.NewTicker(Silence / 6)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if s.now().Sub(time.Unix(0, s.heard.Load())) > Silence {
				gone(errGone)
			}
		case <-s.lost.Done():
			return
		}
	}
}

// read decodes requests until the connection ends. A Cancel overtakes the queue.
func (s *session) read(r *wire.Reader, gone context.CancelCauseFunc) {
	defer close(s.requests)
	for {
		var req wire.Request
		if err := r.JSON(&req); err != nil {
			gone(errGone)
			return
		}
		s.heard.Store(s.now().UnixNano())
		switch {
		case req.Alive != nil:
			continue
		case req.Cancel != nil:
			gone(errAsked)
			continue
		}
		select {
		case s.requests <- req:
		case <-s.lost.Done():
			if !errors.Is(context.Cause(s.lost), errAsked) {
				return
			}
			// keep reading after a Cancel, so that the end of the connection is seen
		}
	}
}

func (s *session) loop() error {
	for {
		select {
		case req, ok := <-s.requests:
			if !ok {
				return s.abandon(errGone)
			}
			s.handle(req)
		case <-s.lost.Done():
			return s.abandon(context.Cause(s.lost))
		}
	}
}

// abandon ends the play that is under way, if any, and tells the controller, if it is there.
func (s *session) abandon(cause error) error {
	if s.play == nil {
		return nil
	}
	ended := s.play.fail(wire.Fail(wire.FailCanceled, cause))
	s.play = nil
	s.out.send(wire.Event{Ended: ended})
	if ended.Error.Kind == wire.FailUndo {
		return ended.Error
	}
	return nil
}

func (s *session) handle(req wire.Request) {
	switch {
	case req.Begin != nil:
		s.begin(req.Begin)
	case req.Segment != nil:
		s.segment(req.Segment)
	case req.End != nil:
		s.end()
	case req.Undo != nil:
		s.undo(req.Undo)
	case req.History != nil:
		s.history()
	case req.Status != nil:
		s.status()
	case req.Facts != nil:
		s.gather()
	case req.Abort != nil:
		s.abort(req.Abort.Why)
	case req.Confirm != nil:
		s.confirm(req.Confirm.Token)
	default:
		s.failed(wire.FailHost, errors.New("request of an unknown sort"))
	}
}

// abort ends the play that is under way because the controller says so.
func (s *session) abort(why string) {
	if p := s.play; p != nil {
		s.play = nil
		s.out.send(wire.Event{Ended: p.fail(&wire.Failed{Kind: wire.FailTask, Msg: why})})
	}
}

// confirm is for the change that another session waits with.
func (s *session) confirm(token string) {
	if err := Confirm(s.RunDir, token); err != nil {
		s.failed(wire.FailConfirm, err)
		return
	}
	s.out.send(wire.Event{Settled: &wire.Settled{Confirmed: true}})
}

func (s *session) failed(kind wire.FailureKind, err error) {
	s.out.send(wire.Event{Failed: wire.Fail(kind, err)})
}

func (s *session) gather() {
	facts, err := s.Machine("", nil).Facts(s.lost)
	if err != nil {
		s.failed(wire.FailHost, err)
		return
	}
	s.out.send(wire.Event{Gathered: &wire.Gathered{Facts: facts}})
}

// dir opens the journal directory when it is first needed.
func (s *session) dir() (*journal.Dir, error) {
	if s.journals == nil {
		dir, err := journal.Open(s.StateDir)
		if err != nil {
			return nil, err
		}
		s.journals = dir
	}
	return s.journals, nil
}

func (s *session) lockPath() string { return filepath.Join(s.RunDir, "lock") }

func (s *session) now() time.Time { return s.Clock.Now() }
