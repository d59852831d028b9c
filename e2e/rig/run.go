package rig

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// Command is a program to run to its end.
type Command struct {
	Argv   []string
	Env    []string // added to this process's
	Dir    string
	Stdin  io.Reader
	Stdout io.Writer       // a copy of what it prints, as it prints it
	Start  func(*exec.Cmd) // called once it runs
}

// Result is what a program printed, and how it ended.
type Result struct {
	Stdout, Stderr string
	Exit           int // 128 and the signal's number, if a signal ended it
	Elapsed        time.Duration
	CPU            time.Duration // of the program, its own and the kernel's for it
	Peak           int64         // most memory that was resident, in bytes
}

// Run runs the command. Its exit status is no error: not being able to start it,
// or ctx ending first, is. It gets a process group of its own, so that a signal
// for this process is not one for it.
func Run(ctx context.Context, c Command) (Result, error) {
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, c.Argv[0], c.Argv[1:]...)
	cmd.Env = append(os.Environ(), c.Env...)
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = c.Dir, c.Stdin, &stdout, &stderr
	if c.Stdout != nil {
		cmd.Stdout = io.MultiWriter(&stdout, c.Stdout)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = 5 * time.Second
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return Result{}, fmt.Errorf("run %s: %w", c.Argv[0], err)
	}
	if c.Start != nil {
		c.Start(cmd)
	}
	err := cmd.Wait()
	r := Result{Stdout: stdout.String(), Stderr: stderr.String(), Elapsed: time.Since(began)}
	r.Exit, r.Peak = status(cmd.ProcessState)
	r.CPU = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	var exit *exec.ExitError
	if ctx.Err() != nil || (err != nil && !errors.As(err, &exit)) {
		return r, fmt.Errorf("run %s: %w\n%s%s", strings.Join(c.Argv, " "), errors.Join(ctx.Err(), err), r.Stdout, r.Stderr)
	}
	return r, nil
}

func status(p *os.ProcessState) (exit int, peak int64) {
	if usage, ok := p.SysUsage().(*syscall.Rusage); ok {
		peak = usage.Maxrss * 1024
	}
	if ws, ok := p.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return 128 + int(ws.Signal()), peak
	}
	return p.ExitCode(), peak
}

// Output is like Run, but any exit status other than 0 is an error too, which
// says what was printed.
func Output(ctx context.Context, c Command) (string, error) {
	r, err := Run(ctx, c)
	if err == nil && r.Exit != 0 {
		err = fmt.Errorf("run %s: exit status %d\n%s%s", strings.Join(c.Argv, " "), r.Exit, r.Stdout, r.Stderr)
	}
	return r.Stdout, err
}
