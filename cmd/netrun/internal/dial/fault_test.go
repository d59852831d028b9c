package dial

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"netrun/cmd/netrun/internal/dial/sshdtest"
)

// noWait counts the waits between tries instead of waiting.
type noWait struct {
	mu    sync.Mutex
	waits []time.Duration
}

func (w *noWait) sleep(ctx context.Context, d time.Duration) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waits = append(w.waits, d)
	return ctx.Err()
}

func TestEarlyDropsAreTriedAgain(t *testing.T) {
	host := newFakeHost(t)
	host.admit = func(n int32, c net.Conn) bool {
		if n == 2 {
			fmt.Fprint(c, "Not allowed at this time\r\n") // OpenSSH 9.8's penalty
		}
		return n > 3
	}
	host.serve(t)
	wait := &noWait{}
	d := dialer(t, home(t, host.knows()), func(c *Config) { c.Sleep, c.Jitter = wait.sleep, func() float64 { return 0.5 } })
	mustDial(t, d, host.target("n"))
	want := []time.Duration{100 * time.Millisecond, 200 * time.Millisecond, 400 * time.Millisecond}
	if fmt.Sprint(wait.waits) != fmt.Sprint(want) {
		t.Errorf("waits: got %v; want %v", wait.waits, want)
	}
}

func TestDropsEndInAnError(t *testing.T) {
	host := newFakeHost(t)
	host.admit = func(int32, net.Conn) bool { return false }
	host.serve(t)
	wait := &noWait{}
	d := dialer(t, home(t), func(c *Config) { c.Sleep, c.Retries = wait.sleep, 2 })
	wantError(t, d, host.target("n"), Unreachable, "the host closed the connection before the login")
	if n := host.conns.Load(); n != 3 {
		t.Errorf("connections: got %d; want 3", n)
	}
}

// TestMaxStartups has a host that drops whoever comes while five log in.
func TestMaxStartups(t *testing.T) {
	host := newFakeHost(t)
	host.admit = func(int32, net.Conn) bool { return host.login.Load() <= 5 }
	host.serve(t)
	d := dialer(t, home(t, host.knows()), func(c *Config) { c.Retries = 10 })
	var wg sync.WaitGroup
	for range 40 {
		wg.Go(func() {
			conn, err := d.Dial(t.Context(), host.target("n"))
			if err != nil {
				t.Error(err)
				return
			}
			conn.Close()
		})
	}
	wg.Wait()
}

func TestGate(t *testing.T) {
	g := &gate{limit: gateStart, ceiling: gateMax}
	for range gateStart {
		if err := g.enter(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	full, cancel := context.WithCancel(t.Context())
	cancel()
	if err := g.enter(full); !errors.Is(err, context.Canceled) {
		t.Errorf("ninth: got %v; want to wait", err)
	}
	g.leave(true)
	if g.limit != gateStart/2 || g.inside != gateStart-1 {
		t.Errorf("after a drop: got limit %d, inside %d; want 4, 7", g.limit, g.inside)
	}
	for range gateStart - 1 {
		g.leave(false)
	}
	for range 200 {
		if err := g.enter(t.Context()); err != nil {
			t.Fatal(err)
		}
		g.leave(false)
	}
	if g.limit != gateStart-1 {
		t.Errorf("after many successes: got limit %d; want to stop below what was too many, 7", g.limit)
	}
}

func TestTimeouts(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0") // accepts, and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	target := Target{Name: "mute", Addr: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, Timeout: 50 * time.Millisecond}
	d := dialer(t, home(t), nil)
	wantError(t, d, target, Unreachable, fmt.Sprintf(`dial ssh "mute" (%s): no answer within 50ms`, l.Addr()))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.Dial(ctx, target); KindOf(err) != Interrupted {
		t.Errorf("cancelled: got %v, kind %q; want interrupted", err, KindOf(err))
	}
	target.Port = sshdtest.FreePort(t)
	wantError(t, d, target, Unreachable, "connection refused")
}

// TestTimeoutWaitsForThePerson: the clock stands while a question is open.
func TestTimeoutWaitsForThePerson(t *testing.T) {
	t.Parallel()
	dir := home(t)
	host := newFakeHost(t)
	host.onlyKey(writeKey(t, filepath.Join(dir, ".ssh/id_ed25519"), "secret"))
	host.serve(t)
	target := host.target("n")
	target.Timeout = 1500 * time.Millisecond
	ask := slowPrompter{answer: "secret", after: 2 * time.Second}
	mustDial(t, dialer(t, dir, func(c *Config) { c.Ask, c.AcceptNew = ask, true }), target)
}

type slowPrompter struct {
	answer string
	after  time.Duration
}

func (p slowPrompter) Ask(ctx context.Context, _ string, _ bool) (string, error) {
	return p.answer, sleep(ctx, p.after)
}

func TestSilentHostIsLost(t *testing.T) {
	host := newFakeHost(t).serve(t)
	d := dialer(t, home(t, host.knows()), func(c *Config) { c.Timeout, c.KeepAlive = 600*time.Millisecond, 100*time.Millisecond })
	conn := mustDial(t, d, host.target("node1"))
	s, err := conn.Start(t.Context(), "hang")
	if err != nil {
		t.Fatal(err)
	}
	host.silent.Store(true)
	var lost *Lost
	if err := s.Wait(); !errors.As(err, &lost) || KindOf(err) != LostKind || !strings.HasPrefix(err.Error(), `connection to "node1" lost: no answer within`) {
		t.Errorf("wait: got %v; want *Lost", err)
	}
	if _, err := conn.Start(t.Context(), "x"); !errors.As(err, &lost) {
		t.Errorf("start after: got %v; want *Lost", err)
	}
	if _, err := conn.SFTP(); !errors.As(err, &lost) {
		t.Errorf("sftp after: got %v; want *Lost", err)
	}
}

func TestCutConnectionIsLost(t *testing.T) {
	host := newFakeHost(t).serve(t)
	conn := mustDial(t, dialer(t, home(t, host.knows()), nil), host.target("node1"))
	s, err := conn.Start(t.Context(), "hang")
	if err != nil {
		t.Fatal(err)
	}
	host.cut()
	if err := s.Wait(); KindOf(err) != LostKind {
		t.Errorf("wait: got %v; want *Lost", err)
	}
}

func TestMissingStatusIsNotALoss(t *testing.T) {
	host := newFakeHost(t).serve(t)
	conn := mustDial(t, dialer(t, home(t, host.knows()), nil), host.target("n"))
	s, err := conn.Start(t.Context(), "nostatus")
	if err != nil {
		t.Fatal(err)
	}
	var exit *ExitError
	if err := s.Wait(); !errors.As(err, &exit) || exit.Status != -1 {
		t.Errorf("wait: got %v; want an ExitError with status -1", err)
	}
	if _, err := conn.SFTP(); !errors.Is(err, ErrNoSFTP) || KindOf(err) != Unsupported {
		t.Errorf("sftp: got %v; want ErrNoSFTP", err)
	}
}
