package lab

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// needServices skips where the services' programs are missing.
func needServices(t *testing.T, names ...string) {
	t.Helper()
	needLab(t)
	if err := findPrograms([]hostRecord{{Services: names}}); err != nil {
		t.Skipf("probed: %v", err)
	}
}

// served is a topology of n hosts with services.
func served(n int, names ...string) *Topology {
	topo := Flat(n, DefaultFabric)
	for i := range topo.Hosts {
		topo.Hosts[i].Services = names
	}
	return topo
}

// image is a root for containers, as docker import takes it.
func image(t *testing.T) []byte {
	t.Helper()
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		t.Skip(err)
	}
	out, err := exec.Command("tar", "-C", filepath.Dir(busybox), "--transform=s,^,bin/,", "-c", "busybox").Output()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// contain imports the image and runs a container of it that waits.
func contain(t *testing.T, l *Lab, host, runtime, name string) {
	t.Helper()
	var said bytes.Buffer
	cmd := Command{Argv: []string{runtime, "import", "-", "box"}, Stdin: bytes.NewReader(image(t)), Stdout: &said, Stderr: &said}
	if err := l.Run(t.Context(), host, cmd); err != nil {
		t.Fatalf("%v: %s", err, said.String())
	}
	run(t, l, host, runtime, "run", "-d", "--init", "--name", name, "box", "/bin/busybox", "sleep", "1000")
}

func TestServices(t *testing.T) {
	needServices(t, "docker", "openvswitch", "podman")
	l := bring(t, served(2, "docker", "openvswitch", "podman"))
	for _, runtime := range []string{"docker", "podman"} {
		contain(t, l, "node1", runtime, "c1")
		if got := run(t, l, "node1", runtime, "exec", "c1", "/bin/busybox", "ip", "addr", "show", "eth0"); !strings.Contains(got, "inet 1") {
			t.Errorf("%s: a container's eth0: got %s; want an address", runtime, got)
		}
		if got := run(t, l, "node2", runtime, "ps", "-aq"); got != "" {
			t.Errorf("%s: containers of node2: got %q; want none of node1's", runtime, got)
		}
	}
	run(t, l, "node2", "ovs-vsctl", "add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev")
	run(t, l, "node2", "ip", "link", "show", "br0")
	if got := run(t, l, "node1", "ovs-vsctl", "list-br"); got != "" {
		t.Errorf("bridges of node1: got %q; want none of node2's", got)
	}
	cgroups, err := filepath.Glob(cgroupRoot + "/*/" + l.ID() + "*")
	if err != nil || len(cgroups) == 0 {
		t.Errorf("cgroups of the lab: got %q, %v; want some, or the next check proves nothing", cgroups, err)
	}
	if err := l.Down(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(cgroupRoot + "/*/" + l.ID() + "*"); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// What a host did not ask for is not installed there, though it is on the machine.
func TestServicesOfOthers(t *testing.T) {
	needServices(t, "podman", "docker")
	topo := served(1, "podman")
	topo.Hosts = append(topo.Hosts, Flat(2, DefaultFabric).Hosts[1])
	l := bring(t, topo)
	for host, want := range map[string]string{"node1": "/usr/bin/podman", "node2": ""} {
		if got := run(t, l, host, "sh", "-c", "for p in docker dockerd podman; do command -v $p; done; true"); got != want {
			t.Errorf("runtimes of %s: got %q; want %q", host, got, want)
		}
	}
}

func TestServiceVerbs(t *testing.T) {
	needServices(t, "docker", "openvswitch")
	l := bring(t, served(1, "docker", "openvswitch"))
	status := map[string]string{"start": "running", "restart": "running", "pause": "paused", "unpause": "running", "kill": "not running", "stop": "not running"}
	ask := map[string][]string{
		"docker": {"docker", "version"}, "ovsdb-server": {"ovs-vsctl", "--timeout=1", "show"},
		"ovs-vswitchd": {"ovs-appctl", "--timeout=1", "version"},
	}
	for _, name := range []string{"docker", "ovs-vswitchd", "ovsdb-server"} { // in this order: the second waits for the third
		for _, verb := range []string{"pause", "unpause", "restart", "kill", "start", "stop"} {
			if _, err := l.Service(t.Context(), "node1", name, verb); err != nil {
				t.Fatalf("%s %s: %v", verb, name, err)
			}
			said, _ := l.Service(t.Context(), "node1", name, "status") // 3 where it does not run
			if !strings.Contains(said, name+" is "+status[verb]) {
				t.Errorf("status of %s after %s: got %q; want %q", name, verb, said, status[verb])
			}
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			_, err := l.Exec(ctx, "node1", ask[name]...)
			cancel()
			if want := status[verb] == "running"; (err == nil) != want {
				t.Errorf("%s after %s %s: got %v; want an answer: %t", ask[name], verb, name, err, want)
			}
		}
	}
	for name, want := range map[string]string{"doker": `did you mean "docker"?`, "podman": `no service "podman"`} {
		if _, err := l.Service(t.Context(), "node1", name, "start"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("service %s: got %v; want %s", name, err, want)
		}
	}
}

// A service that does not start takes the lab with it, and what it said is in the error.
func TestServiceFails(t *testing.T) {
	needServices(t, "docker")
	l := bring(t, served(1, "docker"))
	run(t, l, "node1", "sh", "-c", `echo '{"no-such-option": 1}' >/etc/docker/daemon.json`)
	_, err := l.Service(t.Context(), "node1", "docker", "restart")
	var exit *ExitError
	if !errors.As(err, &exit) || !strings.Contains(exit.Stderr, "no-such-option") {
		t.Errorf("restart with a wrong daemon.json: got %v; want what dockerd said", err)
	}
	log, err := os.ReadFile(filepath.Join(l.Dir(), hostsDir, "node1", "upper/var/log/docker.log"))
	if err != nil || !strings.Contains(string(log), "no-such-option") {
		t.Errorf("docker.log in the state directory: got %v; want what dockerd said", err)
	}
}
