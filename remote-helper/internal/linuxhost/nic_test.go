//go:build linux

package linuxhost

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"netrun/tasks/fakehost"
	"netrun/tasks/laws"
	"netrun/tasks/reconcile"
	"netrun/tasks/state"
)

// A macvlan stands in for hardware: it moves as a NIC does, but dies with its
// namespace. Real NICs are the virtual machines' tests.
func standIn() []state.Want {
	return state.Present(
		state.Link{Name: "up0", Type: "veth", Peer: "up1", State: "up", MAC: "02:00:00:00:00:10"},
		state.Link{Name: "nic0", Type: "macvlan", Parent: "up0", Mode: "bridge", State: "up", MAC: "02:00:00:00:00:20", MTU: 1400},
		state.Address{Link: "nic0", Prefix: prefix("10.44.0.1/24")},
		state.Route{Dst: prefix("10.45.0.0/16"), Via: "10.44.0.9", Dev: "nic0"},
		state.Netns{Name: "web"},
	)
}

func moved(nic string) []state.Want {
	in := state.NetnsScope("web")
	return state.Present(
		state.Link{Scope: in, Name: "eth1", NIC: nic, State: "up", MTU: 1300, MAC: "02:00:00:00:00:30"},
		state.Address{Scope: in, Link: "eth1", Prefix: prefix("10.46.0.2/24")},
		state.Route{Scope: in, Dst: prefix("0.0.0.0/0"), Via: "10.46.0.1", Dev: "eth1"},
	)
}

func TestNICLaws(t *testing.T) {
	for _, nic := range []string{"nic0", state.NICByMAC("02:00:00:00:00:20")} {
		t.Run("kernel "+nic, func(t *testing.T) {
			root := t.TempDir()
			laws.Run(t, func(t *testing.T) state.Host { return kernel(t, root) }, standIn(), moved(nic))
		})
		t.Run("memory "+nic, func(t *testing.T) {
			laws.Run(t, func(*testing.T) state.Host { return fakehost.New() }, standIn(), moved(nic))
		})
	}
}

func TestNICGoesAndComesBack(t *testing.T) {
	h := kernel(t, t.TempDir())
	do := func(wants []state.Want) {
		t.Helper()
		p := reconcile.New(h, reconcile.Options{})
		if _, err := p.Plan(t.Context(), 1, wants); err != nil {
			t.Fatal(err)
		}
		if err := p.Apply(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	link := func(scope state.Scope, name string) state.Link {
		t.Helper()
		s, err := h.Observe(context.Background(), []state.Key{{Kind: state.KindLink, Scope: scope}, {Kind: state.KindLink}, {Kind: state.KindNetns}})
		if err != nil {
			t.Fatal(err)
		}
		o, ok := s.Get(state.LinkKey(scope, name))
		if !ok {
			t.Fatalf("no link %s in %q", name, scope)
		}
		l := o.(state.Link)
		l.Index = 0
		return l
	}
	do(standIn())
	before := link("", "nic0")
	do(moved("nic0"))
	inside := link("netns:web", "eth1")
	if inside.NIC != "nic0" || inside.Was != "state=up mtu=1400 mac=02:00:00:00:00:20 alias=netrun" {
		t.Errorf("got NIC %q that was %q", inside.NIC, inside.Was)
	}
	for _, gone := range [][]state.Want{state.Absent(inside), state.Absent(state.Netns{Name: "web"})} {
		do(gone)
		if diff := cmp.Diff(before, link("", "nic0")); diff != "" {
			t.Errorf("after its return the NIC is not as before (-before +after):\n%s", diff)
		}
		do(state.Present(state.Netns{Name: "web"}))
		do(moved("nic0"))
	}
}

// What the kernel gives back when a container ends is found by its alias.
func TestReturnedNICs(t *testing.T) {
	r := newRig(t)
	mac := "02:00:00:00:00:20"
	r.create(state.Link{Name: "nic0", Type: "veth", Peer: "switch0", State: "up", MAC: mac, MTU: 1400})
	before := r.get(state.LinkKey("", "nic0"))
	was := state.NICWas{State: "up", MTU: 1400, MAC: mac, Alias: "netrun"}
	for _, command := range [][]string{{"ip", "link", "set", "nic0", "down"}, {"ip", "link", "set", "nic0", "name", "eth1", "mtu", "1300", "address", "02:00:00:00:00:31"},
		{"ip", "link", "set", "eth1", "alias", "netrun nic=nic0 " + was.String()}} {
		r.output(command[0], command[1:]...)
	}
	names, err := r.host.ReturnNICs(t.Context())
	if err != nil || !cmp.Equal(names, []string{"nic0"}) {
		t.Fatalf("got %v, error %v; want nic0", names, err)
	}
	if diff := cmp.Diff(before, r.get(state.LinkKey("", "nic0"))); diff != "" {
		t.Errorf("the NIC is not as before (-before +after):\n%s", diff)
	}
	if names, err := r.host.ReturnNICs(t.Context()); err != nil || len(names) > 0 {
		t.Errorf("again: got %v, error %v; want none", names, err)
	}
}

// udev gives a card that comes back under a new name its old one as a second name.
func TestNICWhoseOldNameIsItsSecondName(t *testing.T) {
	r := newRig(t)
	r.output("ip", "link", "add", "eth2", "type", "veth", "peer", "name", "up1")
	r.output("ip", "link", "property", "add", "dev", "eth2", "altname", "ens5")
	r.output("ip", "link", "set", "eth2", "alias", "netrun nic=ens5 state=up mtu=1400")
	names, err := r.host.ReturnNICs(t.Context())
	if err != nil || len(names) != 1 || names[0] != "ens5" {
		t.Fatalf("got %q, error %v; want ens5", names, err)
	}
	r.have(state.Link{Name: "ens5", State: "up", MTU: 1400})
}
