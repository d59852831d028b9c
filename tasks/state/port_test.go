package state_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"netrun/tasks/state"
)

// published is a chain that leads host ports to the container db.
func published(name string, family int, ports ...string) state.Chain {
	c := state.Chain{Family: family, Table: "nat", Name: "NETRUN-P" + name, Of: "container:db"}
	for i, p := range ports {
		c.Rules = append(c.Rules, []string{"-p", "tcp", "-m", "tcp", "--dport", p, "-m", "comment", "--comment",
			fmt.Sprintf("db %d/tcp", 80+i), "-j", "DNAT", "--to-destination", fmt.Sprintf("172.17.0.5:%d", 80+i)})
	}
	return c
}

func taken(at string, proto string) state.Port {
	ap := netip.MustParseAddrPort(at)
	return state.Port{Proto: proto, IP: ap.Addr(), Number: int(ap.Port()), By: "a socket"}
}

func hostPorts(c state.Chain) string {
	var out []string
	for _, p := range state.Publications(c) {
		out = append(out, p.HostPort)
	}
	return strings.Join(out, " ")
}

var nat = state.Table{Family: 4, Name: "nat"}

func TestAutomaticPorts(t *testing.T) {
	before := published("A", 4, "4003", "80", "7000")
	before.Of = ""
	other := published("B", 6, "4001")
	other.Of = ""
	for name, c := range map[string]struct {
		there []state.Object
		ports []string
		want  string
	}{
		"the lowest":                     {nil, []string{"${port}", "${port}"}, "4000 4001"},
		"of a range":                     {nil, []string{"${port 8000-8001}", "${port 8000-8001}"}, "8000 8001"},
		"not one that is listened on":    {[]state.Object{taken("127.0.0.1:4000", "tcp"), taken("[::1]:4001", "tcp"), taken("0.0.0.0:4002", "udp")}, []string{"${port}"}, "4002"},
		"not one of another publication": {[]state.Object{state.Table{Family: 6, Name: "nat"}, other}, []string{"${port}", "${port}"}, "4000 4002"},
		"the same as before":             {[]state.Object{before}, []string{"${port}", "${port}", "${port 8000-8010}", "${port}"}, "4003 80 8000 4000"},
		"another where it was taken":     {[]state.Object{before, taken("0.0.0.0:4003", "tcp")}, []string{"${port}"}, "4000"},
	} {
		_, changes, err := plan(t, containers(append([]state.Object{nat}, c.there...)...), published("A", 4, c.ports...))
		if err != nil || len(changes) != 1 || hostPorts(changes[0].After.(state.Chain)) != c.want {
			t.Errorf("%s: got %v, error %v; want ports %s", name, changes, err, c.want)
		}
	}
}

// TestPortsAreRemembered over a reboot, which leaves no chain.
func TestPortsAreRemembered(t *testing.T) {
	c := published("A", 4, "${port}", "${port 8000-8010}")
	host := containers(nat, taken("0.0.0.0:4000", "tcp"))
	p, _, err := plan(t, host, c)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := state.Encode(state.Remembered(c, p.View()))
	if err != nil {
		t.Fatal(err)
	}
	kept, err := state.Decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	_, changes, err := plan(t, containers(nat), kept)
	if err != nil || len(changes) != 1 || hostPorts(changes[0].After.(state.Chain)) != "4001 8000" {
		t.Errorf("got %v, error %v; want the ports 4001 and 8000 again", changes, err)
	}
	_, changes, err = plan(t, containers(nat, taken("0.0.0.0:4001", "tcp")), kept)
	if err != nil || len(changes) != 1 || hostPorts(changes[0].After.(state.Chain)) != "4000 8000" {
		t.Errorf("where somebody else has it: got %v, error %v; want 4000 and 8000", changes, err)
	}
}

// TestSamePortInBothFamilies gives one number out for IPv4 and IPv6.
func TestSamePortInBothFamilies(t *testing.T) {
	host := containers(nat, state.Table{Family: 6, Name: "nat"}, taken("[::]:4000", "tcp"))
	_, changes, err := plan(t, host, published("A", 4, "${port}"), published("A", 6, "${port}"))
	if err != nil || len(changes) != 2 {
		t.Fatalf("got %v, error %v; want two chains", changes, err)
	}
	for _, c := range changes {
		if got := hostPorts(c.After.(state.Chain)); got != "4001" {
			t.Errorf("%s: got port %s; want 4001", c.Key(), got)
		}
	}
}

func TestTakenPorts(t *testing.T) {
	other := published("B", 4, "8080")
	other.Of = ""
	for name, c := range map[string]struct {
		there state.Object
		port  string
		want  string
	}{
		"a socket on all addresses":     {taken("0.0.0.0:80", "tcp"), "80", "publish db 80/tcp: port 80/tcp is already allocated: by a socket"},
		"a socket on one":               {taken("127.0.0.53:80", "tcp"), "80", "publish db 80/tcp: port 80/tcp is already allocated: by a socket"},
		"a socket of both families":     {taken("[::]:80", "tcp"), "80", "publish db 80/tcp: port 80/tcp is already allocated: by a socket"},
		"a socket of the other family":  {taken("[::1]:80", "tcp"), "80", ""},
		"a socket of another protocol":  {taken("0.0.0.0:80", "udp"), "80", ""},
		"another publication":           {other, "8080", "publish db 80/tcp: port 8080/tcp is already allocated: by chain NETRUN-PB"},
		"a range with nothing left":     {taken("0.0.0.0:80", "tcp"), "${port 80-80}", "publish db 80/tcp: no port from 80 to 80 is free"},
		"a range that is no range":      {taken("0.0.0.0:80", "tcp"), "${port x}", "fact ${port x}: want FIRST-LAST"},
		"a port that has no number":     {taken("0.0.0.0:80", "tcp"), "http", `publish port "http": strconv.Atoi: parsing "http": invalid syntax`},
		"what it has had is not taken":  {published("A", 4, "80"), "80", ""},
		"a publication of another port": {other, "8081", ""},
	} {
		if chain, ok := c.there.(state.Chain); ok {
			chain.Of = ""
			c.there = chain
		}
		_, _, err := plan(t, containers(nat, c.there), published("A", 4, c.port))
		if (err == nil) != (c.want == "") || err != nil && err.Error() != c.want {
			t.Errorf("%s: got error %v; want %q", name, err, c.want)
		}
	}
}

// TestTwoPublicationsOfOnePlay are planned one after the other, before anything is there.
func TestTwoPublicationsOfOnePlay(t *testing.T) {
	p, _, err := plan(t, containers(nat), published("A", 4, "${port}"))
	if err != nil {
		t.Fatal(err)
	}
	changes, err := p.Plan(t.Context(), 2, state.Present(published("B", 4, "${port}")))
	if err != nil || len(changes) != 1 || hostPorts(changes[0].After.(state.Chain)) != "4001" {
		t.Errorf("got %v, error %v; want port 4001", changes, err)
	}
	if _, err := p.Plan(t.Context(), 3, state.Present(published("C", 4, "4000"))); err == nil {
		t.Error("port 4000 again: got no error; want one that says who has it")
	}
}

// TestReached prefers the subnet that both are on; the host takes no default route.
func TestReached(t *testing.T) {
	chain := func(of state.Scope, to string) state.Chain {
		return state.Chain{Family: 4, Table: "filter", Name: "NETRUN-X", Of: of, Rules: [][]string{{"-d", to, "-j", "ACCEPT"}}}
	}
	table := state.Table{Family: 4, Name: "filter"}
	for _, c := range []struct {
		of       state.Scope
		to, want string
	}{
		{"container:db", "${to4}/32", "172.17.0.5/32"},
		{"container:db", "${net4}", "172.17.0.0/16"},
		{"container:db", "${net4 10.9.0.5}", "10.9.0.0/24"},
		{"container:db", "${net4 10.9.0.9}", "10.9.0.9/32"},
		{"container:db", "${to6}", "error: fact ${to6}: container db has no IPv6 address"},
		{"container:web", "${to4}", "error: fact ${to4}: no route to container web: its addresses are 10.9.0.6/24"},
	} {
		_, changes, err := plan(t, containers(table), chain(c.of, c.to))
		got := fmt.Sprint("error: ", err)
		if err == nil && len(changes) == 1 {
			got = changes[0].After.(state.Chain).Rules[0][1]
		}
		if got != c.want {
			t.Errorf("%s of %s: got %s; want %s", c.to, c.of, got, c.want)
		}
	}
}
