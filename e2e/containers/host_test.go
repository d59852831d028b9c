package containers

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"netrun/e2e/rig"
	"netrun/e2e/runtimes"
)

// world is a runtime with containers for hosts, and the program.
type world struct {
	*testing.T
	netrun string
	env    []string // that makes netrun find the runtime
	run    func(args ...string) string
	dir    string
}

func newWorld(t *testing.T, env []string, run func(args ...string) string) *world {
	t.Helper()
	netrun, err := rig.Build(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w := &world{T: t, netrun: netrun, run: run, dir: t.TempDir()}
	w.env = append(env, "HOME="+w.dir, "SSH_AUTH_SOCK=", "NETRUN_INVENTORY=", "NO_COLOR=1")
	return w
}

func (w *world) write(name, text string) string {
	w.Helper()
	path := filepath.Join(w.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		w.Fatal(err)
	}
	return path
}

// netrunWants runs netrun, which must end with the status and say each text.
func (w *world) netrunWants(status int, said []string, args ...string) {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, w.netrun, args...)
	cmd.Env = w.env
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() != status {
		w.Fatalf("netrun %s: %v; want status %d\n%s", strings.Join(args, " "), err, status, out)
	}
	for _, text := range said {
		if !strings.Contains(string(out), text) {
			w.Errorf("netrun %s: got\n%s\nwant %q in it", strings.Join(args, " "), out, text)
		}
	}
}

// nohelper wants no helper in the container, soon.
func (w *world) nohelper(container string) {
	w.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		got := w.run("exec", container, "ps", "-o", "args")
		if !strings.Contains(got, "netrun-helper") {
			return
		}
		if time.Now().After(end) {
			w.Fatalf("processes in %s: %s\nwant no helper", container, got)
		}
	}
}

// start starts a container that may change its network, with none but its own.
func (w *world) start(name string, options ...string) {
	w.Helper()
	args := append([]string{"run", "--detach", "--name", name, "--cap-add", "NET_ADMIN", "--network", "none"}, options...)
	w.run(append(args, runtimes.Image, "sh", "-c", "trap exit TERM; while :; do sleep 0.2; done")...)
}

const play = `
- name: a bridge in a container
  hosts: nodes
  tasks:
    - bridge: {name: br7, addresses: [10.7.7.1/24]}
    - copy: {dest: /etc/motd, content: "hello from netrun\n"}
- name: who
  hosts: users
  tasks:
    - command: id -un
      register: who
    - assert: "who.stdout == expected"
- name: root, made by the runtime
  hosts: app
  become: true
  tasks:
    - command: id -un
      register: who
    - assert: "who.stdout == 'root'"
- name: the connection in the play
  hosts: plain
  connection: RUNTIME
  tasks:
    - command: cat /etc/motd
      register: motd
    - assert: "motd.stdout == 'hello from netrun'"
`

const inventory = `
[nodes]
node1 ansible_connection=RUNTIME
[users]
guest ansible_host=node1 ansible_connection=RUNTIME ansible_user=guest expected=guest
app   ansible_host=app1 ansible_connection=NAME expected=guest
[plain]
plain ansible_host=node1
[gone]
nothere ansible_connection=RUNTIME
`

func (w *world) hosts(runtime, ansible string) {
	w.Helper()
	names := strings.NewReplacer("RUNTIME", runtime, "NAME", ansible)
	inv, site := w.write("hosts.ini", names.Replace(inventory)), w.write("site.yaml", names.Replace(play))
	w.start("node1")
	w.start("app1", "--user", "guest")
	w.netrunWants(0, []string{"node1", "changed=2"}, "play", "-i", inv, site)
	if got := w.run("exec", "node1", "ip", "-o", "addr", "show", "br7"); !strings.Contains(got, "10.7.7.1/24") {
		w.Errorf("in node1: got %q, want 10.7.7.1/24", got)
	}
	w.netrunWants(0, []string{"changed=0"}, "play", "-i", inv, site, "--limit", "nodes")
	w.netrunWants(0, nil, "undo", "-i", inv, "--limit", "node1")
	if got := w.run("exec", "node1", "ip", "-o", "link"); strings.Contains(got, "br7") {
		w.Errorf("in node1 after undo: got %q, want no br7", got)
	}
	w.nohelper("node1")

	confirm := w.write("confirm.yaml", "- hosts: nodes\n  confirm: always\n  tasks: [{bridge: {name: br8}}]\n")
	w.netrunWants(0, []string{"changed=1"}, "play", "-i", inv, confirm)
	if got := w.run("exec", "node1", "ip", "-o", "link"); !strings.Contains(got, "br8") {
		w.Errorf("confirmed over a second exec: got %q, want br8", got)
	}
	w.netrunWants(4, []string{"unreachable: [nothere]: start helper: exit status", "o such container"}, "task", "-i", inv, "nothere", "facts")
	w.run("stop", "--time", "5", "app1")
	w.netrunWants(4, []string{"unreachable: [app]: start helper:", "running"}, "task", "-i", inv, "app", "facts")
	w.killed(inv)
}

// killed: a controller that dies in the middle of a play leaves the container as it was.
func (w *world) killed(inv string) {
	w.Helper()
	site := w.write("long.yaml", "- hosts: nodes\n  tasks:\n    - bridge: {name: br9}\n    - command: touch /tmp/there\n    - command: sleep 60\n")
	ctx, cancel := context.WithCancel(w.Context())
	defer cancel()
	cmd := exec.CommandContext(ctx, w.netrun, "play", "-i", inv, site)
	cmd.Env = w.env
	if err := cmd.Start(); err != nil {
		w.Fatal(err)
	}
	for end := time.Now().Add(20 * time.Second); w.run("exec", "node1", "sh", "-c", "ls /tmp") != "there"; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			w.Fatal("the play did not begin")
		}
	}
	if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
		w.Fatal(err)
	}
	cmd.Wait()
	w.nohelper("node1")
	if got := w.run("exec", "node1", "ip", "-o", "link"); strings.Contains(got, "br9") {
		w.Errorf("after the controller was killed: got %q, want no br9", got)
	}
}

func TestHostsInDocker(t *testing.T) {
	d := runtimes.StartDocker(t)
	newWorld(t, []string{"PATH=" + os.Getenv("PATH"), "DOCKER_HOST=unix://" + d.Socket}, d.Run).hosts("docker", "community.docker.docker")
}

func TestHostsInPodman(t *testing.T) {
	p := runtimes.StartPodman(t)
	newWorld(t, p.Environ, p.Run).hosts("podman", "containers.podman.podman")
}
