package linuxhost

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// program is one run of a program. Its arguments never pass a shell.
type program struct {
	name  string
	args  []string
	stdin string
}

// run runs the program in the space's namespace and gives what it wrote to its
// standard output. What it wrote to its standard error is part of the error.
func (s *session) run(sp *space, p program) (string, error) {
	out, _, err := s.output(sp, p)
	return out, err
}

// output gives what the program wrote to its standard error besides.
func (s *session) output(sp *space, p program) (out, said string, err error) {
	path, err := lookPath(p.name)
	if err != nil {
		return "", "", err
	}
	cmd := exec.CommandContext(s.ctx, path, p.args...)
	cmd.Env = append(s.environ(), "LC_ALL=C")
	cmd.WaitDelay = time.Second
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(p.stdin), &stdout, &stderr
	// The child is born on the calling thread, into its network namespace.
	if err := s.thread.in(sp, cmd.Run); err != nil {
		return "", "", &programError{name: p.name, stderr: strings.TrimSpace(stderr.String()), err: err}
	}
	return stdout.String(), stderr.String(), nil
}

func (s *session) environ() []string {
	if s.host.cfg.Environ != nil {
		return append([]string{}, s.host.cfg.Environ...)
	}
	return os.Environ()
}

// lookPath finds a program also where a login without root's PATH does not look.
func lookPath(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	for _, dir := range []string{"/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/local/bin", "/usr/bin", "/bin"} {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path, nil
		}
	}
	return "", &notInstalledError{name}
}

// notInstalledError says that a program is not there.
type notInstalledError struct{ name string }

func (e *notInstalledError) Error() string { return e.name + " is not installed" }

func isNotInstalled(err error) bool {
	var missing *notInstalledError
	return errors.As(err, &missing)
}

// programError is the failure of a program that ran.
type programError struct {
	name, stderr string
	err          error
}

func (e *programError) Error() string {
	if e.stderr == "" {
		return fmt.Sprintf("%s: %v", e.name, e.err)
	}
	return fmt.Sprintf("%s: %s", e.name, e.stderr)
}

func (e *programError) Unwrap() error { return e.err }
