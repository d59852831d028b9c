package e2e

import (
	"fmt"
	"math/rand/v2"
	"os/exec"
	"sync/atomic"
	"testing"
	"time"

	"netrun/e2e/rig"
)

// The lock-out runs: as many of each sort on each of the hosts lock1 to lock5.
const (
	lockoutDeadline = 3 * time.Second
	// lockoutSlack is what a guard gives its session beyond the deadline, and a
	// little for a machine that is busy.
	lockoutSlack = 15 * time.Second
)

// lockout is a way to lose a host.
type lockout struct {
	name string
	task func(h rig.Host, bits int) string
	// lost says, in the host's network, whether the host is lost right now.
	lost string
}

var lockouts = []lockout{
	{"address", func(h rig.Host, bits int) string {
		return fmt.Sprintf("address: {address: %s/%d, dev: eth0, state: absent}", h.Addr, bits)
	}, `! ip -4 -o address show dev eth0 | grep -q .`},
	{"port 22", func(rig.Host, int) string {
		return `iptables: {chain: NOSSH, jump_from: [INPUT], first: true, rules: ["-p tcp --dport 22 -j DROP"]}`
	}, `iptables -S INPUT | grep -q NETRUN-NOSSH`},
}

// TestLockOut plays what cuts the controller off, 20 times. Each time the host
// must come back by itself, and be as before, also when the controller is killed.
func TestLockOut(t *testing.T) {
	need(t)
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed of the random moments: %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for i := range 5 {
		host := fmt.Sprintf("lock%d", i+1)
		var moments []time.Duration
		for range 2 {
			moments = append(moments, time.Duration(random.Int64N(int64(lockoutDeadline))))
		}
		t.Run(host, func(t *testing.T) {
			t.Parallel()
			before := snapshot(t, the.hosts, host)
			for k, way := range lockouts {
				lockedOut(t, host, way, before, 0)
				lockedOut(t, host, way, before, moments[k])
			}
		})
	}
}

// lockedOut is one run. With a moment, the controller is killed then.
func lockedOut(t *testing.T, host string, way lockout, before string, moment time.Duration) {
	t.Helper()
	h, err := the.hosts.Host(host)
	if err != nil {
		t.Fatal(err)
	}
	path := site(t, on(host, way.task(h, the.hosts.Subnet.Bits())))
	lost, stop := watch(h, way.lost)
	began := time.Now()
	r, err := rig.Run(t.Context(), rig.Command{
		Argv: []string{the.netrun, "play", "-i", the.hosts.Inventory, "--confirm", lockoutDeadline.String(), "--timeout", "2s", path},
		Env:  userEnv(t.TempDir()),
		Start: func(cmd *exec.Cmd) {
			if moment > 0 {
				time.AfterFunc(moment, func() { _ = cmd.Process.Kill() }) // it may have ended before
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if moment == 0 && r.Exit != 2 && r.Exit != 4 {
		t.Errorf("%s, %s: got exit status %d; want 2 or 4\n%s%s", host, way.name, r.Exit, r.Stdout, r.Stderr)
	}
	eventually(t, lockoutDeadline+lockoutSlack-time.Since(began), func() string { return back(t, host, before) })
	stop()
	if moment == 0 && !lost() {
		t.Errorf("%s, %s: the play never cut the host off, so nothing was tested\n%s%s", host, way.name, r.Stdout, r.Stderr)
	}
	t.Logf("%s, %s, controller killed after %s: back after %s", host, way.name, moment, time.Since(began))
}

// back says what is still wrong with a host that should be as before.
func back(t *testing.T, host, before string) string {
	t.Helper()
	if diff := sameAs(t, the.hosts, host, before); diff != "" {
		return host + " (-before +now):\n" + diff
	}
	r, err := rig.Run(t.Context(), rig.Command{Argv: []string{"ssh", "-F", the.hosts.SSHConfig, "-o", "ConnectTimeout=2", host, "true"}})
	if err != nil || r.Exit != 0 {
		return fmt.Sprintf("ssh %s true: %v, exit status %d: %s", host, err, r.Exit, r.Stderr)
	}
	return ""
}

// watch looks, until stopped, whether the host gets lost.
func watch(h rig.Host, lost string) (seen func() bool, stop func()) {
	var was atomic.Bool
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			if exec.Command("nsenter", "--net="+h.Netns, "sh", "-c", lost).Run() == nil {
				was.Store(true)
			}
			select {
			case <-quit:
				return
			case <-time.After(150 * time.Millisecond):
			}
		}
	}()
	return was.Load, func() { close(quit); <-done }
}
