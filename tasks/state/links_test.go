package state

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func prefix(text string) netip.Prefix { return netip.MustParsePrefix(text) }

// bridged is a host with a way out and a container behind docker0, in both families.
func bridged() *State {
	web := NetnsScope("web")
	return New(
		Address{Link: "lo", Prefix: prefix("127.0.0.1/8")}, Address{Link: "eth0", Prefix: prefix("192.0.2.5/24")},
		Address{Link: "docker0", Prefix: prefix("172.17.0.1/16")}, Address{Link: "docker0", Prefix: prefix("fe80::1/64")},
		Address{Link: "docker0", Prefix: prefix("fd00:17::1/64")}, Route{Dst: prefix("0.0.0.0/0"), Via: "192.0.2.1", Dev: "eth0"},
		Address{Scope: web, Link: "eth0", Prefix: prefix("172.17.0.2/16")}, Address{Scope: web, Link: "eth0", Prefix: prefix("fd00:17::2/64")},
		Route{Scope: web, Dst: prefix("0.0.0.0/0"), Via: "172.17.0.1", Dev: "eth0"},
	)
}

func TestSelfAddress(t *testing.T) {
	web := NetnsScope("web")
	for _, c := range []struct {
		name string
		edit func(*State)
		six  bool
		from Scope
		want string
	}{
		{"the gateway", func(*State) {}, false, web, "172.17.0.1"},
		{"on the subnet, without a gateway", func(*State) {}, true, web, "fd00:17::1"},
		{"the way out, where the gateway is another host", func(s *State) {
			s.Put(Route{Scope: web, Dst: prefix("0.0.0.0/0"), Via: "10.9.0.1", Dev: "eth1"})
			s.Delete(Address{Link: "docker0", Prefix: prefix("172.17.0.1/16")}.Key())
		}, false, web, "192.0.2.5"},
		{"the host itself", func(*State) {}, false, HostScope, "192.0.2.5"},
		{"none", func(s *State) {
			for _, o := range s.All(KindAddress, HostScope) {
				s.Delete(o.Key())
			}
		}, false, web, "this host has no IPv4 address of its own"},
	} {
		s := bridged()
		c.edit(s)
		ip, why := SelfAddress(s, c.from, c.six)
		if got := strings.TrimPrefix(ip.String(), "invalid IP") + why; got != c.want {
			t.Errorf("%s: got %s; want %s", c.name, got, c.want)
		}
	}
}

func tcp(from string, port int, host string, to int) NetLink {
	return NetLink{FromHost: from, FromPort: port, ToHost: host, ToPort: to, Proto: "tcp"}
}

func TestLinksResolve(t *testing.T) {
	s := bridged()
	s.Put(Name{Name: "db", Addresses: []netip.Addr{netip.MustParseAddr("203.0.113.9"), netip.MustParseAddr("203.0.113.8"), netip.MustParseAddr("2001:db8::8")}})
	s.Put(Name{Name: "six", Addresses: []netip.Addr{netip.MustParseAddr("2001:db8::8")}})
	s.Put(Name{Name: "gone", Problem: "no such host"})
	about := tcp("127.0.0.1", 86, "192.0.2.9", 0)
	about.About = "80/tcp of container x on y"
	l := Links{Scope: NetnsScope("web"), Family: 4, Name: "NETRUN-L1", Links: []NetLink{
		tcp("127.0.0.1", 80, "192.0.2.9", 8080), tcp("127.0.0.1", 81, "db", 8080), tcp("localhost", 82, "localhost", 22), tcp("127.0.0.1", 87, "127.0.0.1", 22),
		tcp("127.0.0.1", 83, "gone", 1), tcp("127.0.0.1", 84, "db", 0), tcp("127.0.0.1", 85, "", 80), about, tcp("127.0.0.1", 88, "six", 80), tcp("127.0.0.1", 89, "unasked", 80),
	}}
	to, err := l.Resolve(s)
	if err != nil {
		t.Fatal(err)
	}
	l.Source = true
	from, err := l.Resolve(s)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range []Object{to, from} {
		for _, r := range c.(Chain).Rules {
			got = append(got, strings.Join(r, " "))
		}
	}
	want := []string{
		"-d 127.0.0.1/32 -p tcp -m tcp --dport 80 -j DNAT --to-destination 192.0.2.9:8080",
		"-d 127.0.0.1/32 -p tcp -m tcp --dport 81 -j DNAT --to-destination 203.0.113.8:8080",
		"-d 127.0.0.1/32 -p tcp -m tcp --dport 82 -j DNAT --to-destination 172.17.0.1:22",
		"-d 127.0.0.1/32 -p tcp -m tcp --dport 87 -j DNAT --to-destination 172.17.0.1:22",
		"-d 192.0.2.9/32 -o eth0 -p tcp -m tcp --dport 8080 -m conntrack --ctstate DNAT -j SNAT --to-source 172.17.0.2",
		"-d 203.0.113.8/32 -o eth0 -p tcp -m tcp --dport 8080 -m conntrack --ctstate DNAT -j SNAT --to-source 172.17.0.2",
		"-d 172.17.0.1/32 -o eth0 -p tcp -m tcp --dport 22 -m conntrack --ctstate DNAT -j SNAT --to-source 172.17.0.2",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rules (-want +got):\n%s", diff)
	}
	held := []string{
		"link 127.0.0.1:83 -> gone:1 waits: gone is not known here: no such host",
		"link 127.0.0.1:84 -> db waits: its remote port is missing",
		"link 127.0.0.1:85 -> ?:80 waits: its remote host is missing",
		"link 127.0.0.1:86 -> 192.0.2.9 waits: no port is known for 80/tcp of container x on y",
		"link 127.0.0.1:88 -> six:80 waits: six has no IPv4 address",
		"link 127.0.0.1:89 -> unasked:80 waits: nobody could be asked for unasked",
	}
	if diff := cmp.Diff(held, l.Held(s)); diff != "" {
		t.Errorf("held (-want +got):\n%s", diff)
	}
}

func TestLinksWithoutAWay(t *testing.T) {
	s := bridged()
	six := Links{Scope: NetnsScope("web"), Family: 6, Name: "NETRUN-L1", Source: true, Links: []NetLink{tcp("fd00::1", 80, "2001:db8::1", 80)}}
	if held := six.Held(s); len(held) != 1 || held[0] != "link [fd00::1]:80 -> [2001:db8::1]:80 waits: no route to 2001:db8::1 in netns:web" {
		t.Errorf("no route: got %q", held)
	}
	waits := Links{Family: 4, Name: "NETRUN-L1", Links: []NetLink{tcp("127.0.0.1", 80, "", 80)}}
	c, err := waits.Resolve(s)
	if err != nil || len(c.(Chain).Rules) != 1 || !strings.Contains(strings.Join(c.(Chain).Rules[0], " "), "-j RETURN") {
		t.Errorf("all wait: got %v, error %v; want a chain that does nothing", c, err)
	}
}

// TestLinksOfTwoChains is geard's container in two deployments, where the first rule won.
func TestLinksOfTwoChains(t *testing.T) {
	s := bridged()
	l := Links{Scope: NetnsScope("web"), Family: 4, Name: "NETRUN-L1", Links: []NetLink{tcp("127.0.0.1", 80, "192.0.2.9", 8080)}}
	c, err := l.Resolve(s)
	if err != nil {
		t.Fatal(err)
	}
	s.Put(c)
	if _, err := l.Resolve(s); err != nil {
		t.Errorf("again: %v", err)
	}
	l.Name, l.Links[0].ToPort = "NETRUN-L2", 9090
	const want = "link 127.0.0.1:80 -> 192.0.2.9:9090: 127.0.0.1:80 leads to 192.0.2.9:8080 in netns:web already, by chain NETRUN-L1-D"
	if _, err := l.Resolve(s); err == nil || err.Error() != want {
		t.Errorf("got error %v; want %s", err, want)
	}
	l.Links[0].Proto = "udp"
	if _, err := l.Resolve(s); err != nil {
		t.Errorf("of another protocol: %v", err)
	}
}

// TestInspectPortsOfOthers has a stopped container whose address another one got, while
// the rules that publish it are still there.
func TestInspectPortsOfOthers(t *testing.T) {
	publish := func(name, host string) Chain {
		return Chain{Family: 4, Table: "nat", Name: "NETRUN-P" + name + "-D", Rules: [][]string{
			{"-p", "tcp", "-m", "tcp", "--dport", host, "-m", "comment", "--comment", name + " 80/tcp", "-j", "DNAT", "--to-destination", "172.17.0.2:80"}}}
	}
	s := bridged()
	s.Put(Netns{Name: "web"})
	s.Put(publish("gone", "4000"))
	s.Put(publish("web", "4001"))
	if got := (Inspect{Name: "netns:web"}).See(s).Ports; got["80/tcp"] != 4001 || len(got) != 1 {
		t.Errorf("ports of web: got %v; want 4001, and not those of the container that had its address", got)
	}
	if got := (Inspect{Name: "container:gone"}).See(s).Ports; got["80/tcp"] != 4000 {
		t.Errorf("ports of one that does not run: got %v; want 4000", got)
	}
	s.Put(Address{Scope: NetnsScope("web"), Link: "eth0", Prefix: prefix("172.17.0.9/16")})
	s.Delete(Address{Scope: NetnsScope("web"), Link: "eth0", Prefix: prefix("172.17.0.2/16")}.Key())
	if got := (Inspect{Name: "netns:web"}).See(s).Ports; len(got) != 0 {
		t.Errorf("ports of web at another address: got %v; want none until the rules follow", got)
	}
}
