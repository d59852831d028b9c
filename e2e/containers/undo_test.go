package containers

import (
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"

	"netrun/e2e/rig"
)

// shelf is four containers: one that runs untouched, and one for each change.
const shelf = `
- name: four containers
  hosts: nodes
  tasks:
    - container: {name: "{{ .item }}", image: box, command: "{{ .sleeper }}", network: none, restart: always, runtime: RUNTIME}
      loop: [calm, replaced, removed, halted]
- name: wired
  hosts: nodes
  tasks:
    - static_ip: {container: "RUNTIME:replaced", bridge: br1, addresses: [192.168.7.10/24]}
`

// change changes three of them, makes one, and fails where it is told to.
const change = `
- name: change
  hosts: nodes
  any_errors_fatal: true
  tasks:
    - container: {name: made, image: box, command: "{{ .sleeper }}", network: none, runtime: RUNTIME, settle: 300ms}
    - container: {name: replaced, image: box, command: "{{ .sleeper }}", network: none, restart: always, runtime: RUNTIME, env: {COLOUR: red}}
    - bridge: {name: brRUNTIME}
    - static_ip: {container: "RUNTIME:made", bridge: brRUNTIME, addresses: [192.168.8.10/24]}
    - container: {name: removed, state: absent, runtime: RUNTIME}
    - container: {name: halted, state: stopped, runtime: RUNTIME}
    - command: sleep 60
      when: defined("slow")
    - fail: {msg: on purpose}
      when: inventory_hostname in bad
`

const sleeperVars = `sleeper: [sh, -c, "trap exit TERM; while :; do sleep 0.2; done"]`

// undoLab is a lab of two hosts, which the containers of a runtime stand on.
type undoLab struct {
	*world
	*rig.Lab
	runtime string
}

func (u *undoLab) on(host string, argv ...string) string {
	u.Helper()
	ctx, cancel := context.WithTimeout(u.Context(), time.Minute)
	defer cancel()
	out, err := u.Exec(ctx, host, argv...)
	if err != nil {
		u.Fatal(err)
	}
	return strings.TrimSpace(out)
}

// standing is the containers of the host by name, id and whether they run.
func (u *undoLab) standing(host string) string {
	u.Helper()
	return u.on(host, "sh", "-c", u.runtime+` ps --all --no-trunc --format '{{.Names}} {{.ID}} {{.Status}}' | awk '{print $1, $2, ($3 == "Up" ? "up" : "down")}' | sort`)
}

func (u *undoLab) play(status int, said []string, file string, more ...string) {
	u.Helper()
	u.netrunWants(status, said, append([]string{"play", "-i", u.Inventory, file, "-e", "{" + sleeperVars + "}"}, more...)...)
}

func TestContainersUndone(t *testing.T) {
	w, l := labOf(t, "undone", "2")
	for _, runtime := range []string{"docker", "podman"} {
		u := &undoLab{world: w, Lab: l, runtime: runtime}
		for _, host := range l.Names() {
			if err := l.Import(t.Context(), host, runtime, "box"); err != nil {
				t.Fatal(err)
			}
		}
		named := strings.NewReplacer("RUNTIME", runtime)
		u.play(0, nil, u.write("shelf.yaml", named.Replace(shelf)))
		u.undone(u.write("change.yaml", named.Replace(change)))
		for _, host := range l.Names() {
			u.on(host, "sh", "-c", runtime+" rm --force $("+runtime+" ps --all --quiet)")
		}
	}
}

// undone plays what fails, on one host and on the other, and then what does not.
func (u *undoLab) undone(site string) {
	u.Helper()
	hosts := u.Names()
	before := map[string]string{}
	for _, h := range hosts {
		before[h] = u.standing(h)
		if n := strings.Count(before[h], " up"); n != 4 {
			u.Fatalf("%s on %s: got\n%s\nwant four containers that run", u.runtime, h, before[h])
		}
		u.watch(h)
	}
	told := func(host string) []string {
		return []string{"undone: [" + host + "]: container: stop container halted", "undone: [" + host + "]: container: remove container removed",
			"undone: [" + host + "]: container: recreate container replaced: env changed", "undone: [" + host + "]: container: create and start container made from box"}
	}
	for _, bad := range []string{"bad: [" + hosts[0] + "]", "bad: [" + hosts[1] + "]"} {
		// any_errors_fatal: the other one is undone too.
		u.play(2, append(told(hosts[0]), told(hosts[1])...), site, "-e", "{"+bad+"}")
		for _, h := range hosts {
			if got := u.standing(h); got != before[h] {
				u.Errorf("%s on %s: %s: got\n%s\nwant\n%s", u.runtime, h, bad, got, before[h])
			}
			if got := u.on(h, "ip", "-o", "link"); strings.Contains(got, "br"+u.runtime) {
				u.Errorf("%s: got %s; want no br%s", h, got, u.runtime)
			}
			u.wiredAgain(h)
		}
	}
	u.lost(hosts[0], site, before[hosts[0]])
	u.play(0, nil, site, "-e", "{bad: []}")
	for _, h := range hosts {
		got := u.standing(h)
		if strings.Contains(got, ".netrun-") || strings.Contains(got, "removed") || strings.Count(got, " up") != 3 || strings.Count(got, "\n") != 3 {
			u.Errorf("%s on %s: after the play: got\n%s\nwant calm, made and replaced running, and halted", u.runtime, h, got)
		}
	}
	u.play(0, []string{"changed=0"}, site, "-e", "{bad: []}")
}

// lost: a controller that dies in the middle of the play.
func (u *undoLab) lost(host, site, before string) {
	u.Helper()
	cmd := exec.CommandContext(u.Context(), u.netrun, "play", "-i", u.Inventory, site, "--limit", host, "-e", "{"+sleeperVars+"}", "-e", "{bad: [], slow: true}")
	cmd.Env = u.env
	if err := cmd.Start(); err != nil {
		u.Fatal(err)
	}
	u.soon(func() string { return u.on(host, "sh", "-c", "pgrep -f '^sleep 60$' >/dev/null && echo there || true") }, "there")
	if got := u.standing(host); !strings.Contains(got, "removed.netrun-old") || !strings.Contains(got, "replaced.netrun-old") {
		u.Errorf("%s on %s: in the play: got\n%s\nwant removed and replaced to wait", u.runtime, host, got)
	}
	if err := cmd.Process.Kill(); err != nil {
		u.Fatal(err)
	}
	cmd.Wait()
	u.soon(func() string { return u.standing(host) }, before)
}

// soon waits until f gives what is wanted.
func (u *undoLab) soon(f func() string, want string) {
	u.Helper()
	got := ""
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		if got = f(); got == want {
			return
		}
	}
	u.Fatalf("%s: got\n%s\nwant\n%s", u.runtime, got, want)
}

// watch starts the host's watch, as its init would, once.
func (u *undoLab) watch(host string) {
	u.Helper()
	u.on(host, "sh", "-c", `[ -e /run/netrun-watch.pid ] && exit
		setsid $(ls -t /var/lib/netrun/bin/netrun-helper-* | head -n 1) watch </dev/null >/var/log/netrun-watch.log 2>&1 &
		echo $! >/run/netrun-watch.pid`)
}

// wiredAgain: what another playbook keeps in the container that came back is there again.
func (u *undoLab) wiredAgain(host string) {
	u.Helper()
	u.soon(func() string {
		return u.on(host, "sh", "-c", u.runtime+" exec replaced ip -o -4 addr show | grep -o '192[.]168[.]7[.]10/24' || true")
	}, "192.168.7.10/24")
}
