package dhcp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"netrun/remote-helper/internal/process"
)

// Starting is a client that has been started and may not have a lease yet.
type Starting struct {
	process process.Process
	told    *os.File
	log     string
}

// ErrNoAnswer says that no server has answered in time. The client goes on asking.
var ErrNoAnswer = errors.New("no DHCP server has answered")

// Start starts a client as a process of its own, which stays when this one ends: this
// program again, as `dhcp RECORD`, in the calling thread's network namespace. There must
// be no other for that link.
func Start(program, dir string, p Params) (*Starting, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("start DHCP client: %w", err)
	}
	record := p.file(dir, recordEnding)
	if err := (Record{Params: p}).save(record); err != nil {
		return nil, err
	}
	s := &Starting{log: p.file(dir, logEnding)}
	log, err := os.OpenFile(s.log, os.O_CREATE|os.O_TRUNC|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("start DHCP client: %w", err)
	}
	defer log.Close()
	told, tell, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("start DHCP client: %w", err)
	}
	defer tell.Close()
	s.told = told
	cmd := exec.Command(program, "dhcp", record)
	cmd.ExtraFiles, cmd.Stdout, cmd.Stderr = []*os.File{tell}, log, log
	cmd.Env, cmd.Dir = []string{"GOMAXPROCS=1"}, "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start DHCP client: %w", err), told.Close(), os.Remove(record))
	}
	s.process = process.Process{Pid: cmd.Process.Pid, Born: process.Born(fmt.Sprint(cmd.Process.Pid))}
	go func() { _ = cmd.Wait() }() // ends with the client, or with this process
	return s, nil
}

// Wait waits for the first lease until the deadline.
func (s *Starting) Wait(deadline time.Time) error {
	if err := s.told.SetReadDeadline(deadline); err != nil {
		return fmt.Errorf("wait for DHCP client: %w", err)
	}
	text, err := io.ReadAll(s.told)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return ErrNoAnswer
	case err != nil:
		return fmt.Errorf("wait for DHCP client: %w", err)
	case string(text) == done:
		return nil
	case len(text) > 0:
		return errors.New(string(text))
	}
	last, _ := os.ReadFile(s.log)
	return fmt.Errorf("the DHCP client has ended: %s", lastLine(string(last)))
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

// Interrupt makes Wait return now.
func (s *Starting) Interrupt() { _ = s.told.SetReadDeadline(time.Unix(1, 0)) }

// Leave lets the client go on by itself.
func (s *Starting) Leave() error { return s.told.Close() }

// patience is how long a client is given to release its lease.
const patience = 3 * time.Second

// End ends the client that was started.
func (s *Starting) End() error { return errors.Join(s.told.Close(), s.process.End(patience)) }

// Stop ends the client of the record, if it lives, which gives its lease back, and takes away what
// a client that was killed has left. The calling thread is in its network namespace.
func Stop(dir string, r Record) error {
	if err := r.Process.End(patience); err != nil {
		return err
	}
	if r.Lease != nil {
		if err := Clear(r.Params, *r.Lease); err != nil {
			return err
		}
	}
	return r.forget(dir)
}

func (r Record) forget(dir string) error {
	var errs []error
	for _, ending := range []string{recordEnding, logEnding} {
		if err := os.Remove(r.file(dir, ending)); !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// done is what a client tells who started it.
const done = "ok"

// tellFD is the pipe to who started the client.
const tellFD = 3

// errReleased says that the client was asked to end.
var errReleased = errors.New("asked to end")

// Main is the client's own process: it runs until it is asked to end, or there is
// nothing left to hold a lease for.
func Main(path string) error {
	debug.SetGCPercent(20)
	debug.SetMemoryLimit(8 << 20)
	r, err := load(path)
	if err != nil {
		return err
	}
	r.Process = process.Self()
	tell := os.NewFile(tellFD, "starter")
	if err := r.save(path); err != nil {
		return errors.Join(err, tell.Close())
	}
	ctx, end := context.WithCancelCause(context.Background())
	defer end(nil)
	touched := make(chan struct{}, 1)
	followed := make(chan struct{})
	go func() { // ends with the context
		defer close(followed)
		end(follow(ctx, r.Params, func() { touch(touched) }))
	}()
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGTERM, syscall.SIGINT)
	go func() { // ends with this process
		<-asked
		end(errReleased)
	}()
	c := Client{Params: r.Params, Now: time.Now, Random: rand.Float64, Logf: logTo(os.Stderr), Touched: touched,
		Told: func(l *Lease) error { return r.told(path, l, tell) }}
	err = c.Run(ctx)
	end(nil)
	<-followed
	return finish(&c, r, path, tell, err)
}

func touch(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// told writes the lease down, and tells who started the client of the first one.
func (r *Record) told(path string, l *Lease, tell *os.File) error {
	r.Lease = l
	if err := r.save(path); err != nil {
		return err
	}
	if l != nil {
		_, _ = io.WriteString(tell, done) // closed from the second time on, or nobody listens any more
		_ = tell.Close()
	}
	return nil
}

// finish tidies up after the client.
func finish(c *Client, r Record, path string, tell *os.File, why error) error {
	dir := filepath.Dir(path)
	switch {
	case errors.Is(why, errReleased):
		return errors.Join(c.Release(context.Background()), r.forget(dir))
	case errors.Is(why, errGone):
		c.Logf("%v", why)
		return r.forget(dir)
	}
	_, _ = io.WriteString(tell, why.Error())
	_ = tell.Close()
	return errors.Join(why, os.Remove(path))
}

// logLimit is the size at which a log begins anew.
const logLimit = 64 << 10

// logTo writes lines with the time to the file.
func logTo(f *os.File) func(format string, a ...any) {
	return func(format string, a ...any) {
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() && info.Size() > logLimit {
			_ = f.Truncate(0)
		}
		fmt.Fprintf(f, "%s "+format+"\n", append([]any{time.Now().UTC().Format(time.RFC3339)}, a...)...)
	}
}
