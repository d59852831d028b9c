package fleet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"netrun/cmd/netrun/internal/dial"
	"netrun/cmd/netrun/internal/push"
	"netrun/remote-helper/wire"
)

// session is the helper of one host.
type session struct {
	host   string
	works  string // the host that a task is run for, if it is not this one
	conn   dial.Conn
	helper *push.Helper
	writer *wire.Writer
	events chan wire.Event // closed when the session ends; why is then in err
	err    error
	save   func(host string, f wire.File) (io.WriteCloser, error)
	stop   chan struct{}
	local  bool // on the controller itself
}

// open connects to the host and starts its helper.
func (f *Fleet) open(ctx context.Context, host string) (*session, error) {
	target, ok := f.targets[host]
	if !ok {
		return nil, fmt.Errorf("host %q is not in the inventory", host)
	}
	conn, err := f.Dialer.Dial(ctx, target.Dial)
	if err != nil {
		return nil, err
	}
	helper, err := push.Open(ctx, conn, push.Options{Source: f.Source, Become: target.Become})
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	s := &session{host: host, conn: conn, helper: helper, writer: wire.NewWriter(helper.Stdin),
		events: make(chan wire.Event, 64), save: f.Save, stop: make(chan struct{}), local: target.Dial.Local}
	go s.read()
	return s, nil
}

// read hands on what the helper says until the session ends.
func (s *session) read() {
	defer close(s.events)
	r := wire.NewReader(s.helper.Stdout)
	for {
		var e wire.Event
		if err := r.JSON(&e); err != nil {
			s.err = s.cause(err)
			return
		}
		if e.File != nil {
			if err := s.receive(r, *e.File); err != nil {
				s.err = err
				return
			}
		}
		select {
		case s.events <- e:
		case <-s.stop:
			s.err = errors.New("session closed")
			return
		}
	}
}

// errEnded is a helper that went of its own accord.
var errEnded = errors.New("the helper ended the session")

// cause is why the helper's output ended: what it printed, or what the connection says.
func (s *session) cause(err error) error {
	if waited := s.helper.Wait(); waited != nil {
		return waited
	}
	if err == io.EOF {
		return errEnded
	}
	return err
}

// receive writes a fetched file. The rest of its bytes are read even if the
// controller's disk is full, so that the session goes on.
func (s *session) receive(r *wire.Reader, f wire.File) error {
	if s.save == nil {
		return r.Blob(io.Discard)
	}
	out, err := s.save(s.host, f)
	if err != nil {
		return errors.Join(err, r.Blob(io.Discard))
	}
	return errors.Join(r.Blob(out), out.Close())
}

// send writes the requests as one flush: one packet's worth where they are small.
// An error shows up as the end of the session, where it is dealt with.
func (s *session) send(requests ...wire.Request) {
	for i, r := range requests {
		write := s.writer.Queue
		if i == len(requests)-1 {
			write = s.writer.JSON
		}
		if write(r) != nil {
			return
		}
	}
}

// localPatience is how long a helper on the controller may take to undo its play.
const localPatience = 10 * time.Second

// leave waits for a helper that no connection stands before: to close the session
// would be to kill it while it undoes its play.
func (s *session) leave() {
	ended := make(chan error, 1)
	go func() {
		for range s.events { // so that it can say what it does
		}
		ended <- s.helper.Wait()
	}()
	select {
	case <-ended:
	case <-time.After(localPatience):
	}
}

// close ends the session and its connection.
func (s *session) close() {
	select {
	case <-s.stop:
		return
	default:
		close(s.stop)
	}
	// Closing cannot change what the host does any more: errors are of no use here.
	_ = s.helper.Stdin.Close()
	if s.local {
		s.leave()
	}
	_ = s.helper.Close()
	_ = s.conn.Close()
}
