package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
)

// Command is one command to run in a host.
type Command struct {
	Argv   []string
	Env    []string // "KEY=value", beside PATH, HOME, USER and LOGNAME
	Stdin  io.Reader
	Stdout io.Writer
	Stderr io.Writer

	cgroup bool // the host has cgroups of its own
}

// ExitError says that a command in a host ran and ended with a status other
// than 0.
type ExitError struct {
	Host   string
	Argv   []string
	Code   int    // as a shell would give it: 128+n for signal n
	Stderr string // its last words, if Exec collected them
}

// Error returns one line: host, command, status, last line of stderr.
func (e *ExitError) Error() string {
	s := fmt.Sprintf("run %q on host %q: exit status %d", strings.Join(e.Argv, " "), e.Host, e.Code)
	if e.Stderr != "" {
		s += ": " + e.Stderr
	}
	return s
}

// ExitCode returns Code.
func (e *ExitError) ExitCode() int { return e.Code }

// Exec runs a command in the host's namespaces and root, without SSH, and
// returns what it printed to stdout. A status other than 0 is an *ExitError.
func (l *Lab) Exec(ctx context.Context, host string, argv ...string) ([]byte, error) {
	var stdout, stderr bytes.Buffer
	err := l.Run(ctx, host, Command{Argv: argv, Stdout: &stdout, Stderr: &stderr})
	var exit *ExitError
	if errors.As(err, &exit) {
		exit.Stderr = lastLine(stderr.String())
	}
	return stdout.Bytes(), err
}

// Run runs c in the host's namespaces and root, with c's streams. A status
// other than 0 is an *ExitError.
func (l *Lab) Run(ctx context.Context, host string, c Command) error {
	h, err := l.rec.host(host)
	if err != nil {
		return err
	}
	if len(c.Argv) == 0 {
		return fmt.Errorf("run on host %q: no command", host)
	}
	p, err := l.rec.process(h)
	if err != nil {
		return fmt.Errorf("run on host %q: %w", host, err)
	}
	c.cgroup = h.containers()
	err = p.run(ctx, c)
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil && err != nil:
		return fmt.Errorf("run on host %q: %w", host, ctx.Err())
	case errors.As(err, &exit):
		return &ExitError{Host: host, Argv: c.Argv, Code: exitCode(exit)}
	case err != nil:
		return fmt.Errorf("run on host %q: %w", host, err)
	}
	return nil
}

func exitCode(e *exec.ExitError) int {
	if code := e.ExitCode(); code >= 0 {
		return code
	}
	return signalCode(e)
}

func lastLine(s string) string {
	s = strings.TrimSpace(s)
	return s[strings.LastIndexByte(s, '\n')+1:]
}
