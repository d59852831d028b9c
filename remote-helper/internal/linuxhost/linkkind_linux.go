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
	case "vlan":
		data.AddRtAttr(nl.IFLA_VLAN_ID, nl.Uint16Attr(uint16(l.VLAN)))
		return true, nil
	case "macvlan", "macvtap":
		mode, ok := keyOf(macvlanModes(), l.Mode)
		data.AddRtAttr(nl.IFLA_MACVLAN_MODE, nl.Uint32Attr(mode))
		return ok, modeError(l, ok)
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
	if l.Parent == "" || l.Type == "vxlan" {
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

// bridgeChange adds the bridge's own fields where they differ from before.
func (m *linkMessage) bridgeChange(l, before state.Link) error {
	if l.Type != "bridge" {
		return nil
	}
	data := nl.NewRtAttr(nl.IFLA_INFO_DATA, nil)
	if !bridgeData(data, l, before) {
		return nil
	}
	info := nl.NewRtAttr(unix.IFLA_LINKINFO, nil)
	info.AddRtAttr(nl.IFLA_INFO_KIND, nl.NonZeroTerminated("bridge"))
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

func vxlanData(data *nl.RtAttr, sp *space, l state.Link) error {
	data.AddRtAttr(nl.IFLA_VXLAN_ID, nl.Uint32Attr(uint32(l.VNI)))
	for _, end := range []struct {
		name, text string
		v4, v6     int
	}{{"local", l.Local, nl.IFLA_VXLAN_LOCAL, nl.IFLA_VXLAN_LOCAL6}, {"remote", l.Remote, nl.IFLA_VXLAN_GROUP, nl.IFLA_VXLAN_GROUP6}} {
		if end.text == "" {
			continue
		}
		ip, is6, err := addrBytes(end.text)
		if err != nil {
			return fmt.Errorf("%s: %w", end.name, err)
		}
		kind := end.v4
		if is6 {
			kind = end.v6
		}
		data.AddRtAttr(kind, ip)
	}
	if l.Port != 0 {
		data.AddRtAttr(nl.IFLA_VXLAN_PORT, bigEndian16(l.Port))
	}
	if l.Learning != nil {
		data.AddRtAttr(nl.IFLA_VXLAN_LEARNING, []byte{byte(boolNumber(*l.Learning))})
	}
	if l.Parent == "" {
		return nil
	}
	index, err := sp.indexOf(l.Parent)
	if err != nil {
		return fmt.Errorf("parent: %w", err)
	}
	data.AddRtAttr(nl.IFLA_VXLAN_LINK, nl.Uint32Attr(uint32(index)))
	return nil
}
