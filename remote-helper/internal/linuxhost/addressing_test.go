//go:build linux

package linuxhost

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"netrun/tasks/state"
)

// pair makes two veth ends with an address on the first.
func (r *rig) pair() {
	r.create(state.Link{Name: "v0", Type: "veth", Peer: "v1", State: "up"},
		state.Address{Link: "v0", Prefix: prefix("10.1.0.1/24")},
		state.Address{Link: "v0", Prefix: prefix("fd01::1/64"), NoDAD: true})
	r.update(state.Link{Name: "v1", State: "up"})
}

func TestAddresses(t *testing.T) {
	r := newRig(t)
	r.pair()
	for _, want := range []state.Address{
		{Link: "v0", Prefix: prefix("10.2.0.1/16"), Broadcast: "10.2.255.255", Label: "v0:x", Announce: true},
		{Link: "v0", Prefix: prefix("10.3.0.1/32"), Peer: "10.3.0.2", AddrScope: "link"},
		{Link: "v0", Prefix: prefix("10.4.0.1/24"), Metric: 77},
		{Link: "v0", Prefix: prefix("10.5.0.1/24"), NoPrefixRoute: new(true)},
		{Link: "v0", Prefix: prefix("fd02::1/64"), NoDAD: true, Announce: true},
		{Link: "v0", Prefix: prefix("fe80::42/64"), AddrScope: "link", NoDAD: true},
	} {
		t.Run(want.Prefix.String(), func(t *testing.T) {
			r := r.with(t)
			r.create(want)
			r.have(want)
			r.roundTrip(want.Key(), "ip", "-d", "addr", "show", "v0")
			r.delete(want)
			r.lack(want.Key())
		})
	}
	if len(r.warned) > 0 {
		t.Errorf("warned %q; want nothing", r.warned)
	}
	if got := len(r.observe(state.Key{Kind: state.KindAddress}).All(state.KindAddress, "")); got != 2 {
		t.Errorf("got %d addresses; want the 2 that were made, none of the kernel's", got)
	}
}

func TestDeletedPrimaryLeavesSecondaries(t *testing.T) {
	r := newRig(t)
	r.pair()
	first, second, third := state.Address{Link: "v0", Prefix: prefix("10.1.0.1/24")}, state.Address{Link: "v0", Prefix: prefix("10.1.0.2/24")},
		state.Address{Link: "v0", Prefix: prefix("10.1.0.3/24"), Broadcast: "10.1.0.255"}
	route := state.Route{Dst: prefix("10.77.0.0/16"), Via: "10.1.0.9", Dev: "v0", Src: "10.1.0.3"}
	r.create(second, third, route)
	before := r.output("ip", "addr", "show", "v0") + r.output("ip", "route")
	observed := r.get(first.Key())
	r.delete(observed)
	r.have(second, third, route)
	r.lack(first.Key())
	r.apply(state.Change{Op: state.Create, After: observed})
	if got := r.output("ip", "addr", "show", "v0") + r.output("ip", "route"); got != before {
		t.Errorf("the primary deleted and made again (-before +after):\n%s", cmp.Diff(before, got))
	}
}

func TestRoutes(t *testing.T) {
	r := newRig(t)
	r.pair()
	for _, want := range []state.Route{
		{Dst: prefix("0.0.0.0/0"), Via: "10.1.0.9", Dev: "v0"},
		{Dst: prefix("10.20.0.0/16"), Via: "10.1.0.9", Dev: "v0", Metric: 50, MTU: 1400, Src: "10.1.0.1"},
		{Dst: prefix("10.21.0.0/16"), Dev: "v0", Table: 100},
		{Dst: prefix("10.22.0.0/16"), Dev: "v0", Table: 1000, Protocol: 4},
		{Dst: prefix("10.23.0.0/16"), Type: "blackhole"},
		{Dst: prefix("10.24.0.0/16"), Type: "unreachable", Metric: 9},
		{Dst: prefix("10.25.0.0/16"), Via: "192.0.2.1", Dev: "v0", OnLink: new(true)},
		{Dst: prefix("10.26.0.0/16"), Nexthops: []string{"via 10.1.0.7 dev v0 weight 1", "via 10.1.0.8 dev v0 weight 5"}},
		{Dst: prefix("10.27.0.0/16"), Via: "fd01::9", Dev: "v0"},
		{Dst: prefix("10.28.0.0/16"), Type: "local", Dev: "lo", Table: 100},
		{Dst: prefix("::/0"), Via: "fd01::9", Dev: "v0"},
		{Dst: prefix("fd20::/64"), Dev: "v0", Metric: 50},
		{Dst: prefix("fd21::/64"), Type: "prohibit"},
		{Dst: prefix("fd22::/64"), Nexthops: []string{"via fd01::7 dev v0 weight 1", "via fd01::8 dev v0 weight 3"}},
	} {
		t.Run(want.Dst.String(), func(t *testing.T) {
			r := r.with(t)
			r.create(want)
			r.have(want)
			family := "-4"
			if want.Dst.Addr().Is6() {
				family = "-6"
			}
			r.roundTrip(want.Key(), "ip", "-d", family, "route", "show", "table", "all")
			if want.Type != "" || len(want.Nexthops) > 0 {
				return
			}
			changed := want
			changed.MTU = 1234
			r.update(changed)
			r.have(changed)
		})
	}
	for _, o := range r.observe(state.Key{Kind: state.KindRoute}).All(state.KindRoute, "") {
		route := o.(state.Route)
		if text := route.Dst.String(); strings.HasPrefix(text, "fe80") || strings.HasPrefix(text, "ff00") || text == "10.1.0.0/24" {
			t.Errorf("got %v; want no route of the kernel's", o)
		}
	}
}

func TestRules(t *testing.T) {
	r := newRig(t)
	for _, want := range []state.Rule{
		{Family: 4, Priority: 100, From: "10.0.0.0/8", Table: 100},
		{Family: 4, Priority: 101, To: "10.0.0.1/32", IIF: "eth0", Table: 1000},
		{Family: 4, Priority: 102, FwMark: "0x1", OIF: "eth0", Table: 254},
		{Family: 4, Priority: 103, FwMark: "0x1/0xff", Table: 100},
		{Family: 4, Priority: 104, From: "10.0.0.2/32", Action: "blackhole"},
		{Family: 6, Priority: 105, From: "fd00::/8", Table: 100},
		{Family: 6, Priority: 106, To: "fd00::1/128", Action: "unreachable"},
	} {
		t.Run(want.Key().Name, func(t *testing.T) {
			r := r.with(t)
			r.create(want)
			r.have(want)
			family := "-4"
			if want.Family == 6 {
				family = "-6"
			}
			r.roundTrip(want.Key(), "ip", "-d", family, "rule", "show")
		})
	}
	r.output("ip", "rule", "add", "pref", "200", "from", "10.0.0.0/8", "dport", "80", "table", "7")
	if got := len(r.observe(state.Key{Kind: state.KindRule}).All(state.KindRule, "")); got != 7 {
		t.Errorf("got %d rules; want the 7 that were made", got)
	}
}

func TestNeighbours(t *testing.T) {
	r := newRig(t)
	r.pair()
	for _, want := range []state.Neighbour{
		{Link: "v0", IP: addr("10.1.0.50"), MAC: "02:00:00:00:00:50"},
		{Link: "v0", IP: addr("fd01::50"), MAC: "02:00:00:00:00:51"},
	} {
		r.create(want)
		r.have(want)
		r.roundTrip(want.Key(), "ip", "neigh", "show", "nud", "permanent")
		want.MAC = "02:00:00:00:00:52"
		r.update(want)
		r.have(want)
	}
}

func TestSysctls(t *testing.T) {
	r := newRig(t)
	r.pair()
	r.output("sysctl", "-qw", "net.ipv4.ip_forward=0") // a new namespace may have it from this machine
	r.create(r.netns("s"))
	scope := r.scope("s")
	for _, want := range []state.Sysctl{
		{Name: "net/ipv4/conf/v0/rp_filter", Value: "2"},
		{Scope: scope, Name: "net/ipv4/ip_forward", Value: "1"},
		{Name: "net/ipv4/tcp_rmem", Value: "4096 100000 200000"},
	} {
		before := r.get(want.Key())
		r.update(want)
		r.have(want)
		r.update(before)
		r.have(before)
	}
	r.lack(state.Sysctl{Name: "net/ipv4/no_such"}.Key(), state.Sysctl{Scope: "pid:999999999", Name: "net/ipv4/ip_forward"}.Key())
	if r.get(state.Sysctl{Name: "net/ipv4/ip_forward"}.Key()).(state.Sysctl).Value != "0" {
		t.Error("ip_forward of the host is on; want it on in the namespace only")
	}
}

func TestForwardingComesWithWhatItChanges(t *testing.T) {
	for _, name := range []string{"net/ipv4/ip_forward", "net/ipv4/conf/all/forwarding", "net/ipv6/conf/all/forwarding", "net/ipv6/conf/all/disable_ipv6"} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.pair()
			r.output("sysctl", "-qw", "net.ipv4.conf.v0.forwarding=1", "net.ipv6.conf.v1.forwarding=1", "net.ipv6.conf.v1.disable_ipv6=1")
			before := r.output("sysctl", "-a", "--pattern", "^net.ip")
			seen := r.observe(state.Sysctl{Name: name}.Key()).All(state.KindSysctl, "")
			r.update(state.Sysctl{Name: name, Value: "1"})
			var undo []state.Change
			for _, o := range seen {
				undo = append(undo, state.Change{Op: state.Update, Before: o, After: o})
			}
			r.apply(undo...)
			if after := r.output("sysctl", "-a", "--pattern", "^net.ip"); after != before {
				t.Errorf("sysctl -a before:\n%s\nafter:\n%s", before, after)
			}
		})
	}
}

func TestSysctlNameLeadsNowhereElse(t *testing.T) {
	for _, name := range []string{"../etc/passwd", "/etc/passwd", "net/../../x", "net//x", "net/ipv4/", "a\x00b"} {
		if err := checkSysctl(name); err == nil {
			t.Errorf("checkSysctl(%q): got no error; want one", name)
		}
	}
}
