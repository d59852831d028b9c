//go:build vm

package vm

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// underlay gives the wire between the machines an address at each end.
const underlay = `
- hosts: vms
  tasks:
    - interface: {name: ens4, state: up}
    - address: {dev: ens4, address: ["192.0.2.{{ .n }}/24", "2001:db8::{{ .n }}/64"], nodad: true}
`

// tunnels are layer 2 from machine to machine, whose ends have the addresses 10.9.0.1
// and 10.9.0.2, and fd09::1 and fd09::2.
var tunnels = []struct{ name, tasks string }{
	{"gre in the kernel's Open vSwitch", `
    - ovs_bridge: {name: br0, mtu: 1462, addresses: ["10.9.0.{{ .n }}/24", "fd09::{{ .n }}/64"]}
    - ovs_port: {bridge: br0, name: gre0, type: gre, remote_ip: "192.0.2.{{ .other }}"}
`},
	{"geneve in the kernel's Open vSwitch, with a key", `
    - ovs_bridge: {name: br0, mtu: 1450, addresses: ["10.9.0.{{ .n }}/24", "fd09::{{ .n }}/64"]}
    - ovs_port: {bridge: br0, name: gnv0, type: geneve, remote_ip: "192.0.2.{{ .other }}", options: {key: "42"}}
`},
	{"vxlan in the kernel's Open vSwitch, over IPv6", `
    - ovs_bridge: {name: br0, mtu: 1430, addresses: ["10.9.0.{{ .n }}/24", "fd09::{{ .n }}/64"]}
    - ovs_port: {bridge: br0, name: vx0, type: vxlan, remote_ip: "2001:db8::{{ .other }}", options: {key: "42"}}
`},
	{"gretap in a Linux bridge", `
    - bridge: {name: lbr0, mtu: 1458, addresses: ["10.9.0.{{ .n }}/24", "fd09::{{ .n }}/64"]}
    - gretap: {name: gt0, local: "192.0.2.{{ .n }}", remote: "192.0.2.{{ .other }}", key: 7, mtu: 1458, master: lbr0}
`},
	{"ip6gretap in a Linux bridge", `
    - bridge: {name: lbr0, mtu: 1438, addresses: ["10.9.0.{{ .n }}/24", "fd09::{{ .n }}/64"]}
    - gretap: {name: gt0, local: "2001:db8::{{ .n }}", remote: "2001:db8::{{ .other }}", mtu: 1438, master: lbr0}
`},
	{"geneve in a Linux bridge", `
    - bridge: {name: lbr0, mtu: 1450, addresses: ["10.9.0.{{ .n }}/24", "fd09::{{ .n }}/64"]}
    - geneve: {name: gnv42, id: 42, remote: "192.0.2.{{ .other }}", mtu: 1450, master: lbr0}
`},
	{"vxlan in a Linux bridge", `
    - bridge: {name: lbr0, mtu: 1450, addresses: ["10.9.0.{{ .n }}/24", "fd09::{{ .n }}/64"]}
    - vxlan: {name: vx42, id: 42, local: "192.0.2.{{ .n }}", remote: "192.0.2.{{ .other }}", mtu: 1450, master: lbr0}
`},
}

func TestTunnels(t *testing.T) {
	one, two := pair(t)
	for _, tunnel := range tunnels {
		t.Run(tunnel.name, func(t *testing.T) {
			played(t, underlay+tunnel.tasks)
			for _, address := range []string{"10.9.0.2", "fd09::2"} {
				one.pings(t, "", address)
			}
			one.sends(t, "", two, "", "10.9.0.2")
			two.sends(t, "", one, "", "fd09::1")
		})
	}
}

// places put a namespace c of the first machine onto the wire, with the address
// 10.8.0.1; the second machine's own 10.8.0.2 is on the wire's link.
var places = []struct{ name, first, second string }{
	{"vlan", `
    - vlan: {link: ens4, id: 20, name: eth1, netns: c}
`, `
    - vlan: {link: ens4, id: 20}
    - address: {dev: ens4.20, address: 10.8.0.2/24}
`},
	{"vlan on a card, and a macvlan on that", `
    - vlan: {link: ens4, id: 30}
    - macvlan: {name: eth1, link: ens4.30, netns: c}
`, `
    - vlan: {link: ens4, id: 30}
    - address: {dev: ens4.30, address: 10.8.0.2/24}
`},
	{"802.1ad around 802.1Q", `
    - vlan: {link: ens4, id: 100, protocol: 802.1ad}
    - vlan: {link: ens4.100, id: 7, name: eth1, netns: c}
`, `
    - vlan: {link: ens4, id: 100, protocol: 802.1ad}
    - vlan: {link: ens4.100, id: 7}
    - address: {dev: ens4.100.7, address: 10.8.0.2/24}
`},
	{"ipvlan l2", `
    - ipvlan: {name: eth1, link: ens4, netns: c, mode: l2}
`, `
    - address: {dev: ens4, address: 10.8.0.2/24}
`},
	{"ipvlan l3", `
    - ipvlan: {name: eth1, link: ens4, netns: c, mode: l3}
    - address: {dev: ens4, address: 10.8.1.1/24}
`, `
    - address: {dev: ens4, address: [10.8.1.2/24, 10.8.0.2/32]}
    - route: {to: 10.8.0.1, via: 10.8.1.1, src: 10.8.0.2}
`},
	{"ipvlan l3s", `
    - ipvlan: {name: eth1, link: ens4, netns: c, mode: l3s}
    - address: {dev: ens4, address: 10.8.1.1/24}
`, `
    - address: {dev: ens4, address: [10.8.1.2/24, 10.8.0.2/32]}
    - route: {to: 10.8.0.1, via: 10.8.1.1, src: 10.8.0.2}
`},
	{"static_ip on a VLAN of a card", `
    - static_ip: {netns: c, macvlan_on: ens4, vlan: 40, addresses: 10.8.0.1/24}
`, `
    - vlan: {link: ens4, id: 40}
    - address: {dev: ens4.40, address: 10.8.0.2/24}
`},
	{"static_ip on an ipvlan", `
    - static_ip: {netns: c, ipvlan_on: ens4, addresses: 10.8.0.1/24}
`, `
    - address: {dev: ens4, address: 10.8.0.2/24}
`},
	{"static_ip with a tag, in the kernel's Open vSwitch", `
    - ovs_bridge: ovsbr0
    - ovs_port: {bridge: ovsbr0, name: ens4, trunks: [50]}
    - static_ip: {netns: c, bridge: ovsbr0, tag: 50, addresses: 10.8.0.1/24}
`, `
    - vlan: {link: ens4, id: 50}
    - address: {dev: ens4.50, address: 10.8.0.2/24}
`},
	{"macvlan", `
    - macvlan: {name: eth1, link: ens4, netns: c}
`, `
    - address: {dev: ens4, address: 10.8.0.2/24}
`},
	{"dummy beside a macvlan", `
    - macvlan: {name: eth1, link: ens4, netns: c}
    - dummy: {name: dum0, addresses: 10.8.2.1/32}
    - address: {dev: ens4, address: 10.8.1.1/24}
`, `
    - address: {dev: ens4, address: [10.8.0.2/24, 10.8.1.2/24]}
    - route: {to: 10.8.2.1, via: 10.8.1.1}
`},
}

// inside gives the link in the namespace its address, which static_ip does itself.
func inside(tasks string) string {
	if strings.Contains(tasks, "static_ip") {
		return ""
	}
	return "    - address: {dev: eth1, netns: c, address: 10.8.0.1/24}"
}

func TestPlaces(t *testing.T) {
	one, two := pair(t)
	for _, place := range places {
		t.Run(place.name, func(t *testing.T) {
			played(t, `
- hosts: vm1
  tasks:
    - interface: {name: ens4, state: up}
    - netns: c
`+place.first+`
`+inside(place.first)+`
- hosts: vm2
  tasks:
    - interface: {name: ens4, state: up}
`+place.second)
			one.pings(t, "c", "10.8.0.2")
			one.sends(t, "c", two, "", "10.8.0.2")
			two.sends(t, "", one, "c", "10.8.0.1")
			if strings.HasPrefix(place.name, "dummy") {
				two.pings(t, "", "10.8.2.1")
			}
		})
	}
}

// listLinks lists the machine's links, but for those that modules and the switch bring
// with them and leave behind.
const listLinks = `ls /sys/class/net | grep -v -E '^(gre0|gretap0|erspan0|ip6gre0|ip6tnl0|sit0|tunl0|ovs-system|.*_sys.*)$' | tr '\n' ' '`

func (m *Machine) links(t *testing.T) string {
	t.Helper()
	return m.sh(t, listLinks)
}

// in is the command in a network namespace; "" is the machine's own.
func in(netns, command string) string {
	if netns == "" {
		return command
	}
	return "nsenter --net=/run/netns/" + netns + " " + command
}

var rtt = regexp.MustCompile(`min/avg/max/mdev = ([0-9.]+)/`)

// pings asks until the address answers, and returns the least round trip of three
// packets after that.
func (m *Machine) pings(t *testing.T, netns, address string) time.Duration {
	t.Helper()
	eventually(t, 60*time.Second, func() string {
		if _, err := m.Shell(t.Context(), in(netns, "ping -c 1 -W 2 "+address)); err != nil {
			return err.Error()
		}
		return ""
	})
	out := m.sh(t, in(netns, "ping -c 3 -i 0.2 -W 5 "+address))
	found := rtt.FindStringSubmatch(out)
	if found == nil {
		t.Fatalf("ping: %s", out)
	}
	ms, err := strconv.ParseFloat(found[1], 64)
	if err != nil {
		t.Fatal(err)
	}
	return time.Duration(ms * float64(time.Millisecond))
}

// bulk is what sends sends: more than any buffer on the way.
const bulk = 4 << 20

// sends has the machine send bulk data over TCP to an address of the other one. A
// ping proves little where packets may be too big for a tunnel.
func (m *Machine) sends(t *testing.T, netns string, to *Machine, toNetns, address string) {
	t.Helper()
	to.sh(t, "rm -f /run/got; (timeout 120 "+in(toNetns, "busybox nc -l -p 5001 -e wc -c")+" > /run/got 2>&1 &) </dev/null >/dev/null 2>&1; for i in $(seq 50); do "+
		in(toNetns, "ss -Hltn sport = :5001")+" | grep -q 5001 && exit 0; sleep 0.2; done; exit 1")
	began := time.Now()
	got := m.sh(t, fmt.Sprintf("head -c %d /dev/zero | timeout 100 %s", bulk, in(netns, "busybox nc "+address+" 5001")))
	t.Logf("%d bytes to %s over TCP: %.1fs", bulk, address, time.Since(began).Seconds())
	if strings.TrimSpace(got) != strconv.Itoa(bulk) {
		t.Fatalf("TCP to %s: %q of %d bytes came", address, got, bulk)
	}
}

// TestNetem makes the wire slow.
func TestNetem(t *testing.T) {
	one, _ := pair(t)
	played(t, underlay)
	fast := one.pings(t, "", "192.0.2.2")
	played(t, `
- hosts: vm1
  tasks:
    - qdisc: {dev: ens4, type: netem, delay: 300ms}
`)
	slow := one.pings(t, "", "192.0.2.2")
	t.Logf("least round trip: %v, with netem %v", fast, slow)
	if slow < 300*time.Millisecond || fast > slow-200*time.Millisecond {
		t.Errorf("least round trip: got %v, and %v with 300ms of netem", fast, slow)
	}
}
