package linuxhost

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"

	"golang.org/x/sys/unix"

	"netrun/remote-helper/internal/arp"
	"netrun/tasks/state"
)

// announce tells the link's neighbours who has the address now: a gratuitous ARP
// request and reply, or an unsolicited neighbour advertisement. What goes wrong
// is no error of the change: it is told to Warnf.
func (s *session) announce(sp *space, index int, a state.Address) {
	info, err := sp.linkByName(a.Link)
	if err == nil {
		err = sendable(info)
	}
	if err == nil {
		err = s.thread.in(sp, func() error { return arp.Send(index, announcements(info.mac, a.Prefix.Addr())) })
	}
	if err != nil {
		s.host.cfg.Warnf("announce address %s on %s: %v", a.Prefix.Addr(), a.Link, err)
	}
}

func sendable(l *linkInfo) error {
	if len(l.mac) != 6 {
		return errors.New("the link has no Ethernet address")
	}
	if l.flags&unix.IFF_UP == 0 {
		return errors.New("the link is down")
	}
	return nil
}

func announcements(mac net.HardwareAddr, ip netip.Addr) [][]byte {
	if ip.Is4() {
		return arp.Announcement(mac, ip)
	}
	return [][]byte{unsolicitedNA(mac, ip)}
}

// unsolicitedNA is an Ethernet frame with a neighbour advertisement to all nodes
// that overrides what they know (RFC 4861, section 7.2.6).
func unsolicitedNA(mac net.HardwareAddr, ip netip.Addr) []byte {
	allNodes := netip.MustParseAddr("ff02::1")
	const override = 0x20
	body := append([]byte{136, 0, 0, 0, override, 0, 0, 0}, ip.AsSlice()...)
	body = append(append(body, 2, 1), mac...) // option: target link-layer address
	binary.BigEndian.PutUint16(body[2:], icmp6Checksum(ip, allNodes, body))

	frame := append([]byte{0x33, 0x33, 0, 0, 0, 1}, mac...)
	frame = binary.BigEndian.AppendUint16(frame, unix.ETH_P_IPV6)
	frame = append(frame, 0x60, 0, 0, 0)
	frame = binary.BigEndian.AppendUint16(frame, uint16(len(body)))
	frame = append(frame, unix.IPPROTO_ICMPV6, 255)
	frame = append(append(frame, ip.AsSlice()...), allNodes.AsSlice()...)
	return append(frame, body...)
}

func icmp6Checksum(src, dst netip.Addr, body []byte) uint16 {
	pseudo := append(src.AsSlice(), dst.AsSlice()...)
	pseudo = binary.BigEndian.AppendUint32(pseudo, uint32(len(body)))
	pseudo = append(append(pseudo, 0, 0, 0, unix.IPPROTO_ICMPV6), body...)
	sum := uint32(0)
	for i := 0; i+1 < len(pseudo); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(pseudo[i:]))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
