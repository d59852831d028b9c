package runtimes

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// parent is on a real disk: the overlays of the runtimes do not work on overlays or tmpfs.
const parent = "/var/lib"

const prefix = "netrun-test-"

var folders atomic.Int32

// folder makes a folder for a runtime. What runs out of it and the folder itself
// end with the test, and also what a killed predecessor left behind.
func folder(t testing.TB) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("container runtimes: needs root")
	}
	sweep()
	dir := filepath.Join(parent, fmt.Sprintf("%s%d-%d", prefix, os.Getpid(), folders.Add(1)))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Skipf("container runtimes: no folder on disk: %v", err)
	}
	t.Cleanup(func() { remove(dir) })
	return dir
}

func sweep() {
	found, _ := filepath.Glob(filepath.Join(parent, prefix+"*-*"))
	for _, dir := range found {
		owner, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(dir), prefix), "-")
		if pid, err := strconv.Atoi(owner); err == nil && syscall.Kill(pid, 0) == syscall.ESRCH {
			remove(dir)
		}
	}
}

// remove kills whatever names the folder in its arguments (shims, conmons, the
// daemon itself) or has its root in it, then unmounts and removes it.
func remove(dir string) {
	for range 20 {
		if killAll(dir) == 0 {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	mounts, _ := os.ReadFile("/proc/self/mounts")
	lines := strings.Split(string(mounts), "\n")
	for i := len(lines) - 1; i >= 0; i-- {
		if f := strings.Fields(lines[i]); len(f) > 1 && strings.HasPrefix(f[1], dir+"/") {
			syscall.Unmount(f[1], syscall.MNT_DETACH)
		}
	}
	os.RemoveAll(dir)
	removeCgroups(filepath.Base(dir))
}

// removeCgroups removes the cgroups of that name and those in them, innermost first,
// of either version.
func removeCgroups(name string) {
	for _, pattern := range []string{"/sys/fs/cgroup/", "/sys/fs/cgroup/*/"} {
		tops, _ := filepath.Glob(pattern + name)
		for _, top := range tops {
			var inside []string
			filepath.WalkDir(top, func(path string, entry fs.DirEntry, err error) error {
				if err == nil && entry.IsDir() {
					inside = append(inside, path)
				}
				return nil
			})
			for _, path := range slices.Backward(inside) {
				os.Remove(path)
			}
		}
	}
}

// killAll kills the processes of the folder and says how many there were. Only its
// own are hit: the folder's name holds the process number of the test.
func killAll(dir string) int {
	n := 0
	procs, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, path := range procs {
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		cmdline, _ := os.ReadFile(path)
		mounts, _ := os.ReadFile(filepath.Join(filepath.Dir(path), "mounts"))
		inside := bytes.Contains(cmdline, []byte(dir+"/")) || bytes.Contains(rootLine(mounts), []byte(dir+"/"))
		if inside && pid != os.Getpid() && syscall.Kill(pid, syscall.SIGKILL) == nil {
			n++
		}
	}
	return n
}

// rootLine is the mount that a process has for its root: an overlay of the folder in a container.
func rootLine(mounts []byte) []byte {
	for _, line := range bytes.Split(mounts, []byte("\n")) {
		if f := bytes.Fields(line); len(f) > 1 && string(f[1]) == "/" {
			return line
		}
	}
	return nil
}
