package main

import (
	"fmt"
	"strings"
)

// twelve is a play of 12 network tasks on each host, n being the host's number.
// Its first ten are the play for a single host.
var twelve = []string{
	`sysctl: {name: net.ipv4.ip_forward, value: "1"}`,
	`bridge: {name: br0, addresses: "10.100.{{ .n }}.1/24"}`,
	`netns: {name: c1}`,
	`static_ip: {netns: c1, bridge: br0, addresses: "10.100.{{ .n }}.11/24", gateway: "10.100.{{ .n }}.1"}`,
	`netns: {name: c2}`,
	`static_ip: {netns: c2, bridge: br0, addresses: "10.100.{{ .n }}.12/24", gateway: "10.100.{{ .n }}.1"}`,
	`address: {address: "10.101.{{ .n }}.1/24", dev: eth1}`,
	`route: {to: 10.102.0.0/16, via: 198.18.255.254, dev: eth1}`,
	`route: {to: 10.104.0.0/16, via: 198.18.255.254, dev: eth1, metric: 50}`,
	`interface: {name: eth1, mtu: 1450}`,
	`rule: {priority: 1000, from: "10.100.{{ .n }}.0/24", table: 100}`,
	`route: {to: 10.103.0.0/16, via: 198.18.255.254, dev: eth1, table: 100}`,
}

// netrunPlay is a playbook of the tasks.
func netrunPlay(hosts string, tasks []string) string {
	var s strings.Builder
	fmt.Fprintf(&s, "- name: bench\n  hosts: %s\n  tasks:\n", hosts)
	for _, t := range tasks {
		fmt.Fprintf(&s, "    - %s\n", strings.ReplaceAll(t, "\n", "\n      "))
	}
	return s.String()
}

// guarded are the same twelve as guarded shell lines, for Ansible.
var guarded = []string{
	`[ "$(cat /proc/sys/net/ipv4/ip_forward)" = 1 ] || { echo 1 > /proc/sys/net/ipv4/ip_forward && echo changed; }`,
	`ip link show br0 >/dev/null 2>&1 || { ip link add br0 type bridge && ip address add 10.100.{{ n }}.1/24 dev br0 && ip link set br0 up && echo changed; }`,
	guardedNetns("c1"), guardedPort("c1", 11),
	guardedNetns("c2"), guardedPort("c2", 12),
	`ip address show dev eth1 | grep -q 10.101.{{ n }}.1/24 || { ip address add 10.101.{{ n }}.1/24 dev eth1 && echo changed; }`,
	`ip route show 10.102.0.0/16 | grep -q . || { ip route add 10.102.0.0/16 via 198.18.255.254 dev eth1 && echo changed; }`,
	`ip route show 10.104.0.0/16 | grep -q . || { ip route add 10.104.0.0/16 via 198.18.255.254 dev eth1 metric 50 && echo changed; }`,
	`ip link show dev eth1 | grep -q 'mtu 1450 ' || { ip link set eth1 mtu 1450 && echo changed; }`,
	`ip rule show priority 1000 | grep -q . || { ip rule add priority 1000 from 10.100.{{ n }}.0/24 table 100 && echo changed; }`,
	`ip route show table 100 2>/dev/null | grep -q 10.103.0.0/16 || { ip route add 10.103.0.0/16 via 198.18.255.254 dev eth1 table 100 && echo changed; }`,
}

func guardedNetns(name string) string {
	return fmt.Sprintf(`[ -e /run/netns/%s ] || { ip netns add %[1]s && ip -n %[1]s link set lo up && echo changed; }`, name)
}

func guardedPort(name string, last int) string {
	return fmt.Sprintf(`ip link show v%[1]s >/dev/null 2>&1 || { ip link add v%[1]s type veth peer name eth1 netns %[1]s`+
		` && echo 1 > /proc/sys/net/ipv6/conf/v%[1]s/disable_ipv6 && ip link set v%[1]s master br0 up`+
		` && ip -n %[1]s address add 10.100.{{ n }}.%[2]d/24 dev eth1 && ip -n %[1]s link set eth1 up`+
		` && ip -n %[1]s route add default via 10.100.{{ n }}.1 && echo changed; }`, name, last)
}

func ansiblePlay() string {
	var s strings.Builder
	s.WriteString("- name: bench\n  hosts: nodes\n  gather_facts: false\n  tasks:\n")
	for _, line := range guarded {
		fmt.Fprintf(&s, "    - ansible.builtin.shell: |\n        %s\n      register: out\n      changed_when: \"'changed' in out.stdout\"\n", line)
	}
	return s.String()
}

// cleanup takes back, on a host, what any of the plays made, and netrun's memory of it.
// Ports go first: the kernel takes its time with those of a deleted namespace.
const cleanup = `
for port in /sys/class/net/br0/brif/*; do [ -e "$port" ] && ip link delete "${port##*/}"; done
for ns in $(ls /run/netns 2>/dev/null); do ip netns delete "$ns"; done
ip link delete br0 2>/dev/null
ip address flush dev eth1 to 10.101.0.0/16
ip route flush table 100 2>/dev/null
ip route flush 10.102.0.0/16
ip route flush 10.104.0.0/16
ip link set eth1 mtu 1500
while ip rule delete priority 1000 2>/dev/null; do :; done
for i in $(seq 0 99); do ip route delete 10.200.$i.0/24 2>/dev/null; done
echo 0 > /proc/sys/net/ipv4/ip_forward
rm -rf /var/lib/netrun/journal
true
`

// forget removes the helper from a host.
const forget = `rm -rf /var/lib/netrun/bin /usr/local/lib/netrun /root/.cache/netrun /opt/netrun`
