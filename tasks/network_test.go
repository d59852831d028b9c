package tasks_test

import (
	"fmt"
	"maps"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"netrun/tasks"
	"netrun/tasks/fakehost"
	"netrun/tasks/reconcile"
	"netrun/tasks/state"
)

// inventory is groups and variables for Expand.
type inventory struct {
	groups map[string][]string
	vars   map[string]map[string]any
}

func (i inventory) Self() string { return "router1" }

func (i inventory) Group(name string) ([]string, bool) {
	if _, host := i.vars[name]; host {
		return []string{name}, true
	}
	hosts, ok := i.groups[name]
	return hosts, ok
}

func (i inventory) Var(host, name string) (any, bool, error) {
	v, ok := i.vars[host][name]
	return v, ok, nil
}

func nodes(n int) inventory {
	inv := inventory{groups: map[string][]string{}, vars: map[string]map[string]any{}}
	for i := 1; i <= n; i++ {
		name := fmt.Sprintf("node%d", i)
		inv.groups["nodes"] = append(inv.groups["nodes"], name)
		inv.vars[name] = map[string]any{"node_subnet": fmt.Sprintf("11.11.%d.1/24", i), "node_address": fmt.Sprintf("192.168.2.%d", i+10)}
	}
	return inv
}

// elsewhere is the inventory with node1, which has these variables.
func elsewhere(vars map[string]any) inventory {
	return inventory{vars: map[string]map[string]any{"node1": vars}}
}

func expand(t *testing.T, kind string, args map[string]any, inv inventory) ([]state.Want, error) {
	t.Helper()
	k, _ := tasks.Lookup(kind)
	task, _, err := k.Decode(args)
	if err != nil {
		return nil, err
	}
	if items, ok := args["links"]; ok {
		list, isList := items.([]any)
		if !isList {
			list = []any{items}
		}
		expanded, err := tasks.ExpandLinks(inv, list)
		if err != nil {
			return nil, err
		}
		args = maps.Clone(args)
		args["links"] = expanded
		if task, _, err = k.Decode(args); err != nil {
			return nil, err
		}
	}
	if err := task.(tasks.Expander).Expand(inv); err != nil {
		return nil, err
	}
	if err := task.Check(); err != nil {
		return nil, err
	}
	return task.(tasks.Wanter).Want(), nil
}

func TestRouterOneRouteANode(t *testing.T) {
	args := map[string]any{"nodes": "nodes"}
	three, err := expand(t, "router", args, nodes(3))
	if err != nil {
		t.Fatal(err)
	}
	four, err := expand(t, "router", args, nodes(4))
	if err != nil {
		t.Fatal(err)
	}
	more := cmp.Diff(three, four[:4], cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }))
	last := four[len(four)-1].Object.Key().Name
	if len(three) != 4 || len(four) != 5 || more != "" || last != "11.11.4.0/24" {
		t.Errorf("got %d and %d objects, the last %s, the others differ: %s; want 4 and 5, 11.11.4.0/24 and no difference", len(three), len(four), last, more)
	}
}

func TestExpandMistakes(t *testing.T) {
	lame := nodes(2)
	delete(lame.vars["node2"], "node_subnet")
	for _, test := range []struct {
		kind, want string
		args       map[string]any
		inv        inventory
	}{
		{"router", `no group or host "nods"`, map[string]any{"nodes": "nods"}, nodes(1)},
		{"router", `subnet fd00:11::/64, and no address of that family`, map[string]any{"nodes": "nodes"}, one(map[string]any{"node_subnet": []any{"11.11.1.0/24", "fd00:11::/64"}, "node_address": "192.168.2.1"})},
		{"router", `two addresses of one family`, map[string]any{"nodes": "nodes"}, one(map[string]any{"node_subnet": "11.11.1.0/24", "node_address": []any{"192.168.2.1", "192.168.2.2"}})},
		{"router", `2 links for 1 addresses`, map[string]any{"nodes": "nodes"}, one(map[string]any{"node_subnet": "11.11.1.0/24", "node_address": "192.168.2.1", "node_dev": []any{"a", "b"}})},
		{"router", `a map where a text is wanted`, map[string]any{"nodes": "nodes"}, one(map[string]any{"node_subnet": map[string]any{}, "node_address": "192.168.2.1"})},
		{"router", `host node2 has no variable node_subnet (set it in the inventory or in host_vars/node2.yml)`, map[string]any{"nodes": "nodes"}, lame},
		{"link", `host node1 of the inventory is at 127.0.0.1, which is another host for each host (set node_address in host_vars/node1.yml)`,
			map[string]any{"links": "80:node1:8080"}, elsewhere(map[string]any{"ansible_host": "127.0.0.1"})},
		{"link", `host node1 of the inventory is at 192.168.2.1, and no address of the other family is known of it`,
			map[string]any{"from": "[fd00::1]:80", "to": "node1:8080"}, elsewhere(map[string]any{"node_address": "192.168.2.1"})},
	} {
		_, err := expand(t, test.kind, test.args, test.inv)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s %v: got error %v; want one with %q", test.kind, test.args, err, test.want)
		}
	}
}

func TestLinkNamesBecomeAddresses(t *testing.T) {
	for _, args := range []map[string]any{
		{"from": "127.0.0.1:6379", "to": "node1:50000"},
		{"links": []any{"6379:node1:50000"}},
		{"links": []any{map[string]any{"from": "127.0.0.1", "from_port": 6379, "to": "node1", "to_port": 50000}}},
		{"links": []any{"6379:192.168.2.11:50000"}},
	} {
		wants, err := expand(t, "link", args, nodes(1))
		if err != nil {
			t.Errorf("%v: %v", args, err)
			continue
		}
		links := wants[3].Object.(state.Links)
		want := []state.NetLink{{FromHost: "127.0.0.1", FromPort: 6379, ToHost: "192.168.2.11", ToPort: 50000, Proto: "tcp"}}
		if diff := cmp.Diff(want, links.Links); diff != "" {
			t.Errorf("%v: links (-want +got):\n%s", args, diff)
		}
	}
}

func wantsOf(t *testing.T, kind string, args map[string]any) []state.Want {
	t.Helper()
	task, err := decode(kind, args)
	if err != nil {
		t.Fatal(err)
	}
	return task.(tasks.Wanter).Want()
}

func TestStaticIPNamesAreTheSameEachTime(t *testing.T) {
	args := func(container, iface, address string) map[string]any {
		return map[string]any{"container": container, "bridge": "docker0", "interface": iface, "addresses": address}
	}
	links := func(a map[string]any) (state.Link, state.Link) {
		w := wantsOf(t, "static_ip", a)
		return w[1].Object.(state.Link), w[3].Object.(state.Link)
	}
	out, in := links(args("web", "eth1", "10.0.0.5/24"))
	out2, in2 := links(args("web", "eth1", "10.0.0.5/24"))
	if out != out2 || in != in2 || len(out.Name) > 15 || !strings.HasPrefix(in.MAC, "02:") {
		t.Errorf("got %v, %v then %v, %v; want the same, a name that fits and a local MAC", out, in, out2, in2)
	}
	out3, in3 := links(args("web", "averylongname12", "10.0.0.6/24"))
	if out3.Name == out.Name || len(out3.Name) > 15 || in3.MAC == in.MAC {
		t.Errorf("got %s and %s, %s and %s; want others for another interface and address", out.Name, out3.Name, in.MAC, in3.MAC)
	}
}

func TestStaticIPGateway(t *testing.T) {
	for _, test := range []struct {
		address, gateway string
		want             []string
	}{
		{"10.0.0.5/24", "10.0.0.1", []string{"0.0.0.0/0 via 10.0.0.1"}},
		{"10.0.0.5/32", "10.0.9.1", []string{"10.0.9.1/32 via ", "0.0.0.0/0 via 10.0.9.1"}},
		{"fd00::5/64", "fe80::1", []string{"fe80::1/128 metric 1024 via ", "::/0 metric 1024 via fe80::1"}},
	} {
		var got []string
		for _, w := range wantsOf(t, "static_ip", map[string]any{"container": "web", "bridge": "docker0", "addresses": test.address, "gateway": test.gateway}) {
			if r, ok := w.Object.(state.Route); ok {
				got = append(got, r.Key().Name+" via "+r.Via)
			}
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s with gateway %s (-want +got):\n%s", test.address, test.gateway, diff)
		}
	}
}

func TestMACFromText(t *testing.T) {
	var m tasks.MAC
	if err := m.UnmarshalText([]byte("U:myhost.foo.com")); err != nil || m != "02:72:6c:cd:9b:8d" {
		t.Errorf("got %s, %v; want 02:72:6c:cd:9b:8d, as pipework gives", m, err)
	}
}

func TestSysctlNames(t *testing.T) {
	for name, want := range map[string]string{
		"net.ipv4.ip_forward":             "net/ipv4/ip_forward",
		"net.ipv4.conf.eth0/10.rp_filter": "net/ipv4/conf/eth0.10/rp_filter",
		"net/ipv4/conf/eth0.10/rp_filter": "net/ipv4/conf/eth0.10/rp_filter",
	} {
		if got := wantsOf(t, "sysctl", map[string]any{"name": name, "value": 1})[0].Object.Key().Name; got != want {
			t.Errorf("%s: got %s; want %s", name, got, want)
		}
	}
}

// one is an inventory with one node.
func one(vars map[string]any) inventory {
	return inventory{groups: map[string][]string{"nodes": {"n1"}}, vars: map[string]map[string]any{"n1": vars}}
}

// TestForwardingLeavesNICsLearning plans IPv6 forwarding on a host with links of many
// sorts: those that bring in a network outside, and learn from advertisements, go on.
func TestForwardingLeavesNICsLearning(t *testing.T) {
	host := fakehost.New(
		state.Link{Name: "enp1s0", Type: "device", State: "up"},
		state.Link{Name: "enp2s0", Type: "device", State: "up"},
		state.Link{Name: "enp3s0", Type: "device", State: "down"},
		state.Link{Name: "veth0", Type: "veth", State: "up"},
		state.Link{Name: "up0", Type: "veth", State: "up"},
		state.Sysctl{Name: "net/ipv6/conf/enp2s0/accept_ra", Value: "0"},
		state.Address{Link: "enp1s0", Prefix: netip.MustParsePrefix("fd00:2::1/64")},
	)
	w := wantsOf(t, "node_network", map[string]any{"address": "fd00:11:1::1/64", "container_network": "fd00:11::/32", "router": "fd00:2::2", "accept_ra": "up0"})
	changes, err := reconcile.New(host, reconcile.Options{}).Plan(t.Context(), 1, w)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range changes {
		if s, ok := c.After.(state.Sysctl); ok {
			got = append(got, s.Name+"="+s.Value)
		}
	}
	want := []string{"net/ipv6/conf/up0/accept_ra=2", "net/ipv6/conf/enp1s0/accept_ra=2", "net/ipv6/conf/all/forwarding=1"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("parameters in their order (-want +got):\n%s", diff)
	}
}
