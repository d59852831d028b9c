package e2e

import (
	"io"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"netrun/e2e/rig"
)

// TestOnePlayAtATime has a second play meet the first.
func TestOnePlayAtATime(t *testing.T) {
	need(t)
	t.Parallel()
	var second played
	first := struck(t, the.hosts.Inventory, on("busy", "netns: {name: web}", "command: sleep 3"), 1, func() {
		r, err := rig.Run(t.Context(), rig.Command{
			Argv: []string{the.netrun, "play", "-i", the.hosts.Inventory, site(t, on("busy", "netns: {name: db}"))}, Env: userEnv(t.TempDir())})
		if err != nil {
			t.Error(err)
		}
		second = played{Result: r}
	})
	first.want(t, 0)
	if second.Exit != 2 || !second.says("another play is at work") || !second.says(`"test" by `) {
		t.Errorf("second play: got exit status %d; want 2, and who holds the host\n%s%s", second.Exit, second.Stdout, second.Stderr)
	}
	if got := shell(t, the.hosts, "busy", "ls /run/netns"); strings.TrimSpace(got) != "web" {
		t.Errorf("got namespaces %q; want those of the first play only", got)
	}
	undo(t, the.hosts, "busy")
}

// signals plays and sends the signals, some time apart, once the first change is
// told. It also says how long after the last of them the play ended.
func signals(t *testing.T, host string, n int) (played, time.Duration) {
	t.Helper()
	running := make(chan *exec.Cmd, 1)
	last := make(chan time.Time, n)
	w := after(1, func() {
		cmd := <-running
		for range n {
			last <- time.Now()
			_ = cmd.Process.Signal(syscall.SIGINT) // it may have ended
			time.Sleep(300 * time.Millisecond)
		}
	})
	defer w.(io.Closer).Close()
	r, err := rig.Run(t.Context(), rig.Command{
		Argv:   []string{the.netrun, "play", "--json", "-i", the.hosts.Inventory, site(t, on(host, "netns: {name: web}", "command: sleep 5", "netns: {name: db}"))},
		Env:    userEnv(t.TempDir()),
		Stdout: w,
		Start:  func(cmd *exec.Cmd) { running <- cmd },
	})
	if err != nil {
		t.Fatal(err)
	}
	ended := time.Now()
	var said time.Time
	for range n {
		select {
		case said = <-last:
		default:
			t.Fatalf("the play ended before it was sent %d signals\n%s%s", n, r.Stdout, r.Stderr)
		}
	}
	return readPlay(t, r), ended.Sub(said)
}

func TestInterruptOnce(t *testing.T) {
	need(t)
	t.Parallel()
	before := snapshot(t, the.hosts, "stopped1")
	p, _ := signals(t, "stopped1", 1)
	p.want(t, 130)
	if s := p.stats()["stopped1"]; !s.Undone {
		t.Errorf("got recap %+v; want it to say that the play is undone\n%s", s, p.Stdout)
	}
	// The controller waited for the host, so there is nothing to wait for here.
	if diff := sameAs(t, the.hosts, "stopped1", before); diff != "" {
		t.Errorf("(-before +now):\n%s", diff)
	}
}

func TestInterruptTwice(t *testing.T) {
	need(t)
	t.Parallel()
	before := snapshot(t, the.hosts, "stopped2")
	p, took := signals(t, "stopped2", 2)
	p.want(t, 130)
	if took > 4*time.Second {
		t.Errorf("got the end %s after the second signal; want it at once", took)
	}
	undoneBy(t, "stopped2", before, 10*time.Second)
}

// TestRoundTrips counts, through a proxy that delays, what plays of 20 tasks cost
// beyond logging in, whether the tasks need each other's results or not.
func TestRoundTrips(t *testing.T) {
	need(t)
	t.Parallel()
	h, err := the.hosts.Host("far")
	if err != nil {
		t.Fatal(err)
	}
	proxy, err := rig.NewProxy(h.Addr.String()+":22", 50*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	defer proxy.Close()
	lab, err := the.hosts.Behind(t.Context(), t.TempDir(), "far", proxy.Port())
	if err != nil {
		t.Fatal(err)
	}
	playFile(t, lab.Inventory, site(t, on("far", "ping:"))).want(t, 0) // the helper has its place
	login, _, err := lab.LoginCost(t.Context(), "far", proxy)
	if err != nil {
		t.Fatal(err)
	}
	var apart []string
	for range 5 {
		apart = append(apart, steps[:4]...)
	}
	for name, tasks := range map[string][]string{"apart": apart, "a chain": rig.Chain(20)} {
		path := site(t, on("far", tasks...))
		turns := func() int {
			proxy.Turns()
			playFile(t, lab.Inventory, path).want(t, 0)
			return proxy.Turns() - login
		}
		// A machine that is busy cuts an answer in two at times, which counts as a turn more.
		// What the protocol costs is the least of some plays on a host that is as before.
		got := turns()
		for range 2 {
			if got > 4 {
				undo(t, the.hosts, "far")
				got = min(got, turns())
			}
		}
		if got > 4 {
			t.Errorf("20 tasks, %s: got %d round trips after login; want at most 4", name, got)
		} else {
			t.Logf("20 tasks, %s: %d round trips after login", name, got)
		}
	}
	undo(t, the.hosts, "far")
}
