package guard

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Files of a guard process: the pipe from the session, and the play's lock.
const (
	pipeFD = 3
	lockFD = 4
)

// Slack is how long after its deadline a session that still lives is given before
// the guard takes it for hung.
const Slack = 10 * time.Second

// Guard is a running guard, as its session sees it.
type Guard struct {
	pipe *os.File
	cmd  *exec.Cmd
}

// Arm starts the guard: this program again, as `guard JOURNAL LOCK SESSION-PID`,
// in a session of its own so that nothing which ends the connection ends it too.
// It inherits the lock, which so outlives this process.
func Arm(self, journal string, lock *os.File, lockPath string, deadline time.Duration) (*Guard, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("arm guard: %w", err)
	}
	cmd := exec.Command(self, "guard", journal, lockPath, strconv.Itoa(os.Getpid()))
	cmd.ExtraFiles = []*os.File{r, lock}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Dir = "/"
	err = errors.Join(cmd.Start(), r.Close())
	if err != nil {
		return nil, errors.Join(fmt.Errorf("arm guard: %w", err), w.Close())
	}
	g := &Guard{pipe: w, cmd: cmd}
	return g, g.Extend(deadline)
}

// Extend sets the guard's deadline anew: from now on that long, and Slack.
func (g *Guard) Extend(deadline time.Duration) error {
	if _, err := fmt.Fprintf(g.pipe, "%d\n", (deadline + Slack).Milliseconds()); err != nil {
		return fmt.Errorf("tell guard: %w", err)
	}
	return nil
}

// Disarm ends the guard: the session has come to its end by itself.
func (g *Guard) Disarm() error {
	_, err := io.WriteString(g.pipe, "done\n")
	return errors.Join(err, g.pipe.Close(), g.cmd.Wait())
}

// Watch is the guard's own main: it returns true when it must undo, because the
// session died or ran over its deadline (it is killed then), false when the
// session said that all is done.
func Watch(ctx context.Context, pipe io.Reader, session int) bool {
	lines := make(chan string)
	go func() { // ends with the pipe, or with this process
		defer close(lines)
		s := bufio.NewScanner(pipe)
		for s.Scan() {
			lines <- s.Text()
		}
	}()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		select {
		case line, alive := <-lines:
			if !alive || line == "done" {
				return !alive
			}
			if ms, err := strconv.Atoi(strings.TrimSpace(line)); err == nil {
				timer.Reset(time.Duration(ms) * time.Millisecond)
			}
		case <-timer.C:
			kill(session)
			return true
		case <-ctx.Done():
			return true
		}
	}
}

// kill ends a hung session. It is our parent as long as it lives, so the pid
// cannot have been given to another process.
func kill(session int) {
	if os.Getppid() == session {
		// ESRCH means that it has just ended by itself, which is as good.
		_ = syscall.Kill(session, syscall.SIGKILL)
	}
}

// Pipe is the guard process's end of the pipe.
func Pipe() *os.File { return os.NewFile(pipeFD, "guard-pipe") }

// Lock is the lock that the guard process inherited.
func Lock() *os.File { return os.NewFile(lockFD, "guard-lock") }
