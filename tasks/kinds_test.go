package tasks_test

import (
	"errors"
	"strings"
	"testing"

	"netrun/tasks"
)

// decode makes a checked task of a kind from its arguments.
func decode(kind string, args any) (tasks.Task, error) {
	k, ok := tasks.Lookup(kind)
	if !ok {
		return nil, errors.New("no kind " + kind)
	}
	t, _, err := k.Decode(args)
	if err != nil {
		return t, err
	}
	return t, t.Check()
}

func TestEveryArgumentHasADoc(t *testing.T) {
	for _, name := range tasks.Names() {
		k, _ := tasks.Lookup(name)
		if k.Short == "" {
			t.Errorf("kind %s: got no short text; want one", name)
		}
		for _, a := range k.Arguments() {
			for _, f := range append(a.Fields, a) {
				if f.Doc == "" {
					t.Errorf("kind %s: got no doc for argument %s; want one", name, f.Name)
				}
			}
		}
	}
}

func TestEveryKindIsOneSort(t *testing.T) {
	for _, name := range tasks.Names() {
		k, _ := tasks.Lookup(name)
		task, n := k.New(), 0
		if _, ok := task.(tasks.Wanter); ok {
			n++
		}
		if _, ok := task.(tasks.Act); ok {
			n++
		}
		if _, ok := task.(tasks.Inline); ok {
			n++
		}
		if n != 1 {
			t.Errorf("kind %s: got %d of Wanter, Act and Inline; want 1", name, n)
		}
	}
}

type args = map[string]any

// mistakes are arguments, and what the error says about them.
var mistakes = []struct {
	kind, want string
	args       any
}{
	{"bridge", `"br/0" holds '/'`, "br/0"},
	{"bridge", `has 16 characters: an interface name has at most 15`, "abcdefghijklmnop"},
	{"bridge", `holds '\n'`, "br0\nx"},
	{"bridge", `maybe you meant 10.0.0.1/24`, args{"name": "br0", "addresses": "10.0.0.1"}},
	{"bridge", `netns and container both say where`, args{"name": "br0", "netns": "a", "container": "pid:1"}},
	{"bridge", `containers of lxc are not known`, args{"name": "br0", "container": "lxc:web"}},
	{"bridge", `a process number is wanted`, args{"name": "br0", "container": "pid:x"}},
	{"bridge", `unknown argument "adresses" of bridge`, args{"name": "br0", "adresses": "10.0.0.1/24"}},
	{"address", `is the subnet's own address (the first usable one is 10.0.0.1/24)`, args{"dev": "eth0", "address": "10.0.0.0/24"}},
	{"address", `is the subnet's broadcast address`, args{"dev": "eth0", "address": "10.0.0.255/24"}},
	{"address", `address[1]: 10.0.0.1 is there twice`, args{"dev": "eth0", "address": []any{"10.0.0.1/24", "10.0.0.1/16"}}},
	{"address", `write 10.0.0.1`, args{"dev": "eth0", "address": "::ffff:10.0.0.1/24"}},
	{"address", `is not a label of eth0`, args{"dev": "eth0", "address": "10.0.0.1/24", "label": "web"}},
	{"route", `the subnet itself is 10.0.0.0/24`, args{"to": "10.0.0.1/24", "via": "10.1.1.1"}},
	{"route", `a route needs via, dev or both`, "10.0.0.0/24"},
	{"route", `fd00::1 is not of the same family`, args{"to": "10.0.0.0/24", "via": "fd00::1"}},
	{"rule", `a rule has either a table or an action`, args{"priority": 5}},
	{"rule", `is not a firewall mark`, args{"priority": 5, "fwmark": "x", "table": "main"}},
	{"interface", `cannot be in itself`, args{"name": "br0", "master": "br0"}},
	{"sysctl", `net.ipv4.ip_forward needs a value`, args{"name": "net.ipv4.ip_forward"}},
	{"sysctl", `is not the name of a parameter`, args{"name": "net..x", "value": 1}},
	{"sysctl", `is the whole host's`, args{"name": "kernel.panic", "value": 1, "netns": "a"}},
	{"veth", `what is the name of the other one`, args{"name": "a"}},
	{"veth", `both ends are called a`, args{"name": "a", "peer": "a"}},
	{"vxlan", `0 is not a VXLAN network identifier`, args{"name": "vx0"}},
	{"macvlan", `on top of which link?`, args{"name": "mv0"}},
	{"netns", `"a/b" holds '/'`, "a/b"},
	{"neighbour", `what is the MAC address of 10.0.0.1?`, args{"to": "10.0.0.1", "dev": "eth0"}},
	{"neighbour", `is a multicast address`, args{"to": "10.0.0.1", "dev": "eth0", "lladdr": "01:00:00:00:00:01"}},
	{"static_ip", `whose address?`, args{"bridge": "br0", "addresses": "10.0.0.1/24"}},
	{"static_ip", `maybe you meant 192.168.4.25/24`, args{"container": "web", "bridge": "br0", "addresses": "192.168.4.25"}},
	{"static_ip", `is the second gateway of its family`, args{"container": "web", "bridge": "br0", "addresses": "10.0.0.5/24", "gateway": []any{"10.0.0.1", "10.0.0.2"}}},
	{"static_ip", `the container gets no address of that family`, args{"container": "web", "bridge": "br0", "addresses": "10.0.0.5/24", "gateway": "fd00::1"}},
	{"static_ip", `what kind of link? give bridge, macvlan_on`, args{"container": "web", "addresses": "10.0.0.5/24"}},
	{"static_ip", `bridge and nic are two kinds of link`, args{"container": "web", "bridge": "br0", "nic": "eth1"}},
	{"static_ip", `tag goes with bridge, not with macvlan_on`, args{"container": "web", "macvlan_on": "eth1", "tag": 5}},
	{"static_ip", `l3 is a mode of ipvlan`, args{"container": "web", "macvlan_on": "eth1", "mode": "l3"}},
	{"static_ip", `mac goes with`, args{"container": "web", "ipvlan_on": "eth1", "mac": "U:web"}},
	{"static_ip", `not by its MAC address`, args{"container": "web", "macvlan_on": "mac:02:00:00:00:00:01", "vlan": 5}},
	{"static_ip", `"averylongname12.5" has 17 characters`, args{"container": "web", "macvlan_on": "averylongname12", "vlan": 5}},
	{"static_ip", `is not a link's name and not a MAC address`, args{"container": "web", "nic": "mac:zz"}},
	{"static_ip", `the default route is set by gateway`, args{"container": "web", "bridge": "br0", "routes": []any{args{"to": "default", "via": "10.0.0.1"}}}},
	{"static_ip", `is not a number from 1 to 32765`, args{"container": "web", "bridge": "br0", "rules": []any{args{"priority": 0, "table": 7}}}},
	{"static_ip", `is the whole host's`, args{"container": "web", "bridge": "br0", "sysctls": args{"kernel.panic": 1}}},
	{"static_ip", `tbf needs rate and burst`, args{"container": "web", "bridge": "br0", "qdisc": "tbf rate 1mbit"}},
	{"qdisc", `give either type or tc`, args{"dev": "eth0"}},
	{"qdisc", `tbf has no delay`, args{"dev": "eth0", "type": "tbf", "delay": "1ms"}},
	{"qdisc", `tc says it all`, args{"dev": "eth0", "tc": "netem", "rate": "1mbit"}},
	{"qdisc", `tbf needs either limit or latency`, args{"dev": "eth0", "type": "tbf", "rate": "1mbit", "burst": "10kb"}},
	{"qdisc", `delay: "fast" is not a duration`, args{"dev": "eth0", "type": "netem", "delay": "fast"}},
	{"qdisc", `qdisc "cake" is not known here`, args{"dev": "eth0", "tc": "cake"}},
	{"qdisc", `is neither root nor the id of a class`, args{"dev": "eth0", "type": "netem", "parent": "10"}},
	{"qdisc", `a class is under one that is not there`, args{"dev": "eth0", "type": "htb", "classes": []any{args{"id": "10", "parent": "1", "rate": "1mbit"}}}},
	{"qdisc", `class 10 is there twice`, args{"dev": "eth0", "type": "htb", "classes": []any{args{"id": "10", "rate": "1mbit"}, args{"id": "10", "rate": "1mbit"}}}},
	{"bridge", `which VLANs?`, args{"name": "br0", "vlans": []any{args{"interface": "eth0"}}}},
	{"bridge", `has to look at VLAN tags`, args{"name": "br0", "vlan_filtering": false, "vlans": []any{args{"interface": "eth0", "tag": 5}}}},
	{"vlan", `which VLAN?`, args{"link": "eth0"}},
	{"vlan", `has 17 characters`, args{"link": "averylongname12", "id": 5}},
	{"ipvlan", `on top of which link?`, args{"name": "i0"}},
	{"ipoib", `is not a partition key`, args{"name": "i0", "link": "ib0", "pkey": "8000"}},
	{"gretap", `where is the other end?`, args{"name": "g0"}},
	{"gretap", `needs its own address too`, args{"name": "g0", "remote": "fd00::1"}},
	{"gretap", `that needs pmtudisc: false`, args{"name": "g0", "remote": "10.0.0.1", "ignore_df": true}},
	{"geneve", `0 is not a network identifier`, args{"name": "g0", "remote": "10.0.0.1"}},
	{"macvlan", `only a macvlan in mode source`, args{"name": "m0", "link": "eth0", "sources": "02:00:00:00:00:01"}},
	{"node_network", `is not a subnet of container_network`, args{"address": "10.0.0.1/24", "container_network": "11.11.0.0/16", "router": "192.168.2.2"}},
	{"node_network", `each node has a subnet of its own`, args{"address": "11.11.0.1/16", "container_network": "11.11.0.0/16", "router": "192.168.2.2"}},
	{"node_network", `11.11.1.1/24 is not a subnet of container_network 10.12.0.0/16`, args{"address": "11.11.1.1/24", "container_network": "10.12.0.0/16", "router": "192.168.2.2", "routers": args{"via": "192.168.2.3", "metric": 5}}},
	{"node_network", `two routers for 11.11.0.0/16`, args{"address": "11.11.1.1/24", "container_network": "11.11.0.0/16", "router": "192.168.2.2", "routers": args{"via": "192.168.2.3"}}},
	{"node_network", `10.9.0.0/16 is not a container_network`, args{"address": "11.11.1.1/24", "container_network": "11.11.0.0/16", "router": "192.168.2.2", "routers": args{"via": "192.168.2.3", "metric": 5, "to": "10.9.0.0/16"}}},
	{"node_network", `11.11.2.0/25 is not a part`, args{"address": "11.11.1.1/24", "container_network": "11.11.0.0/16", "router": "192.168.2.2", "daemon_json": true, "fixed_cidr": "11.11.2.0/25"}},
	{"node_network", `daemon_json is missing`, args{"address": "11.11.1.1/24", "container_network": "11.11.0.0/16", "router": "192.168.2.2", "fixed_cidr": "11.11.1.0/25"}},
	{"node_network", `not an absolute path`, args{"address": "11.11.1.1/24", "container_network": "11.11.0.0/16", "router": "192.168.2.2", "daemon_json": "daemon.json"}},
	{"node_network", `no router leads to fd00:11::/32`, args{"address": "11.11.1.1/24", "container_network": []any{"11.11.0.0/16", "fd00:11::/32"}, "router": "192.168.2.2"}},
	{"node_network", `fe80::1 is on every link`, args{"address": "fd00:11:1::1/64", "container_network": "fd00:11::/32", "router": "fe80::1"}},
	{"node_network", `own container subnet`, args{"address": "11.11.1.1/24", "container_network": "11.11.0.0/16", "router": "11.11.1.9"}},
	{"router_config", `give syntax or template (syntax: frr, ios, junos, vyos)`, args{"dest": "/srv/r.txt"}},
	{"router_config", `"cisco" is not one of ios`, args{"dest": "/srv/r.txt", "syntax": "cisco"}},
	{"router_config", `is not the name of an interface`, args{"dest": "/srv/r.txt", "syntax": "ios", "routes": args{"to": "10.0.0.0/24", "via": "10.1.0.1", "dev": "Gi0/1\nreload"}}},
	{"router_config", `not from 1 to 255`, args{"dest": "/srv/r.txt", "syntax": "ios", "routes": args{"to": "10.0.0.0/24", "via": "10.1.0.1", "distance": 256}}},
	{"router_config", `fe80::1 is on every link`, args{"dest": "/srv/r.txt", "syntax": "ios", "routes": args{"to": "fd00::/64", "via": "fe80::1"}}},
	{"router_config", `two routes to 10.0.0.0/24`, args{"dest": "/srv/r.txt", "syntax": "ios", "routes": []any{args{"to": "10.0.0.0/24", "via": "10.1.0.1"}, args{"to": "10.0.0.0/24", "via": "10.1.0.2"}}}},
	{"json_keys", `which keys?`, args{"path": "/etc/x.json", "keys": args{}}},
	{"json_keys", `holds a #`, args{"path": "/etc/x.json", "keys": args{"a#b": 1}}},
	{"json_keys", `not the path of a file`, args{"path": "/etc/", "keys": args{"a": 1}}},
	{"router", `two nodes have the same subnet`, args{"routes": []any{args{"to": "10.1.0.0/24", "via": "10.0.0.1"}, args{"to": "10.1.0.0/24", "via": "10.0.0.2"}}}},
	{"link", `which link?`, args{"container": "web"}},
	{"link", `links[0]: The network link '6379:db' must be of the form <from_host>:<from_port>:<to_host>:<to_port> where <from_host> is optional`, args{"container": "web", "links": "6379:db"}},
	{"link", `From port value must be between 0 and 65535`, args{"container": "web", "links": "0:10.0.0.1:50000"}},
	{"link", `::1 leads nowhere else: IPv6 has no route_localnet`, args{"container": "web", "links": "6379:[fd00::1]:50000"}},
	{"link", `the local port is there twice`, args{"container": "web", "links": []any{args{"from": "127.0.0.1:80", "from_port": 80, "to": "10.0.0.1:2"}}}},
	{"link", `"10.0.0.1:2:3" is not a remote host and port`, args{"container": "web", "from": "80", "to": "10.0.0.1:2:3"}},
	{"link", `host node4 was not asked which port it publishes for container db`, args{"container": "web", "links": "6379:node4/db:6379"}},
	{"link", `the list is empty, and no container is given`, args{"links": []any{}}},
	{"link", `127.0.0.1:80 is linked twice`, args{"container": "web", "links": []any{"80:10.0.0.1:2", "127.0.0.1:80:10.0.0.2:2"}}},
	{"iptables", `-A is a command`, args{"chain": "web", "rules": "-A INPUT -j ACCEPT"}},
	{"iptables", `holds the character '\n'`, args{"chain": "web", "rules": "-j ACCEPT\n-A INPUT -j DROP"}},
	{"iptables", `is not closed`, args{"chain": "web", "rules": `-m comment --comment "x`}},
	{"iptables", `1 to 28 fit`, args{"chain": strings.Repeat("x", 22)}},
	{"ovs_port", `needs the address of its other end`, args{"bridge": "br0", "name": "gre0", "type": "gre"}},
	{"ovs_bridge", `either stp or rstp`, args{"name": "br0", "stp": true, "rstp": true}},
	{"copy", `is not an absolute path`, args{"dest": "etc/x", "content": "x"}},
	{"copy", `which content?`, args{"dest": "/etc/x"}},
	{"copy", `"rw" is not a file mode`, args{"dest": "/etc/x", "content": "", "mode": "rw"}},
	{"file", `state: link and src go together`, args{"path": "/x", "state": "link"}},
	{"lineinfile", `which line?`, args{"path": "/x"}},
	{"lineinfile", `no lookahead`, args{"path": "/x", "line": "a", "regexp": "(?=a)"}},
}

func TestMistakes(t *testing.T) {
	for _, test := range mistakes {
		_, err := decode(test.kind, test.args)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s %v: got error %v; want one with %q", test.kind, test.args, err, test.want)
		}
	}
}
