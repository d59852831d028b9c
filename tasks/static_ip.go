package tasks

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"netrun/tasks/state"
)

// StaticIP gives a container a link with addresses of its own: pipework's job.
type StaticIP struct {
	Container     Container         `arg:"container" doc:"who gets the link: name of a container or of a network namespace, project/service of a compose project, docker:NAME, podman:NAME or pid:N"`
	Netns         Netns             `arg:"netns" doc:"the same, by the name of a network namespace only"`
	Bridge        IfName            `arg:"bridge" doc:"bridge that the link leads to, over a veth pair: Linux's or Open vSwitch's, as the host has it"`
	BridgeType    string            `arg:"bridge_type" choices:"linux,openvswitch" doc:"which of the two; unset, what is there, else openvswitch if the name begins with ovs"`
	Create        bool              `arg:"create" doc:"make the bridge if it is not there; one whose name begins with br or ovs is made anyway"`
	Tag           int               `arg:"tag" doc:"bridge: VLAN of the container, 1 to 4094; of a Linux bridge it turns vlan_filtering on"`
	Trunks        []int             `arg:"trunks" doc:"bridge: VLANs that the container gets with their tags"`
	MacvlanOn     HostLink          `arg:"macvlan_on" doc:"instead of bridge: the host's link on top of which a macvlan is made; mac:ADDRESS names it by its MAC address"`
	IPvlanOn      HostLink          `arg:"ipvlan_on" doc:"instead of bridge: the host's link on top of which an ipvlan is made"`
	Mode          string            `arg:"mode" choices:"bridge,private,vepa,passthru,l2,l3,l3s" doc:"mode of the macvlan (bridge unless given) or of the ipvlan (l2 unless given)"`
	VLAN          int               `arg:"vlan" doc:"macvlan_on, ipvlan_on: the VLAN of that link to use, 1 to 4094; LINK.VLAN is made if it is not there"`
	NIC           HostLink          `arg:"nic" doc:"instead of bridge: the host's link that is moved into the container, and given back on removal and when the container ends"`
	Dummy         bool              `arg:"dummy" doc:"instead of bridge: a link that leads nowhere"`
	IPoIBOn       IfName            `arg:"ipoib_on" doc:"instead of bridge: the host's InfiniBand link on top of which a child is made"`
	PKey          PKey              `arg:"pkey" doc:"ipoib_on: partition key in hexadecimal"`
	Interface     IfName            `arg:"interface" default:"eth1" doc:"name of the link in the container"`
	HostInterface IfName            `arg:"host_interface" doc:"name of the host's end of the veth pair; unset, made from container and interface, so that it is the same each time"`
	Addresses     []Prefix          `arg:"addresses" doc:"IPv4 and IPv6 addresses with prefix length; unset, none"`
	DHCP          bool              `arg:"dhcp" doc:"get an IPv4 address from a DHCP server, and keep it while the container runs (see dhcp)"`
	Hostname      Hostname          `arg:"hostname" doc:"dhcp: name that the server is told; unset, that of the container"`
	ClientID      string            `arg:"client_id" doc:"dhcp: what the server is to know the container by; unset, made from the machine, the container and the link"`
	DefaultRoute  *bool             `arg:"default_route" doc:"dhcp: whether the server's default route is taken; unset, it is where there is no other"`
	DHCPWait      time.Duration     `arg:"dhcp_wait" default:"10s" doc:"dhcp: how long the first lease is waited for; a bridge with spanning tree takes 30 seconds before it lets anything through"`
	Gateway       []Addr            `arg:"gateway" doc:"default gateway, at most one a family; one outside the subnet gets a route of its own"`
	Routes        []StaticRoute     `arg:"routes" doc:"further routes through the link"`
	Rules         []StaticRule      `arg:"rules" doc:"rules of the container's routing policy"`
	MAC           MAC               `arg:"mac" doc:"MAC address, or U:TEXT for one made from a text; unset, made from container, interface and address, so that ARP caches survive a restart; a NIC keeps its own"`
	MTU           int               `arg:"mtu" doc:"MTU in bytes; unset, that of the bridge or of the link below"`
	Qdisc         string            `arg:"qdisc" doc:"queueing of what the container sends, in the words of tc: tbf rate 10mbit burst 32kb latency 400ms, or netem delay 100ms"`
	Sysctls       map[string]string `arg:"sysctls" doc:"parameters in the container: net.ipv4.conf.eth1.arp_ignore: 1"`
	Broadcast     bool              `arg:"broadcast" doc:"give IPv4 addresses their subnet's broadcast address, as ip address does with brd +"`
	Links         []any             `arg:"links" doc:"links to ports elsewhere, as the task link takes them"`
	LinkPorts     map[string]any    `arg:"link_ports" doc:"what container_info registered, by host: for links to HOST/CONTAINER. Unset, those hosts are asked"`
	Announce      bool              `arg:"announce" default:"true" doc:"tell the neighbours about the addresses (gratuitous ARP, unsolicited NA)"`
	State         string            `arg:"state" default:"present" choices:"present,absent" doc:"absent removes the link and all that hangs on it, and gives a NIC back; a bridge or VLAN goes with it if such a task made it and nothing uses it"`
}

// StaticRoute is a route through the link that the task makes.
type StaticRoute struct {
	To     Net     `arg:"to,required" doc:"destination: a subnet or an address"`
	Via    Addr    `arg:"via" doc:"gateway; unset, the destination is on the link"`
	Src    Addr    `arg:"src" doc:"source address that the container prefers on this route"`
	Metric int     `arg:"metric" doc:"metric"`
	Table  TableID `arg:"table" doc:"routing table: a number, main, default or local; unset is main, and only another one may have a default route"`
}

// StaticRule is a rule of the container's routing policy.
type StaticRule struct {
	Priority int     `arg:"priority,required" doc:"place in the order of the rules, 1 to 32765"`
	From     Net     `arg:"from" doc:"source: a subnet or an address"`
	To       Net     `arg:"to" doc:"destination: a subnet or an address"`
	Table    TableID `arg:"table,required" doc:"routing table that is looked up"`
}

func init() {
	Register(Kind{Name: "static_ip", Short: "a link with static addresses for a container (pipework)", New: func() Task { return new(StaticIP) }})
}

func (s *StaticIP) place() place { return place{s.Netns, s.Container} }

// Check implements Task.
func (s *StaticIP) Check() error {
	errs := []error{s.place().check(), checkMTU(s.MTU), checkAddresses("addresses", s.Addresses), s.checkGateways(), s.checkWay(), s.checkRoutes(),
		checkRange("tag", s.Tag, 1, 4094), checkRange("vlan", s.VLAN, 1, 4094), checkVLANs(s.Trunks), s.checkDHCP(), s.netLinks().check()}
	if !s.place().given() {
		errs = append(errs, Wrong("container", "whose address? give container or netns"))
	}
	for i, r := range s.rules() {
		if err := r.Check(); err != nil {
			errs = append(errs, under(err, "rules", i))
		}
	}
	if s.Qdisc != "" {
		if _, err := state.ParseQdisc(strings.Fields(s.Qdisc)); err != nil {
			errs = append(errs, Wrong("qdisc", "%v", err))
		}
	}
	errs = append(errs, renamed(s.sysctls().Check(), "settings", "sysctls"))
	return errors.Join(errs...)
}

// renamed is the error with another name for an argument.
func renamed(err error, from, to string) error {
	if err == nil {
		return nil
	}
	var joined interface{ Unwrap() []error }
	if errors.As(err, &joined) {
		var out []error
		for _, e := range joined.Unwrap() {
			out = append(out, renamed(e, from, to))
		}
		return errors.Join(out...)
	}
	var arg *ArgError
	if errors.As(err, &arg) && len(arg.Path) > 0 && arg.Path[0] == from {
		arg.Path[0] = to
	}
	return err
}

// ways lists what the link is to be, by the arguments that ask for it.
func (s *StaticIP) ways() []string {
	var out []string
	for _, w := range []struct {
		name  string
		given bool
	}{{"bridge", s.Bridge != ""}, {"macvlan_on", s.MacvlanOn != ""}, {"ipvlan_on", s.IPvlanOn != ""}, {"nic", s.NIC != ""},
		{"dummy", s.Dummy}, {"ipoib_on", s.IPoIBOn != ""}} {
		if w.given {
			out = append(out, w.name)
		}
	}
	return out
}

// checkWay wants one thing that the link is, and only arguments that go with it.
func (s *StaticIP) checkWay() error {
	ways := s.ways()
	if len(ways) == 0 {
		return Wrong("bridge", "what kind of link? give bridge, macvlan_on, ipvlan_on, nic, dummy or ipoib_on")
	}
	if len(ways) > 1 {
		return Wrong(ways[1], "%s and %s are two kinds of link: give one", ways[0], ways[1])
	}
	var errs []error
	for _, a := range []struct {
		name  string
		given bool
		ways  string
	}{{"bridge_type", s.BridgeType != "", "bridge"}, {"create", s.Create, "bridge"}, {"tag", s.Tag != 0, "bridge"}, {"trunks", s.Trunks != nil, "bridge"},
		{"host_interface", s.HostInterface != "", "bridge"}, {"mode", s.Mode != "", "macvlan_on ipvlan_on"}, {"vlan", s.VLAN != 0, "macvlan_on ipvlan_on"},
		{"pkey", s.PKey != 0, "ipoib_on"}, {"mac", s.MAC != "", "bridge macvlan_on nic dummy"}} {
		if allowed := strings.Fields(a.ways); a.given && !slices.Contains(allowed, ways[0]) {
			errs = append(errs, Wrong(a.name, "%s goes with %s, not with %s", a.name, strings.Join(allowed, " or "), ways[0]))
		}
	}
	return errors.Join(append(errs, s.checkMode(), s.checkVLANName())...)
}

// checkMode wants a mode of the kind of link.
func (s *StaticIP) checkMode() error {
	three := strings.HasPrefix(s.Mode, "l")
	switch {
	case s.Mode == "" || three == (s.IPvlanOn != ""):
		return nil
	case three:
		return Wrong("mode", "%s is a mode of ipvlan", s.Mode).WithHint("a macvlan has bridge, private, vepa or passthru")
	}
	return Wrong("mode", "%s is a mode of macvlan", s.Mode).WithHint("an ipvlan has l2, l3 or l3s")
}

func (s *StaticIP) checkVLANName() error {
	on := s.MacvlanOn + s.IPvlanOn
	if s.VLAN == 0 || on == "" {
		return nil
	}
	if on.byMAC() {
		return Wrong("vlan", "the VLAN's link is named after the link below: give that by its name, not by its MAC address")
	}
	if err := ifNameError(vlanName(IfName(on), s.VLAN)); err != nil {
		return Wrong("vlan", "%v", err).WithHint("make it by a vlan task under a shorter name, and give that one")
	}
	return nil
}

func (s *StaticIP) checkRoutes() error {
	var errs []error
	for i, r := range s.Routes {
		route := func(arg, format string, a ...any) {
			errs = append(errs, &ArgError{Path: []any{"routes", i, arg}, Msg: fmt.Sprintf(format, a...)})
		}
		switch {
		case r.To.Default && (r.Table == 0 || r.Table == 254):
			route("to", "the default route is set by gateway")
		case r.To.Default && !r.Via.IsValid():
			route("via", "a default route needs a gateway")
		case r.Via.IsValid() && !r.To.Default && r.Via.Is6() != r.To.Addr().Is6():
			route("via", "%s is not of the same family as %s", r.Via, r.To.Prefix)
		case r.Src.IsValid() && r.Src.Is6() != r.To.For(r.Via.Addr).Addr().Is6():
			route("src", "%s is not of the same family as the destination", r.Src)
		case r.Metric < 0:
			route("metric", "%d is not a metric", r.Metric)
		}
	}
	return errors.Join(errs...)
}

func (s *StaticIP) checkGateways() error {
	var errs []error
	seen := map[bool]bool{}
	for i, g := range s.Gateway {
		switch {
		case !g.IsValid():
			continue
		case seen[g.Is6()]:
			errs = append(errs, at(Wrong("gateway", "%s is the second gateway of its family", g), i))
		case s.own(g.Addr):
			errs = append(errs, at(Wrong("gateway", "%s is the container's own address", g), i))
		case s.DHCP && g.Is4():
			errs = append(errs, at(Wrong("gateway", "the DHCP server says which gateway: leave it out"), i))
		case s.State != absent && !s.hasFamily(g.Is6()):
			errs = append(errs, at(Wrong("gateway", "%s: the container gets no address of that family", g), i))
		}
		seen[g.Is6()] = true
	}
	return errors.Join(errs...)
}

func (s *StaticIP) own(addr netip.Addr) bool {
	return slices.ContainsFunc(s.Addresses, func(p Prefix) bool { return p.Addr() == addr })
}

func (s *StaticIP) hasFamily(six bool) bool {
	return slices.ContainsFunc(s.Addresses, func(p Prefix) bool { return p.Addr().Is6() == six })
}

func (s *StaticIP) onSubnet(addr netip.Addr) bool {
	return slices.ContainsFunc(s.Addresses, func(p Prefix) bool { return p.Contains(addr) })
}

// rules are the rules as tasks of their own.
func (s *StaticIP) rules() []*Rule {
	var out []*Rule
	for _, r := range s.Rules {
		out = append(out, &Rule{Priority: r.Priority, From: r.From, To: r.To, Table: r.Table, State: s.State, Netns: s.Netns, Container: s.Container})
	}
	return out
}

// sysctls are the parameters as a task of their own.
func (s *StaticIP) sysctls() *Sysctl {
	settings := s.Sysctls
	if settings == nil {
		settings = map[string]string{} // none is no mistake here
	}
	return &Sysctl{Settings: settings, Netns: s.Netns, Container: s.Container}
}

// Want implements Wanter.
func (s *StaticIP) Want() []state.Want {
	if s.State == absent {
		return append(s.netLinks().wants(absent), s.gone()...)
	}
	scope, dev := s.place().scope(), string(s.Interface)
	objects := append(s.links(), s.addresses(scope, dev)...)
	objects = append(objects, s.routes(scope, dev)...)
	if s.Qdisc != "" {
		q, _ := state.ParseQdisc(strings.Fields(s.Qdisc)) // Check refuses what is wrong
		q.Scope, q.Link, q.Parent = scope, dev, state.QdiscRoot
		objects = append(objects, q)
	}
	objects = append(objects, s.leases()...)
	out := state.Present(objects...)
	for _, r := range s.rules() {
		out = append(out, r.Want()...)
	}
	out = append(out, s.sysctls().Want()...)
	return append(out, s.netLinks().wants(present)...)
}

// netLinks are geard's links, which the container reaches others by.
func (s *StaticIP) netLinks() linkList {
	return linkList{items: &s.Links, ports: s.LinkPorts, place: s.place(), name: "static_ip " + s.place().scope().Bare() + " " + string(s.Interface), whole: s.Links != nil}
}

func (s *StaticIP) addresses(scope state.Scope, dev string) []state.Object {
	out := addressObjects(scope, dev, s.Addresses, s.Announce)
	for i, o := range out {
		if a := o.(state.Address); s.Broadcast && a.Prefix.Addr().Is4() && a.Prefix.Bits() < 31 {
			a.Broadcast = lastOf(a.Prefix).String()
			out[i] = a
		}
	}
	return out
}

func (s *StaticIP) routes(scope state.Scope, dev string) []state.Object {
	var out []state.Object
	for _, g := range s.Gateway {
		if !s.onSubnet(g.Addr) {
			out = append(out, state.Route{Scope: scope, Dst: netip.PrefixFrom(g.Addr, g.BitLen()), Dev: dev})
		}
		out = append(out, state.Route{Scope: scope, Dst: Net{Default: true}.For(g.Addr), Via: g.text(), Dev: dev})
	}
	for _, r := range s.Routes {
		out = append(out, state.Route{Scope: scope, Dst: r.To.For(r.Via.Addr), Via: r.Via.text(), Dev: dev, Src: r.Src.text(),
			Metric: r.Metric, Table: int(r.Table)})
	}
	return out
}
