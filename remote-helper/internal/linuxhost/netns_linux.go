package linuxhost

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"netrun/tasks/state"
)

// readNetns lists the named network namespaces.
func (s *session) readNetns(*query) ([]state.Object, error) {
	names, err := s.netnsNames()
	if err != nil {
		return nil, err
	}
	var out []state.Object
	for _, name := range names {
		out = append(out, state.Netns{Name: name})
	}
	return out, nil
}

// netnsNames lists the names under which a namespace is mounted, sorted.
func (s *session) netnsNames() ([]string, error) {
	entries, err := os.ReadDir(s.host.cfg.NetnsDir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list network namespaces: %w", err)
	}
	var names []string
	for _, e := range entries {
		var fs unix.Statfs_t
		if unix.Statfs(s.netnsPath(e.Name()), &fs) == nil && fs.Type == unix.NSFS_MAGIC {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

func (s *session) netnsPath(name string) string { return filepath.Join(s.host.cfg.NetnsDir, name) }

// readProcesses looks at the processes that are asked for by name.
func (s *session) readProcesses(q *query) ([]state.Object, error) {
	var out []state.Object
	for _, pid := range q.names {
		if !isDecimal(pid) {
			return nil, fmt.Errorf("process %q: want a decimal number", pid)
		}
		fd, err := openNamespace("/proc/" + pid + "/ns/net")
		if errors.Is(err, errNoScope) {
			continue
		}
		if err != nil {
			return nil, err
		}
		unix.Close(fd)
		out = append(out, state.Process{Pid: pid})
	}
	return out, nil
}

// addNetns makes a named network namespace the way ip netns add does: an empty
// file with the namespace mounted on it.
func (s *session) addNetns(name string) error {
	if !validName(name) {
		return fmt.Errorf("add netns %q: not a file name", name)
	}
	if err := shareDir(s.host.cfg.NetnsDir); err != nil {
		return fmt.Errorf("add netns %q: %w", name, err)
	}
	path := s.netnsPath(name)
	if fd, err := openNamespace(path); err == nil {
		unix.Close(fd)
		return fmt.Errorf("add netns %q: it exists already", name)
	}
	f, err := os.OpenFile(path, os.O_RDONLY|os.O_CREATE|unix.O_NOFOLLOW, 0)
	if err != nil {
		return fmt.Errorf("add netns %q: %w", name, err)
	}
	f.Close()
	if err := mountNewNamespace(path); err != nil {
		os.Remove(path)
		return fmt.Errorf("add netns %q: %w", name, err)
	}
	return nil
}

// shareDir makes dir a shared mount, so that a namespace that is deleted in one
// mount namespace goes away in the others too (as ip netns does).
func shareDir(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	err := unix.Mount("", dir, "none", unix.MS_SHARED|unix.MS_REC, "")
	if !errors.Is(err, unix.EINVAL) {
		return wrapPath("share", dir, err)
	}
	if err := unix.Mount(dir, dir, "none", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return wrapPath("bind", dir, err)
	}
	return wrapPath("share", dir, unix.Mount("", dir, "none", unix.MS_SHARED|unix.MS_REC, ""))
}

// mountNewNamespace unshares a thread of its own and mounts what it got.
func mountNewNamespace(path string) error {
	t := startThread()
	defer t.stop()
	result := make(chan error, 1)
	t.jobs <- func() {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			result <- fmt.Errorf("unshare: %w", err)
			return
		}
		result <- wrapPath("mount", path, unix.Mount("/proc/thread-self/ns/net", path, "none", unix.MS_BIND, ""))
	}
	return <-result
}

// deleteNetns takes the name away; the namespace ends when no process is in it.
func (s *session) deleteNetns(name string) error {
	if !validName(name) {
		return fmt.Errorf("delete netns %q: not a file name", name)
	}
	s.forget(state.NetnsScope(name))
	path := s.netnsPath(name)
	err := unix.Unmount(path, unix.MNT_DETACH)
	if err != nil && !errors.Is(err, unix.EINVAL) {
		return fmt.Errorf("delete netns %q: %w", name, err)
	}
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("delete netns %q: %w", name, err)
	}
	return nil
}

func wrapPath(verb, path string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s %s: %w", verb, path, err)
}
