package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// children are the first processes that this very process started: somebody
// has to wait for them, or they stay as zombies until it ends.
type children struct {
	mu   sync.Mutex
	cmds []*exec.Cmd
}

func (c *children) add(cmd *exec.Cmd) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cmds = append(c.cmds, cmd)
}

// reap waits for all of them; they were killed before.
func (c *children) reap() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, cmd := range c.cmds {
		_ = cmd.Wait() // always "signal: killed"
	}
	c.cmds = nil
}

func bootID() (string, error) {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", fmt.Errorf("read boot id: %w", err)
	}
	return strings.TrimSpace(string(id)), nil
}

// newProcess records the running process pid.
func newProcess(pid int, boot string) (process, error) {
	start, _, err := stat(pid)
	return process{Pid: pid, Start: start, BootID: boot}, err
}

// stat returns when a process started, in clock ticks since boot, and its state.
func stat(pid int) (start uint64, state string, err error) {
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, "", fmt.Errorf("read process: %w", err)
	}
	// The command's name, in parentheses, may hold spaces and parentheses.
	s := string(line)
	fields := strings.Fields(s[strings.LastIndexByte(s, ')')+1:])
	if len(fields) < 20 {
		return 0, "", fmt.Errorf("read process %d: %d fields in its stat", pid, len(fields))
	}
	start, err = strconv.ParseUint(fields[19], 10, 64)
	return start, fields[0], err
}

// alive reports whether p runs; a zombie does not.
func (p process) alive() bool {
	start, state, err := stat(p.Pid)
	return err == nil && start == p.Start && state != "Z" && state != "X"
}

// kill ends p and, p being the first of its pid namespace, all processes there.
// It returns a pidfd that polls readable once they are gone, or -1 if p is not
// alive. A number that another process has by now is never signalled.
func (p process) kill() (int, error) {
	fd, err := unix.PidfdOpen(p.Pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return -1, nil
	}
	if err != nil {
		return -1, fmt.Errorf("open process %d: %w", p.Pid, err)
	}
	// The descriptor holds the process, so its number is not given away between
	// this look and the signal.
	if !p.alive() {
		return -1, unix.Close(fd)
	}
	if err := unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
		unix.Close(fd)
		return -1, fmt.Errorf("kill process %d: %w", p.Pid, err)
	}
	return fd, nil
}

// awaitExit returns when the pidfd's process has ended, and closes it.
func awaitExit(ctx context.Context, fd int) error {
	defer unix.Close(fd)
	poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	for {
		n, err := unix.Poll(poll, 50)
		switch {
		case n > 0:
			return nil
		case err != nil && !errors.Is(err, unix.EINTR):
			return fmt.Errorf("wait for a killed host: %w", err)
		case ctx.Err() != nil:
			return fmt.Errorf("wait for a killed host: %w", ctx.Err())
		}
	}
}
