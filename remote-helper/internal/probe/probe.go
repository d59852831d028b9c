// Package probe asks whether the host can reach what it could reach before a
// change: its gateway, and what the play names. It changes nothing.
package probe

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"
)

// Probe is one thing to reach; one of the fields is set.
type Probe struct {
	Ping string `json:"ping,omitempty"` // an address
	TCP  string `json:"tcp,omitempty"`  // host:port
}

// String names the probe in messages.
func (p Probe) String() string {
	if p.TCP != "" {
		return "tcp " + p.TCP
	}
	return "ping " + p.Ping
}

// Once tries the probe one time.
func (p Probe) Once(ctx context.Context) error {
	if p.TCP != "" {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", p.TCP)
		if err != nil {
			return err
		}
		return conn.Close()
	}
	addr, err := netip.ParseAddr(p.Ping)
	if err != nil {
		return fmt.Errorf("ping: %w", err)
	}
	return Ping(ctx, addr)
}

// Working lists the probes that succeed within a second, tried side by side.
func Working(ctx context.Context, probes []Probe) []Probe {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	results := make(chan int, len(probes))
	for i, p := range probes {
		go func() {
			if p.Once(ctx) != nil {
				i = -1
			}
			results <- i
		}()
	}
	works := make([]bool, len(probes))
	for range probes {
		if i := <-results; i >= 0 {
			works[i] = true
		}
	}
	var out []Probe
	for i, p := range probes {
		if works[i] {
			out = append(out, p)
		}
	}
	return out
}

// Require tries each probe until it succeeds or ctx ends.
func Require(ctx context.Context, probes []Probe) error {
	var errs []error
	for _, p := range probes {
		if err := p.until(ctx); err != nil {
			errs = append(errs, fmt.Errorf("%s worked before and does not now: %w", p, err))
		}
	}
	return errors.Join(errs...)
}

func (p Probe) until(ctx context.Context) error {
	for {
		try, cancel := context.WithTimeout(ctx, time.Second)
		err := p.Once(try)
		cancel()
		if err == nil || ctx.Err() != nil {
			return err
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return err
		}
	}
}

// Ping sends one ICMP echo request and waits for its reply. It needs root, as ping does.
func Ping(ctx context.Context, to netip.Addr) error {
	network, request, reply := "ip4:icmp", byte(8), byte(0)
	if to.Is6() {
		network, request, reply = "ip6:ipv6-icmp", 128, 129
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, network, to.String())
	if err != nil {
		return err
	}
	defer conn.Close()
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(time.Second)
	}
	if err := conn.SetDeadline(deadline); err != nil {
		return err
	}
	id := uint16(os.Getpid())
	if _, err := conn.Write(echo(request, id, to.Is4())); err != nil {
		return err
	}
	return awaitReply(conn, reply, id, to.Is4())
}

// echo is an ICMP echo request. For IPv6 the kernel fills in the checksum.
func echo(kind byte, id uint16, checksum bool) []byte {
	p := make([]byte, 16)
	p[0] = kind
	binary.BigEndian.PutUint16(p[4:], id)
	binary.BigEndian.PutUint16(p[6:], 1)
	copy(p[8:], "netrun..")
	if checksum {
		binary.BigEndian.PutUint16(p[2:], internetChecksum(p))
	}
	return p
}

// internetChecksum is that of RFC 1071, for an even number of bytes.
func internetChecksum(p []byte) uint16 {
	var sum uint32
	for i := 0; i+1 < len(p); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(p[i:]))
	}
	for sum>>16 != 0 {
		sum = sum&0xffff + sum>>16
	}
	return ^uint16(sum)
}

// awaitReply skips what else arrives: a raw socket gets every ICMP message of its peer.
func awaitReply(conn net.Conn, kind byte, id uint16, v4 bool) error {
	buf := make([]byte, 1500)
	for {
		n, err := conn.Read(buf)
		if err != nil {
			return err
		}
		p := buf[:n]
		if v4 && len(p) > 20 && p[0]>>4 == 4 { // Linux hands IPv4 raw sockets the IP header too
			p = p[int(p[0]&0xf)*4:]
		}
		if len(p) >= 8 && p[0] == kind && binary.BigEndian.Uint16(p[4:]) == id {
			return nil
		}
	}
}
