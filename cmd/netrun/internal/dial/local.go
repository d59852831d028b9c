package dial

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"sync"

	"github.com/pkg/sftp"
)

// localConn runs commands on the controller.
type localConn struct{ name string }

// Start runs the command with /bin/sh -c.
func (c localConn) Start(ctx context.Context, command string) (*Session, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("start command on %q: %w", c.name, err)
	}
	return startProcess(c.name, exec.Command("/bin/sh", "-c", command))
}

// startProcess starts a program of the controller as a session of the named host.
func startProcess(name string, cmd *exec.Cmd) (*Session, error) {
	ownGroup(cmd)
	tail := &Tail{}
	cmd.Stderr = tail
	stdin, err1 := cmd.StdinPipe()
	stdout, w := io.Pipe()
	cmd.Stdout = w
	if err := errors.Join(err1, cmd.Start()); err != nil {
		return nil, fmt.Errorf("start command on %q: %w", name, err)
	}
	wait := sync.OnceValue(func() error {
		err := cmd.Wait()
		w.Close()
		return localExit(err, tail)
	})
	go wait() //nolint:errcheck // Wait returns it again to whoever asks
	kill := func() error {
		stdout.Close()
		killGroup(cmd)
		wait()
		return nil
	}
	return NewSession(stdin, stdout, tail, wait, kill), nil
}

func localExit(err error, tail *Tail) error {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return &ExitError{Status: exit.ExitCode(), Signal: signalName(exit), Stderr: tail.String()}
	}
	return err
}

// SFTP is not available: files are at hand.
func (c localConn) SFTP() (*sftp.Client, error) {
	return nil, fmt.Errorf("open sftp on %q: %w: the connection is local", c.name, ErrNoSFTP)
}

// Close has nothing to close.
func (c localConn) Close() error { return nil }
