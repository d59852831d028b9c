package containers

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"netrun/e2e/rig"
)

// wired is containers of Docker, podman and a user's podman, made from an image that
// the controller has, on one bridge.
const wired = `
- name: containers of three kinds
  hosts: node1
  vars:
    colour: red
    sleeper: [sh, -c, "trap exit TERM; while :; do sleep 0.2; done"]
  tasks:
    - image: {name: box, src: box.tar, import: true}
    - container: {name: web, image: box, command: "{{ .sleeper }}", network: none, env: {COLOUR: "{{ .colour }}", TOKEN: s3cret}, restart: always}
      register: web
    - static_ip: {container: web, bridge: br1, addresses: [192.168.5.10/24]}
    - image: {name: box, src: box.tar, import: true, runtime: podman}
    - container: {name: pod, image: box, command: "{{ .sleeper }}", network: none, runtime: podman, env: {COLOUR: "{{ .colour }}"}}
    - static_ip: {container: pod, bridge: br1, addresses: [192.168.5.11/24]}
    - image: {name: box, src: box.tar, import: true, user: alice}
    - container: {name: own, image: box, command: "{{ .sleeper }}", network: none, user: alice, env: {COLOUR: "{{ .colour }}"}}
    - static_ip: {container: own, bridge: br1, addresses: [192.168.5.12/24]}
    - command: {container: web, cmd: ping -c 1 -W 2 192.168.5.11}
      changed_when: false
    - command: {container: pod, cmd: ping -c 1 -W 2 192.168.5.12}
      changed_when: false
    - command: {container: "podman:alice@own", cmd: ping -c 1 -W 2 192.168.5.10}
      changed_when: false
    - assert: "not web.changed or web.running"
`

// lab is a world with one host that has both runtimes, and a user with podman.
func lab(t *testing.T) (*world, *rig.Lab) {
	t.Helper()
	w, l := labOf(t, "containers", "1")
	w.run("useradd", "--create-home", "alice")
	w.run("usermod", "--add-subuids", "200000-265535", "--add-subgids", "200000-265535", "alice")
	return w, l
}

// labOf is a world with hosts that have both runtimes.
func labOf(t *testing.T, name, hosts string) (*world, *rig.Lab) {
	t.Helper()
	if why := rig.Missing(); why != "" {
		t.Skipf("probed this machine for a lab: %s", why)
	}
	for _, program := range []string{"dockerd", "podman", "runc", "newuidmap"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("probed this machine for container runtimes: no %s", program)
		}
	}
	w := newWorld(t, nil, nil)
	l, err := rig.Up(t.Context(), w.netrun, "e2e-"+name, filepath.Join(os.TempDir(), "netrun-e2e-"+name), "--hosts", hosts, "--services", "docker,podman")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Down(context.Background()); err != nil {
			t.Error(err)
		}
		os.RemoveAll(l.Dir)
	})
	w.run = func(args ...string) string {
		w.Helper()
		ctx, cancel := context.WithTimeout(w.Context(), time.Minute)
		defer cancel()
		out, err := l.Exec(ctx, "node1", args...)
		if err != nil {
			w.Fatal(err)
		}
		return strings.TrimSpace(out)
	}
	return w, l
}

func TestContainersWired(t *testing.T) {
	w, l := lab(t)
	archive, err := rig.Image()
	if err != nil {
		t.Fatal(err)
	}
	w.write("box.tar", string(archive))
	site := w.write("site.yaml", wired)
	w.netrunWants(0, []string{"create and start container web from box", "deferred: there is no container web yet"}, "play", "-i", l.Inventory, site, "--check")
	w.netrunWants(0, []string{"changed=9"}, "play", "-i", l.Inventory, site)
	w.netrunWants(0, []string{"changed=0"}, "play", "-i", l.Inventory, site)

	// A changed argument: the containers are made anew, and wired again by the same play.
	w.netrunWants(0, []string{"recreate container web: env changed", "recreate container pod: env changed", "recreate container own: env changed", "changed=6"},
		"play", "-i", l.Inventory, site, "-e", "colour=blue")
	if got := w.run("docker", "exec", "web", "sh", "-c", `echo "$COLOUR $TOKEN"`); got != "blue s3cret" {
		w.Errorf("in web: got %q, want blue s3cret", got)
	}
	if got := w.run("sh", "-c", "find /var/lib/netrun /run/netrun /tmp -type f ! -name 'netrun-helper-*' -exec grep -l s3cret {} + || true"); got != "" {
		w.Errorf("the secret is kept: %s", got)
	}
	w.netrunWants(0, []string{"remove container web"}, "task", "-i", l.Inventory, "node1", "container", "name=web", "state=absent")
	if got := w.run("docker", "ps", "--all", "--quiet"); got != "" {
		w.Errorf("containers of Docker: got %s, want none", got)
	}

	// A runtime that is down is named.
	if err := l.Service(t.Context(), "node1", "docker", "stop"); err != nil {
		t.Fatal(err)
	}
	w.netrunWants(2, []string{"docker inspect box: status 1: Cannot connect to the Docker daemon"}, "play", "-i", l.Inventory, site)
}
