package containers

import (
	"errors"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"netrun/e2e/runtimes"
)

func TestPodman(t *testing.T) {
	p := runtimes.StartPodman(t)
	f := &Finder{Environ: p.Environ, DockerSocket: "/nonexistent/docker.sock", runtimeDirs: t.TempDir()}
	l := listen(t, f)
	l.wait(Podman, "", Connected, "")
	id := p.Run("run", "-d", "--name", "web", "--network", "none", "--hostname", "www", "-e", "A=b c", "--label", "x=y", runtimes.Image, "sleep", "1000")
	p.Run("create", "--name", "idle", "--network", "none", runtimes.Image, "sleep", "1000")
	if e := l.wait(Podman, "", Started, "web"); e.ID != id {
		t.Errorf("got id %s, want %s", e.ID, id)
	}
	began := time.Now()
	found, err := f.Find(t.Context(), []string{"podman:web", "podman:idle", "podman:" + id[:8], "podman:nosuch"})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("2 containers found with details in %v", time.Since(began))
	if len(found["podman:web"]) != 1 || len(found["podman:idle"]) != 1 || len(found["podman:"+id[:8]]) != 1 || len(found["podman:nosuch"]) != 0 {
		t.Fatalf("got %+v; want one web, by name and id, and one idle", found)
	}
	web := found["podman:web"][0]
	if web.ID != id || web.Pid == 0 || web.Hostname != "www" || web.Labels["x"] != "y" || web.NetworkMode != "none" ||
		!slices.Contains(web.Env, "A=b c") || !strings.HasSuffix(web.Image, "/"+runtimes.Image+":latest") {
		t.Errorf("web: got %+v", web)
	}
	if hosts, err := os.ReadFile(web.HostsPath); err != nil || !strings.Contains(string(hosts), "www") {
		t.Errorf("hosts file %s: got %q, %v; want a line for www", web.HostsPath, hosts, err)
	}
	if idle := found["podman:idle"][0]; idle.Pid != 0 {
		t.Errorf("idle: got pid %d, want none", idle.Pid)
	}
	// A docker that is down matters only where a name is found nowhere else.
	if found, err := f.Find(t.Context(), []string{"web"}); err != nil || len(found["web"]) != 1 {
		t.Errorf("web: got %v, %v; want podman's", found, err)
	}
	if all, err := f.All(t.Context()); err != nil || namesOf(all, Podman) != "web" {
		t.Errorf("all running: got %v, %v; want web", all, err)
	}
	p.Run("rename", "web", "web2")
	l.wait(Podman, "", Renamed, "web2")
	p.Run("rm", "--force", "--time", "0", "web2")
	l.wait(Podman, "", Died, "web2")
	l.wait(Podman, "", Destroyed, "web2")
}

func TestRootlessPodman(t *testing.T) {
	account, err := user.Lookup("nobody")
	if err != nil || account.Uid != "65534" {
		t.Skipf("rootless podman: no account nobody with number 65534 here (%v)", err)
	}
	// The user must come by all folders above.
	base, err := os.MkdirTemp("/var/lib", "netrun-rootless-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(base) })
	os.Chmod(base, 0o755)
	home := filepath.Join(base, "home")
	f := &Finder{DockerSocket: "/nonexistent/docker.sock", runtimeDirs: filepath.Join(base, "run"), home: func(string) string { return home }}
	if err := os.Mkdir(f.runtimeDirs, 0o755); err != nil {
		t.Fatal(err)
	}
	p := runtimes.StartRootless(t, 65534, 65534, home, filepath.Join(f.runtimeDirs, "65534"))
	l := listen(t, f)
	l.wait(Podman, "nobody", Connected, "")
	id := p.Run("run", "-d", "--name", "theirs", "--network", "none", runtimes.Image, "sleep", "1000")
	if e := l.wait(Podman, "nobody", Started, "theirs"); e.ID != id {
		t.Errorf("got id %s, want %s", e.ID, id)
	}
	for _, name := range []string{"theirs", "podman:theirs", "podman:nobody@theirs"} {
		found, err := f.Find(t.Context(), []string{name})
		if err != nil || len(found[name]) != 1 {
			t.Errorf("%s: got %v, %v; want one", name, found, err)
			continue
		}
		c := found[name][0]
		if c.Scope() != "podman:nobody@theirs" || c.ID != id || c.Pid == 0 {
			t.Errorf("%s: got %+v, want the one of nobody", name, c)
		}
	}
	if _, err := f.Find(t.Context(), []string{"podman:no-such-user@web"}); err == nil || !strings.Contains(err.Error(), "ask podman of no-such-user") {
		t.Errorf("a user that is not there: got error %v", err)
	}
}

// TestPodmanUsers: users are known by the folders that they own, whatever these are called.
func TestPodmanUsers(t *testing.T) {
	f := &Finder{runtimeDirs: t.TempDir(), tempDir: t.TempDir()}
	for path, uid := range map[string]int{
		filepath.Join(f.runtimeDirs, "1"):               1, // daemon
		filepath.Join(f.runtimeDirs, "0"):               0,
		filepath.Join(f.runtimeDirs, "2"):               0, // not bin's own
		filepath.Join(f.tempDir, "podman-run-65534"):    65534,
		filepath.Join(f.tempDir, "storage-run-4294967"): 4294967, // nobody knows that one
	} {
		if err := errors.Join(os.MkdirAll(filepath.Join(path, "libpod"), 0o700), os.Chown(path, uid, uid)); err != nil {
			t.Fatal(err)
		}
	}
	if got := strings.Join(f.podmanUsers([]string{"games", "", "root"}), " "); got != "daemon games nobody" {
		t.Errorf("got users %s, want daemon games nobody", got)
	}
}
