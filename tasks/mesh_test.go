package tasks_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"netrun/tasks"
	"netrun/tasks/state"
)

// as is the inventory as another host sees it.
type as struct {
	inventory
	self string
}

func (a as) Self() string { return a.self }

// meshOf is what the mesh wants on the host, where the group nodes has n hosts.
func meshOf(t *testing.T, self string, inv inventory, args map[string]any) []state.Want {
	t.Helper()
	k, _ := tasks.Lookup("mesh")
	args["group"] = "nodes"
	task, _, err := k.Decode(args)
	if err != nil {
		t.Fatal(err)
	}
	if err := task.(tasks.Expander).Expand(as{inv, self}); err != nil {
		t.Fatal(err)
	}
	if err := task.Check(); err != nil {
		t.Fatal(err)
	}
	return task.(tasks.Wanter).Want()
}

// tunnels are the names of the wanted tunnels, and where they lead.
func tunnels(wants []state.Want) []string {
	var out []string
	for _, w := range wants {
		switch o := w.Object.(type) {
		case state.OVSPort:
			out = append(out, o.Name+" "+o.Options["remote_ip"])
		case state.Link:
			if o.Remote != "" {
				out = append(out, o.Name+" "+o.Remote)
			}
		}
	}
	return out
}

func TestMeshShapes(t *testing.T) {
	for _, c := range []struct{ shape, hub, self, want string }{
		{"full", "", "node2", "gre-node1 192.168.2.11,gre-node3 192.168.2.13,gre-node4 192.168.2.14"},
		{"ring", "", "node1", "gre-node2 192.168.2.12,gre-node4 192.168.2.14"},
		{"ring", "", "node3", "gre-node2 192.168.2.12,gre-node4 192.168.2.14"},
		{"star", "", "node1", "gre-node2 192.168.2.12,gre-node3 192.168.2.13,gre-node4 192.168.2.14"},
		{"star", "", "node3", "gre-node1 192.168.2.11"},
		{"star", "node3", "node3", "gre-node1 192.168.2.11,gre-node2 192.168.2.12,gre-node4 192.168.2.14"},
	} {
		args := map[string]any{"bridge": "docker0", "shape": c.shape}
		if c.hub != "" {
			args["hub"] = c.hub
		}
		got := tunnels(meshOf(t, c.self, nodes(4), args))
		if d := cmp.Diff(c.want, strings.Join(got, ",")); d != "" {
			t.Errorf("%s with hub %q on %s (-want +got):\n%s", c.shape, c.hub, c.self, d)
		}
	}
}

// Every tunnel of every shape has both its ends, once.
func TestMeshHasBothEnds(t *testing.T) {
	for _, shape := range []string{"full", "ring", "star"} {
		for n := 1; n <= 5; n++ {
			ends := map[string]int{}
			for i := 1; i <= n; i++ {
				for _, tunnel := range tunnels(meshOf(t, fmt.Sprint("node", i), nodes(n), map[string]any{"ovs_bridge": "br0", "shape": shape})) {
					j := strings.TrimPrefix(strings.Fields(tunnel)[0], "gre-node")
					ends[fmt.Sprint(min(fmt.Sprint(i), j), max(fmt.Sprint(i), j))]++
				}
			}
			for pair, count := range ends {
				if count != 2 {
					t.Errorf("%s of %d: got %d ends between %s; want 2", shape, n, count, pair)
				}
			}
			if want := map[string]int{"full": n * (n - 1) / 2, "ring": map[bool]int{true: n, false: n - 1}[n > 2], "star": n - 1}[shape]; len(ends) != want {
				t.Errorf("%s of %d: got %d tunnels; want %d", shape, n, len(ends), want)
			}
		}
	}
}

func TestMeshLoop(t *testing.T) {
	find := func(wants []state.Want, bridge string) (b state.OVSBridge, l state.Link, protected, isolated bool) {
		for _, w := range wants {
			switch o := w.Object.(type) {
			case state.OVSBridge:
				b = o
			case state.Link:
				if o.Name == bridge {
					l = o
				}
			case state.OVSPort:
				protected = *o.Protected
			case state.Member:
				isolated = o.Isolated != nil && *o.Isolated
			}
		}
		return b, l, protected, isolated
	}
	on := func(b *bool) bool { return b != nil && *b }
	for _, c := range []struct {
		args map[string]any
		want string // stp, rstp, protected, isolated of the kernel's, stp of the kernel's bridge
	}{
		{map[string]any{"ovs_bridge": "br0"}, "false false true false false"},
		{map[string]any{"ovs_bridge": "br0", "loop": "stp"}, "true false false false false"},
		{map[string]any{"ovs_bridge": "br0", "shape": "ring"}, "false true false false false"},
		{map[string]any{"ovs_bridge": "br0", "shape": "star"}, "false false false false false"},
		{map[string]any{"bridge": "lbr0", "type": "gretap"}, "false false false true false"},
		{map[string]any{"bridge": "lbr0", "type": "geneve", "key": 7, "shape": "ring"}, "false false false false true"},
	} {
		b, l, protected, isolated := find(meshOf(t, "node1", nodes(3), c.args), "lbr0")
		if got := fmt.Sprint(on(b.STP), on(b.RSTP), protected, isolated, on(l.STP)); got != c.want {
			t.Errorf("%v: got %s; want %s", c.args, got, c.want)
		}
	}
}

func TestMeshNamesFit(t *testing.T) {
	inv := nodes(0)
	for i, name := range []string{"a", "docker-host-in-a-far-away-place-1", "docker-host-in-a-far-away-place-2", "10.0.0.7", "web.example.com", "hôte"} {
		inv.groups["nodes"] = append(inv.groups["nodes"], name)
		inv.vars[name] = map[string]any{"node_address": fmt.Sprint("10.0.0.", i+1)}
	}
	got := tunnels(meshOf(t, "a", inv, map[string]any{"ovs_bridge": "br0", "type": "vxlan", "key": 9}))
	want := []string{"vx-docke-8c0ca1 10.0.0.2", "vx-docke-4ddd32 10.0.0.3", "vx-10.0.0.7 10.0.0.4", "vx-web.e-1de35f 10.0.0.5", "vx-hte-dcb18b 10.0.0.6"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	for _, tunnel := range got {
		if name := strings.Fields(tunnel)[0]; len(name) > 15 {
			t.Errorf("%s has %d characters", name, len(name))
		}
	}
}

// The kernel has one vxlan link for a network identifier, whatever it leads to.
func TestMeshOfOneLink(t *testing.T) {
	var got []state.Link
	for _, w := range meshOf(t, "node2", nodes(3), map[string]any{"bridge": "lbr0", "type": "vxlan", "key": 9}) {
		if l, ok := w.Object.(state.Link); ok && l.Type != "" {
			got = append(got, l)
		}
	}
	want := []state.Link{{Name: "vx-lbr0", Type: "vxlan", State: "up", IPv6: "off", VNI: 9, Remotes: "192.168.2.11 192.168.2.13", Port: 4789,
		Alias: "netrun mesh lbr0", MTUTowards: "192.168.2.11 192.168.2.13", MTULess: 50}}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestMeshOverIPv6(t *testing.T) {
	inv := nodes(2)
	inv.vars["node1"]["node_address"], inv.vars["node2"]["node_address"] = "fd00::1", "fd00::2"
	wants := meshOf(t, "node1", inv, map[string]any{"bridge": "lbr0", "type": "gretap", "key": 3})
	for _, w := range wants {
		if l, ok := w.Object.(state.Link); ok && l.Type != "" {
			want := state.Link{Name: "gt-node2", Type: "ip6gretap", State: "up", IPv6: "off", Remote: "fd00::2", Local: "fd00::1", GREKey: 3,
				EncapLimit: "none", Alias: "netrun mesh lbr0", MTUTowards: "fd00::2", MTULess: 62}
			if d := cmp.Diff(want, l); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
			return
		}
	}
	t.Error("got no tunnel")
}

func TestMeshMistakes(t *testing.T) {
	inv := nodes(3)
	for _, c := range []struct {
		args map[string]any
		want string
	}{
		{map[string]any{"group": "nodes"}, "router1 itself is not in group nodes"},
		{map[string]any{"group": "other"}, `no group "other"`},
		{map[string]any{}, "which mesh?"},
		{map[string]any{"bridge": "br0", "ovs_bridge": "br0"}, "a bridge cannot be put into itself"},
		{map[string]any{"bridge": "br0", "type": "gretap", "ovs_bridge": "o"}, "Open vSwitch calls its own gre"},
		{map[string]any{"bridge": "br0", "type": "geneve"}, "a geneve needs a network identifier"},
		{map[string]any{"bridge": "br0", "type": "geneve", "key": 1 << 24}, "a geneve needs a network identifier"},
		{map[string]any{"bridge": "br0", "dst_port": 4789}, "gre has no ports"},
		{map[string]any{"bridge": "br0", "loop": "split_horizon", "shape": "ring"}, "a ring does not connect all"},
		{map[string]any{"bridge": "br0", "loop": "rstp", "type": "gretap"}, "no rapid spanning tree"},
		{map[string]any{"bridge": "br0", "hub": "node1"}, "only a star has a hub"},
		{map[string]any{"bridge": "br0", "type": "gretap", "df_default": false}, "are Open vSwitch's"},
		{map[string]any{"bridge": "br0", "type": "vxlan", "key": 1, "loop": "stp", "peers": peers("a 10.0.0.1", "b 10.0.0.2")}, "one vxlan link for all hosts"},
		{map[string]any{"bridge": "br0", "peers": peers("a 10.0.0.1", "a 10.0.0.2")}, "would both be called gre-a"},
		{map[string]any{"bridge": "br0", "peers": peers("a 10.0.0.1", "b 10.0.0.1")}, "a and b have one address"},
		{map[string]any{"bridge": "br0", "peers": peers("a 224.0.0.1")}, "is not the address of another host"},
		{map[string]any{"bridge": "br0", "local": "fd00::1", "peers": peers("a 10.0.0.1")}, "not of the same family"},
	} {
		_, err := expand(t, "mesh", c.args, inv)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: got %v; want %q", c.args, err, c.want)
		}
	}
	inv.vars["node3"]["node_address"] = "nowhere"
	k, _ := tasks.Lookup("mesh")
	task, _, err := k.Decode(map[string]any{"group": "nodes", "bridge": "br0"})
	if err == nil {
		err = task.(tasks.Expander).Expand(as{inv, "node1"})
	}
	if want := `node_address of host node3: "nowhere" is not an IP address`; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v; want %q", err, want)
	}
}

func peers(texts ...string) []any {
	var out []any
	for _, text := range texts {
		name, addr, _ := strings.Cut(text, " ")
		out = append(out, map[string]any{"name": name, "address": addr})
	}
	return out
}

func TestTunnelMistakes(t *testing.T) {
	for _, c := range []struct {
		args map[string]any
		want string
	}{
		{map[string]any{"remote": "node9", "ovs_bridge": "o"}, "not a host of the inventory"},
		{map[string]any{"ovs_bridge": "o"}, "where is the other end?"},
		{map[string]any{"remote": "10.0.0.1"}, "which bridge?"},
		{map[string]any{"remote": "10.0.0.1", "bridge": "b", "ovs_bridge": "o"}, "a port of one bridge"},
		{map[string]any{"remote": "10.0.0.1", "bridge": "b"}, "is a gretap"},
		{map[string]any{"remote": "10.0.0.1", "ovs_bridge": "o", "type": "vxlan"}, "needs a network identifier"},
		{map[string]any{"remote": "10.0.0.1", "ovs_bridge": "o", "local": "10.0.0.1"}, "is this end itself"},
		{map[string]any{"remote": "fd00::1", "bridge": "o", "type": "gretap"}, "needs its own address too"},
		{map[string]any{"remote": "10.0.0.1", "bridge": "b", "type": "gretap", "df_default": true}, "that is Open vSwitch's"},
	} {
		c.args["name"] = "t0"
		_, err := expand(t, "tunnel", c.args, nodes(2))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: got %v; want %q", c.args, err, c.want)
		}
	}
}
