package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"os/user"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/term"

	"netrun/cmd/netrun/internal/push/binaries"
)

// OS is the process that this program runs in, with the helpers that are built into it.
func OS(version, commit string) (*Process, error) {
	helpers, err := binaries.Embedded()
	if err != nil {
		return nil, err
	}
	p := &Process{
		Args: os.Args[1:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Getenv: os.Getenv,
		Now: time.Now, Helpers: helpers, Version: version, Commit: commit,
	}
	if p.Home, err = os.UserHomeDir(); err != nil {
		p.Home = "" // then there is no ~/.ssh
	}
	if p.Hostname, err = os.Hostname(); err != nil {
		p.Hostname = "unknown"
	}
	p.User = loginName()
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	p.Interrupts = signals
	if fd := int(os.Stdout.Fd()); term.IsTerminal(fd) && os.Getenv("TERM") != "dumb" {
		p.Size = func() (int, int) { return size(fd) }
	}
	if t := openTerminal(); t != nil {
		p.Terminal = t
	}
	return p, nil
}

// loginName needs no cgo: a user that only a directory service knows is in the environment.
func loginName() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	if name := os.Getenv("USER"); name != "" {
		return name
	}
	return fmt.Sprintf("uid-%d", os.Getuid())
}

func size(fd int) (columns, rows int) {
	columns, rows, err := term.GetSize(fd)
	if err != nil || columns <= 0 || rows <= 0 {
		return 80, 24
	}
	return columns, rows
}

// tty is the terminal that the process belongs to.
type tty struct{ in, out *os.File }

// openTerminal is nil where the process belongs to no terminal.
func openTerminal() Terminal {
	if runtime.GOOS == "windows" {
		if term.IsTerminal(int(os.Stdin.Fd())) {
			return tty{os.Stdin, os.Stderr}
		}
		return nil
	}
	f, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return nil
	}
	return tty{f, f}
}

// Read implements io.Reader.
func (t tty) Read(b []byte) (int, error) { return t.in.Read(b) }

// Write implements io.Writer.
func (t tty) Write(b []byte) (int, error) { return t.out.Write(b) }

// ReadSecret implements Terminal. term.ReadPassword alone would leave a terminal
// that shows nothing if it is interrupted.
func (t tty) ReadSecret(ctx context.Context) (string, error) {
	fd := int(t.in.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return "", err
	}
	secret, err := untilDone(ctx, func() (string, error) {
		text, err := term.ReadPassword(fd)
		return string(text), err
	})
	if ctx.Err() != nil {
		return "", errors.Join(ctx.Err(), term.Restore(fd, before))
	}
	return secret, err
}
