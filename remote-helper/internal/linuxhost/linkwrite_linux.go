package linuxhost

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"netrun/tasks/state"
)

// linkMessage is an RTM_NEWLINK message in the making.
type linkMessage struct {
	info  *nl.IfInfomsg
	attrs []*nl.RtAttr
}

func newLinkMessage() *linkMessage { return &linkMessage{info: nl.NewIfInfomsg(unix.AF_UNSPEC)} }

func (m *linkMessage) add(kind int, value []byte) {
	m.attrs = append(m.attrs, nl.NewRtAttr(kind, value))
}

func (m *linkMessage) flag(flag uint32, on bool) {
	m.info.Change |= flag
	if on {
		m.info.Flags |= flag
	}
}

func (m *linkMessage) empty() bool { return len(m.attrs) == 0 && m.info.Change == 0 }

func (m *linkMessage) send(sp *space, flags int) error {
	req := sp.request(unix.RTM_NEWLINK, unix.NLM_F_ACK|flags)
	req.AddData(m.info)
	for _, a := range m.attrs {
		req.AddData(a)
	}
	_, err := req.Execute(unix.NETLINK_ROUTE, 0)
	return err
}

// addLink creates the link (of a veth: both ends) and sets what it is to have. It
// comes up last, when IPv6 is off and the alias is there.
func (s *session) addLink(l state.Link) error {
	sp, err := s.space(l.Scope)
	if err != nil {
		return err
	}
	if l.NIC != "" {
		return s.takeNIC(sp, l)
	}
	err = s.sendNew(sp, l)
	if err != nil && (l.Index != 0 || l.PeerIndex != 0) {
		l.Index, l.PeerIndex = 0, 0 // another link has the number by now
		err = s.sendNew(sp, l)
	}
	if err != nil {
		return s.explainAdd(sp, l, err)
	}
	sp.forgetLinks()
	s.forgetPeer(l)
	s.made(l)
	return s.finishLink(sp, l, state.Link{})
}

// born is what a new link is told later. A bridge's MTU that is part of its
// creation does not stick: the first port gives it its own (br_mtu_auto_adjust).
func born(l state.Link) state.Link {
	if l.Type == "bridge" {
		return state.Link{MTU: l.MTU}
	}
	return state.Link{}
}

// sendNew asks for the link, under its old number if it has one.
func (s *session) sendNew(sp *space, l state.Link) error {
	m := newLinkMessage()
	m.info.Index = int32(l.Index)
	m.add(unix.IFLA_IFNAME, nl.ZeroTerminated(l.Name))
	if err := m.body(l, born(l)); err != nil {
		return err
	}
	if err := s.kindOf(m, sp, l); err != nil {
		return err
	}
	return m.send(sp, unix.NLM_F_CREATE|unix.NLM_F_EXCL)
}

// forgetPeer drops what the session knew of the links of the other end's scope.
func (s *session) forgetPeer(l state.Link) {
	if sp, ok := s.spaces[l.PeerScope]; ok && l.Type == "veth" {
		sp.forgetLinks()
	}
}

// changeLink gives the link the fields in which after differs from before.
func (s *session) changeLink(before, after state.Link) error {
	sp, err := s.space(after.Scope)
	if err != nil {
		return err
	}
	if after.Type == "openvswitch" && after.MAC != before.MAC {
		// The switch would put the address of its own choice back.
		if err := s.setOVSAddress(after.Name, after.MAC); err != nil {
			return err
		}
		before.MAC = after.MAC
	}
	m := newLinkMessage()
	if err := m.body(after, before); err != nil {
		return err
	}
	if err := m.kindChange(after, before); err != nil {
		return err
	}
	if !m.empty() {
		m.add(unix.IFLA_IFNAME, nl.ZeroTerminated(after.Name))
		if err := m.send(sp, 0); err != nil {
			return missingLink(err, after.Name)
		}
	}
	sp.links, sp.names = nil, nil
	return s.finishLink(sp, after, before)
}

// missingLink says what ENODEV means.
func missingLink(err error, name string) error {
	if errors.Is(err, unix.ENODEV) {
		return fmt.Errorf("there is no link %q: %w", name, err)
	}
	return err
}

// body adds MTU, MAC and queue length where they differ from before.
func (m *linkMessage) body(l, before state.Link) error {
	if l.MTU != before.MTU && l.MTU != 0 {
		m.add(unix.IFLA_MTU, nl.Uint32Attr(uint32(l.MTU)))
	}
	if l.MAC != before.MAC && l.MAC != "" {
		mac, err := net.ParseMAC(l.MAC)
		if err != nil {
			return fmt.Errorf("mac %q: %w", l.MAC, err)
		}
		m.add(unix.IFLA_ADDRESS, mac)
	}
	if l.TxQueue != before.TxQueue {
		m.add(unix.IFLA_TXQLEN, nl.Uint32Attr(uint32(l.TxQueue)))
	}
	return nil
}

// finishLink sets what must come after creation and in this order: IPv6, then
// alias, promiscuity and the administrative state in one message.
func (s *session) finishLink(sp *space, l, before state.Link) error {
	if l.IPv6 != before.IPv6 && (l.IPv6 != "" || before.IPv6 == "off") {
		if err := s.setIPv6(sp, l.Name, l.IPv6 != "off"); err != nil {
			return err
		}
	}
	if err := s.setRemotes(sp, l, before); err != nil {
		return err
	}
	m := newLinkMessage()
	if later := born(l); before.Name == "" && later.MTU != 0 {
		m.add(unix.IFLA_MTU, nl.Uint32Attr(uint32(later.MTU)))
	}
	if l.Alias != before.Alias {
		m.add(unix.IFLA_IFALIAS, []byte(l.FullAlias()))
	}
	if isTrue(l.Promisc) != isTrue(before.Promisc) {
		m.flag(unix.IFF_PROMISC, isTrue(l.Promisc))
	}
	if l.State != before.State && l.State != "" {
		m.flag(unix.IFF_UP, l.State == "up")
	}
	if m.empty() {
		return nil
	}
	m.add(unix.IFLA_IFNAME, nl.ZeroTerminated(l.Name))
	return missingLink(m.send(sp, 0), l.Name)
}

func isTrue(b *bool) bool { return b != nil && *b }

// setIPv6 writes disable_ipv6 of the link: netlink cannot.
func (s *session) setIPv6(sp *space, link string, on bool) error {
	value := "1"
	if on {
		value = "0"
	}
	err := s.writeSysctl(sp, "net/ipv6/conf/"+link+"/disable_ipv6", value)
	if !on && errors.Is(err, unix.ENOENT) {
		return nil // a kernel without IPv6 has it off
	}
	return err
}

// deleteLink deletes the link, of a veth both ends.
func (s *session) deleteLink(l state.Link) error {
	sp, err := s.space(l.Scope)
	if err != nil {
		return err
	}
	if l.NIC != "" {
		return s.giveNIC(sp, l)
	}
	req := sp.request(unix.RTM_DELLINK, unix.NLM_F_ACK)
	req.AddData(nl.NewIfInfomsg(unix.AF_UNSPEC))
	req.AddData(nl.NewRtAttr(unix.IFLA_IFNAME, nl.ZeroTerminated(l.Name)))
	_, err = req.Execute(unix.NETLINK_ROUTE, 0)
	s.forgetAllLinks() // those above this one went with it, in this namespace or in another
	return missingLink(err, l.Name)
}

func (s *session) forgetAllLinks() {
	for _, sp := range s.spaces {
		sp.forgetLinks()
		sp.names = nil
		clear(sp.index)
	}
}

// forgetLinks drops what may have changed with a link's coming or going.
func (sp *space) forgetLinks() { sp.links, sp.addresses = nil, nil }

// indexOf is the index of the named link. The answer is kept: an index belongs to
// one link for as long as it lives, and a session that deletes a link forgets all.
func (sp *space) indexOf(name string) (int, error) {
	if index, ok := sp.index[name]; ok {
		return index, nil
	}
	info, err := sp.linkByName(name)
	if err != nil {
		return 0, err
	}
	sp.index[name] = info.index
	return info.index, nil
}

// linkByName asks the kernel for one link.
func (sp *space) linkByName(name string) (*linkInfo, error) {
	req := sp.request(unix.RTM_GETLINK, 0)
	req.AddData(nl.NewIfInfomsg(unix.AF_UNSPEC))
	req.AddData(nl.NewRtAttr(unix.IFLA_IFNAME, nl.ZeroTerminated(name)))
	req.AddData(nl.NewRtAttr(unix.IFLA_EXT_MASK, nl.Uint32Attr(rtextSkipStats)))
	msgs, err := req.Execute(unix.NETLINK_ROUTE, unix.RTM_NEWLINK)
	if err != nil {
		return nil, missingLink(err, name)
	}
	if len(msgs) == 0 {
		return nil, fmt.Errorf("there is no link %q", name)
	}
	return parseLink(msgs[0])
}

// explainAdd says what stands in the way of a new link.
func (s *session) explainAdd(sp *space, l state.Link, err error) error {
	switch {
	case errors.Is(err, unix.EEXIST):
		for _, end := range []struct {
			scope state.Scope
			name  string
		}{{l.Scope, l.Name}, {l.PeerScope, l.Peer}} {
			if there, openErr := s.space(end.scope); openErr == nil && end.name != "" {
				if found, findErr := there.linkByName(end.name); findErr == nil {
					return fmt.Errorf("%w: there is a %s link %q in %s", err, found.typeName(), end.name, there)
				}
			}
		}
	case errors.Is(err, unix.EOPNOTSUPP):
		return fmt.Errorf("%w (no kernel support for %s?)", err, l.Type)
	}
	return err
}

func addrBytes(text string) ([]byte, bool, error) {
	ip, err := netip.ParseAddr(text)
	if err != nil {
		return nil, false, err
	}
	return ip.AsSlice(), ip.Is6(), nil
}

func bigEndian16(v int) []byte { return binary.BigEndian.AppendUint16(nil, uint16(v)) }
