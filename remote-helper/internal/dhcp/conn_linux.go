package dhcp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// conn sends requests and receives messages. Its owner closes it.
type conn interface {
	send(message []byte) error
	// receive gives what comes until the deadline; os.ErrDeadlineExceeded then.
	receive(deadline time.Time) ([]byte, error)
	Close() error
}

// rawConn broadcasts on a link that may have no address.
type rawConn struct {
	file  *os.File
	index int
	from  netip.Addr
	buf   []byte
}

// openRaw opens a socket for the link with that index in the process's network namespace.
func openRaw(index int, from netip.Addr) (conn, error) {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("open packet socket: %w", err)
	}
	err = unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, toClients())
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: networkOrder(unix.ETH_P_IP), Ifindex: index})
	}
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("open packet socket: %w", err)
	}
	return &rawConn{os.NewFile(uintptr(fd), "packet"), index, from, make([]byte, maxMessage+ipHeader+udpHeader)}, nil
}

func networkOrder(n uint16) uint16 { return n<<8 | n>>8 }

// toClients lets through UDP packets for DHCP clients, so that the link's other
// traffic does not wake this process.
func toClients() *unix.SockFprog {
	const pass, drop = 0xffff, 0
	f := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: 9}, // protocol
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: udp, Jf: 4},
		{Code: unix.BPF_LDX | unix.BPF_B | unix.BPF_MSH, K: 0}, // length of the IP header
		{Code: unix.BPF_LD | unix.BPF_H | unix.BPF_IND, K: 2},  // destination port
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: clientPort, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: pass},
		{Code: unix.BPF_RET | unix.BPF_K, K: drop},
	}
	return &unix.SockFprog{Len: uint16(len(f)), Filter: &f[0]}
}

func (c *rawConn) send(message []byte) error {
	everybody := unix.SockaddrLinklayer{Protocol: networkOrder(unix.ETH_P_IP), Ifindex: c.index, Halen: 6,
		Addr: [8]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}
	packet := wrap(c.from, netip.AddrFrom4([4]byte{255, 255, 255, 255}), message)
	raw, err := c.file.SyscallConn()
	if err != nil {
		return fmt.Errorf("send: %w", err)
	}
	var sendErr error
	err = raw.Write(func(fd uintptr) bool {
		sendErr = unix.Sendto(int(fd), packet, 0, &everybody)
		return !errors.Is(sendErr, unix.EAGAIN)
	})
	if err = errors.Join(err, sendErr); err != nil {
		return fmt.Errorf("send: %w", err)
	}
	return nil
}

func (c *rawConn) receive(deadline time.Time) ([]byte, error) {
	if err := c.file.SetReadDeadline(deadline); err != nil {
		return nil, fmt.Errorf("receive: %w", err)
	}
	for {
		n, err := c.file.Read(c.buf)
		if err != nil {
			return nil, fmt.Errorf("receive: %w", err)
		}
		if message, ok := unwrap(c.buf[:n]); ok {
			return message, nil
		}
	}
}

func (c *rawConn) Close() error { return c.file.Close() }

// udpConn speaks with one server, from the address that it gave.
type udpConn struct {
	net.PacketConn
	to  net.Addr
	buf []byte
}

// openUDP opens a socket on the link, which must have the address.
func openUDP(ctx context.Context, link string, own, server netip.Addr) (conn, error) {
	onLink := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		var err error
		ctlErr := raw.Control(func(fd uintptr) {
			err = errors.Join(unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1), unix.BindToDevice(int(fd), link))
		})
		return errors.Join(ctlErr, err)
	}}
	c, err := onLink.ListenPacket(ctx, "udp4", netip.AddrPortFrom(own, clientPort).String())
	if err != nil {
		return nil, fmt.Errorf("open socket: %w", err)
	}
	return &udpConn{c, net.UDPAddrFromAddrPort(netip.AddrPortFrom(server, serverPort)), make([]byte, maxMessage)}, nil
}

func (c *udpConn) send(message []byte) error {
	if _, err := c.WriteTo(message, c.to); err != nil {
		return fmt.Errorf("send: %w", err)
	}
	return nil
}

func (c *udpConn) receive(deadline time.Time) ([]byte, error) {
	if err := c.SetReadDeadline(deadline); err != nil {
		return nil, fmt.Errorf("receive: %w", err)
	}
	n, _, err := c.ReadFrom(c.buf)
	if err != nil {
		return nil, fmt.Errorf("receive: %w", err)
	}
	return c.buf[:n], nil
}
