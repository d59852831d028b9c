package linuxhost

import (
	"net/netip"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"netrun/tasks/state"
)

// object is the link as the rest of netrun sees it.
func (l *linkInfo) object(far *farEnds) (state.Link, error) {
	out := state.Link{Scope: far.space.scope, Name: l.name, Type: l.typeName(), State: "down", MTU: l.mtu,
		TxQueue: l.txQueue, Index: l.index, Promisc: new(l.flags&unix.IFF_PROMISC != 0)}
	out = out.WithAlias(l.alias)
	if l.flags&unix.IFF_UP != 0 {
		out.State = "up"
	}
	if len(l.mac) == 6 && l.hwType != unix.ARPHRD_LOOPBACK {
		out.MAC = l.mac.String()
	}
	switch l.ipv6Off {
	case 0:
		out.IPv6 = "on"
	case 1:
		out.IPv6 = "off"
	}
	if err := l.ends(&out, far); err != nil {
		return out, err
	}
	return out, eachAttr(l.data, func(kind uint16, v []byte) error { l.detail(&out, kind, v); return nil })
}

// typeName is the kind; links without one are hardware, or lo.
func (l *linkInfo) typeName() string {
	switch {
	case l.kind != "":
		return l.kind
	case l.hwType == unix.ARPHRD_LOOPBACK:
		return "loopback"
	}
	return "device"
}

// ends fills in the other end of a veth, or the link below.
func (l *linkInfo) ends(out *state.Link, far *farEnds) error {
	if state.OverUnderlay(l.kind) {
		return l.underlay(out, far)
	}
	if l.parent == 0 {
		return nil
	}
	switch l.kind {
	case "veth":
		name, scope, err := far.find(l.parent, l.parentNS)
		out.Peer, out.PeerScope, out.PeerIndex = name, scope, l.parent
		return err
	case "vlan", "macvlan", "macvtap", "ipvlan", "ipvtap", "ipoib":
		name, scope, err := far.find(l.parent, l.parentNS)
		out.Parent, out.ParentScope = name, scope
		return err
	}
	return nil
}

// underlay fills in the underlay's link: a tunnel says it in its own data.
func (l *linkInfo) underlay(out *state.Link, far *farEnds) error {
	attr, ok := map[string]uint16{"vxlan": nl.IFLA_VXLAN_LINK, "gretap": nl.IFLA_GRE_LINK, "ip6gretap": nl.IFLA_GRE_LINK}[l.kind]
	return eachAttr(l.data, func(kind uint16, v []byte) error {
		if !ok || kind != attr || number(v) == 0 {
			return nil
		}
		name, scope, err := far.find(number(v), l.parentNS)
		out.Parent, out.ParentScope = name, scope
		return err
	})
}

// detail fills in one attribute of the kind.
func (l *linkInfo) detail(out *state.Link, kind uint16, v []byte) {
	switch l.kind {
	case "bridge":
		bridgeDetail(out, kind, v)
	case "vxlan":
		vxlanDetail(out, kind, v)
	case "geneve":
		geneveDetail(out, kind, v)
	case "gretap", "ip6gretap":
		greDetail(out, kind, v)
	case "vlan":
		vlanDetail(out, kind, v)
	case "ipoib":
		ipoibDetail(out, kind, v)
	case "macvlan", "macvtap":
		macvlanDetail(out, kind, v)
	case "ipvlan", "ipvtap":
		if kind == nl.IFLA_IPVLAN_MODE {
			out.Mode = ipvlanModes()[uint16(number(v))]
		}
	}
}

func bridgeDetail(out *state.Link, kind uint16, v []byte) {
	switch kind {
	case nl.IFLA_BR_STP_STATE:
		out.STP = new(number(v) != 0)
	case nl.IFLA_BR_FORWARD_DELAY:
		out.ForwardDelay = number(v)
	case nl.IFLA_BR_VLAN_FILTERING:
		out.VLANFiltering = new(number(v) != 0)
	}
}

func addrText(v []byte) string {
	ip, ok := netip.AddrFromSlice(v)
	if !ok || ip.IsUnspecified() {
		return ""
	}
	return ip.String()
}

func macvlanModes() map[uint32]string {
	return map[uint32]string{1: "private", 2: "vepa", 4: "bridge", 8: "passthru", 16: "source"}
}

func ipvlanModes() map[uint16]string { return map[uint16]string{0: "l2", 1: "l3", 2: "l3s"} }

// keyOf is the key under which the value stands.
func keyOf[K comparable](m map[K]string, value string) (K, bool) {
	for k, v := range m {
		if v == value {
			return k, true
		}
	}
	var zero K
	return zero, false
}
