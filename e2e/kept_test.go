package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"netrun/e2e/rig"
	"netrun/remote-helper/wire"
)

// keptSite has something of each sort that is lost with a reboot: a namespace with a
// cable, a route, a parameter, rules. One container is not there yet.
const keptSite = `
- name: kept
  hosts: %HOST%
  tasks:
    - netns: web
    - static_ip: {container: web, bridge: br1, addresses: 10.6.0.2/24, gateway: 10.6.0.1}
    - static_ip: {container: later, bridge: br1, addresses: 10.6.0.3/24}
    - address: {dev: br1, address: 10.6.0.1/24}
    - sysctl: {name: net.ipv4.ip_forward, value: 1}
    - link: {container: web, from: "127.0.0.1:6379", to: "10.6.0.1:7000"}
    - bridge: passing
      persist: false
`

// keptFile writes the playbook for the host, the same file each time.
func keptFile(t *testing.T, dir, host, text string) string {
	t.Helper()
	path := filepath.Join(dir, "site.yaml")
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(text, "%HOST%", host)), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// standing asks netrun status about the host.
func standing(t *testing.T, host string) *wire.Standing {
	t.Helper()
	return standingIn(t, the.hosts, host)
}

func standingIn(t *testing.T, lab *rig.Lab, host string) *wire.Standing {
	t.Helper()
	r := command(t, t.TempDir(), "status", "--json", "-i", lab.Inventory, host)
	for line := range strings.Lines(r.Stdout) {
		var e struct {
			Event    string
			Standing *wire.Standing
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		if e.Event == "status" {
			return e.Standing
		}
	}
	t.Fatalf("netrun status: got no status\n%s%s", r.Stdout, r.Stderr)
	return nil
}

// count is how many objects stand in each state.
func count(s *wire.Standing) map[string]int {
	out := map[string]int{}
	for _, o := range s.Objects {
		out[o.State]++
	}
	return out
}

// helper runs the helper that was pushed last, as systemd would.
const helper = `$(ls -t /var/lib/netrun/bin/netrun-helper-* | head -n 1)`

// TestKept loses everything that a reboot loses, and has the host put it back.
func TestKept(t *testing.T) {
	need(t)
	t.Parallel()
	dir := t.TempDir()
	before := snapshot(t, the.hosts, "kept")
	playFile(t, the.hosts.Inventory, keptFile(t, dir, "kept", keptSite)).want(t, 0)
	wired := inWeb(t)
	if got := count(standing(t, "kept")); got["present"] < 10 || got["deferred"] == 0 || got["drifted"]+got["failed"] > 0 {
		t.Errorf("after the play: got %v; want all present but what waits for a container", got)
	}
	for _, o := range standing(t, "kept").Objects {
		if strings.Contains(o.Object, "passing") {
			t.Errorf("%s is kept, though its task says persist: false", o.Object)
		}
	}
	shell(t, the.hosts, "kept", "ip link del passing; ip netns del web; ip link del br1; sysctl -q -w net.ipv4.ip_forward=0")
	if got := count(standing(t, "kept")); got["drifted"] < 5 {
		t.Errorf("after the loss: got %v; want it seen", got)
	}
	if r := command(t, t.TempDir(), "verify", "-i", the.hosts.Inventory, "kept"); r.Exit != 2 {
		t.Errorf("netrun verify: got exit status %d; want 2\n%s%s", r.Exit, r.Stdout, r.Stderr)
	}
	shell(t, the.hosts, "kept", helper+" restore")
	if diff := cmp.Diff(wired, inWeb(t)); diff != "" {
		t.Errorf("the namespace after the restore:\n%s", diff)
	}
	if got := count(standing(t, "kept")); got["drifted"]+got["failed"] > 0 {
		t.Errorf("after the restore: got %v; want nothing drifted", got)
	}
	if r := command(t, t.TempDir(), "verify", "-i", the.hosts.Inventory, "kept"); r.Exit != 0 {
		t.Errorf("netrun verify: got exit status %d; want 0\n%s%s", r.Exit, r.Stdout, r.Stderr)
	}
	r := command(t, t.TempDir(), "remove", "-i", the.hosts.Inventory, filepath.Join(dir, "site.yaml"))
	if r.Exit != 0 {
		t.Fatalf("netrun remove: got exit status %d\n%s%s", r.Exit, r.Stdout, r.Stderr)
	}
	if got := standing(t, "kept"); len(got.Objects) > 0 {
		t.Errorf("after remove: got %v; want nothing kept", got.Objects)
	}
	eventually(t, 5*time.Second, func() string { return sameAs(t, the.hosts, "kept", before) })
}

// inWeb is what the namespace of the test has, and whether it reaches its gateway.
func inWeb(t *testing.T) string {
	t.Helper()
	return shell(t, the.hosts, "kept", `in="nsenter --net=/run/netns/web"
		$in ip -br addr show eth1 | sed -E 's/@if[0-9]+//; s/fe80:[^ ]*//'; $in ip route; $in iptables -t nat -S; $in sysctl net.ipv4.ip_forward
		$in ping -c 1 -W 2 10.6.0.1 | grep -o '[0-9]* received'; sysctl net.ipv4.ip_forward`)
}

// TestPrune takes a task out of a playbook, and what it had made goes, and nothing else.
func TestPrune(t *testing.T) {
	need(t)
	t.Parallel()
	const host = "repaired"
	dir := t.TempDir()
	site := func(tasks ...string) string { return keptFile(t, dir, host, on(host, tasks...)) }
	playFile(t, the.hosts.Inventory, site("bridge: br1", "bridge: br2", "sysctl: {name: net.ipv4.ip_forward, value: 1}")).want(t, 0)
	other := t.TempDir()
	playFile(t, the.hosts.Inventory, keptFile(t, other, host, on(host, "bridge: br2"))).want(t, 0)
	shell(t, the.hosts, host, "ip link add br3 type bridge")

	less := site("sysctl: {name: net.ipv4.ip_forward, value: 1}")
	playFile(t, the.hosts.Inventory, less).unchanged(t) // without --prune nothing goes
	checked := playFile(t, the.hosts.Inventory, less, "--prune", "--check").want(t, 0)
	pruned := playFile(t, the.hosts.Inventory, less, "--prune").want(t, 0)
	for what, p := range map[string]played{"--check": checked, "the play": pruned} {
		got := slices.DeleteFunc(p.changes(), func(c string) bool { return strings.Contains(c, "NETRUN-B") }) // where bridged frames pass iptables
		if len(got) != 1 || !strings.Contains(got[0], "delete link br1") {
			t.Errorf("%s: got changes %q; want br1 to go, since another playbook wants br2", what, got)
		}
	}
	if got := shell(t, the.hosts, host, "ip -br link show type bridge"); strings.Contains(got, "br1") || !strings.Contains(got, "br2") || !strings.Contains(got, "br3") {
		t.Errorf("got bridges\n%swant br2 and br3", got)
	}
	undo(t, the.hosts, host)
	if got := count(standing(t, host)); got["present"] < 3 || got["drifted"] > 0 {
		t.Errorf("after the undo of the prune: got %v; want br1 back, and kept", got)
	}
}

// TestRepair changes what a play wants, and has the watch put it back.
func TestRepair(t *testing.T) {
	need(t)
	t.Parallel()
	lab := serviceLab(t, "repair", "--hosts", "1")
	play(t, lab, on("node1", "bridge: {name: br1, mtu: 1400}\nrepair: true", "bridge: br2")).want(t, 0)
	watching(t, lab, "node1")
	shell(t, lab, "node1", "sleep 1; ip link del br2; ip link del br1")
	eventually(t, 5*time.Second, func() string {
		got := shell(t, lab, "node1", "ip link show br1 2>&1; true")
		if !strings.Contains(got, "mtu 1400") {
			return got
		}
		return ""
	})
	if got := shell(t, lab, "node1", "ip link show br2 2>&1; true"); !strings.Contains(got, "does not exist") {
		t.Errorf("br2, of which nobody asked for repair: got %s", got)
	}
}
