package e2e

import (
	"fmt"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"

	"netrun/e2e/rig"
)

// dependent are tasks that each need what one before makes, in every way there is:
// a link, an address, a namespace, a file, a chain, a setting of a new link.
var dependent = []string{
	"bridge: {name: br0, addresses: 10.70.0.1/24}",
	"sysctl: {name: net.ipv4.conf.br0.proxy_arp, value: '1'}",
	"route: {to: 10.71.0.0/16, via: 10.70.0.9}",
	"neighbour: {to: 198.18.255.9, lladdr: '02:00:00:00:00:09', dev: eth1}",
	"rule: {priority: 900, iif: br0, table: 77}",
	"route: {to: default, via: 10.70.0.9, table: 77}",
	"netns: {name: web}",
	"static_ip: {netns: web, bridge: br0, addresses: [10.70.0.2/24, 'fd00:70::2/64'], gateway: 10.70.0.1}",
	"interface: {name: eth1, netns: web, mtu: 1400}",
	"sysctl: {name: net.ipv4.ip_forward, value: '1', netns: web}",
	"link: {netns: web, from: 127.0.0.1:6379, to: 10.70.0.9:6379}",
	"veth: {name: v1, peer: v2, master: br0}",
	"address: {address: 10.72.0.1/24, dev: v2}",
	"macvlan: {name: eth2, link: eth1, netns: web}",
	"vxlan: {name: vx7, id: 7, remote: 198.18.255.1, dev: eth1, master: br0}",
	`iptables: {chain: WEB, jump_from: [FORWARD], rules: ["-i br0 -j ACCEPT"]}`,
	"file: {path: /etc/web, state: directory}",
	"file: {path: /etc/web/web.conf, state: touch}",
	"lineinfile: {path: /etc/web/web.conf, regexp: '^listen', line: listen 81}",
	`copy: {dest: /etc/web/other.conf, content: "listen 80\n", mode: '0600'}`,
	"file: {path: /etc/web/current, state: link, src: web.conf}",
	"command: {cmd: cat /etc/web/web.conf, probe: true}\nregister: conf\nwhen: false",
	"command: {cmd: touch /run/web.ready, creates: /run/web.ready}",
	"file: {path: /etc/web/old, state: absent}",
	"veth: {name: v9, state: absent}",
}

func TestCheckIsExactWhereTasksNeedEachOther(t *testing.T) {
	need(t)
	t.Parallel()
	exact(t, the.hosts, "check", "", on("check", dependent...))
}

// exact plays the text with --check and for real: both must name the same changes,
// a further check none, and an undo must bring the host back. given is played first.
func exact(t *testing.T, lab *rig.Lab, host, given, text string) {
	t.Helper()
	if given != "" {
		play(t, lab, given).want(t, 0)
		shell(t, lab, host, settled)
	}
	before := snapshot(t, lab, host)
	path := withFiles(t, text)
	inventory := lab.Inventory
	said := playFile(t, inventory, path, "--check").want(t, 0)
	if diff := sameAs(t, lab, host, before); diff != "" {
		t.Fatalf("--check changed the host (-before +now):\n%s", diff)
	}
	did := playFile(t, inventory, path).want(t, 0)
	if diff := cmp.Diff(said.verdicts(), did.verdicts()); diff != "" {
		t.Errorf("changes (-check +real run):\n%s", diff)
	}
	if left := playFile(t, inventory, path, "--check").want(t, 0).objectChanges(); len(left) > 0 {
		t.Errorf("--check after the run: got %q; want no changes", left)
	}
	if len(did.objectChanges()) > 0 {
		undo(t, lab, host)
	}
	if diff := cmp.Diff(configured(before), configured(snapshot(t, lab, host))); diff != "" {
		t.Errorf("after undo (-before +now):\n%s", diff)
	}
}

// operational is what the kernel makes of a link by itself and never takes back: a
// bridge that has had a port has no address and no carrier when it has none again,
// and a link that has been up has a queue.
var operational = regexp.MustCompile(`NO-CARRIER,|,LOWER_UP| linkdown|state (UP|DOWN|UNKNOWN) |qdisc no(op|queue) |tso_max_size [0-9]+ |link/ether [0-9a-f:]+ brd ff:ff:ff:ff:ff:ff promiscuity 0 .*\n +bridge `)

// configured is a snapshot without that.
func configured(snapshot string) string { return operational.ReplaceAllString(snapshot, "") }

// undo takes back the last play on the host.
func undo(t *testing.T, lab *rig.Lab, host string) {
	t.Helper()
	if r := command(t, t.TempDir(), "undo", "-i", lab.Inventory, host); r.Exit != 0 {
		t.Fatalf("undo: got exit status %d\n%s%s", r.Exit, r.Stdout, r.Stderr)
	}
}

// verdicts are how each task ended, with its changes.
func (p played) verdicts() []string {
	var out []string
	for _, e := range p.events {
		if e.Event != "result" {
			continue
		}
		out = append(out, fmt.Sprintf("%s [%s] %s", e.Task.Name, e.Item, e.Status))
		for _, c := range e.Changes {
			out = append(out, "  "+c.Text)
		}
	}
	return out
}

func (p played) objectChanges() []string {
	var out []string
	for _, e := range p.events {
		for _, c := range e.Changes {
			out = append(out, c.Text)
		}
	}
	return out
}
