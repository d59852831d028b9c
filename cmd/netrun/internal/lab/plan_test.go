package lab

import (
	"bytes"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func testPlan(t *testing.T, topo *Topology) *record {
	t.Helper()
	r, err := plan(Config{Name: "x", Dir: t.TempDir(), Topology: topo, Rand: bytes.NewReader([]byte{0xab, 0xcd, 0xef})}, "boot")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestPlanNames(t *testing.T) {
	topo := Flat(2, DefaultFabric)
	topo.Hosts[1].Name = "a-long-name.example.com"
	topo.Hosts[1].Interfaces = append(topo.Hosts[1].Interfaces, Interface{Name: "quite-long-name", Switch: DefaultSwitch})
	r := testPlan(t, topo)
	for _, tt := range []struct{ what, got, want string }{
		{"id", r.ID, "nrlabcdef"},
		{"bridge", r.Bridge, "nrlabcdef"},
		{"fabric", r.Fabric, "nrlabcdef.fabric"},
		{"netns", r.Hosts[0].Netns, "nrlabcdef-node1"},
		{"veth", r.Hosts[1].Veth, "nrlabcdef-2"},
		{"port", r.Hosts[0].Ports[0], "node1.eth1"},
		{"port of a long host", r.Hosts[1].Ports[0], "h2.eth1"},
		{"port of a long interface", r.Hosts[1].Ports[1], "h2.c86d1326"},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: got %q; want %q", tt.what, tt.got, tt.want)
		}
	}
}

// Names of links must fit the kernel's 15 bytes for any host.
func TestPlanNamesFit(t *testing.T) {
	topo := Flat(maxHosts, DefaultFabric)
	for i := range topo.Hosts {
		topo.Hosts[i].Interfaces[0].Name = "fifteen-letters"
	}
	if err := topo.Check(); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, h := range testPlan(t, topo).Hosts {
		for _, name := range []string{h.Veth, h.Ports[0]} {
			if len(name) > 15 || seen[name] {
				t.Fatalf("link of host %q: got %q; want at most 15 bytes, each name once", h.Name, name)
			}
			seen[name] = true
		}
	}
}

func TestSetSubnet(t *testing.T) {
	r := testPlan(t, Flat(2, DefaultFabric))
	if err := r.setSubnet(netip.MustParsePrefix("10.9.8.7/24")); err != nil {
		t.Fatal(err)
	}
	got := []string{r.Subnet.String(), r.gateway().String(), r.Hosts[0].Addr.String(), r.Hosts[1].Addr.String()}
	if want := "10.9.8.0/24 10.9.8.1 10.9.8.2 10.9.8.3"; strings.Join(got, " ") != want {
		t.Errorf("setSubnet: got %q; want %q", got, want)
	}
	if err := r.setSubnet(netip.MustParsePrefix("10.9.8.0/30")); err == nil {
		t.Error("setSubnet of a /30 for two hosts: got nil; want an error")
	}
}

func TestChooseSubnet(t *testing.T) {
	used := []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("10.200.0.0/24"), netip.MustParsePrefix("10.200.1.128/25")}
	for _, tt := range []struct {
		hosts int
		seed  uint32
		want  string
	}{
		{3, 0, "10.200.2.0/24"},
		{3, 14335, "10.255.255.0/24"},
		{3, 14336, "10.200.2.0/24"},
		{251, 0, "10.200.16.0/20"},
	} {
		got, err := chooseSubnet(tt.hosts, tt.seed, used)
		if err != nil || got.String() != tt.want {
			t.Errorf("chooseSubnet(%d, %d): got %s, %v; want %s", tt.hosts, tt.seed, got, err, tt.want)
		}
	}
	if _, err := chooseSubnet(3, 0, []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}); err == nil {
		t.Error("chooseSubnet with all of 10/8 in use: got nil; want an error")
	}
}

func TestCheck(t *testing.T) {
	for _, tt := range []struct {
		name string
		topo *Topology
		want string // "" for none
	}{
		{"flat", Flat(3, DefaultFabric), ""},
		{"no fabric addresses", Flat(3, netip.Prefix{}), ""},
		{"no hosts", Flat(0, DefaultFabric), "lab of 0 hosts"},
		{"no room", Flat(7, netip.MustParsePrefix("198.18.0.0/29")), "address 198.18.0.7/29 is its subnet's last"},
		{"twice", &Topology{Hosts: []HostSpec{{Name: "a"}, {Name: "a"}}}, `host "a" stands in the topology twice`},
		{"path", &Topology{Hosts: []HostSpec{{Name: "../a"}}}, `host "../a"`},
	} {
		err := tt.topo.Check()
		if (err == nil) != (tt.want == "") || (err != nil && !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: Check: got %v; want %q", tt.name, err, tt.want)
		}
	}
}

func TestRecordRoundTrip(t *testing.T) {
	r := testPlan(t, Flat(2, DefaultFabric))
	if _, err := Open(r.Dir); !errors.Is(err, ErrNoLab) {
		t.Fatalf("Open of an empty directory: got %v; want ErrNoLab", err)
	}
	if err := r.setSubnet(netip.MustParsePrefix("10.9.8.0/24")); err != nil {
		t.Fatal(err)
	}
	if err := r.save(); err != nil {
		t.Fatal(err)
	}
	l, err := Open(r.Dir)
	if err != nil {
		t.Fatal(err)
	}
	h, err := l.Host("node2")
	if err != nil || h.Addr.String() != "10.9.8.3" || h.Up {
		t.Errorf("Host(node2): got %+v, %v; want 10.9.8.3, down", h, err)
	}
	if _, err := l.Host("nod2"); err == nil || !strings.Contains(err.Error(), `did you mean "node2"?`) {
		t.Errorf("Host(nod2): got %v; want a near name", err)
	}
	text := strings.Replace(readText(t, filepath.Join(r.Dir, recordFile)), `"version": 1`, `"version": 99`, 1)
	if err := os.WriteFile(filepath.Join(r.Dir, recordFile), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(r.Dir); err == nil || !strings.Contains(err.Error(), "version 99") {
		t.Errorf("Open of a newer record: got %v; want its version", err)
	}
}

func readText(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
