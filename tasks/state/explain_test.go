package state

import (
	"net/netip"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestExplain(t *testing.T) {
	link := Link{Name: "br0", Type: "bridge", State: "up", MTU: 1400, STP: new(true), VLANFiltering: new(false), Promisc: new(false), IPv6: "on"}
	for _, test := range []struct {
		change Change
		want   string
	}{
		{Change{Op: Create, After: Link{Name: "lo"}, Implied: true}, ""},
		{Change{Op: Delete, Before: Netns{Name: "blue"}}, "ip netns del blue"},
		{Change{Op: Delete, Before: Link{Scope: "pid:7", Name: "eth1"}}, "nsenter -t 7 -n ip link del eth1"},
		{Change{Op: Update, Before: Link{Name: "br0"}, After: link, Fields: []FieldDiff{{Field: "state"}, {Field: "mtu", To: "1400"}, {Field: "stp"}, {Field: "vlan_filtering"}, {Field: "promisc"}, {Field: "ipv6"}}},
			"ip link set br0 mtu 1400\nip link set br0 type bridge stp_state 1\nip link set br0 type bridge vlan_filtering 0\nip link set br0 promisc off\n" +
				"sysctl -w net.ipv6.conf.br0.disable_ipv6=0\nip link set br0 up"},
		{Change{Op: Delete, Before: Member{Link: "v0", Bridge: "br0"}}, "ip link set v0 nomaster"},
		{Change{Op: Delete, Before: Address{Link: "br0", Prefix: netip.MustParsePrefix("10.0.0.1/24"), Label: "br0:x"}}, "ip address del 10.0.0.1/24 dev br0"},
		{Change{Op: Update, Before: Route{}, After: Route{Scope: "netns:blue", Dst: netip.MustParsePrefix("0.0.0.0/0"), Via: "10.0.0.1", Dev: "eth0", OnLink: new(true), Table: 254, MTU: 1400}},
			"ip -n blue route replace default via 10.0.0.1 dev eth0 mtu 1400 onlink"},
		{Change{Op: Create, After: Lease{Scope: "docker:web", Link: "eth1", Hostname: "web", ClientID: "a b", Metric: 5}},
			"nsenter -t $(docker inspect -f '{{.State.Pid}}' web) -n dhclient -H web -C 'a b' -e IF_METRIC=5 eth1"},
		{Change{Op: Delete, Before: Lease{Link: "eth1", Hostname: "web"}}, "dhclient -r eth1"},
		{Change{Op: Delete, Before: Rule{Family: 6, Priority: 9, From: "fd00::/64", Table: 7}}, "ip -6 rule del pref 9 from fd00::/64 lookup 7"},
		{Change{Op: Delete, Before: Neighbour{Link: "br0", IP: netip.MustParseAddr("10.0.0.9"), MAC: "02:00:00:00:00:01"}}, "ip neigh del 10.0.0.9 dev br0"},
		{Change{Op: Update, Before: Sysctl{}, After: Sysctl{Scope: "pid:7", Name: "net/ipv4/conf/eth0.10/rp_filter", Value: "2"}},
			"nsenter -t 7 -n sysctl -w net.ipv4.conf.eth0/10.rp_filter=2"},
		{Change{Op: Create, After: Table{Family: 4, Name: "nat"}}, ""},
		{Change{Op: Update, Before: Chain{}, After: Chain{Family: 6, Table: "filter", Name: "NETRUN-X", Rules: [][]string{{"-m", "comment", "--comment", "it's $(x)", "-j", "DROP"}}}},
			"ip6tables -t filter -F NETRUN-X\nip6tables -t filter -A NETRUN-X -m comment --comment 'it'\\''s $(x)' -j DROP"},
		{Change{Op: Delete, Before: Chain{Family: 4, Table: "nat", Name: "NETRUN-X"}}, "iptables -t nat -F NETRUN-X\niptables -t nat -X NETRUN-X"},
		{Change{Op: Delete, Before: Jump{Family: 4, Table: "nat", From: "OUTPUT", To: "NETRUN-X", Match: []string{"-o", "eth0"}}},
			"iptables -t nat -D OUTPUT -o eth0 -m comment --comment netrun -j NETRUN-X"},
		{Change{Op: Update, Before: OVSBridge{}, After: OVSBridge{Name: "br0", RSTP: new(false), FailMode: "secure", Owner: "netrun"}},
			"ovs-vsctl set bridge br0 rstp_enable=false fail_mode=secure"},
		{Change{Op: Update, Before: OVSPort{}, After: OVSPort{Name: "p0", Bridge: "br0", Options: map[string]string{"b": "2", "a": "1 x"}}, Fields: []FieldDiff{{Field: "options"}, {Field: "tag"}}},
			"ovs-vsctl set interface p0 'options:a=1 x' options:b=2\novs-vsctl clear port p0 tag"},
		{Change{Op: Delete, Before: OVSPort{Name: "p0", Bridge: "br0"}}, "ovs-vsctl del-port br0 p0"},
		{Change{Op: Delete, Before: File{Path: "/etc/x", Type: "directory"}}, "rmdir /etc/x"},
		{Change{Op: Update, Before: File{}, After: File{Path: "/etc/a b", Type: "file", Owner: "web", Group: "web"}, Fields: []FieldDiff{{Field: "group"}}}, "chown -h :web '/etc/a b'"},
	} {
		if diff := cmp.Diff(test.want, strings.Join(Explain(test.change), "\n")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.change, diff)
		}
	}
}

// A shell must read back what was quoted for it.
func FuzzShellQuote(f *testing.F) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		f.Skipf("probed sh: %v", err)
	}
	for _, s := range []string{"", "plain", "a b", "it's", "$(id)", "`id`", "a\nb", `\`, "*", "~", "#", "é", "!x", "-n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, word string) {
		if strings.ContainsRune(word, 0) {
			return
		}
		out, err := exec.Command(sh, "-c", "printf %s "+shellQuote(word)).Output()
		if err != nil || string(out) != word {
			t.Errorf("shellQuote(%q): the shell read %q, %v", word, out, err)
		}
	})
}
