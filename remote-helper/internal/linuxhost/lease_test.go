//go:build linux

package linuxhost

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"netrun/remote-helper/internal/process"
	"netrun/tasks/state"
)

// A lease from the server that most networks have: address, route, name, and all given back.
func TestLease(t *testing.T) {
	n := newLAN(t)
	file := n.dnsmasq()
	want := n.lease()
	want.Hostname, want.ClientID, want.Metric = "web", "anna", 7
	n.create(want)
	got := n.get(want.Key()).(state.Lease)
	address, err := netip.ParsePrefix(got.Address)
	if err != nil || !prefix("10.77.0.0/24").Contains(address.Addr()) || got.Gateway != "10.77.0.1" || got.Server != "10.77.0.1" ||
		got.Hostname != "web" || got.ClientID != "anna" {
		t.Errorf("got %+v; want an address of 10.77.0.0/24 from 10.77.0.1", got)
	}
	n.wantInside("ip addr show eth1", address.String())
	n.wantInside("ip addr show eth1", "valid_lft 1")
	n.wantInside("ip route", "default via 10.77.0.1 dev eth1 proto 78 src "+address.Addr().String()+" metric 7")
	n.wantInside("ping -c1 -W1 10.77.0.1", " 0% packet loss")
	given, err := os.ReadFile(file)
	if err != nil || !strings.Contains(string(given), address.Addr().String()+" web 00:61:6e:6e:61") {
		t.Errorf("the server wrote %q, %v; want the address, the name and the client's id", given, err)
	}
	client, _ := n.client()

	n.delete(got)
	n.lack(want.Key())
	if left := n.inside("ip -4 addr show eth1") + n.inside("ip route"); strings.TrimSpace(left) != "" {
		t.Errorf("got %q left; want nothing", left)
	}
	n.within(time.Second, "the server has the address back", func() bool { raw, _ := os.ReadFile(file); return len(raw) == 0 })
	if client.Process.Lives() {
		t.Error("the client lives on")
	}
	if files, err := os.ReadDir(n.host.cfg.LeaseDir); err != nil || len(files) > 0 {
		t.Errorf("got %v, %v left; want nothing", files, err)
	}
}

// A container that is made again has a link with another MAC address, and its old address.
func TestLeaseOfAContainerMadeAgain(t *testing.T) {
	n := newLAN(t)
	n.output("ip", "link", "add", "br0", "address", "02:00:00:00:77:99", "type", "bridge")
	n.output("ip", "link", "set", "br0", "up")
	n.output("ip", "addr", "flush", "dev", "v0")
	n.output("ip", "addr", "add", "10.77.0.1/24", "dev", "br0")
	n.output("ip", "link", "set", "v0", "master", "br0")
	n.dnsmasq("--interface=br0")
	n.create(n.lease())
	before := n.get(n.lease().Key()).(state.Lease)
	n.inside("ip link del eth1")
	n.create(state.Link{Name: "v0", Type: "veth", State: "up", Peer: "eth1", PeerScope: n.in}, state.Member{Link: "v0", Bridge: "br0"})
	n.update(state.Link{Scope: n.in, Name: "eth1", State: "up", MAC: "02:00:00:00:77:02"})
	n.lack(n.lease().Key())
	n.create(n.lease())
	if got := n.get(n.lease().Key()).(state.Lease); got.Address != before.Address {
		t.Errorf("got %s; want %s again", got.Address, before.Address)
	}
}

// A macvlan has a MAC address of its own; an ipvlan has that of the link below, and
// gets no answers but those to everybody.
func TestLeaseOnTopOfALink(t *testing.T) {
	for kind, mode := range map[string]string{"macvlan": "bridge", "ipvlan": "l2"} {
		t.Run(kind, func(t *testing.T) {
			n := newLAN(t)
			n.udhcpd("option lease 60")
			top := state.Link{Scope: n.in, Name: "top0", Type: kind, Mode: mode, State: "up", Parent: "eth1", ParentScope: n.in}
			if err := n.host.Apply(t.Context(), creations(top)); err != nil {
				t.Skipf("probed %s: %v", kind, err)
			}
			want := state.Lease{Scope: n.in, Link: "top0"}
			n.create(want)
			n.wantInside("ping -c1 -W1 10.77.0.1", " 0% packet loss")
			n.delete(want)
		})
	}
}

// The links of many containers are made first, and then all their leases.
func TestLeasesTogether(t *testing.T) {
	n := newLAN(t)
	n.output("ip", "link", "add", "br0", "type", "bridge")
	n.output("ip", "link", "set", "br0", "up")
	n.output("ip", "addr", "flush", "dev", "v0")
	n.output("ip", "addr", "add", "10.77.0.1/24", "dev", "br0")
	n.dnsmasq("--interface=br0")
	const count = 5
	var changes []state.Change
	for i := range count {
		near, far := fmt.Sprintf("w%d", i), fmt.Sprintf("eth%d", i+2)
		changes = append(changes, creations(state.Link{Name: near, Type: "veth", State: "up", Peer: far, PeerScope: n.in}, state.Member{Link: near, Bridge: "br0"})...)
		changes = append(changes, state.Change{Op: state.Update, Before: state.Link{Scope: n.in, Name: far, Type: "veth", State: "down"},
			After: state.Link{Scope: n.in, Name: far, Type: "veth", State: "up"}, Fields: []state.FieldDiff{{Field: "state", From: "down", To: "up"}}},
			state.Change{Op: state.Create, After: state.Lease{Scope: n.in, Link: far, DefaultRoute: new(false)}})
	}
	n.apply(changes...)
	given := map[string]bool{}
	for i := range count {
		given[n.get(state.LeaseKey(n.in, fmt.Sprintf("eth%d", i+2))).(state.Lease).Address] = true
	}
	if len(given) != count {
		t.Errorf("got %d addresses for %d links: %v", len(given), count, given)
	}
}

func TestLeaseIsRenewed(t *testing.T) {
	n := newLAN(t)
	n.udhcpd("option lease 4")
	n.create(n.lease())
	first, _ := n.client()
	for range 2 {
		now, _ := n.client()
		n.within(4*time.Second, "renewed", func() bool { r, _ := n.client(); return r.Lease.Until.After(now.Lease.Until) })
	}
	last, _ := n.client()
	if !last.Process.Lives() || last.Process != first.Process || last.Lease.Address != first.Lease.Address {
		t.Errorf("got %v; want the same client and address as %v", last, first)
	}
	n.have(n.lease())
}

// Without its server a lease stays until its end, and the client asks on.
func TestLeaseRunsOut(t *testing.T) {
	n := newLAN(t)
	stop := n.udhcpd("option lease 3")
	n.create(n.lease())
	stop()
	n.have(n.lease())
	n.within(5*time.Second, "given up", func() bool { return !n.has(n.lease().Key()) })
	if left := n.inside("ip -4 addr show eth1") + n.inside("ip route"); strings.TrimSpace(left) != "" {
		t.Errorf("got %q left; want nothing", left)
	}
	n.udhcpd("option lease 3")
	n.within(20*time.Second, "had again", func() bool { return n.has(n.lease().Key()) })
}

func TestLeaseOfAKilledClient(t *testing.T) {
	n := newLAN(t)
	n.udhcpd("option lease 60")
	n.create(n.lease())
	before := n.get(n.lease().Key()).(state.Lease)
	killed, _ := n.client()
	p, err := os.FindProcess(killed.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Kill(); err != nil {
		t.Fatal(err)
	}
	n.within(time.Second, "missed", func() bool { return !n.has(n.lease().Key()) })
	n.wantInside("ip addr show eth1", before.Address)
	n.create(n.lease())
	if got := n.get(n.lease().Key()).(state.Lease); got.Address != before.Address {
		t.Errorf("got %s; want %s again", got.Address, before.Address)
	}
	if again, _ := n.client(); !again.Process.Lives() || again.Process == killed.Process {
		t.Errorf("got client %v; want a new one", again.Process)
	}
}

// A record may be older than the process that has its number now.
func TestLeaseOfANumberUsedAgain(t *testing.T) {
	n := newLAN(t)
	n.udhcpd("option lease 60")
	n.create(n.lease())
	r, _ := n.client()
	if err := r.Process.End(3 * time.Second); err != nil {
		t.Fatal(err)
	}
	other := exec.Command("sleep", "60")
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { other.Process.Kill(); other.Wait() }()
	// Written as if the client had had the number of sleep.
	r.Process = process.Process{Pid: other.Process.Pid, Born: "1"}
	raw := fmt.Sprintf(`{"netns":%d,"index":%d,"process":{"pid":%d,"born":"1"},"lease":{"address":%q,"server":"10.77.0.1"}}`,
		r.Netns, r.Index, r.Process.Pid, r.Lease.Address)
	if err := os.WriteFile(filepath.Join(n.host.cfg.LeaseDir, fmt.Sprintf("%d-%d.json", r.Netns, r.Index)), []byte(raw), 0o600); err != nil {
		t.Fatal(err)
	}
	n.lack(n.lease().Key())
	n.create(n.lease())
	if !(process.Process{Pid: other.Process.Pid, Born: process.Born(strconv.Itoa(other.Process.Pid))}).Lives() {
		t.Error("a process that is no client was ended")
	}
}

func TestNoServer(t *testing.T) {
	n := newLAN(t)
	want := n.lease()
	want.Wait = 1
	begun := time.Now()
	err := n.host.Apply(context.Background(), creations(want))
	if err == nil || !strings.Contains(err.Error(), "no DHCP server has answered on eth1 within 1 seconds") {
		t.Errorf("got %v; want that no server has answered", err)
	}
	if took := time.Since(begun); took < time.Second || took > 5*time.Second {
		t.Errorf("took %s; want a second", took)
	}
	if r, there := n.client(); there {
		t.Errorf("got client %v; want none", r)
	}
}

// What puts back does not wait, and does not start over while a client asks.
func TestLeasesLater(t *testing.T) {
	n := newLAN(t)
	n.host.cfg.LeasesLater = true
	n.create(n.lease())
	n.within(time.Second, "a client", func() bool { r, there := n.client(); return there && r.Process.Lives() })
	asking, _ := n.client()
	n.lack(n.lease().Key())
	n.create(n.lease())
	if again, _ := n.client(); again.Process != asking.Process {
		t.Errorf("got client %v; want %v to go on", again.Process, asking.Process)
	}
	n.udhcpd("option lease 60")
	n.within(20*time.Second, "a lease", func() bool { return n.has(n.lease().Key()) })
}

func TestDefaultRouteOfOthers(t *testing.T) {
	n := newLAN(t)
	n.udhcpd("option lease 60")
	n.inside("ip link set lo up")
	n.inside("ip route add default dev lo")
	want := n.lease()
	want.DefaultRoute = new(true)
	err := n.host.Apply(context.Background(), creations(want))
	if err == nil || !strings.Contains(err.Error(), "there is one with metric 0 already") {
		t.Errorf("got %v; want that there is a default route", err)
	}
	if _, there := n.client(); there {
		t.Error("a client is left")
	}
	want.DefaultRoute = nil
	n.create(want)
	n.wantInside("ip route", "default dev lo")
	n.delete(want)
	want.DefaultRoute = new(false)
	n.create(want)
	if got := strings.Count(n.inside("ip route"), "default"); got != 1 {
		t.Errorf("got %d default routes; want that of lo", got)
	}
}

// A link that was down has lost its routes.
func TestRoutesComeBack(t *testing.T) {
	n := newLAN(t)
	n.udhcpd("option lease 60")
	n.create(n.lease())
	n.inside("ip link set eth1 down")
	if got := n.inside("ip route"); strings.Contains(got, "default") {
		t.Fatalf("got %q; want no route through a link that is down", got)
	}
	n.inside("ip link set eth1 up")
	n.within(2*time.Second, "the default route", func() bool { return strings.Contains(n.inside("ip route"), "default via 10.77.0.1") })
}
