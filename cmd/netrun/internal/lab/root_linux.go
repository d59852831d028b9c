package lab

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

// mount is one mount below a host's root.
type mount struct {
	source, target, kind string
	flags                uintptr
	data                 string
}

// makeRoot turns the calling process's mount namespace into the host's: an
// overlay over the machine's root and nothing else of the machine's mounts.
func makeRoot(s spec) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if err := os.Chdir(s.Dir); err != nil {
		return fmt.Errorf("enter host folder: %w", err)
	}
	if err := mountOverlay(s); err != nil {
		return err
	}
	mounts, err := hostMounts(s)
	if err != nil {
		return err
	}
	for _, m := range mounts {
		if err := m.do("root"); err != nil {
			return err
		}
	}
	if err := fillMemory(s, "root"); err != nil {
		return err
	}
	if err := pivot("root"); err != nil {
		return err
	}
	if s.Cgroup != "" { // as systemd has it: their volumes' mounts reach each other
		if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SHARED, ""); err != nil {
			return fmt.Errorf("make mounts shared: %w", err)
		}
	}
	if err := unix.Sethostname([]byte(s.Name)); err != nil {
		return fmt.Errorf("set host name: %w", err)
	}
	return nil
}

// mountOverlay mounts root, with its upper layer on disk or in a tmpfs of
// limited size. Paths are relative, so no character in them needs escaping.
func mountOverlay(s spec) error {
	layers := "."
	if s.TmpfsRoot != "" {
		layers = "memory"
		if err := mountMemory(layers, "size="+s.TmpfsRoot); err != nil {
			return err
		}
	}
	err := overlay(s, layers)
	if errors.Is(err, unix.EINVAL) && s.TmpfsRoot == "" {
		// The state directory is itself on an overlay, as in a container: the
		// kernel takes no upper layer there, but takes one in memory.
		if err := mountMemory("memory", ""); err != nil {
			return err
		}
		return overlay(s, "memory")
	}
	return err
}

func mountMemory(dir, options string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make folder for layers: %w", err)
	}
	if err := unix.Mount("netrun-lab", dir, "tmpfs", 0, options); err != nil {
		return fmt.Errorf("mount tmpfs for layers: %w", err)
	}
	return nil
}

func overlay(s spec, layers string) error {
	upper, work := filepath.Join(layers, "upper"), filepath.Join(layers, "work")
	for _, dir := range []string{upper, work, "root"} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("make layer: %w", err)
		}
	}
	if err := fillUpper(s, upper); err != nil {
		return err
	}
	if err := unix.Mount("overlay", "root", "overlay", 0, "lowerdir=/,upperdir="+upper+",workdir="+work); err != nil {
		return fmt.Errorf("mount overlay root: %w", err)
	}
	return nil
}

// hostMounts lists what a host has below its root. sysctls outside net/ and
// the reset key are the machine's own, so they are read-only.
func hostMounts(s spec) ([]mount, error) {
	const quiet = unix.MS_NOSUID | unix.MS_NODEV
	mounts := []mount{
		{"/dev", "dev", "", unix.MS_BIND | unix.MS_REC, ""},
		{"devpts", "dev/pts", "devpts", unix.MS_NOSUID | unix.MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620"},
		{"tmpfs", "dev/shm", "tmpfs", quiet, "mode=1777"},
		{"tmpfs", "run", "tmpfs", quiet, "mode=755"},
		{"tmpfs", "tmp", "tmpfs", quiet, "mode=1777"},
		{"tmpfs", "root", "tmpfs", quiet, "mode=700"}, // sshd refuses keys below a wider home
		{"proc", "proc", "proc", quiet | unix.MS_NOEXEC, ""},
		{"/proc/sys", "proc/sys", "readonly", 0, ""},
		{"/proc/sysrq-trigger", "proc/sysrq-trigger", "readonly", 0, ""},
		{"sysfs", "sys", "sysfs", quiet | unix.MS_NOEXEC, ""},
	}
	if s.Cgroup == "" {
		return append(mounts, mount{cgroupRoot, "sys/fs/cgroup", "", unix.MS_BIND | unix.MS_REC, ""}), nil
	}
	trees, err := enterCgroup(s.Cgroup)
	if err != nil {
		return nil, err
	}
	folders, err := serviceMounts(s)
	// A user's container gets a proc only where one is to be seen whole.
	mounts = append(mounts, mount{"proc", wholeProc, "whole", quiet | unix.MS_NOEXEC, ""})
	return slices.Concat(mounts, cgroupMounts(trees), folders), err
}

// wholeProc is proc without the protection that hosts have in /proc, for root alone.
const wholeProc = "run/netrun-lab/proc"

func (m mount) do(root string) error {
	target := filepath.Join(root, m.target)
	switch m.kind {
	case "readonly":
		return m.readOnly(root, target)
	case "whole":
		return m.whole(target)
	}
	if _, err := os.Stat(target); errors.Is(err, fs.ErrNotExist) {
		return m.missing(target)
	}
	if err := unix.Mount(m.source, target, m.kind, m.flags, m.data); err != nil {
		return fmt.Errorf("mount %s: %w", m.target, err)
	}
	return nil
}

// missing makes a mount point that the machine's root lacks; in /dev and /sys,
// which are the kernel's, it goes without.
func (m mount) missing(target string) error {
	if m.source == "devpts" || m.target == "dev/shm" || m.kind == "" {
		return nil
	}
	if err := os.MkdirAll(target, 0o755); err != nil {
		return fmt.Errorf("make mount point: %w", err)
	}
	if err := unix.Mount(m.source, target, m.kind, m.flags, m.data); err != nil {
		return fmt.Errorf("mount %s: %w", m.target, err)
	}
	return nil
}

func (m mount) whole(target string) error {
	if err := os.MkdirAll(target, 0o700); err != nil {
		return fmt.Errorf("make mount point: %w", err)
	}
	if err := unix.Mount(m.source, target, m.source, m.flags, m.data); err != nil {
		return fmt.Errorf("mount %s: %w", m.target, err)
	}
	return nil
}

// readOnly covers a path of the new proc with a read-only view of itself;
// proc/sys/net, which belongs to the host's own namespace, stays writable.
func (m mount) readOnly(root, target string) error {
	if _, err := os.Stat(target); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := unix.Mount(target, target, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("bind %s: %w", m.target, err)
	}
	net := filepath.Join(root, "proc/sys/net")
	if m.target == "proc/sys" {
		if err := unix.Mount(net, net, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("bind proc/sys/net: %w", err)
		}
	}
	const flags = unix.MS_BIND | unix.MS_REMOUNT | unix.MS_RDONLY | unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	if err := unix.Mount("", target, "", flags, ""); err != nil {
		return fmt.Errorf("make %s read-only: %w", m.target, err)
	}
	return nil
}

// pivot makes dir the root and drops all of the machine's mounts.
func pivot(dir string) error {
	if err := os.Chdir(dir); err != nil {
		return fmt.Errorf("enter root: %w", err)
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("pivot root: %w", err)
	}
	// The old root now lies on top of the new one.
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("unmount old root: %w", err)
	}
	if err := os.Chdir("/"); err != nil {
		return fmt.Errorf("enter root: %w", err)
	}
	return nil
}
