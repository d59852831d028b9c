package lab

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/sys/unix"
)

// netnsDir is where iproute2 looks for named network namespaces.
const netnsDir = "/run/netns"

func netnsPath(name string) string { return filepath.Join(netnsDir, name) }

// pinNetns gives the network namespace at path src a name, as `ip netns attach`.
func pinNetns(name, src string) error {
	if err := os.MkdirAll(netnsDir, 0o755); err != nil {
		return fmt.Errorf("name network namespace: %w", err)
	}
	f, err := os.OpenFile(netnsPath(name), os.O_CREATE|os.O_EXCL|os.O_RDONLY, 0o444)
	if err != nil {
		return fmt.Errorf("name network namespace: %w", err)
	}
	f.Close()
	if err := unix.Mount(src, netnsPath(name), "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("mount network namespace %q: %w", name, err)
	}
	return nil
}

// unpinNetns takes the name away; it need not be there.
func unpinNetns(name string) error {
	path := netnsPath(name)
	err := unix.Unmount(path, unix.MNT_DETACH)
	if err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("unmount network namespace %q: %w", name, err)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("delete network namespace: %w", err)
	}
	return nil
}

// newNetns makes a named network namespace without any process in it; setup
// runs inside.
func newNetns(name string, setup func() error) error {
	done := make(chan error, 1)
	go func() {
		// Never unlocked: the thread, being in another namespace, ends with the goroutine.
		runtime.LockOSThread()
		done <- func() error {
			if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
				return fmt.Errorf("add network namespace %q: %w", name, err)
			}
			if err := setup(); err != nil {
				return err
			}
			return pinNetns(name, fmt.Sprintf("/proc/self/task/%d/ns/net", unix.Gettid()))
		}()
	}()
	return <-done
}

// setSysctl writes a value; name has slashes. A missing one (IPv6 off in the
// kernel) is no error.
func setSysctl(name, value string) error {
	err := os.WriteFile("/proc/sys/"+name, []byte(value), 0o644)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("set sysctl: %w", err)
	}
	return nil
}
