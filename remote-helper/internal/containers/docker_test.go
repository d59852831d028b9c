package containers

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"netrun/e2e/runtimes"
)

// dockerOnly are the names of Docker's containers, which podman is not asked for.
func dockerOnly(names ...string) []string {
	out := slices.Clone(names)
	for i, n := range out {
		out[i] = "docker:" + n
	}
	return out
}

func TestDocker(t *testing.T) {
	d := runtimes.StartDocker(t)
	f := &Finder{DockerSocket: d.Socket}
	d.Run("network", "create", "--subnet", "10.77.0.0/24", "back")
	d.Run("run", "-d", "--name", "web", "--hostname", "www", "-e", "A=b c", "--expose", "81/udp", "--expose", "80", "--label", "x=y", runtimes.Image, "sleep", "1000")
	d.Run("network", "connect", "--ip", "10.77.0.9", "back", "web")
	d.Run("create", "--name", "idle", "--network", "none", runtimes.Image, "sleep", "1000")
	id := d.Run("inspect", "--format", "{{.Id}}", "web")
	pid := d.Run("inspect", "--format", "{{.State.Pid}}", "web")

	found, err := f.Find(t.Context(), dockerOnly("web", "idle", id[:12], "nosuch"))
	if err != nil {
		t.Fatal(err)
	}
	if len(found["docker:web"]) != 1 || len(found["docker:idle"]) != 1 || len(found["docker:nosuch"]) != 0 {
		t.Fatalf("got %+v; want one web, one idle", found)
	}
	if diff := cmp.Diff(found["docker:web"], found["docker:"+id[:12]], cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
		t.Errorf("by id (-by name +by id):\n%s", diff)
	}
	web := found["docker:web"][0]
	hosts, err := os.ReadFile(web.HostsPath)
	if err != nil || !strings.Contains(string(hosts), "www") {
		t.Errorf("hosts file %s: got %q, %v; want a line for www", web.HostsPath, hosts, err)
	}
	env := web.Env
	web.HostsPath, web.Env = "", nil
	want := Container{Runtime: Docker, ID: id, Name: "web", Pid: web.Pid, Labels: map[string]string{"x": "y"}, Image: runtimes.Image,
		Hostname: "www", Exposed: []Port{{80, "tcp"}, {81, "udp"}}, NetworkMode: "bridge",
		Addresses: []netip.Prefix{netip.MustParsePrefix("10.77.0.9/24"), netip.MustParsePrefix("172.17.0.2/16")}}
	if diff := cmp.Diff(want, web, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
		t.Errorf("web (-want +got):\n%s", diff)
	}
	if !slices.Contains(env, "A=b c") || pid != strconv.Itoa(web.Pid) {
		t.Errorf("got env %q, pid %d; want A=b c, %s", env, web.Pid, pid)
	}
	if idle := found["docker:idle"][0]; idle.Pid != 0 || idle.NetworkMode != "none" || len(idle.Addresses) != 0 {
		t.Errorf("idle: got %+v; want no pid, network none", idle)
	}
	all, err := (&Finder{DockerSocket: d.Socket, Environ: []string{"CONTAINERS_STORAGE_CONF=/nonexistent"}}).All(t.Context())
	if names := namesOf(all, Docker); err != nil && !strings.Contains(err.Error(), "podman") || names != "web" {
		t.Errorf("all running: got %s, %v; want web", names, err)
	}
	t.Run("speed", func(t *testing.T) { findSpeed(t, f, d) })
	t.Run("events", func(t *testing.T) { dockerEvents(t, f, d) })
	t.Run("faults", func(t *testing.T) { dockerFaults(t, f, d) })
}

func namesOf(all []Container, runtime string) string {
	var names []string
	for _, c := range all {
		if c.Runtime == runtime {
			names = append(names, c.Name)
		}
	}
	return strings.Join(names, " ")
}

func findSpeed(t *testing.T, f *Finder, d *runtimes.Docker) {
	names := []string{"web", "idle"}
	for i := range 18 {
		name := "many" + strconv.Itoa(i)
		d.Run("create", "--name", name, "--network", "none", runtimes.Image, "true")
		names = append(names, name)
	}
	var took time.Duration
	var found map[string][]Container
	var err error
	for range 5 { // this machine may be busy: the best of five
		began := time.Now()
		if found, err = f.Find(t.Context(), dockerOnly(names...)); took == 0 || time.Since(began) < took {
			took = time.Since(began)
		}
	}
	if err != nil || len(found) != 20 {
		t.Fatalf("got %d names, %v; want 20", len(found), err)
	}
	t.Logf("20 containers of 20 found with details in %v", took)
	if took > time.Second {
		t.Errorf("20 containers took %v, want below a second", took)
	}
}

// listener collects events and lets a test wait for one.
type listener struct {
	t    *testing.T
	came chan Event
}

func listen(t *testing.T, f *Finder) *listener {
	l := &listener{t, make(chan Event, 1000)}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- f.Events(ctx, func(e Event) { l.came <- e }) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-done:
			if !errors.Is(err, context.Canceled) {
				t.Errorf("events ended with %v, want the context's error", err)
			}
		case <-time.After(5 * time.Second):
			t.Error("events did not end with the context")
		}
	})
	return l
}

// wait passes over other events, and says how long it took.
func (l *listener) wait(runtime, user, action, name string) Event {
	l.t.Helper()
	late := time.After(30 * time.Second)
	for {
		select {
		case e := <-l.came:
			if e.Runtime == runtime && e.User == user && e.Action == action && e.Name == name {
				return e
			}
		case <-late:
			l.t.Fatalf("no event %s %s of %s came", action, name, runtime)
		}
	}
}

func dockerEvents(t *testing.T, f *Finder, d *runtimes.Docker) {
	l := listen(t, f)
	l.wait(Docker, "", Connected, "")
	id := d.Run("run", "-d", "--name", "ev", "--network", "none", runtimes.Image, "sleep", "1000")
	if e := l.wait(Docker, "", Started, "ev"); e.ID != id {
		t.Errorf("got id %s, want %s", e.ID, id)
	}
	d.Run("rename", "ev", "ev2")
	l.wait(Docker, "", Renamed, "ev2")
	d.Run("rm", "--force", "ev2")
	l.wait(Docker, "", Died, "ev2")
	l.wait(Docker, "", Destroyed, "ev2")
	d.Kill()
	if _, err := f.Find(t.Context(), []string{"docker:web"}); !errors.Is(err, ErrDown) || !strings.HasPrefix(err.Error(), "ask docker: it is not running") {
		t.Errorf("a killed daemon: got error %v, want that it is not running", err)
	}
	d.Start()
	began := time.Now()
	l.wait(Docker, "", Connected, "")
	t.Logf("heard %v after dockerd answered again", time.Since(began))
	d.Run("start", "idle")
	l.wait(Docker, "", Started, "idle")
}

func dockerFaults(t *testing.T, f *Finder, d *runtimes.Docker) {
	// A daemon that hangs: docker only matters to names that could be its own.
	if err := syscall.Kill(d.Pid(), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	stopped(t, d.Pid())
	began := time.Now()
	_, err := f.Find(t.Context(), []string{"docker:web"})
	if took := time.Since(began); err == nil || err.Error() != "ask docker: no answer within 4s" || took > 5*time.Second {
		t.Errorf("a stopped daemon: got error %v after %v", err, took)
	}
	began = time.Now()
	if found, err := f.Find(t.Context(), []string{"podman:nosuch"}); len(found["podman:nosuch"]) != 0 || time.Since(began) > 3*time.Second {
		t.Errorf("podman's name while docker hangs: got %v, %v after %v", found, err, time.Since(began))
	}
	brief := Finder{DockerSocket: f.DockerSocket, Brief: true}
	began = time.Now()
	for range 3 {
		if _, err := brief.Find(t.Context(), []string{"docker:web"}); err == nil || err.Error() != "ask docker: no answer within 4s" {
			t.Errorf("a stopped daemon, asked again: got error %v", err)
		}
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("three questions of one play to a stopped daemon took %v; want the time of one", took)
	}
	syscall.Kill(d.Pid(), syscall.SIGCONT)
}

// stopped waits until no thread of the process runs any more.
func stopped(t *testing.T, pid int) {
	t.Helper()
	for range 500 {
		running := false
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range threads {
			text, err := os.ReadFile(path)
			running = running || err == nil && !strings.Contains(string(text), ") T ")
		}
		if !running {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("process %d does not stop", pid)
}

// TestDockerAbsent: where there is no docker, its names are just not found.
func TestDockerAbsent(t *testing.T) {
	d := docker{socket: filepath.Join(t.TempDir(), "none"), installed: func() bool { return false }}
	if _, err := d.list(t.Context(), nil); !errors.Is(err, errAbsent) {
		t.Errorf("no socket and no daemon: got %v, want that it is not installed", err)
	}
	d.installed = func() bool { return true }
	if _, err := d.list(t.Context(), nil); !errors.Is(err, ErrDown) {
		t.Errorf("no socket: got %v, want that it is not running", err)
	}
}

// TestAnswers: whatever is at the socket, the finder ends, with an error that says why.
func TestAnswers(t *testing.T) {
	const ok = "HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n"
	for _, test := range []struct{ name, answer, want string }{
		{"empty list", ok + "[]", ""},
		{"null", ok + "null", ""},
		{"nothing", "", "ask docker: the answer is cut short"},
		{"no body", ok, "ask docker: the answer is cut short"},
		{"half a body", ok + `[{"Id":"a`, "ask docker: the answer is cut short"},
		{"no http", "SSH-2.0-OpenSSH\r\n", `ask docker: "SSH-2.0-OpenSSH" is no answer of an HTTP server`},
		{"no json", ok + "<html>", "ask docker: invalid character '<' looking for beginning of value"},
		{"refusal", "HTTP/1.0 403 Forbidden\r\n\r\n{\"message\":\"no\"}\n", `ask docker: status 403: {"message":"no"}`},
		{"long line", strings.Repeat("x", 10000), "ask docker: bufio: buffer full"},
		{"headers for ever", "HTTP/1.0 200 OK\r\n" + strings.Repeat("A: b\r\n", 200), "ask docker: the answer is cut short"},
		{"podman", "HTTP/1.0 200 OK\r\nServer: Libpod/4.3.1 (linux)\r\n\r\n[]", errAbsent.Error()},
	} {
		d := docker{socket: serve(t, test.answer), installed: func() bool { return true }}
		_, err := d.list(t.Context(), nil)
		if err == nil && test.want != "" || err != nil && err.Error() != test.want {
			t.Errorf("%s: got error %v, want %q", test.name, err, test.want)
		}
	}
}

// serve answers one request with the text.
func serve(t *testing.T, text string) string {
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		conn.Read(make([]byte, 1000))
		conn.Write([]byte(text))
	}()
	return path
}
