package state

import (
	"net/netip"
	"strings"
	"testing"
)

func TestAdvise(t *testing.T) {
	base := []Object{
		Link{Name: "eth1", Type: "device", MTU: 1500}, Link{Name: "br-under", Type: "openvswitch", MTU: 1500},
		OVSBridge{Name: "br-under", Datapath: "netdev"}, OVSBridge{Name: "br0", Datapath: "netdev"}, OVSBridge{Name: "br1", Datapath: "system"},
		Address{Link: "eth1", Prefix: netip.MustParsePrefix("192.0.2.1/24")}, Address{Link: "br-under", Prefix: netip.MustParsePrefix("198.51.100.1/24")},
		Link{Name: "docker0", Type: "bridge", MTU: 1462}, Link{Name: "v1", MTU: 1500}, Link{Name: "v2", MTU: 1462},
		Member{Link: "v1", Bridge: "docker0"}, Member{Link: "v2", Bridge: "docker0"},
	}
	gre := func(bridge, remote string) OVSPort {
		return OVSPort{Name: "gre0", Bridge: bridge, Type: "gre", Options: map[string]string{"remote_ip": remote}}
	}
	for _, c := range []struct {
		about Object
		want  string
	}{
		{Link{Name: "docker0", Type: "bridge", MTU: 1462}, "docker0 has MTU 1462, and some of its ports more: v1 (1500). What hangs on them loses long packets, until it has 1462 too (Docker's containers have the mtu of daemon.json)"},
		{Link{Name: "docker0", Type: "bridge", MTU: 1500}, ""},
		{gre("br0", "198.51.100.2"), ""},
		{gre("br0", "192.0.2.2"), "put eth1 into an ovs_bridge"},
		{gre("br1", "192.0.2.2"), ""},
		{gre("br0", "203.0.113.1"), "there is no route to 203.0.113.1"},
	} {
		got := strings.Join(Advise(New(append(base, c.about)...), []Key{c.about.Key()}), "\n")
		if (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
			t.Errorf("%v: got %q; want %q", c.about, got, c.want)
		}
	}
}
