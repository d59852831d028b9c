//go:build linux

package linuxhost

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"netrun/tasks/reconcile"
	"netrun/tasks/state"
)

// volatile is what differs from one moment to the next by itself: lifetimes,
// timers, carrier and what spanning tree makes of it (a bridge without ports may have
// no id yet), and the kernel's routes to its own link-local addresses, which come once
// duplicate address detection is done.
var volatile = regexp.MustCompile(`(?m)^net\.netfilter\.nf_conntrack_(count|max).*\n|^.*(entropy|mtu_expires|stable_secret).*\n` +
	`|^(local|anycast) fe80:.*\n|(valid_lft|preferred_lft|used|age|\w+_timer|state) +[^ \n]+|,LOWER_UP|,M-DOWN|NO-CARRIER,| tentative| linkdown| dead` +
	`|(tso_max_size|topology_change\w*|root_port|designated_\w+|root_id|bridge_id|config_pending|root_path_cost) +[^ \n]+`)

// portrait is the whole network configuration of the rig's namespace as text.
func (r *rig) portrait() string {
	r.Helper()
	var out strings.Builder
	for _, command := range []string{"ip -d link", "ip -d addr", "ip -4 -d route show table all", "ip -6 -d route show table all", "ip rule", "ip -6 rule",
		"ip neigh show nud permanent", "bridge -d link", "sysctl -a --pattern ^net"} {
		words := strings.Fields(command)
		lines := strings.SplitAfter(r.output(words[0], words[1:]...), "\n")
		if words[1] == "-6" { // the kernel lists equal prefixes by when their links came up
			slices.Sort(lines)
		}
		fmt.Fprintf(&out, "## %s\n%s", command, strings.Join(lines, ""))
	}
	return volatile.ReplaceAllString(out.String(), "") + r.savedRules()
}

// scenario is what is there, and what is then wanted.
type scenario struct {
	name   string
	before []string // commands
	wants  func(r *rig) []state.Want
}

func scenarios() []scenario {
	return []scenario{
		{name: "static ip", wants: staticIP},
		{name: "router", wants: func(r *rig) []state.Want {
			return state.Present(state.Sysctl{Name: "net/ipv4/ip_forward", Value: "1"},
				state.Sysctl{Name: "net/ipv6/conf/all/forwarding", Value: "1"},
				state.Route{Dst: prefix("10.50.0.0/16"), Via: "10.1.0.9"})
		}, before: busyHost()},
		{name: "change of what is there", before: busyHost(), wants: func(r *rig) []state.Want {
			return state.Present(state.Link{Name: "v0", MTU: 1280, MAC: "02:00:00:00:00:77"}, state.Link{Name: "v1", State: "down"},
				state.Link{Name: "br0", STP: new(true)}, state.Member{Link: "w0", Bridge: "br1"},
				state.Route{Dst: prefix("0.0.0.0/0"), Via: "10.1.0.77"},
				state.Neighbour{Link: "v0", IP: addr("10.1.0.60"), MAC: "02:00:00:00:00:99"})
		}},
		{name: "absent", before: busyHost(), wants: func(r *rig) []state.Want {
			return state.Absent(state.Route{Dst: prefix("10.7.0.0/16")}, state.Route{Dst: prefix("0.0.0.0/0")},
				state.Rule{Family: 4, Priority: 500, From: "10.8.0.0/16", Table: 100},
				state.Neighbour{Link: "v0", IP: addr("10.1.0.60")}, state.Member{Link: "w0"}, state.Address{Link: "v0", Prefix: prefix("fd01::1/64")},
				state.Chain{Family: 4, Table: "nat", Name: "NETRUN-OLD"}, state.Link{Name: "vx0"})
		}},
		{name: "a route and the only address of its link", before: busyHost(), wants: func(r *rig) []state.Want {
			return state.Present(state.Address{Link: "w1", Prefix: prefix("10.11.0.1/24")},
				state.Route{Dst: prefix("10.12.0.0/16"), Via: "10.11.0.9"}, state.Route{Dst: prefix("10.13.0.0/16"), Via: "10.1.0.9", Src: "10.11.0.1"})
		}},
		{name: "no route and no address of its link", before: append(busyHost(), "ip addr add 10.11.0.1/24 dev w1", "ip route add 10.12.0.0/16 via 10.11.0.9"),
			wants: func(r *rig) []state.Want {
				return state.Absent(state.Address{Link: "w1", Prefix: prefix("10.11.0.1/24")}, state.Route{Dst: prefix("10.12.0.0/16")})
			}},
		{name: "link of iptables", before: busyHost(), wants: func(r *rig) []state.Want {
			return state.Present(append(natChain(4, []string{"-d", "10.0.0.1", "-p", "tcp", "--dport", "80", "-j", "DNAT", "--to-destination", "${addr4 v0}:80"}),
				state.Table{Family: 6, Name: "mangle"}, state.Chain{Family: 6, Table: "mangle", Name: "NETRUN-M", Rules: [][]string{{"-j", "RETURN"}}})...)
		}},
	}
}

// staticIP is pipework's job.
func staticIP(r *rig) []state.Want {
	in := r.scope("c")
	return state.Present(r.netns("c"), state.Link{Name: "br0", Type: "bridge", State: "up"},
		state.Link{Name: "nr-c", Type: "veth", Peer: "eth0", PeerScope: in, State: "up", IPv6: "off", MTU: 1400},
		state.Member{Link: "nr-c", Bridge: "br0"},
		state.Link{Scope: in, Name: "lo", State: "up"},
		state.Link{Scope: in, Name: "eth0", State: "up", MTU: 1400, MAC: "02:00:00:00:00:10"},
		state.Address{Scope: in, Link: "eth0", Prefix: prefix("10.3.0.2/24"), Announce: true},
		state.Address{Scope: in, Link: "eth0", Prefix: prefix("fd03::2/64"), NoDAD: true},
		state.Route{Scope: in, Dst: prefix("0.0.0.0/0"), Via: "10.3.0.1"},
		state.Sysctl{Scope: in, Name: "net/ipv4/conf/eth0/arp_ignore", Value: "1"},
		state.Address{Link: "br0", Prefix: prefix("10.3.0.1/24"), Broadcast: "10.3.0.255"})
}

// busyHost is a host on which others have set things up.
func busyHost() []string {
	return []string{
		"sysctl -qw net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.all.accept_dad=0", // its end would be seen as a change
		"ip link add v0 type veth peer name v1", "ip link set v0 up", "ip link set v1 up",
		"ip link add br0 type bridge", "ip link add br1 address 02:00:00:00:00:b1 type bridge forward_delay 700", "ip link set br0 up",
		"ip link add w0 type veth peer name w1", "ip link set w0 master br0", "ip link set w0 up", "ip link set w1 up",
		"ip link add vx0 type vxlan id 5 local 10.1.0.1 remote 10.1.0.2 dstport 4789",
		"ip addr add 10.1.0.1/24 brd + dev v0", "ip addr add 10.1.0.2/24 dev v0", "ip addr add fd01::1/64 dev v0 nodad",
		"ip route add default via 10.1.0.9 metric 10", "ip route add default via 10.1.0.8",
		"ip route add 10.7.0.0/16 proto static metric 5 nexthop via 10.1.0.7 nexthop via 10.1.0.6 weight 3",
		"ip -6 route add fd09::/64 via fd01::9", "ip rule add pref 500 from 10.8.0.0/16 table 100",
		"ip route add blackhole 10.9.0.0/16 table 100",
		"ip neigh add 10.1.0.60 lladdr 02:00:00:00:00:60 dev v0 nud permanent",
		"sysctl -qw net.ipv4.conf.v0.forwarding=1 net.ipv6.conf.w1.forwarding=1",
		"iptables -t nat -A OUTPUT -d 127.0.0.11 -j RETURN", "iptables -t nat -N NETRUN-OLD", "iptables -t nat -A NETRUN-OLD -p tcp -j ACCEPT",
		"iptables -A INPUT -p tcp --dport 22 -j ACCEPT", "ip6tables -P FORWARD DROP",
	}
}

// The three laws: a second plan is empty; undo, from a journal that has been on
// disk, leaves the host as it was; and so does undoing twice.
func TestLaws(t *testing.T) {
	for _, sc := range scenarios() {
		t.Run(sc.name, func(t *testing.T) {
			r := newRig(t)
			needIptables(r)
			for _, command := range sc.before {
				words := strings.Fields(command)
				r.output(words[0], words[1:]...)
			}
			before := r.portrait()
			p := reconcile.New(r.host, reconcile.Options{})
			plan := func(p *reconcile.Planner) []state.Change {
				changes, err := p.Plan(context.Background(), 1, sc.wants(r))
				if err != nil {
					t.Fatalf("plan: %v", err)
				}
				return changes
			}
			if len(plan(p)) == 0 {
				t.Fatal("got no changes; want some")
			}
			if got := r.portrait(); got != before {
				t.Fatalf("planning changed the host (-before +after):\n%s", cmp.Diff(before, got))
			}
			if err := p.Apply(context.Background()); err != nil {
				t.Fatalf("apply: %v", err)
			}
			if left, err := p.Verify(context.Background()); err != nil || len(left) > 0 {
				t.Errorf("verify: %v, %v; want nothing", left, err)
			}
			if again := plan(reconcile.New(r.host, reconcile.Options{})); len(again) > 0 {
				t.Errorf("second plan: %v; want nothing", again)
			}
			records := fromDisk(t, p.Records())
			for range 2 {
				report, err := reconcile.Undo(context.Background(), r.host, records, reconcile.UndoOptions{})
				if err != nil || len(report.Left) > 0 {
					t.Errorf("undo: %v, left %q; want all undone", err, report.Left)
				}
				if got := r.portrait(); got != before {
					t.Errorf("after undo (-before +after):\n%s", lineDiff(before, got))
				}
			}
		})
	}
}

// fromDisk is the records as a journal gives them back.
func fromDisk(t *testing.T, records []reconcile.Record) []reconcile.Record {
	var out []reconcile.Record
	for _, rec := range records {
		raw, err := json.Marshal(rec.Changes)
		if err != nil {
			t.Fatal(err)
		}
		back := reconcile.Record{Collateral: rec.Collateral}
		if err := json.Unmarshal(raw, &back.Changes); err != nil {
			t.Fatal(err)
		}
		out = append(out, back)
	}
	return out
}

func lineDiff(a, b string) string {
	return cmp.Diff(strings.Split(a, "\n"), strings.Split(b, "\n"))
}
