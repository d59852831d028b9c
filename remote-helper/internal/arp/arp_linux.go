package arp

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"

	"golang.org/x/sys/unix"
)

// Announcement tells all neighbours that ip is at mac: a request and a reply, of which
// some systems heed the one and some the other.
func Announcement(mac net.HardwareAddr, ip netip.Addr) [][]byte {
	return [][]byte{gratuitous(mac, ip, 1), gratuitous(mac, ip, 2)}
}

// gratuitous is an Ethernet frame with an ARP request (op 1) or reply (op 2) of
// ip for itself (RFC 5227, section 3).
func gratuitous(mac net.HardwareAddr, ip netip.Addr, op uint16) []byte {
	broadcast := []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	frame := append(append([]byte{}, broadcast...), mac...)
	frame = binary.BigEndian.AppendUint16(frame, unix.ETH_P_ARP)
	frame = append(frame, 0, 1, 8, 0, 6, 4)
	frame = binary.BigEndian.AppendUint16(frame, op)
	frame = append(append(frame, mac...), ip.AsSlice()...)
	return append(append(frame, broadcast...), ip.AsSlice()...)
}

// Send writes Ethernet frames to the link of the calling thread's namespace.
func Send(index int, frames [][]byte) error {
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
