package lint

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"netrun/inventory/diag"
	"netrun/tasks/state"
)

// on is a host each of whose tasks wants one object, on lines 1, 2, ... of its own file.
func on(name string, objects ...state.Object) Host {
	h := Host{Name: name}
	for i, o := range objects {
		h.Tasks = append(h.Tasks, Task{Name: fmt.Sprint("t", i), Pos: diag.Pos{File: name, Line: i + 1}, Wants: state.Present(o)})
	}
	return h
}

func addr(link, prefix string) state.Address {
	return state.Address{Link: link, Prefix: netip.MustParsePrefix(prefix)}
}

func inside(scope, link, prefix string) state.Address {
	a := addr(link, prefix)
	a.Scope = state.NetnsScope(scope)
	return a
}

func bridge(name string) state.Link { return state.Link{Name: name, Type: "bridge"} }

func vxlan(name string, vni int, remote string) state.Link {
	return state.Link{Name: name, Type: "vxlan", VNI: vni, Remote: remote, Port: 4789}
}

func member(link, of string) state.Member { return state.Member{Link: link, Bridge: of} }

func route(dst, via, dev string) state.Route {
	return state.Route{Dst: netip.MustParsePrefix(dst), Via: via, Dev: dev}
}

func gre(name, remote string, key string) state.OVSPort {
	return state.OVSPort{Name: name, Bridge: "br0", Type: "gre", Options: map[string]string{"remote_ip": remote, "key": key}}
}

func gateway(scope, via string) state.Route {
	r := route("0.0.0.0/0", via, "eth1")
	r.Scope = state.NetnsScope(scope)
	return r
}

func with[T any](v T, change func(*T)) T {
	change(&v)
	return v
}

// texts are findings as lines: error or warning, place, message.
func texts(findings []Finding) []string {
	var out []string
	for _, f := range findings {
		word := "error"
		if f.Warning {
			word = "warning"
		}
		out = append(out, fmt.Sprintf("%s %s: %s", word, f.Pos, f.Msg))
	}
	return out
}

type lintCase struct {
	name  string
	hosts []Host
	want  []string
}

func runCases(t *testing.T, cases []lintCase) {
	t.Helper()
	for _, c := range cases {
		if diff := cmp.Diff(c.want, texts(Check(c.hosts))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestAddresses(t *testing.T) {
	veth := state.Link{Name: "v1", Type: "veth", Peer: "eth1", PeerScope: "netns:web"}
	runCases(t, []lintCase{
		{"same address on two hosts' hardware", []Host{on("a", addr("eth1", "10.0.0.1/24")), on("b", addr("eth1", "10.0.0.1/24"))},
			[]string{"error b:1: address 10.0.0.1 is given more than once: to a eth1, b eth1; see a:1"}},
		{"many hosts are one finding", []Host{on("a", addr("eth1", "fd00::1/64")), on("b", addr("eth1", "fd00::1/64")), on("c", addr("eth1", "fd00::1/64")),
			on("d", addr("eth1", "fd00::1/64")), on("e", addr("eth1", "fd00::1/64"))},
			[]string{"error e:1: address fd00::1 is given more than once: to a eth1, b eth1, c eth1 and 2 more; see a:1"}},
		{"bridges that nothing connects", []Host{on("a", bridge("br0"), addr("br0", "172.17.0.1/16")), on("b", bridge("br0"), addr("br0", "172.17.0.1/16"))}, nil},
		{"link-local and anycast", []Host{on("a", addr("eth1", "fe80::1/64"), addr("lo", "10.9.9.9/32")), on("b", addr("eth1", "fe80::1/64"), addr("lo", "10.9.9.9/32"))}, nil},
		{"a container and the bridge that it hangs on", []Host{on("a", bridge("br0"), addr("br0", "10.0.0.1/24"), veth, member("v1", "br0"), inside("web", "eth1", "10.0.0.1/24"))},
			[]string{"error a:5: address 10.0.0.1 is given more than once: to a br0, a eth1 in netns:web; see a:2"}},
		{"on two links of one scope", []Host{on("a", addr("eth1", "10.0.0.1/24"), addr("eth2", "10.0.0.1/24"))},
			[]string{"warning a:2: address 10.0.0.1 is given more than once: to a eth1, a eth2; see a:1"}},
		{"across a tunnel", []Host{
			on("a", addr("eth0", "10.1.0.1/24"), vxlan("vx", 7, "10.1.0.2"), bridge("br0"), member("vx", "br0"), addr("br0", "10.0.0.1/24")),
			on("b", addr("eth0", "10.1.0.2/24"), vxlan("vx", 7, "10.1.0.1"), bridge("br0"), member("vx", "br0"), addr("br0", "10.0.0.1/24"))},
			[]string{"error b:5: address 10.0.0.1 is given more than once: to a br0, b br0; see a:5"}},
		{"same MAC", []Host{on("a", state.Link{Name: "eth1", MAC: "02:00:00:00:00:01"}), on("b", state.Link{Name: "eth1", MAC: "02:00:00:00:00:01"})},
			[]string{"error b:1: MAC 02:00:00:00:00:01 is given more than once: to a eth1, b eth1; see a:1"}},
	})
}

func TestSubnets(t *testing.T) {
	runCases(t, []lintCase{
		{"overlapping, and routed", []Host{
			on("a", bridge("br0"), addr("br0", "11.11.1.1/24")), on("b", bridge("br0"), addr("br0", "11.11.0.1/16")), on("r", route("11.11.1.0/24", "192.168.2.1", "eth1"))},
			[]string{"error a:2: subnet 11.11.1.0/24 of a br0 overlaps with 11.11.0.0/16 of b br0, and there are routes to both; see b:2"}},
		{"overlapping, and not routed", []Host{on("a", bridge("br0"), addr("br0", "11.11.1.1/24")), on("b", bridge("br0"), addr("br0", "11.11.1.2/24"))}, nil},
		{"beside each other", []Host{
			on("a", bridge("br0"), addr("br0", "11.11.1.1/24"), route("11.11.0.0/16", "192.168.2.2", "eth1")),
			on("b", bridge("br0"), addr("br0", "11.11.2.1/24"), route("11.11.0.0/16", "192.168.3.2", "eth1"))}, nil},
		{"gateway outside, in a namespace", []Host{on("a", state.Netns{Name: "web"}, inside("web", "eth1", "10.0.0.5/24"), gateway("web", "10.0.1.1"))},
			[]string{"error a:3: route to default of a: the gateway 10.0.1.1 is in no subnet of netns:web"}},
		{"gateway outside, and on-link", []Host{on("a", state.Netns{Name: "web"}, inside("web", "eth1", "10.0.0.5/24"),
			with(gateway("web", "10.0.1.1"), func(r *state.Route) { r.OnLink = new(true) }))}, nil},
		{"gateway by a host route", []Host{on("a", state.Netns{Name: "web"}, inside("web", "eth1", "10.0.0.5/32"),
			with(gateway("web", ""), func(r *state.Route) { r.Dst = netip.MustParsePrefix("10.0.1.1/32") }), gateway("web", "10.0.1.1"))}, nil},
		{"gateway on hardware that was there before", []Host{on("a", route("10.9.0.0/16", "192.168.1.1", "eth0"))}, nil},
		{"gateway beside a bridge", []Host{on("a", bridge("br0"), addr("br0", "10.0.0.1/24"), route("10.9.0.0/16", "10.1.0.2", "br0"))},
			[]string{"error a:3: route to 10.9.0.0/16 of a: the gateway 10.1.0.2 is in no subnet of br0"}},
		{"link to nobody", []Host{on("a", addr("eth1", "10.0.0.1/24"), state.Chain{Family: 4, Table: "nat", Name: "NETRUN-L1-D", Rules: [][]string{
			{"-j", "DNAT", "--to-destination", "10.0.0.9:80"}, {"-j", "DNAT", "--to-destination", "10.0.0.1:80"}, {"-j", "DNAT", "--to-destination", "8.8.8.8:53"}}})},
			[]string{"warning a:2: link of a to 10.0.0.9: no host of this play has that address, though its subnet is known"}},
	})
}

func TestTunnels(t *testing.T) {
	a, b, c := addr("eth0", "10.1.0.1/24"), addr("eth0", "10.1.0.2/24"), addr("eth0", "10.1.0.3/24")
	under := state.Link{Name: "eth0", MTU: 1500}
	runCases(t, []lintCase{
		{"both ends", []Host{on("a", a, vxlan("vx", 7, "10.1.0.2")), on("b", b, vxlan("vx", 7, "10.1.0.1"))}, nil},
		{"one end, and no tunnel at all on the other", []Host{on("a", a, vxlan("vx", 7, "10.1.0.2")), on("b", b)},
			[]string{"warning a:2: tunnel vx of a leads to b (10.1.0.2), which has no vxlan tunnel back"}},
		{"one end of a mesh", []Host{on("a", a, vxlan("vx", 7, "10.1.0.2")), on("b", b, vxlan("vx", 7, "10.1.0.3")), on("c", c, vxlan("vx", 7, "10.1.0.2"))},
			[]string{"error a:2: tunnel vx of a leads to b (10.1.0.2), which has no vxlan tunnel back"}},
		{"to somebody else", []Host{on("a", a, vxlan("vx", 7, "10.1.0.9"))}, nil},
		{"to one that takes packets from anybody", []Host{on("a", a, vxlan("vx", 7, "10.1.0.2")), on("b", b, vxlan("vx", 7, ""))}, nil},
		{"another VNI", []Host{on("a", a, vxlan("vx", 7, "10.1.0.2")), on("b", b, vxlan("vx", 8, "10.1.0.1"))}, []string{
			"error a:2: tunnel vx of a has id 7, and its other end, vx of b, has 8; see b:2",
			"error b:2: tunnel vx of b has id 8, and its other end, vx of a, has 7; see a:2"}},
		{"another key", []Host{on("a", a, gre("g", "10.1.0.2", "")), on("b", b, gre("g", "10.1.0.1", "5"))}, []string{
			"error a:2: tunnel g of a has id 0, and its other end, g of b, has 5; see b:2",
			"error b:2: tunnel g of b has id 5, and its other end, g of a, has 0; see a:2"}},
		{"another port", []Host{on("a", a, with(vxlan("vx", 7, "10.1.0.2"), func(l *state.Link) { l.Port = 8472 })), on("b", b, vxlan("vx", 7, "10.1.0.1"))}, []string{
			"error a:2: tunnel vx of a uses UDP port 8472, and its other end, vx of b, uses 4789; see b:2",
			"error b:2: tunnel vx of b uses UDP port 4789, and its other end, vx of a, uses 8472; see a:2"}},
		{"MTU", []Host{on("a", under, a, with(vxlan("vx", 7, "10.1.0.9"), func(l *state.Link) { l.Parent = "eth0" }),
			with(bridge("br0"), func(l *state.Link) { l.MTU = 1500 }), member("vx", "br0"), with(bridge("br1"), func(l *state.Link) { l.MTU = 1500 }))},
			[]string{"error a:4: link br0 of a has MTU 1500, and the tunnel vx carries no more than 1450: eth0 has 1500; see a:3"}},
		{"MTU that fits", []Host{on("a", under, a, vxlan("vx", 7, "10.1.0.9"), with(bridge("br0"), func(l *state.Link) { l.MTU = 1450 }), member("vx", "br0"))}, nil},
	})
}

// mesh is three bridges, each with a tunnel to the two others.
func mesh(stp *bool) []Host {
	var hosts []Host
	for i := 1; i <= 3; i++ {
		objects := []state.Object{addr("eth0", fmt.Sprintf("10.1.0.%d/24", i)), with(bridge("br0"), func(l *state.Link) { l.STP = stp })}
		for j := 1; j <= 3; j++ {
			if j != i {
				name := fmt.Sprint("vx", j)
				geneve := state.Link{Name: name, Type: "geneve", VNI: 7, Remote: fmt.Sprintf("10.1.0.%d", j), Port: 6081}
				objects = append(objects, geneve, member(name, "br0"))
			}
		}
		hosts = append(hosts, on(fmt.Sprint("n", i), objects...))
	}
	return hosts
}

func TestLoops(t *testing.T) {
	want := []string{"warning n3:5: tunnel vx2 between br0 of n2 and br0 of n3 closes a circle of bridges without a spanning tree: " +
		"one broadcast would go round for ever; see n2:5"}
	runCases(t, []lintCase{{"without STP", mesh(nil), want}, {"with STP", mesh(new(true)), nil}, {"two of three", mesh(nil)[:2], nil}})
}

func TestOwners(t *testing.T) {
	sysctl := func(v string) state.Sysctl { return state.Sysctl{Name: "net/ipv4/ip_forward", Value: v} }
	edit := func(line string) state.Edit {
		return state.Edit{File: state.File{Path: "/etc/motd"}, Change: func([]byte) ([]byte, error) { return []byte(line), nil }}
	}
	clash := "error a:2: sysctl net/ipv4/ip_forward of a: two tasks want different values of value, 1 and 0; see a:1"
	runCases(t, []lintCase{
		{"two values", []Host{on("a", sysctl("1"), sysctl("0"))}, []string{clash}},
		{"the same value", []Host{on("a", sysctl("1"), sysctl("1"))}, nil},
		{"two edits of a file", []Host{on("a", edit("one"), edit("two"))}, nil},
		{"in two plays", []Host{with(on("a", sysctl("1"), sysctl("0")), func(h *Host) { h.Tasks[1].Play = 1 })}, nil},
		{"only perhaps", []Host{with(on("a", sysctl("1"), sysctl("0")), func(h *Host) { h.Tasks[1].Unsure = true })}, []string{"warning" + strings.TrimPrefix(clash, "error")}},
		{"a field that the first leaves alone", []Host{on("a", bridge("br0"), state.Link{Name: "br0", MTU: 1400})}, nil},
		{"two bridges for one link", []Host{on("a", member("eth1", "br0"), member("eth1", "br1"))},
			[]string{"error a:2: member eth1 of a: two tasks want different values of bridge, br0 and br1; see a:1"}},
		{"two sorts of bridges for one link", []Host{on("a", member("eth1", "br0"), state.OVSPort{Name: "eth1", Bridge: "ovs0"})},
			[]string{"error a:2: link eth1 of a is to be a port of the OVS bridge ovs0 and of the bridge br0; see a:1"}},
	})
	gone := on("a", addr("eth1", "10.0.0.1/24"), addr("eth2", "10.0.0.1/24"))
	gone.Tasks[1].Wants[0].Absent = true
	gone.Tasks = append(gone.Tasks, Task{Wants: state.Absent(addr("eth1", "10.0.0.1/24"))})
	if got := Check([]Host{gone, on("b", addr("eth1", "10.0.0.1/24"))}); len(got) > 0 {
		t.Errorf("what is gone in the end: got %v, want nothing", texts(got))
	}
}

func TestErrorsAndWarnings(t *testing.T) {
	found := []Finding{{Msg: "bad", Hint: "better"}, {Msg: "odd", Warning: true}}
	if err := Errors(found); err == nil || err.Error() != "bad (better)" {
		t.Errorf("got %v, want bad (better)", err)
	}
	if w := Warnings(found); len(w) != 1 || w[0].Msg != "odd" {
		t.Errorf("got %v, want one warning", w)
	}
	if err := Errors(found[1:]); err != nil {
		t.Errorf("got %v, want no error of a warning", err)
	}
}
