package process

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Process is one process, also after it has ended.
type Process struct {
	Pid  int    `json:"pid"`
	Born string `json:"born"` // see Born
}

// Self is this process.
func Self() Process {
	return Process{os.Getpid(), Born(strconv.Itoa(os.Getpid()))}
}

// Born is when the process started, in clock ticks since boot; "" if there is none,
// or only what is left of it until its parent looks.
func Born(pid string) string {
	if pid == "" || strings.Trim(pid, "0123456789") != "" {
		return ""
	}
	raw, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return ""
	}
	// The second field is the program's name in brackets, which may hold spaces.
	fields := bytes.Fields(raw[bytes.LastIndexByte(raw, ')')+1:])
	const state, starttime = 3, 22 // proc(5), numbered from 1
	if len(fields) <= starttime-state || string(fields[0]) == "Z" {
		return ""
	}
	return string(fields[starttime-state])
}

// Lives reports whether it has not ended.
func (p Process) Lives() bool {
	return p.Pid > 0 && p.Born != "" && Born(strconv.Itoa(p.Pid)) == p.Born
}

// Open gives a descriptor (pidfd) of the process, which is readable once it has ended;
// os.ErrProcessDone if it has.
func (p Process) Open() (int, error) {
	fd, err := unix.PidfdOpen(p.Pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return -1, os.ErrProcessDone
	}
	if err != nil {
		return -1, fmt.Errorf("open process %d: %w", p.Pid, err)
	}
	if !p.Lives() { // the number is somebody else's by now
		unix.Close(fd)
		return -1, os.ErrProcessDone
	}
	return fd, nil
}

// End asks the process to end, and kills it if it has not after the patience.
func (p Process) End(patience time.Duration) error {
	fd, err := p.Open()
	switch {
	case errors.Is(err, os.ErrProcessDone):
		return nil
	case errors.Is(err, unix.ENOSYS):
		return p.endByNumber(patience)
	case err != nil:
		return err
	}
	defer unix.Close(fd)
	for _, sig := range []unix.Signal{unix.SIGTERM, unix.SIGKILL} {
		if err := unix.PidfdSendSignal(fd, sig, nil, 0); errors.Is(err, unix.ESRCH) {
			return nil
		} else if err != nil {
			return fmt.Errorf("end process %d: %w", p.Pid, err)
		}
		ended, err := wait(fd, patience)
		if ended || err != nil {
			return err
		}
	}
	return fmt.Errorf("end process %d: it does not end", p.Pid)
}

// wait waits until the process of the descriptor has ended.
func wait(fd int, patience time.Duration) (bool, error) {
	until := time.Now().Add(patience)
	for {
		fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		n, err := unix.Poll(fds, int(max(0, time.Until(until).Milliseconds())))
		if !errors.Is(err, unix.EINTR) {
			return n > 0, err
		}
	}
}

// endByNumber is End before Linux 5.3, which has no pidfd.
func (p Process) endByNumber(patience time.Duration) error {
	for _, sig := range []unix.Signal{unix.SIGTERM, unix.SIGKILL} {
		if !p.Lives() {
			return nil
		}
		if err := unix.Kill(p.Pid, sig); err != nil && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("end process %d: %w", p.Pid, err)
		}
		for until := time.Now().Add(patience); p.Lives() && time.Now().Before(until); {
			time.Sleep(10 * time.Millisecond)
		}
	}
	if p.Lives() {
		return fmt.Errorf("end process %d: it does not end", p.Pid)
	}
	return nil
}
