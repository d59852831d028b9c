//go:build linux

package linuxhost

import (
	"context"
	"strings"
	"testing"

	"netrun/tasks/state"
)

func TestLinkKindsComeBackAsTheyAre(t *testing.T) {
	r := newRig(t)
	r.create(state.Link{Name: "under0", Type: "bridge", State: "up"}, state.Link{Name: "under1", Type: "bridge", State: "up"})
	for _, want := range []state.Link{
		{Name: "br0", Type: "bridge", State: "up", MTU: 1400, MAC: "02:00:00:00:00:01", STP: new(true), ForwardDelay: 400},
		{Name: "br3", Type: "bridge", VLANFiltering: new(true)},
		{Name: "va", Type: "veth", Peer: "vb", State: "up", MTU: 1300, MAC: "02:00:00:00:00:02", IPv6: "off", TxQueue: 500},
		{Name: "mv0", Type: "macvlan", Parent: "under0", Mode: "private", State: "up"},
		{Name: "vx0", Type: "vxlan", VNI: 42, Local: "10.9.9.1", Remote: "10.9.9.2", Port: 4789, Learning: new(false), MTU: 1450},
		{Name: "vxr", Type: "vxlan", VNI: 44, Remotes: "10.9.9.2 10.9.9.3", Port: 4789},
		{Name: "vxb", Type: "vxlan", VNI: 45, Remote: "10.9.9.9", Remotes: "10.9.9.2 10.9.9.3", Port: 4789},
		{Name: "vxs", Type: "vxlan", VNI: 46, Local: "fd00::1", Remotes: "fd00::2 fd00::3", Port: 4789},
		{Name: "vx6", Type: "vxlan", VNI: 43, Local: "fd00::1", Remote: "fd00::2", Port: 4789, Parent: "under0"},
		{Name: "ifb7", Type: "ifb", State: "up", Promisc: new(true)},
		{Name: "dum0", Type: "dummy"},
		{Name: "mv1", Type: "macvlan", Parent: "under0", Mode: "source", Sources: "02:00:00:00:00:01 02:00:00:00:00:0a"},
		{Name: "vl0", Type: "vlan", Parent: "under0", VLAN: 7},
		{Name: "vl1", Type: "vlan", Parent: "under0", VLAN: 4094, VLANProtocol: "802.1ad", MTU: 1300, State: "up"},
		{Name: "ipv0", Type: "ipvlan", Parent: "under1", Mode: "l3"},
		{Name: "ipv1", Type: "ipvlan", Parent: "under1", Mode: "l3s", State: "up"},
		{Name: "gt0", Type: "gretap", Local: "10.9.9.1", Remote: "10.9.9.2", GREKey: 4000000000, TTL: 64, MTU: 1400, State: "up"},
		{Name: "gt1", Type: "gretap", Remote: "10.9.9.3", PMTUDisc: new(false), IgnoreDF: new(true), Parent: "under0"},
		{Name: "gt6", Type: "ip6gretap", Local: "fd00::1", Remote: "fd00::2", GREKey: 7, EncapLimit: "none", MTU: 1400},
		{Name: "gt7", Type: "ip6gretap", Local: "fd00::1", Remote: "fd00::3", EncapLimit: "4", TTL: 9},
		{Name: "gnv0", Type: "geneve", VNI: 42, Remote: "10.9.9.2", Port: 6081, TTL: 32, MTU: 1400, State: "up"},
		{Name: "gnv6", Type: "geneve", VNI: 43, Remote: "fd00::2", Port: 6082},
	} {
		t.Run(want.Type+" "+want.Name, func(t *testing.T) {
			r := r.with(t)
			err := r.host.Apply(context.Background(), creations(want))
			if err != nil && strings.Contains(err.Error(), "operation not supported") {
				t.Skipf("probed a new link of this type: %v", err)
			}
			if err != nil {
				t.Fatal(err)
			}
			want.Alias = "netrun"
			r.have(want)
			r.roundTrip(want.Key(), "ip", "-d", "link", "show", want.Name)
		})
	}
}

func TestRemotesComeAndGo(t *testing.T) {
	r := newRig(t)
	link := state.Link{Name: "vx0", Type: "vxlan", VNI: 44, Remotes: "10.9.9.2 10.9.9.3", Port: 4789, State: "up"}
	r.create(link)
	before := r.get(link.Key())
	r.update(state.Link{Name: "vx0", Remotes: "10.9.9.3 10.9.9.4"})
	r.have(state.Link{Name: "vx0", Remotes: "10.9.9.3 10.9.9.4"})
	r.undo(before)
	r.have(link)
}

func TestVethIntoNamespaces(t *testing.T) {
	r := newRig(t)
	a, b := r.scope("a"), r.scope("b")
	r.create(r.netns("a"), r.netns("b"), state.Link{Name: "br0", Type: "bridge", State: "up"},
		state.Link{Name: "host-a", Type: "veth", Peer: "eth0", PeerScope: a, State: "up", IPv6: "off"},
		state.Member{Link: "host-a", Bridge: "br0"},
		state.Link{Scope: a, Name: "to-b", Type: "veth", Peer: "to-a", PeerScope: b, MTU: 1400})
	r.update(state.Link{Scope: a, Name: "eth0", State: "up", MTU: 1280, MAC: "02:00:00:00:00:09"})
	r.have(
		state.Link{Name: "host-a", Type: "veth", Peer: "eth0", PeerScope: a, State: "up", IPv6: "off"},
		state.Link{Scope: a, Name: "eth0", Type: "veth", Peer: "host-a", MTU: 1280, MAC: "02:00:00:00:00:09", State: "up", IPv6: "on"},
		state.Link{Scope: a, Name: "to-b", Type: "veth", Peer: "to-a", PeerScope: b, MTU: 1400},
		state.Link{Scope: b, Name: "to-a", Type: "veth", Peer: "to-b", PeerScope: a, MTU: 1400},
		state.Member{Link: "host-a", Bridge: "br0"})
	r.delete(state.Member{Link: "host-a", Bridge: "br0"})
	r.lack(state.Member{Link: "host-a"}.Key())
	host := r.get(state.LinkKey("", "host-a"))
	r.apply(state.Change{Op: state.Delete, Before: r.netns("a")},
		state.Change{Op: state.Delete, Implied: true, Before: host})
	r.lack(r.netns("a").Key(), host.Key(), state.LinkKey(a, "eth0"))
}

func TestBridgeKeepsItsMTU(t *testing.T) {
	r := newRig(t)
	want := state.Link{Name: "br0", Type: "bridge", MTU: 1450}
	r.create(want, state.Link{Name: "va", Type: "veth", Peer: "vb"}, state.Member{Link: "va", Bridge: "br0"})
	r.have(want)
}

func TestMacvlanIntoNamespace(t *testing.T) {
	r := newRig(t)
	want := state.Link{Scope: r.scope("c"), Name: "eth0", Type: "macvlan", Parent: "br0", Mode: "bridge", State: "up", MAC: "02:00:00:00:00:05"}
	r.create(state.Link{Name: "br0", Type: "bridge", State: "up"}, r.netns("c"), want)
	r.have(want)
}

func TestLinkErrorsSayWhatIsThere(t *testing.T) {
	r := newRig(t)
	r.create(state.Link{Name: "br0", Type: "bridge"})
	for _, test := range []struct {
		name   string
		change state.Change
		want   string
	}{
		{"exists", state.Change{Op: state.Create, After: state.Link{Name: "br0", Type: "ifb"}},
			`add link "br0": file exists: there is a bridge link "br0" in the host's network namespace`},
		{"no such kind", state.Change{Op: state.Create, After: state.Link{Name: "x0", Type: "nosuch"}},
			`(no kernel support for nosuch?)`},
		{"gone", state.Change{Op: state.Delete, Before: state.Link{Name: "y0"}}, `delete link "y0": there is no link "y0"`},
		{"no parent", state.Change{Op: state.Create, After: state.Link{Name: "m0", Type: "macvlan", Parent: "nope", Mode: "bridge"}},
			`add link "m0": parent: there is no link "nope"`},
		{"no scope", state.Change{Op: state.Create, After: state.Link{Scope: "netns:nrt-none", Name: "m0", Type: "bridge"}},
			`add link "m0" in netns:nrt-none: /run/netns/nrt-none: no such network namespace`},
		{"hardware", state.Change{Op: state.Create, After: state.Link{Name: "eth9", Type: "device"}},
			`add link "eth9": a link of type "device" is not made by netlink`},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := r.with(t)
			err := r.host.Apply(context.Background(), []state.Change{test.change})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v; want %s", err, test.want)
			}
		})
	}
}
