package linuxhost

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"golang.org/x/sys/unix"

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
		err = s.thread.in(sp, func() error { return sendFrames(index, announcements(info.mac, a.Prefix.Addr())) })
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
		return [][]byte{gratuitousARP(mac, ip, 1), gratuitousARP(mac, ip, 2)}
	}
	return [][]byte{unsolicitedNA(mac, ip)}
}

// gratuitousARP is an Ethernet frame with an ARP request (op 1) or reply (op 2) of
// ip for itself (RFC 5227, section 3).
func gratuitousARP(mac net.HardwareAddr, ip netip.Addr, op uint16) []byte {
	broadcast := []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	frame := append(append([]byte{}, broadcast...), mac...)
	frame = binary.BigEndian.AppendUint16(frame, unix.ETH_P_ARP)
	frame = append(frame, 0, 1, 8, 0, 6, 4)
	frame = binary.BigEndian.AppendUint16(frame, op)
	frame = append(append(frame, mac...), ip.AsSlice()...)
	return append(append(frame, broadcast...), ip.AsSlice()...)
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

// sendFrames writes Ethernet frames to the link of the calling thread's namespace.
func sendFrames(index int, frames [][]byte) error {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open packet socket: %w", err)
	}
	defer unix.Close(fd)
	for _, frame := range frames {
		if err := unix.Sendto(fd, frame, 0, &unix.SockaddrLinklayer{Ifindex: index}); err != nil {
			return fmt.Errorf("send: %w", err)
		}
	}
	return nil
}
