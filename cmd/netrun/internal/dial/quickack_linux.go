package dial

import (
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// sshd leaves Nagle's algorithm on for sessions without a terminal: its second
// small packet waits until the first is acknowledged, and the kernel here would
// put that off for 40 ms, hoping for data to send along. That happens several
// times a login and at each window update of an upload.
type quickConn struct {
	*net.TCPConn
	raw syscall.RawConn
}

// quickAck has each packet acknowledged at once.
func quickAck(c net.Conn) net.Conn {
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return c
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return c
	}
	return &quickConn{tcp, raw}
}

// Read acknowledges what follows at once.
func (c *quickConn) Read(p []byte) (int, error) {
	n, err := c.TCPConn.Read(p)
	c.quicken()
	return n, err
}

// Write keeps up the same, which sending data ends.
func (c *quickConn) Write(p []byte) (int, error) {
	n, err := c.TCPConn.Write(p)
	c.quicken()
	return n, err
}

// quicken sets the option anew, as the kernel forgets it (tcp(7)). Without it
// the connection is slower, and works all the same.
func (c *quickConn) quicken() {
	_ = c.raw.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_QUICKACK, 1) })
}

// roundTrip is the shortest that the kernel saw; the time that connecting took
// tells more about this machine's load when many hosts are dialled at once.
func roundTrip(c net.Conn, connecting time.Duration) time.Duration {
	q, ok := c.(*quickConn)
	if !ok {
		return connecting
	}
	_ = q.raw.Control(func(fd uintptr) {
		if info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO); err == nil && info.Min_rtt > 0 {
			connecting = time.Duration(info.Min_rtt) * time.Microsecond
		}
	})
	return connecting
}
