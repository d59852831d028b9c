package lab

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// cgroupRoot is where everybody mounts cgroups.
const cgroupRoot = "/sys/fs/cgroup"

// hierarchy is one tree of cgroups: the one of version 2, or one of version 1's,
// a controller or several each.
type hierarchy struct {
	path    string // where the machine has it
	kind    string // file system: cgroup or cgroup2
	options string // to mount it again
}

// hierarchies lists the machine's.
func hierarchies() ([]hierarchy, error) {
	text, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return nil, fmt.Errorf("list cgroups: %w", err)
	}
	var out []hierarchy
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) < 4 || (f[2] != "cgroup" && f[2] != "cgroup2") || !strings.HasPrefix(f[1], cgroupRoot) {
			continue
		}
		h := hierarchy{path: f[1], kind: f[2]}
		if h.kind == "cgroup" {
			h.options = controllers(f[3])
		}
		out = append(out, h)
	}
	return out, nil
}

// controllers returns what of a version 1 mount's options says which tree it is.
func controllers(options string) string {
	var out []string
	for o := range strings.SplitSeq(options, ",") {
		switch o {
		case "rw", "ro", "nosuid", "nodev", "noexec", "relatime", "noatime", "seclabel":
			continue
		}
		if !strings.HasPrefix(o, "release_agent=") && o != "clone_children" {
			out = append(out, o)
		}
	}
	return strings.Join(out, ",")
}

// enterCgroup puts this process into cgroups of its own, called name, and makes
// them the root of all that it can see.
func enterCgroup(name string) ([]hierarchy, error) {
	trees, err := hierarchies()
	if err != nil {
		return nil, err
	}
	for _, h := range trees {
		if err := h.enter(filepath.Join(h.path, name)); err != nil {
			return nil, err
		}
	}
	if err := unix.Unshare(unix.CLONE_NEWCGROUP); err != nil {
		return nil, fmt.Errorf("unshare cgroups: %w", err)
	}
	for _, h := range trees {
		if h.kind == "cgroup2" {
			h.delegate(filepath.Join(h.path, name))
		}
	}
	return trees, nil
}

func (h hierarchy) enter(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make cgroup: %w", err)
	}
	if h.kind == "cgroup" && strings.Contains(h.options, "cpuset") {
		for _, f := range []string{"cpuset.cpus", "cpuset.mems"} {
			all, err := os.ReadFile(filepath.Join(h.path, f))
			if err != nil {
				return fmt.Errorf("make cgroup: %w", err)
			}
			if err := os.WriteFile(filepath.Join(dir, f), all, 0o644); err != nil {
				return fmt.Errorf("make cgroup: %w", err)
			}
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte("0"), 0o644); err != nil {
		return fmt.Errorf("enter cgroup: %w", err)
	}
	return nil
}

// delegate hands the machine's controllers of version 2 down to the host's own
// cgroups, as far as there are any: a cgroup that does so must be empty of
// processes, so this one moves further down.
func (h hierarchy) delegate(dir string) {
	have, err := os.ReadFile(filepath.Join(h.path, "cgroup.controllers"))
	if err != nil || len(strings.Fields(string(have))) == 0 {
		return
	}
	init := filepath.Join(dir, "init")
	if os.MkdirAll(init, 0o755) != nil || os.WriteFile(filepath.Join(init, "cgroup.procs"), []byte("0"), 0o644) != nil {
		return
	}
	for _, c := range strings.Fields(string(have)) {
		for _, d := range []string{h.path, dir} {
			// One that is not to be had limits nothing; the rest still works.
			_ = os.WriteFile(filepath.Join(d, "cgroup.subtree_control"), []byte("+"+c), 0o644)
		}
	}
}

// cgroupMounts mount the trees again, from a namespace that sees only its own part.
func cgroupMounts(trees []hierarchy) []mount {
	const flags = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	out := []mount{}
	for _, h := range trees {
		if h.path != cgroupRoot && len(out) == 0 {
			out = append(out, mount{"tmpfs", "sys/fs/cgroup", "tmpfs", flags, "mode=755"})
		}
		out = append(out, mount{"cgroup", h.path[1:], h.kind, flags, h.options})
	}
	return out
}

// removeCgroups takes the hosts' cgroups away. Their processes are dead, but the
// kernel may take its time to see that.
func (r *record) removeCgroups() error {
	trees, err := hierarchies()
	if err != nil {
		return err
	}
	var errs []error
	for _, tree := range trees {
		for _, h := range r.Hosts {
			errs = append(errs, removeCgroup(filepath.Join(tree.path, h.Netns)))
		}
	}
	return errors.Join(errs...)
}

func removeCgroup(dir string) error {
	var err error
	for range 100 {
		if err = removeBelow(dir); err == nil || errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	return fmt.Errorf("remove cgroup: %w", err)
}

// removeBelow removes a folder whose files are the kernel's, and goes with it.
func removeBelow(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		if err := removeBelow(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return unix.Rmdir(dir)
}
