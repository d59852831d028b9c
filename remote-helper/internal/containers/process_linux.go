package containers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// statusError is a program that ended with another status than 0.
type statusError struct {
	status int
	said   string
}

func (e *statusError) Error() string { return fmt.Sprintf("status %d: %s", e.status, e.said) }

// command is podman with those arguments, as its user, in a process group of its
// own that ends with ctx. It never passes a shell.
func (p podman) command(ctx context.Context, args []string) (*exec.Cmd, *tail) {
	cmd := exec.CommandContext(ctx, p.program, args...)
	// The folder that we are in may be closed to the user.
	cmd.Dir, cmd.Env = "/", p.env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: p.credential}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	said := new(tail)
	cmd.Stderr = said
	return cmd, said
}

func (p podman) output(ctx context.Context, args ...string) ([]byte, error) {
	cmd, said := p.command(ctx, args)
	var out limited
	cmd.Stdout = &out
	err := cmd.Run()
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case out.over:
		return nil, fmt.Errorf("the answer has more than %d bytes", maxAnswer)
	}
	return out.buf.Bytes(), said.explain(err)
}

// stream runs the program and gives its output to read, whose error is returned
// unless the program itself says what was wrong.
func (p podman) stream(ctx context.Context, args []string, read func(io.Reader) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd, said := p.command(ctx, args)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	readErr := read(out)
	if !errors.Is(readErr, io.EOF) {
		cancel()
	}
	if err := said.explain(cmd.Wait()); err != nil && ctx.Err() == nil {
		return err
	}
	return readErr
}

// limited keeps at most maxAnswer bytes.
type limited struct {
	buf  bytes.Buffer
	over bool
}

// Write implements io.Writer.
func (l *limited) Write(p []byte) (int, error) {
	if l.buf.Len()+len(p) > maxAnswer {
		l.over = true
		return 0, io.ErrShortWrite
	}
	return l.buf.Write(p)
}

// tail keeps the last bytes of what a program complains of.
type tail struct{ text []byte }

// Write implements io.Writer.
func (t *tail) Write(p []byte) (int, error) {
	t.text = append(t.text, p...)
	t.text = t.text[max(0, len(t.text)-2000):]
	return len(p), nil
}

// explain puts the program's last line into the error of its end.
func (t *tail) explain(err error) error {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return err
	}
	lines := strings.Split(strings.TrimSpace(string(t.text)), "\n")
	return &statusError{exit.ExitCode(), strings.TrimSpace(lines[len(lines)-1])}
}
