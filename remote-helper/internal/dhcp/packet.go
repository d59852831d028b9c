package dhcp

import (
	"encoding/binary"
	"net/netip"
)

// The ports of servers and clients.
const (
	serverPort = 67
	clientPort = 68
)

const (
	ipHeader  = 20
	udpHeader = 8
	udp       = 17
)

// wrap puts the message into a UDP and an IPv4 packet, for a link that has no address yet.
func wrap(from, to netip.Addr, message []byte) []byte {
	p := make([]byte, ipHeader+udpHeader, ipHeader+udpHeader+len(message))
	p[0], p[8], p[9] = 0x45, 64, udp
	binary.BigEndian.PutUint16(p[2:], uint16(cap(p)))
	copy(p[12:16], from.AsSlice())
	copy(p[16:20], to.AsSlice())
	binary.BigEndian.PutUint16(p[10:], ^fold(sum(0, p[:ipHeader])))

	u := p[ipHeader:]
	binary.BigEndian.PutUint16(u, clientPort)
	binary.BigEndian.PutUint16(u[2:], serverPort)
	binary.BigEndian.PutUint16(u[4:], uint16(udpHeader+len(message)))
	p = append(p, message...)
	pseudo := sum(uint32(udp)+uint32(udpHeader+len(message)), p[12:20])
	check := ^fold(sum(pseudo, p[ipHeader:]))
	if check == 0 {
		check = 0xffff // 0 says that there is none
	}
	binary.BigEndian.PutUint16(p[ipHeader+6:], check)
	return p
}

// sum adds up the 16 bit words of b.
func sum(s uint32, b []byte) uint32 {
	for i := 0; i+1 < len(b); i += 2 {
		s += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	if len(b)%2 == 1 {
		s += uint32(b[len(b)-1]) << 8
	}
	return s
}

func fold(s uint32) uint16 {
	for s > 0xffff {
		s = s>>16 + s&0xffff
	}
	return uint16(s)
}

// unwrap is the message that an IPv4 packet to a DHCP client carries. The UDP
// checksum is not looked at: a server on this very machine leaves it to a network
// card which the packet never sees.
func unwrap(p []byte) ([]byte, bool) {
	if len(p) < ipHeader || p[0]>>4 != 4 || p[9] != udp {
		return nil, false
	}
	header, total := int(p[0]&15)*4, int(binary.BigEndian.Uint16(p[2:]))
	fragment := binary.BigEndian.Uint16(p[6:]) & 0x3fff // more fragments, or an offset
	if header < ipHeader || total > len(p) || total < header+udpHeader || fragment != 0 {
		return nil, false
	}
	if fold(sum(0, p[:header])) != 0xffff {
		return nil, false
	}
	u := p[header:total]
	length := int(binary.BigEndian.Uint16(u[4:]))
	if binary.BigEndian.Uint16(u[2:]) != clientPort || length < udpHeader || length > len(u) {
		return nil, false
	}
	return u[udpHeader:length], true
}
