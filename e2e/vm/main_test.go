//go:build vm

package vm

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"netrun/e2e/rig"
)

// world is what all tests share: the program, and the machines.
type world struct {
	netrun string
	root   string // of the module
	rack   *Rack
}

// the is filled in before the first test runs, and not changed after.
var the world

func TestMain(m *testing.M) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status, err := run(ctx, m)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "vm:", err)
		status = 1
	}
	os.Exit(status)
}

func run(ctx context.Context, m *testing.M) (status int, err error) {
	began := time.Now()
	if the.root, err = rig.Root(); err != nil {
		return 0, err
	}
	if the.netrun, err = rig.Build(ctx); err != nil {
		return 0, err
	}
	image, err := Build(ctx, os.Stderr)
	if err != nil {
		return 0, err
	}
	built := time.Since(began)
	dir, unlock, err := folder()
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	if the.rack, err = Open(ctx, image, dir); err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, the.rack.Close()) }()
	// Nobody waits for tests once somebody wants them to end.
	defer context.AfterFunc(ctx, func() {
		fmt.Fprintln(os.Stderr, "vm: interrupted:", the.rack.Close())
		os.Exit(130)
	})()
	fmt.Fprintf(os.Stderr, "vm: program and image after %.0fs, two machines (%s) up after %.0fs\n",
		built.Seconds(), the.rack.Accel(), time.Since(began).Seconds())
	return m.Run(), nil
}

// folder is where the machines' disks are: it depends on nothing but where the module
// is, so that what a killed predecessor left is found and removed.
func folder() (dir string, unlock func() error, err error) {
	cache, err := Cache()
	if err != nil {
		return "", nil, err
	}
	sum := fnv.New32a()
	sum.Write([]byte(the.root))
	dir = filepath.Join(cache, fmt.Sprintf("run-%08x", sum.Sum32()))
	unlock, err = lock(dir + ".lock")
	return dir, unlock, err
}

// pair is the two machines, for one test: if it fails, it shows what they said on
// their consoles meanwhile.
func pair(t *testing.T) (one, two *Machine) {
	t.Helper()
	for _, m := range the.rack.Machines {
		said := int64(len(m.Console(0)))
		t.Cleanup(func() {
			if t.Failed() {
				ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
				defer cancel()
				log, err := m.Shell(ctx, "journalctl -b -n 60 --no-pager -u 'netrun-*' -u ovs-vswitchd -o short-monotonic")
				t.Logf("console of %s:\n%s\nservices (%v):\n%s", m.Name, tail(m.Console(said), 60), err, log)
			}
		})
	}
	return the.rack.Machines[0], the.rack.Machines[1]
}

// sh runs a shell script on the machine, which must succeed.
func (m *Machine) sh(t *testing.T, script string) string {
	t.Helper()
	out, err := m.Shell(t.Context(), script)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// put writes a file on the machine.
func (m *Machine) put(t *testing.T, path, local string) {
	t.Helper()
	f, err := os.Open(local)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := m.Feed(t.Context(), "cat > "+path+" && chmod 755 "+path, f); err != nil {
		t.Fatal(err)
	}
}

// eventually asks until nothing is wrong any more.
func eventually(t *testing.T, limit time.Duration, wrong func() string) time.Duration {
	t.Helper()
	began := time.Now()
	for {
		now := wrong()
		if now == "" {
			return time.Since(began)
		}
		if time.Since(began) > limit {
			t.Fatalf("after %v: %s", limit, now)
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// play runs a playbook, given as text, on both machines.
func play(t *testing.T, playbook string, flags ...string) rig.Result {
	t.Helper()
	return netrun(t, append([]string{"play", "-i", the.rack.Inventory, site(t, playbook)}, flags...)...)
}

// site writes a playbook to a file. What plays keep is kept under the file's path: one
// text has one path for the whole test.
func site(t *testing.T, playbook string) string {
	t.Helper()
	sum := fnv.New32a()
	sum.Write([]byte(t.Name() + playbook))
	path := filepath.Join(the.rack.dir, fmt.Sprintf("site-%08x.yaml", sum.Sum32()))
	if err := os.WriteFile(path, []byte(playbook), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func netrun(t *testing.T, args ...string) rig.Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	r, err := rig.Run(ctx, rig.Command{Argv: append([]string{the.netrun}, args...), Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("netrun %s: %.1fs, exit status %d", args[0], r.Elapsed.Seconds(), r.Exit)
	return r
}

// played is play, which must succeed and be done: a second time changes nothing. At
// the end of the test it is undone, and leaves no link behind and takes none along.
func played(t *testing.T, playbook string) {
	t.Helper()
	for _, m := range the.rack.Machines {
		before := m.links(t)
		t.Cleanup(func() {
			// The test's own context has ended.
			if after, err := m.Shell(context.Background(), listLinks); err != nil || after != before {
				t.Errorf("links of %s after undo: got %q, error %v; want %q", m.Name, after, err, before)
			}
		})
	}
	t.Cleanup(func() { undone(t) })
	if r := play(t, playbook); r.Exit != 0 {
		t.Fatalf("play: exit status %d\n%s%s", r.Exit, r.Stdout, r.Stderr)
	}
	r := play(t, playbook)
	if r.Exit != 0 || strings.Contains(r.Stdout, "changed: [") {
		t.Fatalf("play again: exit status %d\n%s%s", r.Exit, r.Stdout, r.Stderr)
	}
}

// undone takes the last run back.
func undone(t *testing.T) {
	t.Helper()
	if r := netrun(t, "undo", "-i", the.rack.Inventory); r.Exit != 0 {
		t.Errorf("undo: exit status %d\n%s%s", r.Exit, r.Stdout, r.Stderr)
	}
}
