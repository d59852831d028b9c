package e2e

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"netrun/e2e/rig"
)

// steps are the object batches of the play that faults strike.
var steps = []string{
	"bridge: {name: br0}",
	"address: {address: 10.77.0.1/24, dev: br0}",
	"netns: {name: web}",
	"static_ip: {netns: web, bridge: br0, addresses: 10.77.0.2/24, gateway: 10.77.0.1}",
	"route: {to: 10.78.0.0/16, via: 198.18.255.254, dev: eth1}",
	`iptables: {chain: WEB, jump_from: [FORWARD], rules: ["-i br0 -j ACCEPT"]}`,
	"sysctl: {name: net.ipv4.ip_forward, value: '1'}",
	`copy: {dest: /etc/web.conf, content: "listen 80\n"}`,
}

// gated is a play of the steps in which each waits until the one before has been
// let through: the act between them also makes each a batch of its own.
func gated(host string) string {
	var tasks []string
	for i, s := range steps {
		tasks = append(tasks, s, fmt.Sprintf("wait_for: {path: /run/e2e.gate%d, timeout: 60, sleep: 0.05}", i+1))
	}
	return on(host, tasks...)
}

// gates is a script that closes all gates but those from a to b.
func gates(a, b int) string {
	return fmt.Sprintf("rm -f /run/e2e.gate*; for i in $(seq %d %d); do touch /run/e2e.gate$i; done", a, b)
}

// quick is the same without.
func quick(host string) string { return on(host, steps...) }

// after calls fault once, when the play has told of its n-th change.
func after(n int, fault func()) io.Writer {
	r, w := io.Pipe()
	go func() {
		in := bufio.NewScanner(r)
		in.Buffer(nil, 16<<20)
		seen := 0
		for in.Scan() {
			if e, err := readEvent(in.Bytes()); err == nil && len(e.Changes) > 0 {
				if seen++; seen == n {
					fault()
				}
			}
		}
	}()
	return w
}

// struck plays with a fault that comes after the n-th change, or before the play.
func struck(t *testing.T, inventory, text string, n int, fault func()) played {
	t.Helper()
	c := rig.Command{
		Argv: []string{the.netrun, "play", "--json", "-i", inventory, "--timeout", "5s", site(t, text)},
		Env:  userEnv(t.TempDir()),
	}
	if n > 0 {
		w := after(n, fault)
		defer w.(io.Closer).Close()
		c.Stdout = w
	} else {
		fault()
	}
	r, err := rig.Run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return readPlay(t, r)
}

// struckAt plays the steps, with a fault after the n-th that is over before the next begins.
func struckAt(t *testing.T, inventory, host string, n int, fault func()) played {
	t.Helper()
	shell(t, the.hosts, host, gates(1, n-1))
	struck := struck(t, inventory, gated(host), n, func() {
		fault()
		strike(t, host, gates(1, len(steps)))
	})
	shell(t, the.hosts, host, gates(1, 0))
	return struck
}

// converges ends the test unless the next play ends well, the one after it changes
// nothing, and an undo then gives the host back as it was. It returns the next play.
func converges(t *testing.T, host, before string) played {
	t.Helper()
	text := quick(host)
	next := play(t, the.hosts, text).want(t, 0)
	play(t, the.hosts, text).unchanged(t)
	undo(t, the.hosts, host)
	if diff := sameAs(t, the.hosts, host, before); diff != "" {
		t.Fatalf("%s after fault, play and undo (-before +now):\n%s", host, diff)
	}
	return next
}

// strike runs a script on a host while a play runs. It may be called from any
// goroutine of the test.
func strike(t *testing.T, host, script string) {
	if _, err := the.hosts.Shell(t.Context(), host, script); err != nil {
		t.Errorf("strike: %v", err)
	}
}

// undoneBy waits until the host has undone a play by itself.
func undoneBy(t *testing.T, host, before string, patience time.Duration) {
	t.Helper()
	eventually(t, patience, func() string { return sameAs(t, the.hosts, host, before) })
}

// TestConnectionCut resets the connection after each step in turn: the host
// notices and undoes the play at once.
func TestConnectionCut(t *testing.T) {
	need(t)
	t.Parallel()
	h, err := the.hosts.Host("cut")
	if err != nil {
		t.Fatal(err)
	}
	proxy, err := rig.NewProxy(h.Addr.String()+":22", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer proxy.Close()
	far, err := the.hosts.Behind(t.Context(), t.TempDir(), "cut", proxy.Port())
	if err != nil {
		t.Fatal(err)
	}
	before := snapshot(t, the.hosts, "cut")
	for n := 1; n <= len(steps); n++ {
		p := struckAt(t, far.Inventory, "cut", n, proxy.Cut)
		if p.Exit != 4 {
			t.Errorf("cut after step %d: got exit status %d; want 4\n%s%s", n, p.Exit, p.Stdout, p.Stderr)
		}
		undoneBy(t, "cut", before, 10*time.Second)
	}
	converges(t, "cut", before)
}

// deafen drops what comes for sshd, and undeafen lets it through again: as rules of
// somebody else's.
const (
	deafen   = "iptables -I INPUT -p tcp --dport 22 -j DROP"
	undeafen = "iptables -D INPUT -p tcp --dport 22 -j DROP"
)

// TestConnectionSilent drops every packet in the middle of a play. The controller
// takes its timeout to give the host up, and the host a minute for the controller.
func TestConnectionSilent(t *testing.T) {
	need(t)
	t.Parallel()
	shell(t, the.hosts, "silent", deafen+" && "+undeafen) // from now on there is a table
	before := snapshot(t, the.hosts, "silent")
	p := struck(t, the.hosts.Inventory, on("silent", steps[0], "command: sleep 1", steps[1], "command: sleep 100"), 2,
		func() { strike(t, "silent", deafen) })
	if p.Exit != 4 {
		t.Errorf("got exit status %d; want 4\n%s%s", p.Exit, p.Stdout, p.Stderr)
	}
	if p.Elapsed > 30*time.Second {
		t.Errorf("got the host given up after %s; want within a few times the timeout of 5s", p.Elapsed)
	}
	eventually(t, 90*time.Second, func() string { return gone(t, "silent") })
	shell(t, the.hosts, "silent", undeafen)
	undoneBy(t, "silent", before, time.Second)
	converges(t, "silent", before)
}

// gone says which helpers still run on a host.
func gone(t *testing.T, host string) string {
	t.Helper()
	return shell(t, the.hosts, host, `for p in /proc/[0-9]*; do case $(cat $p/comm 2>/dev/null) in netrun-helper*) echo ${p#/proc/};; esac; done`)
}

// kill ends every helper on the host, as a machine without memory would.
const kill = `for p in /proc/[0-9]*; do case $(cat $p/comm 2>/dev/null) in netrun-helper*) kill -9 ${p#/proc/};; esac; done; true`

// TestHelperKilled kills the helper after each step in turn, and the next play
// deals with what it left.
func TestHelperKilled(t *testing.T) {
	need(t)
	t.Parallel()
	before := snapshot(t, the.hosts, "killed")
	for n := 1; n <= len(steps); n++ {
		p := struckAt(t, the.hosts.Inventory, "killed", n, func() { strike(t, "killed", kill) })
		if p.Exit == 0 {
			t.Errorf("helper killed after step %d: got exit status 0\n%s", n, p.Stdout)
		}
		next := converges(t, "killed", before)
		if found := next.found(); !strings.Contains(found, "never ended") || !strings.Contains(found, "undone") {
			t.Errorf("helper killed after step %d: the next play found %q; want that it never ended and is undone", n, found)
		}
	}
}

// long is a play whose batches take their time, and which has no acts.
func long(host string) string {
	var ports strings.Builder
	for i := 2; i < 120; i++ {
		fmt.Fprintf(&ports, "\n  - %d", i)
	}
	many := "static_ip: {netns: web, bridge: br0, interface: 'p{{ .item }}', addresses: '10.77.1.{{ .item }}/24'}\nloop:" + ports.String()
	return on(host, append(steps[:3:3], many)...)
}

// TestHelperKilledAtRandom kills it whenever, also in the middle of writes.
func TestHelperKilledAtRandom(t *testing.T) {
	need(t)
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed of the random moments: %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	before := snapshot(t, the.hosts, "random")
	for range 10 {
		moment := time.Duration(random.Int64N(int64(time.Second)))
		done := make(chan struct{})
		p := struck(t, the.hosts.Inventory, long("random"), 0, func() {
			time.AfterFunc(moment, func() {
				defer close(done)
				strike(t, "random", kill)
			})
		})
		<-done
		if p.Exit == 0 { // it was done by then
			undo(t, the.hosts, "random")
		}
		next := converges(t, "random", before)
		t.Logf("helper killed after %s: exit status %d, next play found %q", moment, p.Exit, next.found())
	}
}

// TestDiskFull fills the disk after each step in turn, and before the first.
func TestDiskFull(t *testing.T) {
	need(t)
	t.Parallel()
	host := "full"
	play(t, the.hosts, on(host, "ping:")).want(t, 0) // the helper has its place
	before := snapshot(t, the.hosts, host)
	const fill = `dd if=/dev/zero of=/var/tmp/filler bs=64k 2>/dev/null; dd if=/dev/zero of=/var/tmp/filler2 bs=1 count=65536 2>/dev/null; true`
	for n := range len(steps) {
		p := struckAt(t, the.hosts.Inventory, host, n, func() { strike(t, host, fill) })
		if p.Exit != 2 || !p.says("no space left on device") {
			t.Errorf("disk full after step %d: got exit status %d; want 2, and the cause named\n%s%s", n, p.Exit, p.Stdout, p.Stderr)
		}
		if diff := sameAs(t, the.hosts, host, before); diff != "" {
			t.Errorf("disk full after step %d (-before +now):\n%s", n, diff)
		}
		shell(t, the.hosts, host, "rm -f /var/tmp/filler /var/tmp/filler2")
	}
	converges(t, host, before)
}
