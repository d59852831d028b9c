package e2e

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"netrun/e2e/rig"
)

// pipeworkTopology is a host with Docker and Open vSwitch, and two links besides the one
// that SSH comes through.
const pipeworkTopology = `
switches: {sw1: , sw2: }
hosts:
  node1: {services: [docker, openvswitch], interfaces: {eth1: {switch: sw1}, eth2: {switch: sw2}}}
`

// pipeworkRow is a row of docs/comparison/pipework.md: command lines, one after the
// other, and what is to be seen on the host then. %ID%, %PID% and %MAC% stand for the
// container web's id, its process, and the MAC address of eth2; inside is a shell function
// that runs a command in a container's network namespace.
type pipeworkRow struct {
	name, commands, want string
	probe                string // fails where this kernel cannot
}

const (
	probeVLAN      = "ip link add link eth1 name probe.9 type vlan id 9 && ip link del probe.9"
	probeFiltering = "ip link add probe9 type bridge vlan_filtering 1 && ip link del probe9"
	probeDummy     = "ip link add probe9 type dummy && ip link del probe9"
	probeNetem     = "ip link add probe9 type veth peer name probe8 && { tc qdisc add dev probe9 root netem; s=$?; ip link del probe9; exit $s; }"
)

// serveDHCP has a DHCP server answer in the container db.
const serveDHCP = `printf 'start 192.168.3.50\nend 192.168.3.59\ninterface eth1\nlease_file /run/udhcpd.leases\npidfile /run/udhcpd.pid\nopt subnet 255.255.255.0\n' >/run/udhcpd.conf; : >/run/udhcpd.leases; inside db busybox udhcpd /run/udhcpd.conf`

var pipeworkRows = []pipeworkRow{
	{"01 Linux bridge", "br1 web 192.168.1.1/24\nbr1 db 192.168.1.2/24", "inside web ping -c 1 -W 5 192.168.1.2", ""},
	{"02 Open vSwitch bridge", "ovsbr0 web 192.168.1.1/24\novsbr0 db 192.168.1.2/24",
		"inside web ping -c 1 -W 5 192.168.1.2; ovs-vsctl list port | grep netrun-container=web", ""},
	{"03 VLAN on Open vSwitch", "ovsbr0 web 192.168.1.1/24 @10\novsbr0 db 192.168.1.2/24 @10\novsbr0 -i eth2 db 192.168.1.3/24 @11",
		"inside web ping -c 1 -W 5 -I eth1 192.168.1.2; ovs-vsctl list port | grep -E '^tag +: 10$' | wc -l | grep -x 2", ""},
	{"04 macvlan", "eth1 web 50.19.169.157/24", "inside web ip -d link show eth1 | grep 'macvlan mode bridge'", ""},
	{"05 VLAN on a NIC", "eth1 web 10.0.0.2/24 @20", "ip -d link show eth1.20 | grep 'id 20'; inside web ip -d link show eth1 | grep 'macvlan mode bridge'", probeVLAN},
	{"06 VLAN on a Linux bridge", "br1 web 10.0.0.2/24 @20\nbr1 db 10.0.0.3/24 @20", "inside web ping -c 1 -W 5 10.0.0.3; bridge vlan show | grep '20 PVID Egress Untagged'", probeFiltering},
	{"07 the NIC itself", "--direct-phys eth2 web 192.168.1.2/24", "inside web ip addr show eth1 | grep 192.168.1.2/24; ! ip link show eth2 2>/dev/null", ""},
	{"08 NIC by MAC", "--direct-phys mac:%MAC% -i container0 web 0/0", "inside web ip link show container0 | grep %MAC%", ""},
	{"10 dummy", "dummy web 192.168.21.101/24@192.168.21.1", "inside web ip -d link show eth1 | grep dummy; inside web ip route | grep 'via 192.168.21.1'", probeDummy},
	{"11 interface name", "br1 -i eth7 web 192.168.1.1/24", "inside web ip addr show eth7 | grep 192.168.1.1/24", ""},
	{"12 host side name", "br1 -i eth2 -l hostapp1 web 192.168.1.1/24", "ip -o link show master br1 | grep hostapp1", ""},
	{"13 IPv6", "br1 -a 6 web 2001:db8::2/64@2001:db8::1", "inside web ip -6 addr show eth1 | grep 2001:db8::2/64; inside web ip -6 route | grep 'default via 2001:db8::1'", ""},
	{"14 no address", "br1 web 0/0", "inside web ip link show eth1 | grep UP; ! inside web ip -4 addr show eth1 | grep inet", ""},
	{"16 gateway, off the link too", "br1 web 192.168.4.25/20@192.168.4.1\nbr1 -i eth2 db 10.9.9.9/32@10.8.8.1",
		"inside web ip route | grep 'default via 192.168.4.1 dev eth1'; inside db ip route | grep '^10.8.8.1 dev eth2'", ""},
	{"17 and 18 DHCP", "br1 db 192.168.3.1/24\n!" + serveDHCP + "\nbr1 web dhcp",
		"inside web ip -4 addr show eth1 | grep ' 192.168.3.5[0-9]/24'; kill $(cat /run/udhcpd.pid)", "busybox udhcpd --help"},
	{"19 MAC address", "br1 web 192.168.1.2/24 26:2e:71:98:60:8f", "inside web ip link show eth1 | grep 26:2e:71:98:60:8f", ""},
	{"20 MAC address from a string", "br1 web 0/0 U:myhost.foo.com", "inside web ip link show eth1 | grep 02:72:6c:cd:9b:8d", ""},
	{"21 route", "br1 web 192.168.2.9/24\nroute web add 10.0.5.0/24 via 192.168.2.1", "inside web ip route | grep '10.0.5.0/24 via 192.168.2.1'", ""},
	{"22 rule", "rule web add from 172.19.0.2/32 table 1", "inside web ip rule | grep 'from 172.19.0.2 lookup 1'", ""},
	{"23 tc, tbf", "br1 web 0/0\ntc web qdisc add dev eth1 root tbf rate 1mbit burst 10kb latency 70ms", "inside web tc qdisc show dev eth1 | grep 'tbf .* rate 1Mbit burst 10Kb'", ""},
	{"23 tc, netem", "br1 web 0/0\ntc web qdisc add dev eth1 root netem loss 30%", "inside web tc qdisc show dev eth1 | grep 'netem .* loss 30%'", probeNetem},
	{"24 wait", "br1 web 0/0\n--wait web", "true", ""},
	{"25 gratuitous ARP", "br1 db 192.168.1.2/24\n!inside db ip neigh replace 192.168.1.1 lladdr 02:00:00:00:00:99 dev eth1 nud stale\nbr1 web 192.168.1.1/24 02:00:00:00:00:11",
		"for i in $(seq 50); do inside db ip neigh show 192.168.1.1 | grep -q 02:00:00:00:00:11 && exit 0; sleep 0.1; done; exit 1", ""},
	{"26 broadcast", "br1 web 192.168.1.1/24", "inside web ip addr show eth1 | grep 'brd 192.168.1.255'", ""},
	{"27 guest by id", "br1 %ID% 192.168.1.1/24", "inside web ip addr show eth1 | grep 192.168.1.1/24", ""},
	{"28 guest of no runtime", "br1 pid:%PID% 192.168.1.1/24", "inside web ip addr show eth1 | grep 192.168.1.1/24", ""},
}

// inContainer is the shell function inside.
const inContainer = `inside() { c=$1; shift; nsenter -t $(docker inspect -f '{{.State.Pid}}' $c) -n "$@"; }
set -e
`

// pipeworkLab is a host with two containers.
func pipeworkLab(t *testing.T) *rig.Lab {
	t.Helper()
	lab := serviceLab(t, "pipework", "--topology", site(t, pipeworkTopology))
	if err := lab.Import(t.Context(), "node1", "docker", "box"); err != nil {
		t.Fatal(err)
	}
	shell(t, lab, "node1", "for c in web db; do docker run -d --init --name $c box sleep 100000; done")
	return lab
}

// pipework runs one command line on the host.
func pipework(t *testing.T, lab *rig.Lab, words ...string) rig.Result {
	t.Helper()
	return command(t, t.TempDir(), append([]string{"pipework", "-i", lab.Inventory, "node1", "--"}, words...)...)
}

// pipeworkState is the host's and the containers' links, addresses, routes and rules.
func pipeworkState(t *testing.T, lab *rig.Lab) []string {
	t.Helper()
	text := shell(t, lab, "node1", inContainer+`
		show() {
			where=$1; shift
			{ "$@" ip -o link | awk '{print "link", $2}' | sed 's/@.*//'; "$@" ip -o addr show scope global | awk '{print "address", $2, $4}'
			  "$@" ip route; "$@" ip -6 route | grep -v 'proto kernel' || true; "$@" ip rule; } | sed "s/^/$where: /; s/ linkdown//; s/ *$//"
		}
		show host nice; for c in web db; do show $c inside $c; done; ovs-vsctl list-br`)
	lines := strings.Split(text, "\n")
	slices.Sort(lines)
	// The switch's own device of the userspace datapath comes with its first bridge, and stays.
	return slices.DeleteFunc(lines, func(l string) bool { return strings.Contains(l, "ovs-netdev") })
}

func TestPipework(t *testing.T) {
	lab := pipeworkLab(t)
	words := strings.NewReplacer(
		"%ID%", strings.TrimSpace(shell(t, lab, "node1", "docker inspect -f '{{.Id}}' web | cut -c 1-12")),
		"%PID%", strings.TrimSpace(shell(t, lab, "node1", "docker inspect -f '{{.State.Pid}}' web")),
		"%MAC%", strings.TrimSpace(shell(t, lab, "node1", "cat /sys/class/net/eth2/address")))
	before := pipeworkState(t, lab)
	for _, row := range pipeworkRows {
		t.Run(row.name, func(t *testing.T) {
			if row.probe != "" {
				if out, err := lab.Shell(t.Context(), "node1", row.probe+" 2>&1"); err != nil {
					t.Skipf("probed what it needs: %s%v", out, err)
				}
			}
			row.run(t, lab, words)
			if diff := cmp.Diff(before, pipeworkState(t, lab)); diff != "" {
				t.Errorf("after undo (-before +now):\n%s", diff)
			}
		})
	}
}

// run plays the row's command lines, each twice, looks, and takes them back.
func (row pipeworkRow) run(t *testing.T, lab *rig.Lab, words *strings.Replacer) {
	t.Helper()
	done := 0
	for line := range strings.Lines(row.commands) {
		line = strings.TrimSpace(words.Replace(line))
		if script, ok := strings.CutPrefix(line, "!"); ok {
			shell(t, lab, "node1", inContainer+script)
			continue
		}
		r := pipework(t, lab, strings.Fields(line)...)
		if r.Exit != 0 {
			t.Errorf("netrun pipework %s: exit status %d\n%s%s", line, r.Exit, r.Stdout, r.Stderr)
			break
		}
		done++
		again := pipework(t, lab, strings.Fields(line)...)
		if again.Exit != 0 || !strings.Contains(again.Stdout, "changed=0") {
			t.Errorf("netrun pipework %s, again: exit status %d; want nothing changed\n%s%s", line, again.Exit, again.Stdout, again.Stderr)
		}
	}
	if out, err := lab.Shell(t.Context(), "node1", inContainer+words.Replace(row.want)); err != nil {
		t.Errorf("%s: %v\n%s", row.want, err, out)
	}
	for range done {
		if r := command(t, t.TempDir(), "undo", "-i", lab.Inventory, "node1"); r.Exit != 0 {
			t.Errorf("undo: exit status %d\n%s%s", r.Exit, r.Stdout, r.Stderr)
		}
	}
}
