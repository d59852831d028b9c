package linuxhost

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// Changes calls on whenever links, addresses or routes of this network namespace
// change, until the context ends, whose cause it gives. What is missed because too
// much happens at once is a change, too.
func Changes(ctx context.Context, on func()) error {
	sock, err := nl.Subscribe(unix.NETLINK_ROUTE, unix.RTNLGRP_LINK, unix.RTNLGRP_IPV4_IFADDR, unix.RTNLGRP_IPV6_IFADDR,
		unix.RTNLGRP_IPV4_ROUTE, unix.RTNLGRP_IPV6_ROUTE)
	if err != nil {
		return fmt.Errorf("listen to the kernel: %w", err)
	}
	defer sock.Close()
	// A netlink socket cannot be shut down: a pipe wakes the wait when the context ends.
	end, wake, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("listen to the kernel: %w", err)
	}
	defer end.Close()
	defer context.AfterFunc(ctx, func() { wake.Close() })()
	for ctx.Err() == nil {
		fds := []unix.PollFd{{Fd: int32(sock.GetFd()), Events: unix.POLLIN}, {Fd: int32(end.Fd()), Events: unix.POLLIN}}
		if _, err := unix.Poll(fds, -1); err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("listen to the kernel: %w", err)
		}
		if fds[0].Revents == 0 {
			continue
		}
		switch _, _, err := sock.Receive(); {
		case err == nil, errors.Is(err, unix.ENOBUFS):
			on()
		case !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR):
			return fmt.Errorf("listen to the kernel: %w", err)
		}
	}
	return context.Cause(ctx)
}
