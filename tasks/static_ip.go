package tasks

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/netip"
	"strings"

	"netrun/tasks/state"
)

// StaticIP gives a container a link with addresses of its own: pipework's job.
type StaticIP struct {
	Container     Container     `arg:"container" doc:"who gets the link: name of a container or of a network namespace, project/service of a compose project, docker:NAME, podman:NAME or pid:N"`
	Netns         Netns         `arg:"netns" doc:"the same, by the name of a network namespace only"`
	Bridge        IfName        `arg:"bridge" doc:"Linux bridge that the link leads to, over a veth pair"`
	Create        bool          `arg:"create" doc:"make the bridge if it is not there; one whose name begins with br is made anyway"`
	MacvlanOn     IfName        `arg:"macvlan_on" doc:"instead of bridge: the host's link on top of which a macvlan is made"`
	Mode          string        `arg:"mode" default:"bridge" choices:"bridge,private,vepa,passthru" doc:"mode of the macvlan"`
	Interface     IfName        `arg:"interface" default:"eth1" doc:"name of the link in the container"`
	HostInterface IfName        `arg:"host_interface" doc:"name of the host's end of the veth pair; unset, made from container and interface, so that it is the same each time"`
	Addresses     []Prefix      `arg:"addresses" doc:"IPv4 and IPv6 addresses with prefix length; needed unless state is absent"`
	Gateway       []Addr        `arg:"gateway" doc:"default gateway, at most one a family; one outside the subnet gets a route of its own"`
	Routes        []StaticRoute `arg:"routes" doc:"further routes through the link"`
	MAC           MAC           `arg:"mac" doc:"MAC address; unset, made from container, interface and address, so that ARP caches survive a restart"`
	MTU           int           `arg:"mtu" doc:"MTU in bytes; unset, that of the bridge or of macvlan_on"`
	Announce      bool          `arg:"announce" default:"true" doc:"tell the neighbours about the addresses (gratuitous ARP, unsolicited NA)"`
	State         string        `arg:"state" default:"present" choices:"present,absent" doc:"absent removes the link and all that hangs on it; a bridge stays"`
}

// StaticRoute is a route through the link that the task makes.
type StaticRoute struct {
	To  Net  `arg:"to,required" doc:"destination: a subnet or an address"`
	Via Addr `arg:"via" doc:"gateway; unset, the destination is on the link"`
}

func init() {
	Register(Kind{Name: "static_ip", Short: "a link with static addresses for a container (pipework)", New: func() Task { return new(StaticIP) }})
}

func (s *StaticIP) place() place { return place{s.Netns, s.Container} }

// Check implements Task.
func (s *StaticIP) Check() error {
	errs := []error{s.place().check(), checkMTU(s.MTU), checkAddresses("addresses", s.Addresses), s.checkGateways()}
	if !s.place().given() {
		errs = append(errs, Wrong("container", "whose address? give container or netns"))
	}
	if (s.Bridge == "") == (s.MacvlanOn == "") {
		errs = append(errs, Wrong("bridge", "give either bridge or macvlan_on"))
	}
	if s.MacvlanOn != "" && (s.HostInterface != "" || s.Create) {
		errs = append(errs, Wrong("macvlan_on", "a macvlan has no end on the host and no bridge: leave host_interface and create out"))
	}
	if len(s.Addresses) == 0 && s.State != absent {
		errs = append(errs, Wrong("addresses", "which addresses?").WithHint("addresses: [10.0.0.5/24]"))
	}
	for i, r := range s.Routes {
		if r.To.Default {
			errs = append(errs, &ArgError{Path: []any{"routes", i, "to"}, Msg: "the default route is set by gateway"})
		} else if r.Via.IsValid() && r.Via.Is6() != r.To.Addr().Is6() {
			errs = append(errs, &ArgError{Path: []any{"routes", i, "via"}, Msg: r.Via.String() + " is not of the same family as " + r.To.Prefix.String()})
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
		case s.State != absent && !s.hasFamily(g.Is6()):
			errs = append(errs, at(Wrong("gateway", "%s: the container gets no address of that family", g), i))
		}
		seen[g.Is6()] = true
	}
	return errors.Join(errs...)
}

func (s *StaticIP) own(addr netip.Addr) bool {
	for _, p := range s.Addresses {
		if p.Addr() == addr {
			return true
		}
	}
	return false
}

func (s *StaticIP) hasFamily(six bool) bool {
	for _, p := range s.Addresses {
		if p.Addr().Is6() == six {
			return true
		}
	}
	return false
}

func (s *StaticIP) onSubnet(addr netip.Addr) bool {
	for _, p := range s.Addresses {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// Want implements Wanter.
func (s *StaticIP) Want() []state.Want {
	links := s.links()
	if s.State == absent {
		return state.Absent(links[0])
	}
	var objects []state.Object
	if s.Bridge != "" && (s.Create || strings.HasPrefix(string(s.Bridge), "br")) {
		objects = append(objects, state.Link{Name: string(s.Bridge), Type: "bridge", State: "up"})
	}
	objects = append(objects, links...)
	if s.Bridge != "" {
		objects = append(objects, bridgePass(string(s.Bridge), s.hasFamily(true))...)
	}
	scope, dev := s.place().scope(), string(s.Interface)
	objects = append(objects, addressObjects(scope, dev, s.Addresses, s.Announce)...)
	return state.Present(append(objects, s.routes(scope, dev)...)...)
}

// links are the container's link and what it hangs on; the first takes the rest along when it goes.
func (s *StaticIP) links() []state.Object {
	scope := s.place().scope()
	inside := state.Link{Scope: scope, Name: string(s.Interface), State: "up", MTU: s.MTU, MAC: s.mac()}
	if s.hasFamily(true) {
		inside.IPv6 = "on" // Docker switches it off in containers that it gives no IPv6 address
	}
	if s.MacvlanOn != "" {
		inside.Type, inside.Parent, inside.Mode = "macvlan", string(s.MacvlanOn), s.Mode
		inside.MTUOf = s.mtuOf(s.MacvlanOn)
		return []state.Object{inside}
	}
	host := string(s.HostInterface)
	if host == "" {
		host = hostInterface(scope, string(s.Interface))
	}
	inside.Type, inside.Peer, inside.MTUOf = "veth", host, s.mtuOf(s.Bridge)
	outside := state.Link{Name: host, Type: "veth", Peer: inside.Name, PeerScope: scope, State: "up", IPv6: "off",
		MTU: s.MTU, MTUOf: inside.MTUOf}
	return []state.Object{outside, state.Member{Link: host, Bridge: string(s.Bridge)}, inside}
}

// mtuOf names the link whose MTU is taken where none is given.
func (s *StaticIP) mtuOf(link IfName) string {
	if s.MTU != 0 {
		return ""
	}
	return string(link)
}

func (s *StaticIP) mac() string {
	if s.MAC != "" || len(s.Addresses) == 0 {
		return string(s.MAC)
	}
	// The address is part of it since two hosts can have a container of one name.
	sum := sha256.Sum256([]byte(strings.Join([]string{"mac", s.place().scope().Bare(), string(s.Interface), s.Addresses[0].Addr().String()}, "\x00")))
	return string(localMAC(sum[:]))
}

// hostInterface is the name of the host's end of a container's cable: the same
// each time for the same container and interface, at most 15 characters.
func hostInterface(scope state.Scope, inside string) string {
	sum := sha256.Sum256([]byte(scope.Bare() + "\x00" + inside))
	if len(inside) > 5 {
		inside = inside[:5]
	}
	return "v" + inside + "-" + hex.EncodeToString(sum[:4])
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
		out = append(out, state.Route{Scope: scope, Dst: r.To.Prefix, Via: r.Via.text(), Dev: dev})
	}
	return out
}
