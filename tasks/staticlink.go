package tasks

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"netrun/tasks/state"
)

// HostLink is a link of the host: its name, or mac:ADDRESS.
type HostLink string

// UnmarshalText implements encoding.TextUnmarshaler.
func (h *HostLink) UnmarshalText(text []byte) error {
	address, byMAC := strings.CutPrefix(string(text), "mac:")
	if !byMAC {
		if err := ifNameError(string(text)); err != nil {
			return err
		}
		*h = HostLink(text)
		return nil
	}
	var mac MAC
	if err := mac.UnmarshalText([]byte(address)); err != nil || strings.HasPrefix(address, "U:") {
		return fmt.Errorf("%q is not a link's name and not a MAC address: write eth2, or mac:00:f3:15:4a:42:c8", text)
	}
	*h = HostLink(state.NICByMAC(string(mac)))
	return nil
}

func (h HostLink) byMAC() bool { return strings.HasPrefix(string(h), "mac:") }

// links are the container's link, and what it hangs on.
func (s *StaticIP) links() []state.Object {
	inside := s.inside()
	if s.Bridge != "" {
		return s.bridged(inside)
	}
	objects := []state.Object{inside}
	if s.VLAN != 0 {
		below := state.Link{Name: inside.Parent, Type: "vlan", State: "up", Parent: string(s.MacvlanOn + s.IPvlanOn), VLAN: s.VLAN, Alias: state.AutoMark}
		objects = []state.Object{below, inside}
	}
	return objects
}

// inside is the container's link.
func (s *StaticIP) inside() state.Link {
	l := state.Link{Scope: s.place().scope(), Name: string(s.Interface), State: "up", MTU: s.MTU, MAC: s.mac()}
	if s.hasFamily(true) {
		l.IPv6 = "on" // Docker switches it off in containers that it gives no IPv6 address
	}
	switch {
	case s.Bridge != "":
		l.Type, l.Peer = "veth", s.hostEnd()
		l.MTUOf = s.mtuOf(string(s.Bridge))
	case s.MacvlanOn != "":
		l.Type, l.Parent, l.Mode = "macvlan", s.parent(s.MacvlanOn), s.mode("bridge")
	case s.IPvlanOn != "":
		l.Type, l.Parent, l.Mode = "ipvlan", s.parent(s.IPvlanOn), s.mode("l2")
	case s.NIC != "":
		l.NIC = string(s.NIC)
	case s.Dummy:
		l.Type = "dummy"
	case s.IPoIBOn != "":
		l.Type, l.Parent, l.PKey = "ipoib", string(s.IPoIBOn), int(s.PKey)
	}
	if l.Type == "macvlan" && !s.MacvlanOn.byMAC() {
		l.MTUOf = s.mtuOf(l.Parent)
	}
	return l
}

func (s *StaticIP) parent(on HostLink) string {
	if s.VLAN != 0 {
		return vlanName(IfName(on), s.VLAN)
	}
	return string(on)
}

func (s *StaticIP) mode(usual string) string {
	if s.Mode != "" {
		return s.Mode
	}
	return usual
}

// bridged is a pair of links, one end of which is in the bridge.
func (s *StaticIP) bridged(inside state.Link) []state.Object {
	name, host := string(s.Bridge), inside.Peer
	outside := state.Link{Name: host, Type: "veth", Peer: inside.Name, PeerScope: inside.Scope, State: "up", IPv6: "off",
		MTU: s.MTU, MTUOf: inside.MTUOf}
	objects := []state.Object{
		state.Switch{Name: name, Sort: s.BridgeType, Create: s.Create, VLANs: s.vlans() != ""}, outside,
		state.SwitchPort{Link: host, Switch: name, Sort: s.BridgeType, Tag: s.Tag, Trunks: slices.Sorted(slices.Values(s.Trunks)),
			IDs: map[string]string{"netrun-container": inside.Scope.Bare(), "netrun-interface": inside.Name}},
	}
	if vlans := s.vlans(); vlans != "" {
		objects = append(objects, state.SwitchVLAN{Link: host, Switch: name, Sort: s.BridgeType, VLANs: vlans})
	}
	objects = append(objects, inside, state.SwitchOffload{Scope: inside.Scope, Link: inside.Name, Switch: name, Sort: s.BridgeType})
	if s.BridgeType == "openvswitch" || strings.HasPrefix(name, "ovs") {
		return objects
	}
	return append(objects, bridgePass(name)...)
}

// vlans are tag and trunks in the words of bridge vlan.
func (s *StaticIP) vlans() string { return vlanWords(s.Tag, s.Trunks) }

// vlanWords are the VLANs of a port: the one of frames without a tag, and those with one.
func vlanWords(tag int, trunks []int) string {
	ids := slices.Clone(trunks)
	if tag != 0 && !slices.Contains(ids, tag) {
		ids = append(ids, tag)
	}
	slices.Sort(ids)
	words := make([]string, len(ids))
	for i, id := range ids {
		words[i] = strconv.Itoa(id)
		if id == tag {
			words[i] += " pvid untagged"
		}
	}
	return strings.Join(words, ", ")
}

// gone takes away what links makes, and the rules, which hang on no link.
func (s *StaticIP) gone() []state.Want {
	inside := s.inside()
	var out []state.Want
	for _, r := range s.rules() {
		out = append(out, r.Want()...)
	}
	if s.Bridge == "" {
		out = append(out, state.Absent(inside)...)
		if s.VLAN != 0 {
			out = append(out, state.Absent(state.Spare{Name: inside.Parent})...)
		}
		return out
	}
	outside := state.Link{Name: inside.Peer, Type: "veth", Peer: inside.Name, PeerScope: inside.Scope}
	return append(out, state.Absent(state.SwitchPort{Link: inside.Peer, Switch: string(s.Bridge), Sort: s.BridgeType}, outside,
		state.Spare{Name: string(s.Bridge)})...)
}

// mtuOf names the link whose MTU is taken where none is given.
func (s *StaticIP) mtuOf(link string) string {
	if s.MTU != 0 {
		return ""
	}
	return link
}

// mac is the container's MAC address, "" where the link has one of its own.
func (s *StaticIP) mac() string {
	borrowed := s.IPvlanOn != "" || s.NIC != "" || s.IPoIBOn != "" || s.Mode == "passthru"
	if s.MAC != "" || len(s.Addresses) == 0 || borrowed {
		return string(s.MAC)
	}
	// The address is part of it since two hosts can have a container of one name.
	sum := sha256.Sum256([]byte(strings.Join([]string{"mac", s.place().scope().Bare(), string(s.Interface), s.Addresses[0].Addr().String()}, "\x00")))
	return string(localMAC(sum[:]))
}

// hostEnd is the name of the host's end of the cable.
func (s *StaticIP) hostEnd() string {
	if s.HostInterface != "" {
		return string(s.HostInterface)
	}
	return hostInterface(s.place().scope(), string(s.Interface))
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
