//go:build linux

package linuxhost

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"netrun/tasks/state"
)

// TestPorts looks at sockets that really listen, and at rules as Docker writes them.
func TestPorts(t *testing.T) {
	r := newRig(t)
	needIptables(r)
	for _, at := range []string{"0.0.0.0:7001", "[::1]:7002", "[::]:7003"} {
		l, err := net.Listen("tcp", at)
		if err != nil {
			t.Skipf("probed listen on %s: %v", at, err)
		}
		defer l.Close()
	}
	u, err := net.ListenPacket("udp4", "127.0.0.1:7004")
	if err != nil {
		t.Fatal(err)
	}
	defer u.Close()
	r.output("iptables", "-t", "nat", "-N", "DOCKER")
	r.output("iptables", "-t", "nat", "-A", "DOCKER", "-d", "192.0.2.1/32", "-p", "tcp", "-m", "tcp", "--dport", "8080", "-j", "DNAT", "--to-destination", "172.17.0.2:80")
	r.output("iptables", "-t", "nat", "-A", "PREROUTING", "-p", "udp", "-m", "multiport", "--dports", "53,60:61", "-j", "REDIRECT", "--to-ports", "5353")
	r.output("iptables", "-t", "nat", "-N", "NETRUN-P1-D")
	r.output("iptables", "-t", "nat", "-A", "NETRUN-P1-D", "-p", "tcp", "-m", "tcp", "--dport", "9090", "-j", "DNAT", "--to-destination", "172.17.0.2:80")
	s, err := r.host.Observe(context.Background(), []state.Key{{Kind: state.KindPort}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, o := range s.Objects() {
		got = append(got, o.Key().Name)
	}
	want := []string{"tcp 0.0.0.0:7001", "tcp 192.0.2.1:8080", "tcp [::1]:7002", "tcp [::]:7003",
		"udp 0.0.0.0:53", "udp 0.0.0.0:60", "udp 0.0.0.0:61", "udp 127.0.0.1:7004"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q; want %q", got, want)
	}
}

func TestSCTPEndpoints(t *testing.T) {
	const eps = ` ENDPT     SOCK   STY SST HBKT LPORT   UID INODE LADDRS
ffff8800 ffff8801 2   10  29   9899      0 12345 192.0.2.1 2001:db8::1
`
	got := sctpEndpoints(state.HostScope, eps)
	if len(got) != 2 || got[0].Key().Name != "sctp 192.0.2.1:9899" || got[1].Key().Name != "sctp [2001:db8::1]:9899" {
		t.Errorf("got %v; want port 9899 of both addresses", got)
	}
}

// TestHostsFileInPlace edits a file as a runtime mounts it into a container: the
// same file must have the new line, for a mount does not follow another's name.
func TestHostsFileInPlace(t *testing.T) {
	r := newRig(t)
	file := filepath.Join(t.TempDir(), "hosts")
	const before = "127.0.0.1\tlocalhost\n172.17.0.3\t6e5cdeb2d300" // without an end, as some write it
	if err := os.WriteFile(file, []byte(before), 0o640); err != nil {
		t.Fatal(err)
	}
	held, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	scope := state.Scope("docker:web")
	r.host.cfg.Find = func(context.Context, []string) (map[string][]state.Container, error) {
		return map[string][]state.Container{string(scope): {{Name: "web", Scope: scope, Pid: "1", HostsFile: file}}}, nil
	}
	line := state.HostsLine{Scope: scope, Family: 4, Alias: "db", IP: "172.17.0.5", Names: []string{"abc"}}
	moved := line
	moved.IP = "172.17.0.77"
	six := state.HostsLine{Scope: scope, Family: 6, Alias: "db", IP: "fd00::5"}
	read := func() string {
		var out [4096]byte
		n, err := unix.Pread(int(held.Fd()), out[:], 0)
		if err != nil {
			t.Fatal(err)
		}
		return string(out[:n])
	}
	for _, step := range []struct {
		change state.Change
		want   string
	}{
		{state.Change{Op: state.Create, After: line}, before + "\n172.17.0.5\tdb abc\t# netrun\n"},
		{state.Change{Op: state.Create, After: six}, before + "\n172.17.0.5\tdb abc\t# netrun\nfd00::5\tdb\t# netrun\n"},
		{state.Change{Op: state.Update, Before: line, After: moved}, before + "\n172.17.0.77\tdb abc\t# netrun\nfd00::5\tdb\t# netrun\n"},
		{state.Change{Op: state.Delete, Before: moved}, before + "\nfd00::5\tdb\t# netrun\n"},
		{state.Change{Op: state.Delete, Before: six}, before + "\n"},
	} {
		r.apply(step.change)
		if got := read(); got != step.want {
			t.Errorf("%s: got %q; want %q", step.change, got, step.want)
		}
	}
	if err := r.host.Apply(t.Context(), []state.Change{{Op: state.Delete, Before: line}}); err == nil {
		t.Error("delete a line that is not there: got no error; want one")
	}
	for _, scope := range []state.Scope{"pid:1", state.HostScope} {
		line.Scope = scope
		if err := r.host.Apply(t.Context(), []state.Change{{Op: state.Create, After: line}}); err == nil {
			t.Errorf("a line in %q: got no error; want one that says that it has no hosts file of its own", scope)
		}
	}
}

// TestJumpToDockersUser leads through Docker's chain where Docker made it.
func TestJumpToDockersUser(t *testing.T) {
	r := newRig(t)
	needIptables(r)
	r.output("iptables", "-t", "filter", "-N", "DOCKER-USER")
	s, err := r.host.Observe(t.Context(), []state.Key{state.TableKey(state.HostScope, 4, "filter")})
	if err != nil {
		t.Fatal(err)
	}
	jump := state.Jump{Family: 4, Table: "filter", From: "DOCKER-USER", To: "NETRUN-X", Last: true, When: "chain=DOCKER-USER"}
	if o, err := jump.Resolve(s); err != nil || o == nil || !o.(state.Jump).First {
		t.Errorf("with the chain: got %v, error %v; want the jump as first rule", o, err)
	}
	forward := state.Jump{Family: 4, Table: "filter", From: "FORWARD", To: "NETRUN-X", First: true, When: "nochain=DOCKER-USER"}
	if o, err := forward.Resolve(s); err != nil || o != nil {
		t.Errorf("instead of the chain: got %v, error %v; want nothing", o, err)
	}
	r.output("iptables", "-A", "DOCKER-USER", "-s", "192.0.2.0/24", "-j", "DROP")
	r.output("iptables", "-A", "DOCKER-USER", "-j", "RETURN")
	s, err = r.host.Observe(t.Context(), []state.Key{state.TableKey(state.HostScope, 4, "filter")})
	if err != nil {
		t.Fatal(err)
	}
	o, err := jump.Resolve(s)
	if err != nil || o == nil {
		t.Fatalf("with rules: got %v, error %v; want the jump", o, err)
	}
	r.create(state.Chain{Family: 4, Table: "filter", Name: "NETRUN-X"}, o)
	rules := r.output("iptables", "-S", "DOCKER-USER")
	want := "-N DOCKER-USER\n-A DOCKER-USER -s 192.0.2.0/24 -j DROP\n-A DOCKER-USER -m comment --comment netrun -j NETRUN-X\n-A DOCKER-USER -j RETURN"
	if strings.TrimSpace(rules) != want {
		t.Errorf("got %s; want %s", rules, want)
	}
	forward.When = "nochain=DOCKER-OTHER"
	if o, err := forward.Resolve(s); err != nil || o == nil {
		t.Errorf("without the other chain: got %v, error %v; want the jump", o, err)
	}
	jump.When = "chain=DOCKER-OTHER"
	if o, err := jump.Resolve(s); err != nil || o != nil {
		t.Errorf("without the chain: got %v, error %v; want nothing", o, err)
	}
}
