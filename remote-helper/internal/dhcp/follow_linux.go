package dhcp

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"netrun/remote-helper/internal/process"
)

// errGone says that there is nothing left to hold a lease for.
var errGone = errors.New("there is nothing left to hold a lease for")

// follow calls touched when the link changes. It returns when the link, the container
// or the network namespace is gone (errGone), or the context ends. A client must then
// end too: a process keeps the namespace that it is in, and the links in it.
func follow(ctx context.Context, p Params, touched func()) error {
	f, err := openFollower(p)
	if err != nil {
		return fmt.Errorf("follow %s: %w", p.Where, err)
	}
	defer f.close()
	defer context.AfterFunc(ctx, func() { f.wake.Close() })()
	for {
		if err := f.gone(p); err != nil {
			return err
		}
		if _, err := unix.Poll(f.fds, f.every); err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("follow %s: %w", p.Where, err)
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if f.fds[0].Revents != 0 && f.changed(p.Index) {
			touched()
		}
		f.drain()
	}
}

// follower is what is waited for.
type follower struct {
	fds       []unix.PollFd
	links     *nl.NetlinkSocket
	end, wake *os.File // a pipe: netlink sockets cannot be shut down
	names     int      // inotify on the folder of the named namespaces, -1 for none
	process   int      // pidfd, -1 for none
	every     int      // milliseconds after which to look anyway, -1 for never
}

func openFollower(p Params) (f *follower, err error) {
	f = &follower{names: -1, process: -1, every: -1}
	defer func() {
		if err != nil {
			f.close()
		}
	}()
	if f.links, err = nl.Subscribe(unix.NETLINK_ROUTE, unix.RTNLGRP_LINK); err != nil {
		return f, err
	}
	if f.end, f.wake, err = os.Pipe(); err != nil {
		return f, err
	}
	f.add(f.links.GetFd())
	f.add(int(f.end.Fd()))
	if p.Name != "" {
		if f.names, err = unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK); err != nil {
			return f, err
		}
		if _, err = unix.InotifyAddWatch(f.names, filepath.Dir(p.Name), unix.IN_DELETE|unix.IN_DELETE_SELF|unix.IN_MOVED_FROM); err != nil {
			return f, err
		}
		f.add(f.names)
	}
	if p.With.Pid != 0 {
		return f, f.addProcess(p.With)
	}
	return f, nil
}

// addProcess waits for the end of the process. Before Linux 5.3 it is looked for.
func (f *follower) addProcess(p process.Process) error {
	fd, err := p.Open()
	switch {
	case errors.Is(err, os.ErrProcessDone):
		return nil // gone sees it
	case errors.Is(err, unix.ENOSYS):
		f.every = 500
		return nil
	case err != nil:
		return err
	}
	f.process = fd
	f.add(fd)
	return nil
}

func (f *follower) add(fd int) {
	f.fds = append(f.fds, unix.PollFd{Fd: int32(fd), Events: unix.POLLIN})
}

// changed reads what the kernel tells of links, and reports whether it may be about the
// one with that index. A host's own namespace may have thousands of others.
func (f *follower) changed(index int) bool {
	messages, _, err := f.links.Receive()
	if err != nil {
		return errors.Is(err, unix.ENOBUFS) // too much at once: it may be
	}
	for _, m := range messages {
		if len(m.Data) >= unix.SizeofIfInfomsg && int(nl.DeserializeIfInfomsg(m.Data).Index) == index {
			return true
		}
	}
	return false
}

// drain empties the inotify queue; what it says is looked up.
func (f *follower) drain() {
	var buf [4096]byte
	for f.names >= 0 {
		if n, err := unix.Read(f.names, buf[:]); n <= 0 || err != nil {
			return
		}
	}
}

func (f *follower) close() {
	if f.links != nil {
		f.links.Close()
	}
	for _, file := range []*os.File{f.end, f.wake} {
		if file != nil {
			file.Close()
		}
	}
	for _, fd := range []int{f.names, f.process} {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
}

// gone says what is gone, if something is.
func (f *follower) gone(p Params) error {
	if p.With.Pid != 0 && !p.With.Lives() {
		return fmt.Errorf("%w: the container of %s has ended", errGone, p.Where)
	}
	if p.Name != "" {
		var st unix.Stat_t
		if err := unix.Stat(p.Name, &st); err != nil || st.Ino != p.Netns {
			return fmt.Errorf("%w: the network namespace of %s is gone", errGone, p.Where)
		}
	}
	if _, err := netlink.LinkByIndex(p.Index); isMissing(err) {
		return fmt.Errorf("%w: %s: %w", errGone, p.Where, err)
	}
	return nil
}
