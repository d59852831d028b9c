package lab

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const wholeTopology = `
switches: {sw1: , sw2: {}}
routers:
  router:
    groups: routers
    interfaces:
      eth1: {switch: sw1, address: 192.168.2.2/24}
      eth2: {switch: sw2, address: [192.168.3.2/24, "2001:db8::1/64"], mtu: 9000}
hosts:
  node1:
    interfaces: {eth1: {switch: sw1, address: 192.168.2.1/24, gateway: 192.168.2.2}}
    groups: [nodes, first]
    vars: {ports: [80, 443]}
    shell: /bin/dash
    root: busybox
    tmpfs_root: 64m
    sftp: false
    sshd: {MaxStartups: "2:30:5", AllowTcpForwarding: no}
groups:
  all_of_it: {children: [nodes, routers], vars: {k: v}}
vars: {domain: example.com}
`

func TestParseTopology(t *testing.T) {
	got, err := ParseTopology("t.yaml", []byte(wholeTopology))
	if err != nil {
		t.Fatal(err)
	}
	pfx := netip.MustParsePrefix
	want := &Topology{
		Switches: []string{"sw1", "sw2"},
		Hosts: []HostSpec{{
			Name: "router", Groups: []string{"routers"},
			Interfaces: []Interface{
				{Name: "eth1", Switch: "sw1", Address: []netip.Prefix{pfx("192.168.2.2/24")}},
				{Name: "eth2", Switch: "sw2", Address: []netip.Prefix{pfx("192.168.3.2/24"), pfx("2001:db8::1/64")}, MTU: 9000},
			},
		}, {
			Name: "node1", Groups: []string{"nodes", "first"},
			Interfaces: []Interface{{
				Name: "eth1", Switch: "sw1", Address: []netip.Prefix{pfx("192.168.2.1/24")},
				Gateway: []netip.Addr{netip.MustParseAddr("192.168.2.2")},
			}},
			Vars:  map[string]any{"ports": []any{80, 443}},
			Shell: "/bin/dash", Busybox: true, TmpfsRoot: "64m", NoSFTP: true,
			SSHD: map[string]string{"MaxStartups": "2:30:5", "AllowTcpForwarding": "no"},
		}},
		Groups: []Group{{Name: "all_of_it", Children: []string{"nodes", "routers"}, Vars: map[string]any{"k": "v"}}},
		Vars:   map[string]any{"domain": "example.com"},
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(equalPrefix), cmp.Comparer(equalAddr)); diff != "" {
		t.Errorf("ParseTopology (-want +got):\n%s", diff)
	}
	if err := got.Check(); err != nil {
		t.Errorf("Check: got %v; want nil", err)
	}
}

func equalPrefix(a, b netip.Prefix) bool { return a == b }
func equalAddr(a, b netip.Addr) bool     { return a == b }

func TestParseTopologyErrors(t *testing.T) {
	host := func(s string) string { return "switches: {sw1: }\nhosts:\n  a: " + s + "\n" }
	for _, tt := range []struct{ name, text, want string }{
		{"empty", "", `t.yaml:1:1: no hosts`},
		{"not a mapping", "[1]", `t.yaml:1:1: the topology is a list (want a mapping)`},
		{"mistyped section", "switchs: {}\nhosts: {a: }", `t.yaml:1:1: unknown key "switchs" of the topology (did you mean "switches"?)`},
		{"switch with content", "switches: {sw1: {stp: true}}", `t.yaml:1:18: unknown key "stp" of switch "sw1"`},
		{"switch name", "switches: {an-impossibly-long: }", `t.yaml:1:12: switch "an-impossibly-long"`},
		{"host name", "hosts: {-x: }", `t.yaml:1:9: host name "-x"`},
		{"host and router", "hosts: {a: }\nrouters: {a: }", `host "a" a second time`},
		{"mistyped argument", host(`{interface: {}}`), `t.yaml:3:7: unknown key "interface" of host "a" (did you mean "interfaces"?)`},
		{"own interface", host(`{interfaces: {eth0: {switch: sw1}}}`), `t.yaml:3:20: interface "eth0" is the lab's own`},
		{"long interface", host(`{interfaces: {much-too-long-a-name: {switch: sw1}}}`), `want at most 15`},
		{"no switch", host(`{interfaces: {eth1: }}`), `t.yaml:3:20: interface "eth1" without a switch (switch: sw1)`},
		{"unknown switch", host(`{interfaces: {eth1: {switch: sw2}}}`), `t.yaml:3:35: unknown switch "sw2" (did you mean "sw1"?)`},
		{"address", host(`{interfaces: {eth1: {switch: sw1, address: 10.0.0.1}}}`), `t.yaml:3:49: address "10.0.0.1" is no address with a length`},
		{"address kind", host(`{interfaces: {eth1: {switch: sw1, address: {a: b}}}}`), `address is a mapping`},
		{"gateway", host(`{interfaces: {eth1: {switch: sw1, gateway: gw}}}`), `gateway "gw" is no address`},
		{"gateway elsewhere", host(`{interfaces: {eth1: {switch: sw1, address: 10.0.0.1/24, gateway: 10.1.0.1}}}`), `gateway 10.1.0.1 of "eth1" is on no subnet`},
		{"own gateway", host(`{interfaces: {eth1: {switch: sw1, address: 10.0.0.1/24, gateway: 10.0.0.1}}}`), `gateway 10.0.0.1 of "eth1" is on no subnet`},
		{"duplicate", host(`{interfaces: {eth1: {switch: sw1, address: 10.0.0.1/24}, eth2: {switch: sw1, address: 10.0.0.1/24}}}`), `address 10.0.0.1 a second time on switch "sw1"`},
		{"mtu", host(`{interfaces: {eth1: {switch: sw1, mtu: 9}}}`), `mtu 9 (want a number from 68 to 65535)`},
		{"groups", host(`{groups: [1]}`), `t.yaml:3:16: groups is a number (want a text)`},
		{"vars", host(`{vars: [1]}`), `vars is a list (want a mapping)`},
		{"shell line", host(`{shell: "/bin/sh\nx:y"}`), `shell "/bin/sh\nx:y"`},
		{"root", host(`{root: alpine}`), `unknown root "alpine"`},
		{"size", host(`{tmpfs_root: "1m,mode=777"}`), `tmpfs_root "1m,mode=777"`},
		{"sftp", host(`{sftp: 3}`), `sftp is a number (want true or false)`},
		{"sshd port", host(`{sshd: {Port: 2222}}`), `sshd keyword "Port" is the lab's own`},
		{"sshd value", host(`{sshd: {Banner: "a\nPermitRootLogin no"}}`), `value of sshd keyword "Banner"`},
		{"sshd keyword", host(`{sshd: {"a b": c}}`), `sshd keyword "a b"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := ParseTopology("t.yaml", []byte(tt.text))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("ParseTopology: got %v; want an error with %q", err, tt.want)
			}
		})
	}
}

// FuzzParseTopology holds that what the parser accepts, the lab accepts.
func FuzzParseTopology(f *testing.F) {
	f.Add([]byte(wholeTopology))
	f.Add([]byte("hosts: {a: {interfaces: {eth1: {switch: s}}}}\nswitches: {s: }"))
	f.Add([]byte("hosts: [a"))
	f.Fuzz(func(t *testing.T, text []byte) {
		topo, err := ParseTopology("t.yaml", text)
		if err != nil {
			return
		}
		if err := topo.Check(); err != nil {
			t.Errorf("Check of an accepted topology: %v", err)
		}
	})
}
