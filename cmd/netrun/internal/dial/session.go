package dial

import (
	"bytes"
	"context"
	"io"
	"sync"
	"time"
)

// Session is one command running on a host.
type Session struct {
	Stdin  io.WriteCloser
	Stdout io.Reader
	Stderr *Tail
	RTT    time.Duration // a round trip to the host by TCP; 0 if local

	wait func() error
	kill func() error
}

// NewSession makes a Session of its parts. wait ends when the command has
// ended, with nil, *ExitError or *Lost; kill ends the command at once.
func NewSession(stdin io.WriteCloser, stdout io.Reader, stderr *Tail, wait, kill func() error) *Session {
	return &Session{Stdin: stdin, Stdout: stdout, Stderr: stderr, wait: sync.OnceValue(wait), kill: sync.OnceValue(kill)}
}

// Wait returns when the command has ended: nil for status 0, else *ExitError,
// or *Lost if the connection broke. It may be called more than once.
func (s *Session) Wait() error { return s.wait() }

// Close ends the command if it still runs, and frees the session.
func (s *Session) Close() error { return s.kill() }

// tailSize is enough for the longest message a tool prints when it gives up.
const tailSize = 16 << 10

// Tail keeps the last 16 KiB written to it, and counts the rest.
type Tail struct {
	mu      sync.Mutex
	buf     []byte
	changed chan struct{} // closed and replaced at each write
}

// Write keeps the end of what was written; it never fails.
func (t *Tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p...)
	if over := len(t.buf) - tailSize; over > 0 {
		t.buf = append(t.buf[:0], t.buf[over:]...)
	}
	if t.changed != nil {
		close(t.changed)
		t.changed = nil
	}
	return len(p), nil
}

// String returns what is kept.
func (t *Tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(bytes.Clone(t.buf))
}

// Until waits until what is kept satisfies ok, or the context ends, which it
// reports by its error.
func (t *Tail) Until(ctx context.Context, ok func(kept string) bool) error {
	for {
		t.mu.Lock()
		if ok(string(t.buf)) {
			t.mu.Unlock()
			return nil
		}
		if t.changed == nil {
			t.changed = make(chan struct{})
		}
		changed := t.changed
		t.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
