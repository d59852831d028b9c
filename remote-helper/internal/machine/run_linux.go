package machine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"time"

	"netrun/tasks"
	"netrun/tasks/state"
)

// Scoper calls a function on a thread in a scope's network namespace.
type Scoper interface {
	In(scope state.Scope, f func() error) error
}

// Machine implements tasks.Machine.
type Machine struct {
	scopes Scoper
	env    []string // of the programs
	user   string   // whom they run as, unless the command says otherwise
	now    func() time.Time
	facts  map[string]any
}

// New is the machine that this process runs on. env is what its programs inherit,
// user whom they run as ("": as this process).
func New(scopes Scoper, env []string, user string, now func() time.Time) *Machine {
	return &Machine{scopes: scopes, env: env, user: user, now: now}
}

// In implements tasks.Machine.
func (m *Machine) In(scope state.Scope, f func() error) error { return m.scopes.In(scope, f) }

// Run implements tasks.Machine. The program gets a process group of its own,
// which is killed as a whole when ctx ends.
func (m *Machine) Run(ctx context.Context, c tasks.Command) (tasks.Output, error) {
	if len(c.Argv) == 0 {
		return tasks.Output{}, errors.New("run program: no program named")
	}
	cmd, err := m.command(ctx, c)
	if err != nil {
		return tasks.Output{}, err
	}
	var stdout, stderr bounded
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	began := m.now()
	err = m.start(c.Scope, cmd)
	if err == nil {
		err = cmd.Wait()
	}
	out := tasks.Output{Stdout: stdout.String(), Stderr: stderr.String(), Elapsed: m.now().Sub(began)}
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return out, fmt.Errorf("run %s: %w", c.Argv[0], context.Cause(ctx))
	case errors.As(err, &exit):
		out.Status = exitStatus(exit)
		return out, nil
	case errors.Is(err, exec.ErrWaitDelay):
		return out, nil // it left a child behind that holds its output open
	case err != nil:
		return out, fmt.Errorf("run %s: %w", c.Argv[0], err)
	}
	return out, nil
}

func (m *Machine) command(ctx context.Context, c tasks.Command) (*exec.Cmd, error) {
	cmd := exec.CommandContext(ctx, c.Argv[0], c.Argv[1:]...)
	cmd.Dir = c.Dir
	cmd.Env = append(m.env[:len(m.env):len(m.env)], environ(c.Env)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 2 * time.Second
	if c.Stdin != "" {
		cmd.Stdin = strings.NewReader(c.Stdin)
	}
	if c.User == "" {
		c.User = m.user
	}
	if c.User == "" {
		return cmd, nil
	}
	credential, home, err := credentialOf(c.User)
	if err != nil {
		return nil, err
	}
	if credential != nil {
		cmd.SysProcAttr.Credential = credential
	}
	cmd.Env = append(cmd.Env, "HOME="+home, "USER="+c.User, "LOGNAME="+c.User)
	return cmd, nil
}

// start starts the program in the scope: a child inherits its thread's namespace.
func (m *Machine) start(scope state.Scope, cmd *exec.Cmd) error {
	if scope == state.HostScope {
		return cmd.Start()
	}
	return m.scopes.In(scope, cmd.Start)
}

func exitStatus(exit *exec.ExitError) int {
	if s, ok := exit.Sys().(syscall.WaitStatus); ok && s.Signaled() {
		return 128 + int(s.Signal())
	}
	return exit.ExitCode()
}

func environ(env map[string]string) []string {
	out := make([]string, 0, len(env))
	for k, v := range env {
		out = append(out, k+"="+v)
	}
	sort.Strings(out)
	return out
}

// credentialOf is nil for the user that we are already.
func credentialOf(name string) (*syscall.Credential, string, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return nil, "", fmt.Errorf("run as %q: %w", name, err)
	}
	uid, uidErr := strconv.ParseUint(u.Uid, 10, 32)
	gid, gidErr := strconv.ParseUint(u.Gid, 10, 32)
	if err := errors.Join(uidErr, gidErr); err != nil {
		return nil, "", fmt.Errorf("run as %q: %w", name, err)
	}
	if int(uid) == os.Geteuid() {
		return nil, u.HomeDir, nil
	}
	ids, err := u.GroupIds()
	if err != nil {
		return nil, "", fmt.Errorf("run as %q: list groups: %w", name, err)
	}
	groups := make([]uint32, 0, len(ids))
	for _, id := range ids {
		if n, err := strconv.ParseUint(id, 10, 32); err == nil {
			groups = append(groups, uint32(n))
		}
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid), Groups: groups}, u.HomeDir, nil
}
