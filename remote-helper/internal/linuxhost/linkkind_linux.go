package linuxhost

import (
	"fmt"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"netrun/tasks/state"
)

// vethInfoPeer is VETH_INFO_PEER.
const vethInfoPeer = 1

// kindOf adds the kind of the link and what belongs to it.
func (s *session) kindOf(m *linkMessage, sp *space, l state.Link) error {
	if l.Type == "" || l.Type == "device" || l.Type == "loopback" || l.Type == "openvswitch" {
		return fmt.Errorf("a link of type %q is not made by netlink", l.Type)
	}
	info := nl.NewRtAttr(unix.IFLA_LINKINFO, nil)
	info.AddRtAttr(nl.IFLA_INFO_KIND, nl.NonZeroTerminated(l.Type))
	data := nl.NewRtAttr(nl.IFLA_INFO_DATA, nil)
	if err := s.parent(m, sp, l); err != nil {
		return err
	}
	filled, err := s.kindData(data, sp, l)
	if err != nil {
		return err
	}
	if filled {
		info.AddChild(data)
	}
	m.attrs = append(m.attrs, info)
	return nil
}

// kindData fills in the data of the kind; false is a kind that has none.
func (s *session) kindData(data *nl.RtAttr, sp *space, l state.Link) (bool, error) {
	switch l.Type {
	case "veth":
		return l.Peer != "", s.vethPeer(data, l)
	case "bridge":
		// A new bridge has neither, and a kernel without VLAN filtering refuses to be told so.
		return bridgeData(data, l, state.Link{STP: new(false), VLANFiltering: new(false)}), nil
	case "vxlan":
		return true, vxlanData(data, sp, l)
	case "geneve":
		return true, geneveData(data, l)
	case "gretap", "ip6gretap":
		return true, greData(data, sp, l)
	case "vlan":
		return true, vlanData(data, l)
	case "ipoib":
		return ipoibData(data, l)
	case "macvlan", "macvtap":
		return macvlanData(data, l, state.Link{})
	case "ipvlan", "ipvtap":
		mode, ok := keyOf(ipvlanModes(), l.Mode)
		data.AddRtAttr(nl.IFLA_IPVLAN_MODE, nl.Uint16Attr(mode))
		return ok, modeError(l, ok)
	}
	return false, nil
}

// modeError complains of a mode that there is not; the kernel has a default for none.
func modeError(l state.Link, known bool) error {
	if known || l.Mode == "" {
		return nil
	}
	return fmt.Errorf("%s has no mode %q", l.Type, l.Mode)
}

// vethPeer describes the other end, which is made in its own namespace under its own name.
func (s *session) vethPeer(data *nl.RtAttr, l state.Link) error {
	if l.Peer == "" {
		return nil
	}
	far, err := s.space(l.PeerScope)
	if err != nil {
		return fmt.Errorf("peer %q: %w", l.Peer, err)
	}
	peer := data.AddRtAttr(vethInfoPeer, nil)
	nl.NewIfInfomsgChild(peer, unix.AF_UNSPEC).Index = int32(l.PeerIndex)
	peer.AddRtAttr(unix.IFLA_IFNAME, nl.ZeroTerminated(l.Peer))
	// Both ends are born with one MTU: the other end's own change may set another.
	if l.MTU != 0 {
		peer.AddRtAttr(unix.IFLA_MTU, nl.Uint32Attr(uint32(l.MTU)))
	}
	if l.PeerScope != l.Scope {
		peer.AddRtAttr(unix.IFLA_NET_NS_FD, nl.Uint32Attr(uint32(far.fd)))
	}
	return nil
}

// parent names the link below. Where that is in another namespace, the link is
// asked for there and moves: the message says where it is to be.
func (s *session) parent(m *linkMessage, sp *space, l state.Link) error {
	if l.Parent == "" || state.OverUnderlay(l.Type) {
		return nil
	}
	below, err := s.space(l.ParentScope)
	if err != nil {
		return fmt.Errorf("parent %q: %w", l.Parent, err)
	}
	index, err := below.indexOf(l.Parent)
	if err != nil {
		return fmt.Errorf("parent: %w", err)
	}
	m.add(unix.IFLA_LINK, nl.Uint32Attr(uint32(index)))
	if below.ino == sp.ino {
		return nil
	}
	id, err := sp.idFor(below)
	if err != nil {
		return fmt.Errorf("parent %q: %w", l.Parent, err)
	}
	m.add(unix.IFLA_LINK_NETNSID, nl.Uint32Attr(uint32(id)))
	return nil
}

// idFor is the id under which sp knows the other namespace; it gives one where there is none.
func (sp *space) idFor(other *space) (int, error) {
	id, err := sp.idOf(other)
	if err != nil || id >= 0 {
		return id, err
	}
	req := sp.request(unix.RTM_NEWNSID, unix.NLM_F_ACK)
	req.AddData(&nl.RtGenMsg{})
	req.AddData(nl.NewRtAttr(unix.NETNSA_FD, nl.Uint32Attr(uint32(other.fd))))
	req.AddData(nl.NewRtAttr(unix.NETNSA_NSID, nl.Uint32Attr(0xffffffff))) // any
	if _, err := req.Execute(unix.NETLINK_ROUTE, 0); err != nil {
		return -1, fmt.Errorf("give %s an id: %w", other, err)
	}
	return sp.idOf(other)
}

// kindChange adds the kind's own fields where they differ from before.
func (m *linkMessage) kindChange(l, before state.Link) error {
	data := nl.NewRtAttr(nl.IFLA_INFO_DATA, nil)
	differs := false
	switch l.Type {
	case "bridge":
		differs = bridgeData(data, l, before)
	case "macvlan", "macvtap":
		if l.Sources == before.Sources {
			return nil
		}
		var err error
		if differs, err = macvlanData(data, l, before); err != nil {
			return err
		}
	}
	if !differs {
		return nil
	}
	info := nl.NewRtAttr(unix.IFLA_LINKINFO, nil)
	info.AddRtAttr(nl.IFLA_INFO_KIND, nl.NonZeroTerminated(l.Type))
	info.AddChild(data)
	m.attrs = append(m.attrs, info)
	return nil
}

// bridgeData reports whether anything differs.
func bridgeData(data *nl.RtAttr, l, before state.Link) bool {
	filled := false
	add := func(kind int, value []byte) { data.AddRtAttr(kind, value); filled = true }
	if l.ForwardDelay != before.ForwardDelay && l.ForwardDelay != 0 {
		add(nl.IFLA_BR_FORWARD_DELAY, nl.Uint32Attr(uint32(l.ForwardDelay)))
	}
	if l.STP != nil && (before.STP == nil || *l.STP != *before.STP) {
		add(nl.IFLA_BR_STP_STATE, nl.Uint32Attr(boolNumber(*l.STP)))
	}
	if l.VLANFiltering != nil && (before.VLANFiltering == nil || *l.VLANFiltering != *before.VLANFiltering) {
		add(nl.IFLA_BR_VLAN_FILTERING, []byte{byte(boolNumber(*l.VLANFiltering))})
	}
	return filled
}

func boolNumber(b bool) uint32 {
	if b {
		return 1
	}
	return 0
}
