package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// run starts cmd inside p's namespaces and root, and waits for it.
func (p process) run(ctx context.Context, c Command) error {
	done := make(chan error, 1)
	started := make(chan *exec.Cmd, 1)
	go func() {
		// Never unlocked: the thread, being in other namespaces, ends with the
		// goroutine. The command is its child, so it starts where the thread is.
		runtime.LockOSThread()
		cmd, err := p.startInside(ctx, c)
		if err != nil {
			done <- err
		}
		started <- cmd
	}()
	if cmd := <-started; cmd != nil {
		return cmd.Wait()
	}
	return <-done
}

func (p process) startInside(ctx context.Context, c Command) (*exec.Cmd, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	path, err := lookPath(c.Argv[0])
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, path, c.Argv[1:]...)
	cmd.Args[0] = c.Argv[0]
	if c.cgroup {
		cmd = exec.CommandContext(ctx, "/bin/sh", append([]string{"-c", enterHostCgroup, "sh", path}, c.Argv[1:]...)...)
	}
	cmd.Env = append([]string{"PATH=" + defaultPath, "HOME=/root", "USER=root", "LOGNAME=root"}, c.Env...)
	cmd.Dir = "/root"
	cmd.Stdin, cmd.Stdout, cmd.Stderr = c.Stdin, c.Stdout, c.Stderr
	// A grandchild that keeps the output open must not keep us.
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %q: %w", c.Argv[0], err)
	}
	return cmd, nil
}

// enterHostCgroup is a shell script that moves into the cgroups of the host that it
// runs in, the root of those it sees, and becomes its arguments.
const enterHostCgroup = `for procs in /sys/fs/cgroup/cgroup.procs /sys/fs/cgroup/*/cgroup.procs /sys/fs/cgroup/init/cgroup.procs /sys/fs/cgroup/*/init/cgroup.procs; do
  [ ! -w "$procs" ] || echo 0 >"$procs"
done 2>/dev/null
exec "$@"`

// lookPath finds a command among the host's, whatever this process's PATH.
func lookPath(name string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	for _, dir := range filepath.SplitList(defaultPath) {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	return "", fmt.Errorf("find command %q: not in the host's %s", name, defaultPath)
}

// enter moves the calling thread into p's namespaces. Children get its pid
// namespace; the thread itself keeps its own.
func (p process) enter() error {
	kinds := []struct {
		name string
		flag int
	}{{"net", unix.CLONE_NEWNET}, {"uts", unix.CLONE_NEWUTS}, {"pid", unix.CLONE_NEWPID}, {"cgroup", unix.CLONE_NEWCGROUP}, {"mnt", unix.CLONE_NEWNS}}
	files := make([]*os.File, len(kinds))
	for i, k := range kinds {
		f, err := os.Open(fmt.Sprintf("/proc/%d/ns/%s", p.Pid, k.name))
		if err != nil {
			return fmt.Errorf("open namespace: %w", err)
		}
		defer f.Close()
		files[i] = f
	}
	if !p.alive() { // looked at once the namespaces are held: the number may be another's by now
		return errors.New("host is down")
	}
	// Threads share their root and working directory, and a mount namespace
	// cannot be entered by half of a process.
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return fmt.Errorf("unshare working directory: %w", err)
	}
	for i, k := range kinds {
		if err := unix.Setns(int(files[i].Fd()), k.flag); err != nil {
			return fmt.Errorf("enter %s namespace: %w", k.name, err)
		}
	}
	return dropCapabilities()
}

// signalCode returns the status that a shell gives to a killed command.
func signalCode(e *exec.ExitError) int {
	if s, ok := e.Sys().(syscall.WaitStatus); ok && s.Signaled() {
		return 128 + int(s.Signal())
	}
	return 1
}
