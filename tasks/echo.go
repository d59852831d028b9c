package tasks

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"
)

// ICMP types of echo requests and replies.
const (
	echoRequest4, echoReply4 = 8, 0
	echoRequest6, echoReply6 = 128, 129
)

// echoConn is a raw socket that exchanges ICMP echo messages with one address.
type echoConn struct {
	net.Conn
	six bool
	id  uint16
}

// dialEcho opens the socket in the network namespace of the calling thread.
func dialEcho(ctx context.Context, to, source netip.Addr) (echoConn, error) {
	network := "ip4:icmp"
	if to.Is6() {
		network = "ip6:ipv6-icmp"
	}
	var dialer net.Dialer
	if source.IsValid() {
		dialer.LocalAddr = &net.IPAddr{IP: source.AsSlice()}
	}
	conn, err := dialer.DialContext(ctx, network, to.String())
	if err != nil {
		return echoConn{}, err
	}
	return echoConn{conn, to.Is6(), uint16(os.Getpid())}, nil
}

// echo sends one request and waits for its reply.
func (c echoConn) echo(seq, size int, timeout time.Duration) (time.Duration, error) {
	start := time.Now()
	data := make([]byte, size)
	// The time in the data tells the reply from one to another process of the same number.
	binary.BigEndian.PutUint64(data, uint64(start.UnixNano()))
	for i := 8; i < size; i++ {
		data[i] = byte(i)
	}
	if err := c.SetDeadline(start.Add(timeout)); err != nil {
		return 0, err
	}
	if _, err := c.Write(echoMessage(c.six, c.id, uint16(seq), data)); err != nil {
		return 0, err
	}
	buf := make([]byte, size+256)
	for {
		n, err := c.Read(buf)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return 0, fmt.Errorf("nothing came back within %s", timeout)
		}
		if err != nil {
			return 0, err
		}
		if isReply(c.six, buf[:n], c.id, uint16(seq), data) {
			return time.Since(start), nil
		}
	}
}

// echoMessage is an ICMP or ICMPv6 echo request. The kernel fills in the checksum of ICMPv6.
func echoMessage(six bool, id, seq uint16, data []byte) []byte {
	m := make([]byte, 8, 8+len(data))
	m[0] = echoRequest4
	if six {
		m[0] = echoRequest6
	}
	binary.BigEndian.PutUint16(m[4:], id)
	binary.BigEndian.PutUint16(m[6:], seq)
	m = append(m, data...)
	if !six {
		binary.BigEndian.PutUint16(m[2:], checksum(m))
	}
	return m
}

// checksum is the Internet checksum of RFC 1071.
func checksum(b []byte) uint16 {
	var sum uint32
	for i := 0; i+1 < len(b); i += 2 {
		sum += uint32(b[i])<<8 | uint32(b[i+1])
	}
	if len(b)%2 == 1 {
		sum += uint32(b[len(b)-1]) << 8
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

// isReply reports whether the packet answers the request. Raw IPv4 sockets give
// the IP header too.
func isReply(six bool, packet []byte, id, seq uint16, data []byte) bool {
	want := byte(echoReply6)
	if !six {
		want = echoReply4
		if len(packet) >= 20 && packet[0]>>4 == 4 {
			packet = packet[min(int(packet[0]&15)*4, len(packet)):]
		}
	}
	return len(packet) >= 8 && packet[0] == want && binary.BigEndian.Uint16(packet[4:]) == id &&
		binary.BigEndian.Uint16(packet[6:]) == seq && bytes.Equal(packet[8:], data)
}
