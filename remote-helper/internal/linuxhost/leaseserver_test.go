//go:build linux

package linuxhost

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"netrun/remote-helper/internal/dhcp"
	"netrun/tasks/state"
)

// TestMain is also the DHCP client's process, as the helper is.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "dhcp" {
		if err := dhcp.Main(os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// withClients lets the host start DHCP clients, all of which end with the test.
func withClients(t testing.TB, h *Host) {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	h.cfg.Program, h.cfg.LeaseDir = program, dir
	t.Cleanup(func() {
		records, err := dhcp.List(dir)
		if err != nil {
			t.Error(err)
		}
		if logs, _ := filepath.Glob(filepath.Join(dir, "*")); t.Failed() {
			for _, path := range logs {
				text, err := os.ReadFile(path)
				t.Logf("%s: %s%v", filepath.Base(path), text, err)
			}
		}
		for _, r := range records {
			if err := r.Process.End(3 * time.Second); err != nil {
				t.Error(err)
			}
		}
	})
}

// lan is a rig whose namespace has a DHCP server on v0, and eth1 in a namespace c at the
// other end of the cable.
type lan struct {
	*rig
	in  state.Scope
	dir string
}

func newLAN(t *testing.T) *lan {
	t.Helper()
	r := newRig(t)
	withClients(t, r.host)
	n := &lan{rig: r, in: r.scope("c"), dir: t.TempDir()}
	r.create(r.netns("c"), state.Link{Name: "v0", Type: "veth", State: "up", Peer: "eth1", PeerScope: n.in},
		state.Address{Link: "v0", Prefix: prefix("10.77.0.1/24")})
	r.update(state.Link{Scope: n.in, Name: "eth1", State: "up", MAC: "02:00:00:00:77:01"})
	return n
}

// start runs a program in the rig's namespace until stop or the end of the test.
func (n *lan) start(name string, args ...string) (stop func()) {
	n.Helper()
	if _, err := exec.LookPath(name); err != nil {
		n.Skipf("probed %s: %v", name, err)
	}
	return startIn(n.T, n.host, name, args...)
}

func startIn(t testing.TB, h *Host, name string, args ...string) (stop func()) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = t.Output(), t.Output()
	if err := h.In(state.HostScope, cmd.Start); err != nil {
		t.Fatal(err)
	}
	ended := false
	stop = func() {
		if !ended {
			ended = true
			cmd.Process.Kill()
			cmd.Wait()
		}
	}
	t.Cleanup(stop)
	return stop
}

// dnsmasq runs that server, and gives the file of its leases.
func (n *lan) dnsmasq(more ...string) string {
	n.Helper()
	file := filepath.Join(n.dir, "dnsmasq")
	if len(more) == 0 {
		more = []string{"--interface=v0"}
	}
	n.start("dnsmasq", append(more, "-k", "--conf-file=/dev/null", "--port=0", "--bind-interfaces", "--user=root", "--pid-file=",
		"--dhcp-range=10.77.0.50,10.77.0.60,2m", "--dhcp-leasefile="+file, "--dhcp-authoritative", "--no-ping")...)
	return file
}

// udhcpd runs busybox's server, whose leases may be short, with more lines of configuration.
func (n *lan) udhcpd(more ...string) (stop func()) {
	n.Helper()
	leases := filepath.Join(n.dir, "leases")
	if f, err := os.OpenFile(leases, os.O_CREATE, 0o600); err != nil {
		n.Fatal(err)
	} else if err := f.Close(); err != nil {
		n.Fatal(err)
	}
	return n.start("busybox", "udhcpd", "-f", "-a", "20", serverConfig(n.T, n.dir, "v0", "10.77.0", append(more, "lease_file "+leases)...))
}

// serverConfig is a file for busybox's udhcpd.
func serverConfig(t testing.TB, dir, link, net string, more ...string) string {
	t.Helper()
	path := filepath.Join(dir, "udhcpd.conf")
	lines := append([]string{"interface " + link, "start " + net + ".50", "end " + net + ".60", "pidfile " + filepath.Join(dir, "pid"),
		"option subnet 255.255.255.0", "option router " + net + ".1"}, more...)
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func (n *lan) lease() state.Lease { return state.Lease{Scope: n.in, Link: "eth1"} }

// within waits until the condition holds.
func (n *lan) within(limit time.Duration, what string, holds func() bool) {
	n.Helper()
	for until := time.Now().Add(limit); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(until) {
			n.Fatalf("%s: not within %s", what, limit)
		}
	}
}

func (n *lan) has(key state.Key) bool {
	_, ok := n.observe(key).Get(key)
	return ok
}

// client is the only client's record.
func (n *lan) client() (dhcp.Record, bool) {
	n.Helper()
	records, err := dhcp.List(n.host.cfg.LeaseDir)
	if err != nil {
		n.Fatal(err)
	}
	if len(records) == 0 {
		return dhcp.Record{}, false
	}
	return records[0], true
}

func (n *lan) inside(command string) string {
	n.Helper()
	_, name := n.in.Split()
	words := append([]string{"--net=/run/netns/" + name}, strings.Fields(command)...)
	return n.output("nsenter", words...)
}

func (n *lan) wantInside(command, what string) {
	n.Helper()
	if got := n.inside(command); !strings.Contains(got, what) {
		n.Errorf("%s: got %q; want %q in it", command, got, what)
	}
}

// served is a host on whose link a DHCP server runs from when it is first needed: then
// the link is there.
type served struct {
	*Host
	t         *testing.T
	link, net string
	runs      bool
}

func withServer(t *testing.T, h *Host, link, net string) state.Host {
	t.Helper()
	if _, err := exec.LookPath("busybox"); err != nil {
		t.Skipf("probed busybox: %v", err)
	}
	withClients(t, h)
	return &served{Host: h, t: t, link: link, net: net}
}

// Apply implements state.Host.
func (s *served) Apply(ctx context.Context, changes []state.Change) error {
	for _, c := range changes {
		if isNewLease(c) && !s.runs {
			s.runs = true
			dir := s.t.TempDir()
			startIn(s.t, s.Host, "busybox", "udhcpd", "-f", "-a", "20", serverConfig(s.t, dir, s.link, s.net, "option lease 60", "lease_file /dev/null"))
		}
	}
	return s.Host.Apply(ctx, changes)
}
