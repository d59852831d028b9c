package lab

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// File descriptors that the starter hands to the first process.
const (
	hearFD  = 3
	speakFD = 4
)

// init keeps the main goroutine of a host's first process on the process's first
// thread: that is whose namespaces others find in /proc/PID/ns.
func init() {
	if os.Getpid() == 1 {
		runtime.LockOSThread()
	}
}

// Init is the first process of a host: it makes the host's root, starts sshd
// and reaps orphans until SIGTERM. It reads its spec from descriptor 3 and
// answers on descriptor 4, and returns only with an error.
func Init() error {
	// Capabilities and namespaces belong to threads; what follows, and the fork
	// of sshd, must be one thread's doing.
	runtime.LockOSThread()
	if os.Getpid() != 1 {
		return errors.New("lab init is the first process of a lab host and of no use elsewhere")
	}
	speak := os.NewFile(speakFD, "answer")
	unix.CloseOnExec(speakFD)
	unix.CloseOnExec(hearFD)
	sshd, err := boot(bufio.NewReader(os.NewFile(hearFD, "control")))
	if err != nil {
		_, werr := fmt.Fprintln(speak, err)
		return errors.Join(err, werr)
	}
	_, err = io.WriteString(speak, answerReady)
	if err := errors.Join(err, speak.Close()); err != nil {
		return err
	}
	debug.FreeOSMemory()
	return sshd.keep()
}

// boot does everything up to a listening sshd.
func boot(control *bufio.Reader) (*server, error) {
	s, err := readSpec(control)
	if err != nil {
		return nil, err
	}
	if err := makeRoot(s); err != nil {
		return nil, err
	}
	if line, err := control.ReadString('\n'); err != nil || line != goLine {
		return nil, errors.New("netrun ended before this host was known to it")
	}
	if err := configure(s); err != nil {
		return nil, err
	}
	if err := dropCapabilities(); err != nil {
		return nil, err
	}
	signal.Ignore(unix.SIGHUP, unix.SIGINT, unix.SIGPIPE)
	sshd := &server{path: s.Sshd}
	if err := sshd.start(); err != nil {
		return nil, err
	}
	return sshd, sshd.awaitListen()
}

func readSpec(control *bufio.Reader) (spec, error) {
	var s spec
	line, err := control.ReadBytes('\n')
	if err != nil {
		return s, fmt.Errorf("read spec: %w", err)
	}
	if err := json.Unmarshal(line, &s); err != nil {
		return s, fmt.Errorf("read spec: %w", err)
	}
	return s, nil
}

// dropCapabilities takes away what no namespace confines: the machine's clock
// and its reset button.
func dropCapabilities() error {
	for _, c := range []uintptr{unix.CAP_SYS_TIME, unix.CAP_SYS_BOOT} {
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0); err != nil {
			return fmt.Errorf("drop capability %d: %w", c, err)
		}
	}
	return nil
}

// server is the host's sshd.
type server struct {
	path string
	pid  int
}

func (s *server) start() error {
	pid, err := syscall.ForkExec(s.path, []string{s.path, "-D", "-e"}, &syscall.ProcAttr{
		Dir: "/", Env: []string{"PATH=" + defaultPath}, Files: []uintptr{0, 1, 2},
		Sys: &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		return fmt.Errorf("start %s: %w", s.path, err)
	}
	s.pid = pid
	return nil
}

// awaitListen returns when something listens on a TCP port: in a new network
// namespace that is sshd. A connection would tell as well, but leave its trace
// in the log and count for MaxStartups.
func (s *server) awaitListen() error {
	for range 10_000 {
		if listening("/proc/net/tcp") || listening("/proc/net/tcp6") {
			return nil
		}
		var status unix.WaitStatus
		if pid, err := unix.Wait4(s.pid, &status, unix.WNOHANG, nil); err == nil && pid == s.pid {
			return fmt.Errorf("sshd ended with status %d; the host's log says why", status.ExitStatus())
		}
		time.Sleep(2 * time.Millisecond)
	}
	return errors.New("sshd does not listen after 20 s")
}

func listening(table string) bool {
	text, err := os.ReadFile(table)
	if err != nil {
		return false // no IPv6
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) > 3 && f[3] == "0A" {
			return true
		}
	}
	return false
}

// keep reaps every orphan of the host and starts sshd again when it ends, as
// a service manager does, at most once a second.
func (s *server) keep() error {
	term := make(chan os.Signal, 1)
	signal.Notify(term, unix.SIGTERM)
	go func() {
		<-term
		os.Exit(0) // the kernel ends all others with the first process
	}()
	for {
		pid, err := unix.Wait4(-1, nil, 0, nil)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil && !errors.Is(err, unix.ECHILD):
			return fmt.Errorf("wait for orphans: %w", err)
		case err != nil || pid == s.pid:
			time.Sleep(time.Second)
			if err := s.start(); err != nil {
				fmt.Fprintln(os.Stderr, err)
				s.pid = 0
			}
		}
	}
}
