package fleet

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"netrun/cmd/netrun/internal/dial"
	"netrun/cmd/netrun/internal/lab"
	"netrun/cmd/netrun/internal/push/binaries"
	"netrun/playbooks/script"
	"netrun/remote-helper/wire"
	"netrun/templates"
)

// TestMain lets the test binary be the first process of a lab's hosts.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "lab" && os.Args[2] == "init" {
		fmt.Fprintln(os.Stderr, lab.Init())
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// record is a Reporter that remembers.
type record struct {
	mu     sync.Mutex
	events []string
}

func (r *record) note(host, what string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, host+": "+what)
}

func (r *record) Event(host string, e wire.Event) {
	switch {
	case e.Result != nil:
		r.note(host, fmt.Sprintf("task %d %s %s", e.Result.Task, e.Result.Status, e.Result.Msg))
	case e.Settled != nil:
		r.note(host, fmt.Sprintf("confirmed %v", e.Settled.Confirmed))
	}
}
func (r *record) Unreachable(host string, err error) { r.note(host, "unreachable: "+err.Error()) }
func (r *record) Phase(string, string)               {}

func (r *record) has(text string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.events {
		if strings.Contains(e, text) {
			return true
		}
	}
	return false
}

func needLab(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("/usr/sbin/sshd"); err != nil {
		t.Skipf("probed sshd: %v", err)
	}
	cmd := exec.Command("/bin/true")
	cmd.SysProcAttr = &unix.SysProcAttr{Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWNET | unix.CLONE_NEWPID}
	if err := cmd.Run(); err != nil {
		t.Skipf("probed new mount, network and pid namespaces: %v", err)
	}
	set, err := binaries.Embedded()
	if err == nil {
		_, err = set.Binary("amd64", true)
	}
	if err != nil {
		t.Skipf("probed the embedded helper: %v (run `make helpers`)", err)
	}
}

// upFleet is a lab of n hosts and the fleet that works on it.
func upFleet(t *testing.T, n int) (*Fleet, *lab.Lab, *record) {
	t.Helper()
	needLab(t)
	l, err := lab.Up(context.Background(), lab.Config{Dir: filepath.Join(t.TempDir(), "lab"), Topology: lab.Flat(n, lab.DefaultFabric)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Down(context.Background()); err != nil {
			t.Error(err)
		}
	})
	set, err := binaries.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	d := dial.New(dial.Config{User: "root", Home: t.TempDir(), KnownHosts: []string{l.KnownHosts()}, Identities: []string{l.Identity()}})
	var targets []Target
	for _, h := range l.Hosts() {
		targets = append(targets, Target{Dial: dial.Target{Name: h.Name, Addr: h.Addr.String()}})
	}
	r := &record{}
	f := New(Config{Dialer: d, Source: set, Report: r, Forks: 64}, targets)
	t.Cleanup(func() { f.Close(); d.Close() })
	return f, l, r
}

func taskOf(id int, kind string, args map[string]any) *script.Node {
	return &script.Node{ID: id, Kind: kind, Args: templates.Value{V: args}}
}

func playOn(f *Fleet, confirm string, nodes ...*script.Node) Play {
	p := Play{Begin: wire.Begin{Run: fmt.Sprint("r", time.Now().UnixNano()), Name: "test", By: "t", Owner: "netrun", Confirm: confirm, Deadline: 3000},
		Scripts: map[string]*script.Script{}}
	for h := range f.targets {
		p.Hosts = append(p.Hosts, h)
		p.Scripts[h] = &script.Script{Host: h, Segments: [][]*script.Node{nodes}}
	}
	return p
}

func TestPlayOnTwoHosts(t *testing.T) {
	f, _, r := upFleet(t, 2)
	nodes := []*script.Node{
		taskOf(1, "bridge", map[string]any{"name": "br0"}),
		taskOf(2, "address", map[string]any{"dev": "br0", "address": "10.77.0.1/24"}),
	}
	for round, want := range []int{2, 0} {
		for host, o := range f.Play(context.Background(), playOn(f, "auto", nodes...)) {
			if !o.OK() || o.Ended.Changed != want {
				t.Errorf("round %d: %s: got %+v, want %d changes; events: %v", round, host, o, want, r.events)
			}
		}
	}
}

func TestRiskyChangeIsConfirmedOverAFreshConnection(t *testing.T) {
	f, _, r := upFleet(t, 1)
	outcomes := f.Play(context.Background(), playOn(f, "auto", taskOf(1, "interface", map[string]any{"name": "eth0", "mtu": 1400})))
	for host, o := range outcomes {
		if !o.OK() || !r.has("confirmed true") {
			t.Errorf("%s: got %+v, events %v; want it confirmed", host, o, r.events)
		}
	}
}

func TestLockOutIsUndoneByTheHost(t *testing.T) {
	f, l, r := upFleet(t, 1)
	before := addresses(t, l)
	h := l.Hosts()[0]
	outcomes := f.Play(context.Background(), playOn(f, "auto",
		taskOf(1, "address", map[string]any{"dev": "eth0", "address": fmt.Sprintf("%s/24", h.Addr), "state": "absent"})))
	for host, o := range outcomes {
		if o.OK() {
			t.Errorf("%s: got %+v, events %v; want a play that failed", host, o, r.events)
		}
	}
	deadline := time.Now().Add(15 * time.Second)
	for addresses(t, l) != before {
		if time.Now().After(deadline) {
			t.Fatalf("got %s, want %s", addresses(t, l), before)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func addresses(t *testing.T, l *lab.Lab) string {
	t.Helper()
	out, err := l.Exec(context.Background(), l.Hosts()[0].Name, "ip", "-o", "addr", "show", "dev", "eth0")
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}
