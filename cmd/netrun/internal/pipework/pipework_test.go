package pipework_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"netrun/cmd/netrun/internal/pipework"
	"netrun/tasks"
)

// line is the tasks as one line each: static_ip container=web bridge=br1 ...
func line(list []pipework.Task) string {
	var out []string
	for _, t := range list {
		text := t.Kind
		for _, a := range t.Args {
			text += fmt.Sprintf(" %s=%v", a.Name, a.Value)
		}
		out = append(out, text)
	}
	return strings.Join(out, "; ")
}

// forms are all forms of pipework's usage text and documentation, with the row of
// docs/comparison/pipework.md that each shows.
var forms = []struct{ row, command, want string }{
	{"1 11", "br1 web 192.168.1.1/24", "static_ip container=web bridge=br1 interface=eth1 addresses=192.168.1.1/24 broadcast=true"},
	{"2", "ovsbr0 web 192.168.1.2/24", "static_ip container=web bridge=ovsbr0 interface=eth1 addresses=192.168.1.2/24 broadcast=true"},
	{"3 17", "ovsbr0 web dhcp @10", "static_ip container=web bridge=ovsbr0 tag=10 interface=eth1; dhcp container=web dev=eth1"},
	{"4", "eth2 web 50.19.169.157/24", "static_ip container=web macvlan_on=eth2 interface=eth1 addresses=50.19.169.157/24 broadcast=true"},
	{"5", "eth2 web 10.0.0.2/24 @20", "static_ip container=web macvlan_on=eth2 vlan=20 interface=eth1 addresses=10.0.0.2/24 broadcast=true"},
	{"6", "br1 web 10.0.0.2/24 @20", "static_ip container=web bridge=br1 tag=20 interface=eth1 addresses=10.0.0.2/24 broadcast=true"},
	{"7", "--direct-phys eth1 web 192.168.1.2/24", "static_ip container=web nic=eth1 interface=eth1 addresses=192.168.1.2/24 broadcast=true"},
	{"7", "--direct-phys eth1 web 192.168.1.2/24 @20", "vlan link=eth1 id=20; static_ip container=web nic=eth1.20 interface=eth1 addresses=192.168.1.2/24 broadcast=true"},
	{"8 14", "--direct-phys mac:00:f3:15:4a:42:c8 -i container0 web 0/0", "static_ip container=web nic=mac:00:f3:15:4a:42:c8 interface=container0"},
	{"8", "mac:00:f3:15:4a:42:c8 web 192.168.1.2/24", "static_ip container=web macvlan_on=mac:00:f3:15:4a:42:c8 interface=eth1 addresses=192.168.1.2/24 broadcast=true"},
	{"8", "mac:00:f3:15:4a:42:c8 web dhcp", "static_ip container=web macvlan_on=mac:00:f3:15:4a:42:c8 interface=eth1; dhcp container=web dev=eth1"},
	{"9", "ib0 web 10.10.10.10/24", "static_ip container=web ipoib_on=ib0 interface=ib0 addresses=10.10.10.10/24 broadcast=true"},
	{"9", "ib0 web 10.10.10.10/24 @8001", "static_ip container=web ipoib_on=ib0 pkey=8001 interface=ib0 addresses=10.10.10.10/24 broadcast=true"},
	{"10", "dummy web 192.168.21.101/24@192.168.21.1", "static_ip container=web dummy=true interface=eth1 addresses=192.168.21.101/24 broadcast=true gateway=192.168.21.1"},
	{"11 12", "br1 -i eth2 -l hostapp1 web 192.168.1.10/24", "static_ip container=web bridge=br1 host_interface=hostapp1 interface=eth2 addresses=192.168.1.10/24 broadcast=true"},
	{"13", "br1 -a 6 web 2001:db8::2/64@2001:db8::1", "static_ip container=web bridge=br1 interface=eth1 addresses=2001:db8::2/64 gateway=2001:db8::1"},
	{"16 26", "br1 web 192.168.4.25/20@192.168.4.1", "static_ip container=web bridge=br1 interface=eth1 addresses=192.168.4.25/20 broadcast=true gateway=192.168.4.1"},
	{"17", "eth1 web dhcp-f", "static_ip container=web macvlan_on=eth1 interface=eth1; dhcp container=web dev=eth1"},
	{"18", "br1 -i eth0 web udhcpc:-F blue", "static_ip container=web bridge=br1 interface=eth0; dhcp container=web dev=eth0 hostname=blue"},
	{"18", "br1 web dhclient", "static_ip container=web bridge=br1 interface=eth1; dhcp container=web dev=eth1"},
	{"18", "br1 web dhclient-f", "static_ip container=web bridge=br1 interface=eth1; dhcp container=web dev=eth1"},
	{"18", "br1 web dhcpcd", "static_ip container=web bridge=br1 interface=eth1; dhcp container=web dev=eth1"},
	{"19", "eth0 web 192.168.1.2/24 26:2e:71:98:60:8f", "static_ip container=web macvlan_on=eth0 interface=eth1 addresses=192.168.1.2/24 broadcast=true mac=26:2e:71:98:60:8f"},
	{"20", "eth0 web dhcp U:myhost.foo.com", "static_ip container=web macvlan_on=eth0 interface=eth1 mac=U:myhost.foo.com; dhcp container=web dev=eth1"},
	{"20", "ovsbr0 web dhcp U:myhost.foo.com@10", "static_ip container=web bridge=ovsbr0 tag=10 interface=eth1 mac=U:myhost.foo.com; dhcp container=web dev=eth1"},
	{"21", "route web add 10.0.5.0/24 via 192.168.2.1", "route container=web to=10.0.5.0/24 via=192.168.2.1"},
	{"21", "route web replace default via fe80::1 dev eth1 metric 7", "route container=web to=default via=fe80::1 dev=eth1 metric=7"},
	{"21", "route web del blackhole 10.0.5.0/24 table 7", "route container=web state=absent type=blackhole to=10.0.5.0/24 table=7"},
	{"22", "rule web add from 172.19.0.2/32 table 1", "rule container=web from=172.19.0.2/32 table=1 priority=32765"},
	{"22", "rule web del from all iif eth1 lookup 5 pref 9", "rule container=web state=absent iif=eth1 table=5 priority=9"},
	{"23", "tc web qdisc add dev eth0 root netem loss 30%", "qdisc container=web dev=eth0 parent=root tc=netem loss 30%"},
	{"23", "tc web qdisc replace dev eth1 parent 1:10 handle 30: tbf rate 1mbit burst 10kb latency 70ms", "qdisc container=web dev=eth1 parent=1:10 handle=30: tc=tbf rate 1mbit burst 10kb latency 70ms"},
	{"23", "tc web qdisc del dev eth0 root", "qdisc container=web state=absent dev=eth0 parent=root"},
	{"24", "--wait", "wait_for interface=eth1"},
	{"24", "--wait -i ib0", "wait_for interface=ib0"},
	{"24", "--wait -i ib0 web", "wait_for container=web interface=ib0"},
}

func TestForms(t *testing.T) {
	for _, f := range forms {
		list, err := pipework.Parse(words(f.command), pipework.Auto)
		if err != nil {
			t.Errorf("%s: %v", f.command, err)
			continue
		}
		if diff := cmp.Diff(f.want, line(list)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", f.command, diff)
		}
		for _, task := range list {
			check(t, f.command, task)
		}
	}
}

// check wants the task kind to take the arguments as they are.
func check(t *testing.T, command string, task pipework.Task) {
	t.Helper()
	kind, ok := tasks.Lookup(task.Kind)
	if !ok {
		t.Fatalf("%s: there is no kind %s", command, task.Kind)
	}
	args := map[string]any{}
	for _, a := range task.Args {
		args[a.Name] = a.Value
	}
	made, _, err := kind.Decode(args)
	if err != nil {
		t.Errorf("%s: %v", command, err)
		return
	}
	if err := made.Check(); err != nil {
		t.Errorf("%s: %v", command, err)
	}
}

// words parts a line at blanks, but keeps a DHCP client's options together as a shell's quotes would.
func words(command string) []string {
	out := strings.Fields(command)
	for i, w := range out {
		if strings.HasPrefix(w, "udhcpc:-") && i+1 < len(out) {
			return append(append(out[:i:i], w+" "+out[i+1]), out[i+2:]...)
		}
	}
	return out
}

func TestMistakesAreKind(t *testing.T) {
	for _, test := range []struct {
		command string
		at      int
		want    string
	}{
		{"", 0, "what is it to do?"},
		{"br1", 1, "an interface of the host, a guest and an address (or dhcp) are wanted"},
		{"br1 web 192.168.4.25", 2, "the netmask is missing. Maybe you meant 192.168.4.25/24?"},
		{"br1 web 2001:db8::2", 2, "Maybe you meant 2001:db8::2/64?"},
		{"br1 web nonsense", 2, `"nonsense" is neither an address with its netmask, such as 192.168.1.10/24, nor dhcp nor 0/0`},
		{"br1 web 10.0.0.1/33", 2, `"10.0.0.1/33" is not an address with its netmask`},
		{"br1 web 10.0.0.1/24@gw", 2, `"gw" is not the address of a gateway`},
		{"br1 web 0/0@10.0.0.1", 2, "a gateway needs an address"},
		{"br1 -a 6 web 10.0.0.1/24", 4, "10.0.0.1/24 is not of the family of -a 6"},
		{"br1 -a ipx web 10.0.0.1/24", 2, "the address families are 4 and 6"},
		{"br1 -x web 10.0.0.1/24", 1, "pipework has no option -x"},
		{"br1 web 10.0.0.1/24 -i", 3, "-i needs a value"},
		{"br1 web 10.0.0.1/24 26:2e:71:98:60:8f extra", 4, `"extra" is a word too many`},
		{"br1 web 10.0.0.1/24 @5000", 3, "@5000 is not a VLAN: a number from 1 to 4094 is wanted"},
		{"br1 web 10.0.0.1/24 26:2e:71:98:60:8f@", 3, "which VLAN is meant after the @?"},
		{"mac:00:f3:15:4a:42:c8 web 10.0.0.1/24 @20", 3, "give that by its name instead of mac:00:f3:15:4a:42:c8"},
		{"ib0 web 10.0.0.1/24 26:2e:71:98:60:8f", 3, "an InfiniBand link has the address that it has"},
		{"dummy web 10.0.0.1/24 @20", 3, "a dummy link has no VLAN"},
		{"br1 web udhcpc:-Z", 2, `the client's option "-Z" is not known`},
		{"route web add 10.0.5.6/24 via 192.168.2.1", 3, "10.0.5.6/24 is an address in a subnet. Maybe you meant 10.0.5.0/24?"},
		{"route web show", 2, "route show is not known here: add, replace and del are"},
		{"route web add", 3, "a route where?"},
		{"route", 1, "route of which guest?"},
		{"route web add default nexthop via 10.0.0.1", 4, `"nexthop" of ip route is not known here`},
		{"route web add default via", 4, "via needs a value"},
		{"rule web add uidrange 1-2", 3, `"uidrange" of ip rule is not known here`},
		{"tc web class add dev eth0 parent 1: classid 1:1 htb rate 1mbit", 2, "tc class is not known here"},
		{"tc web qdisc show", 3, "show is not known here"},
		{"--wait -i", 1, "-i needs a value"},
		{"--wait web db", 2, `"db" is a word too many`},
	} {
		_, err := pipework.Parse(strings.Fields(test.command), pipework.Auto)
		var mistake *pipework.Error
		if !errors.As(err, &mistake) || !strings.Contains(mistake.Msg, test.want) || mistake.At != test.at {
			t.Errorf("%q: got %+v; want %q at word %d", test.command, err, test.want, test.at)
		}
	}
}

func TestWayBeatsTheName(t *testing.T) {
	for _, test := range []struct {
		name string
		way  pipework.Way
		want string
	}{
		{"uplink", pipework.Bridge, "bridge=uplink"}, {"br0", pipework.Macvlan, "macvlan_on=br0"}, {"uplink", pipework.Auto, "macvlan_on=uplink"},
		{"docker0", pipework.Auto, "bridge=docker0"}, {"virbr0", pipework.Auto, "bridge=virbr0"}, {"ibm-net", pipework.Auto, "macvlan_on=ibm-net"},
	} {
		list, err := pipework.Parse([]string{test.name, "web", "10.0.0.1/24"}, test.way)
		if err != nil || !strings.Contains(line(list), test.want) {
			t.Errorf("%s as %q: got %s, error %v; want %s", test.name, test.way, line(list), err, test.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, form := range forms {
		f.Add(form.command)
	}
	f.Fuzz(func(t *testing.T, command string) {
		list, err := pipework.Parse(strings.Fields(command), pipework.Auto)
		var mistake *pipework.Error
		if err != nil && (!errors.As(err, &mistake) || mistake.At < 0 || mistake.At > len(strings.Fields(command))) {
			t.Errorf("%q: got %#v", command, err)
		}
		if err == nil && len(list) == 0 {
			t.Errorf("%q: got nothing", command)
		}
	})
}
