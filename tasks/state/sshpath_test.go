package state

import (
	"net/netip"
	"testing"
)

func TestTouchesSSH(t *testing.T) {
	client, server := netip.MustParseAddr("192.0.2.9"), netip.MustParseAddr("192.0.2.1")
	prefix := netip.MustParsePrefix
	before := New(
		Link{Name: "br0", Type: "bridge"}, Link{Name: "eth0", Type: "device"}, Link{Name: "eth1", Type: "device"},
		Member{Link: "eth0", Bridge: "br0"},
		Address{Link: "br0", Prefix: prefix("192.0.2.1/24")}, Address{Link: "eth1", Prefix: prefix("10.0.0.1/24")},
	)
	cases := []struct {
		name   string
		object Object
		want   bool
	}{
		{"its address", Address{Link: "br0", Prefix: prefix("192.0.2.1/24")}, true},
		{"an address on its link", Address{Link: "br0", Prefix: prefix("192.0.2.7/24")}, true},
		{"an address elsewhere", Address{Link: "eth1", Prefix: prefix("10.0.0.2/24")}, false},
		{"an address elsewhere that covers the client", Address{Link: "eth1", Prefix: prefix("192.0.2.77/25")}, true},
		{"its bridge", Link{Name: "br0", State: "down"}, true},
		{"the port of its bridge", Link{Name: "eth0", MTU: 1400}, true},
		{"another link", Link{Name: "eth1", State: "down"}, false},
		{"a new member of its bridge", Member{Link: "eth1", Bridge: "br0"}, false},
		{"its membership", Member{Link: "eth0", Bridge: "br9"}, true},
		{"a route elsewhere", Route{Dst: prefix("11.11.0.0/16"), Via: "10.0.0.9"}, false},
		{"a default route", Route{Dst: prefix("0.0.0.0/0"), Via: "10.0.0.9"}, true},
		{"a chain", Chain{Family: 4, Table: "filter", Name: "NETRUN-X"}, true},
		{"a chain in a container", Chain{Scope: "netns:web", Family: 4, Table: "filter", Name: "NETRUN-X"}, false},
		{"a rule", Rule{Family: 4}, true},
		{"forwarding", Sysctl{Name: "net/ipv4/ip_forward", Value: "1"}, false},
		{"rp_filter of all", Sysctl{Name: "net/ipv4/conf/all/rp_filter", Value: "1"}, true},
		{"rp_filter elsewhere", Sysctl{Name: "net/ipv4/conf/eth1/rp_filter", Value: "1"}, false},
		{"a kernel parameter of no network", Sysctl{Name: "vm/swappiness", Value: "1"}, false},
		{"sshd's configuration", File{Path: "/etc/ssh/sshd_config.d/x.conf", Type: "file"}, true},
		{"keys", File{Path: "/home/ann/.ssh/authorized_keys", Type: "file"}, true},
		{"some file", File{Path: "/etc/motd", Type: "file"}, false},
	}
	for _, c := range cases {
		for _, change := range []Change{{Op: Create, After: c.object}, {Op: Delete, Before: c.object}} {
			if got := TouchesSSH(before, []Change{change}, client, server); got != c.want {
				t.Errorf("%s %s: got %v, want %v", change.Op, c.name, got, c.want)
			}
		}
		if TouchesSSH(before, []Change{{Op: Delete, Before: c.object}}, netip.Addr{}, netip.Addr{}) {
			t.Errorf("%s touches a local connection", c.name)
		}
	}
}
