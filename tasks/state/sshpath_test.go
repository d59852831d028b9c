package state

import (
	"net/netip"
	"testing"
)

// sshHost is reached at 192.0.2.5 on VLAN 7 of a bridge that holds eth0 and eth1;
// the client is behind a gateway. eth9 has nothing to do with it.
func sshHost() *State {
	return New(
		Link{Name: "eth0", Type: "device"}, Link{Name: "eth1", Type: "device"}, Link{Name: "eth9", Type: "device"},
		Link{Name: "br0", Type: "bridge"}, Link{Name: "br0.7", Type: "vlan", Parent: "br0", VLAN: 7}, Link{Name: "br9", Type: "bridge"},
		Member{Link: "eth0", Bridge: "br0"}, Member{Link: "eth1", Bridge: "br0"},
		Address{Link: "br0.7", Prefix: netip.MustParsePrefix("192.0.2.5/24")},
		Address{Link: "eth9", Prefix: netip.MustParsePrefix("10.9.0.1/16")},
		Route{Dst: netip.MustParsePrefix("0.0.0.0/0"), Via: "192.0.2.1", Dev: "br0.7"},
		Jump{Family: 4, Table: "filter", From: "INPUT", To: "NETRUN-IN"}, Jump{Family: 4, Table: "filter", From: "FORWARD", To: "NETRUN-FWD"})
}

func change(op Op, o Object) Change {
	switch op {
	case Create:
		return Change{Op: op, After: o}
	case Delete:
		return Change{Op: op, Before: o}
	}
	return Change{Op: op, Before: o, After: o}
}

type sshCase struct {
	name   string
	change Change
	want   bool
}

func sshCases() []sshCase {
	address := func(link, p string) Address { return Address{Link: link, Prefix: netip.MustParsePrefix(p)} }
	route := func(dst string) Route { return Route{Dst: netip.MustParsePrefix(dst), Via: "192.0.2.9"} }
	neighbour := func(link, ip string) Neighbour { return Neighbour{Link: link, IP: netip.MustParseAddr(ip)} }
	inside := Scope("netns:blue")
	return []sshCase{
		{"its link changes", change(Update, Link{Name: "br0.7"}), true},
		{"its parent goes", change(Delete, Link{Name: "br0"}), true},
		{"a member of its bridge changes", change(Update, Link{Name: "eth1"}), true},
		{"another link", change(Update, Link{Name: "eth9"}), false},
		{"same name in a container", change(Update, Link{Scope: inside, Name: "br0"}), false},
		{"a new link", change(Create, Link{Name: "veth1", Type: "veth"}), false},
		{"a new macvlan takes the card over", change(Create, Link{Scope: inside, Name: "e", Parent: "eth0", Mode: "passthru"}), true},
		{"a new macvlan beside it", change(Create, Link{Scope: inside, Name: "e", Parent: "eth0", Mode: "bridge"}), false},
		{"member leaves", change(Delete, Member{Link: "eth0", Bridge: "br0"}), true},
		{"member joins its bridge", change(Create, Member{Link: "eth9", Bridge: "br0"}), true},
		{"member joins another bridge", change(Create, Member{Link: "eth9", Bridge: "br9"}), false},
		{"its link joins a bridge", change(Create, Member{Link: "br0.7", Bridge: "br9"}), true},
		{"its port leaves an OVS bridge", change(Delete, OVSPort{Name: "eth0", Bridge: "ovs0"}), true},
		{"another OVS port", change(Create, OVSPort{Name: "eth9", Bridge: "ovs0"}), false},
		{"the server's address goes", change(Delete, address("br0.7", "192.0.2.5/24")), true},
		{"another address on its link", change(Create, address("br0.7", "192.0.2.77/24")), true},
		{"an address whose subnet holds the client", change(Create, address("eth9", "198.51.100.1/24")), true},
		{"an unrelated address", change(Create, address("eth9", "10.8.0.1/24")), false},
		{"the default route", change(Update, route("0.0.0.0/0")), true},
		{"a route over the client", change(Create, route("198.51.100.0/24")), true},
		{"another route", change(Create, route("10.0.0.0/8")), false},
		{"the default route of a container", change(Create, Route{Scope: inside, Dst: netip.MustParsePrefix("0.0.0.0/0")}), false},
		{"a rule", change(Create, Rule{Family: 4, Priority: 5}), true},
		{"a rule in a container", change(Create, Rule{Scope: inside, Family: 4}), false},
		{"the gateway's MAC", change(Create, neighbour("br0.7", "192.0.2.1")), true},
		{"another neighbour", change(Create, neighbour("br0.7", "192.0.2.50")), false},
		{"a rule for others", change(Create, Rule{Family: 4, From: "10.0.0.0/8", Table: 100}), false},
		{"a rule for the way back", change(Create, Rule{Family: 4, From: "192.0.2.0/24", Table: 100}), true},
		{"a rule for the way in", change(Create, Rule{Family: 4, From: "198.51.100.7/32", Action: "unreachable"}), true},
		{"a rule from the client to others", change(Create, Rule{Family: 4, From: "198.51.100.7/32", To: "10.0.0.0/8"}), false},
		{"a rule for another link", change(Delete, Rule{Family: 4, IIF: "eth9", Table: 100}), false},
		{"a rule for its link", change(Delete, Rule{Family: 4, IIF: "br0.7", Table: 100}), true},
		{"a rule for what the host sends", change(Delete, Rule{Family: 4, IIF: "lo", Table: 100}), true},
		{"a rule by mark", change(Create, Rule{Family: 4, FwMark: "0x1", Table: 100}), true},
		{"a rule of the other family", change(Create, Rule{Family: 6, Priority: 5}), false},
		{"a new chain", change(Create, Chain{Family: 4, Table: "filter", Name: "NETRUN-X"}), false},
		{"a chain that nobody is known to call", change(Update, Chain{Family: 4, Table: "filter", Name: "NETRUN-X"}), true},
		{"a chain that INPUT calls", change(Update, Chain{Family: 4, Table: "filter", Name: "NETRUN-IN"}), true},
		{"a chain that only FORWARD calls", change(Update, Chain{Family: 4, Table: "filter", Name: "NETRUN-FWD"}), false},
		{"a chain of the other family", change(Update, Chain{Family: 6, Table: "filter", Name: "NETRUN-X"}), false},
		{"a jump of what is forwarded", change(Create, Jump{Family: 4, Table: "filter", From: "FORWARD", To: "NETRUN-X"}), false},
		{"a jump of what this host's connections begin with", change(Create, Jump{Family: 4, Table: "nat", From: "POSTROUTING", To: "NETRUN-X"}), false},
		{"a jump before routing", change(Create, Jump{Family: 4, Table: "nat", From: "PREROUTING", To: "NETRUN-X"}), true},
		{"a jump from somebody's chain", change(Create, Jump{Family: 4, Table: "filter", From: "DOCKER-USER", To: "NETRUN-X"}), true},
		{"a jump", change(Create, Jump{Family: 4, Table: "filter", From: "INPUT", To: "NETRUN-X"}), true},
		{"a new table", change(Create, Table{Family: 4, Name: "nat"}), false},
		{"a chain in a container", change(Create, Chain{Scope: inside, Family: 4, Table: "nat", Name: "NETRUN-X"}), false},
		{"rp_filter of all", change(Update, Sysctl{Name: "net/ipv4/conf/all/rp_filter"}), true},
		{"arp_ignore of its link", change(Update, Sysctl{Name: "net/ipv4/conf/br0.7/arp_ignore"}), true},
		{"rp_filter of another link", change(Update, Sysctl{Name: "net/ipv4/conf/eth9/rp_filter"}), false},
		{"forwarding", change(Update, Sysctl{Name: "net/ipv4/ip_forward"}), false},
		{"IPv6 off", change(Update, Sysctl{Name: "net/ipv6/conf/default/disable_ipv6"}), true},
		{"IPv6 off on another link", change(Update, Sysctl{Name: "net/ipv6/conf/eth9/disable_ipv6"}), false},
		{"sshd_config", change(Update, File{Path: "/etc/ssh/sshd_config"}), true},
		{"authorized_keys", change(Delete, File{Path: "/home/ann/.ssh/authorized_keys"}), true},
		{"sudoers", change(Create, File{Path: "/etc/sudoers.d/x"}), true},
		{"another file", change(Create, File{Path: "/etc/sshx"}), false},
	}
}

func TestTouchesSSH(t *testing.T) {
	for _, test := range sshCases() {
		t.Run(test.name, func(t *testing.T) {
			client, server := netip.MustParseAddr("198.51.100.7"), netip.MustParseAddr("::ffff:192.0.2.5")
			if got := TouchesSSH(sshHost(), []Change{test.change}, client, server); got != test.want {
				t.Errorf("%s: got %t; want %t", test.change, got, test.want)
			}
			if TouchesSSH(sshHost(), []Change{test.change}, netip.Addr{}, netip.Addr{}) {
				t.Errorf("%s, local connection: got true; want false", test.change)
			}
		})
	}
}

// What a play builds anew can reach the path in the second step.
func TestTouchesSSHThroughNewBridge(t *testing.T) {
	changes := []Change{change(Create, Link{Name: "brnew", Type: "bridge"}), change(Create, Member{Link: "eth0", Bridge: "brnew"})}
	if !TouchesSSH(sshHost(), changes, netip.MustParseAddr("198.51.100.7"), netip.MustParseAddr("192.0.2.5")) {
		t.Error("got false; want true")
	}
}

// Where the server's address was not observed, any link that is there may hold it.
func TestTouchesSSHWhenUnknown(t *testing.T) {
	client, server := netip.MustParseAddr("198.51.100.7"), netip.MustParseAddr("203.0.113.1")
	for _, test := range []struct {
		change Change
		want   bool
	}{{change(Update, Link{Name: "eth9"}), true}, {change(Create, Link{Name: "br1", Type: "bridge"}), false},
		{change(Create, OVSBridge{Name: "ovs1"}), false}} {
		if got := TouchesSSH(sshHost(), []Change{test.change}, client, server); got != test.want {
			t.Errorf("%s: got %t; want %t", test.change, got, test.want)
		}
	}
}
