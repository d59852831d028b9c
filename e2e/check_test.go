package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"netrun/tasks/doc"
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
	exact(t, "check", "", on("check", dependent...))
}

// exact plays the text with --check and for real: both must name the same changes,
// a further check none, and an undo must bring the host back. given is played first.
func exact(t *testing.T, host, given, text string) {
	t.Helper()
	if given != "" {
		play(t, the.hosts, given).want(t, 0)
		shell(t, the.hosts, host, settled)
	}
	before := snapshot(t, the.hosts, host)
	path := withFiles(t, text)
	inventory := the.hosts.Inventory
	said := playFile(t, inventory, path, "--check").want(t, 0)
	if diff := sameAs(t, the.hosts, host, before); diff != "" {
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
		undo(t, host)
	}
	if diff := cmp.Diff(configured(before), configured(snapshot(t, the.hosts, host))); diff != "" {
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
func undo(t *testing.T, host string) {
	t.Helper()
	if r := command(t, t.TempDir(), "undo", "-i", the.hosts.Inventory, host); r.Exit != 0 {
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

// source finds, in a page's example, the file of the controller that it reads.
var source = regexp.MustCompile(`src: ([a-z.]+), dest: /`)

// withFiles writes a playbook beside the files that the pages' examples read.
func withFiles(t *testing.T, text string) string {
	t.Helper()
	path := site(t, text)
	for _, kind := range doc.Kinds() {
		page, _ := doc.Page(kind)
		content, ok := doc.Block(page, "text source")
		name := source.FindStringSubmatch(page)
		if !ok || name == nil {
			continue
		}
		if err := os.WriteFile(filepath.Join(filepath.Dir(path), name[1]), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// examples stand in for those of pages that need more than a lab host has, or
// that tell of failures.
var examples = map[string]struct{ given, example string }{
	"command":       {"", "- command: ip -br link\n- command: {cmd: touch /run/e2e, creates: /run/e2e}\n- command: {cmd: ip -br link, probe: true}"},
	"shell":         {"", "- shell: ip -br link | grep -c eth\n- shell: {cmd: 'echo \"$WHO\" > /run/who', env: {WHO: 'a; b'}, creates: /run/who}"},
	"assert":        {"", "- assert: {that: 1 < 2}"},
	"debug":         {"", "- debug: all is well"},
	"fail":          {"", "- fail: no uplink\n  ignore_errors: true"},
	"pause":         {"", "- pause: 1"},
	"ping":          {"", "- ping:\n- ping: {to: 127.0.0.1}"},
	"wait_for":      {"", "- wait_for: {port: 22, timeout: 5}\n- wait_for: {path: /etc/passwd}"},
	"fetch":         {"", "- fetch: {src: /etc/hostname, dest: fetched}"},
	"facts":         {"", "- facts:"},
	"set_fact":      {"", "- set_fact: {mtu: 1400}\n- debug: {var: mtu}"},
	"interface":     {"- veth: {name: uplink, peer: far, up: false}\n- bridge: br0\n- veth: {name: v-web, peer: v-web-in}", ""},
	"router":        {"", "- router: {routes: [{to: 11.11.1.0/24, via: 198.18.0.1}]}"},
	"router_config": {"", "- router_config: {syntax: ios, dest: /tmp/core1.txt, routes: [{to: 11.11.1.0/24, via: 198.18.0.1}]}"},
	"package":       {"", "- package: {name: iproute2}"},
	"service":       {initScript, "- service: {name: e2e, state: started}\n- service: {name: e2e, state: reloaded}"},
}

// initScript is a service that any host can have.
const initScript = `- copy:
    dest: /etc/init.d/e2e
    mode: '0755'
    content: |
      #!/bin/sh
      case $1 in
      start) touch /run/e2e.up;;
      stop) rm -f /run/e2e.up;;
      reload) [ -e /run/e2e.up ];;
      status) if [ -e /run/e2e.up ]; then echo running; else echo stopped; exit 3; fi;;
      esac`

// probes tell, on a host, whether a kind can work there at all.
var probes = map[string]string{
	"dummy":      "ip link add e2eprobe type dummy && ip link delete e2eprobe",
	"vxlan":      "ip link add e2eprobe type vxlan id 1 dev eth1 dstport 4789 && ip link delete e2eprobe",
	"macvlan":    "ip link add e2eprobe link eth1 type macvlan && ip link delete e2eprobe",
	"ovs_bridge": "ovs-vsctl --timeout=2 show",
	"ovs_port":   "ovs-vsctl --timeout=2 show",
	"package":    "dpkg-query -W iproute2",
	"service":    "command -v service || [ -d /run/systemd/system ]",
}

// TestCheckIsExactForEveryKind plays the example of every kind's page.
func TestCheckIsExactForEveryKind(t *testing.T) {
	need(t)
	t.Parallel()
	const host = "pages"
	startOVS(t, host)
	for _, kind := range doc.Kinds() {
		t.Run(kind, func(t *testing.T) {
			if probe, ok := probes[kind]; ok {
				if _, err := the.hosts.Shell(t.Context(), host, probe); err != nil {
					t.Skipf("probed by `%s`: %v", probe, err)
				}
			}
			given, example := exampleOf(t, kind)
			if given == "" {
				exact(t, host, "", listed(host, example))
				return
			}
			before := snapshot(t, the.hosts, host)
			exact(t, host, listed(host, given), listed(host, example))
			undo(t, host)
			if diff := sameAs(t, the.hosts, host, before); diff != "" {
				t.Errorf("after undo of what was given (-before +now):\n%s", diff)
			}
		})
	}
}

func exampleOf(t *testing.T, kind string) (given, example string) {
	t.Helper()
	page, ok := doc.Page(kind)
	if !ok {
		t.Fatalf("kind %s has no page", kind)
	}
	given, _ = doc.Block(page, "yaml given")
	example, _ = doc.Block(page, "yaml example")
	if own, ok := examples[kind]; ok {
		if own.given != "" {
			given = own.given
		}
		if own.example != "" {
			example = own.example
		}
	}
	if example == "" {
		t.Fatalf("page of %s has no example", kind)
	}
	return given, example
}

// listed is a play of tasks that stand in a list already.
func listed(host, tasks string) string {
	return "- name: test\n  hosts: " + host + "\n  tasks:\n    " + strings.ReplaceAll(strings.TrimSpace(tasks), "\n", "\n    ") + "\n"
}

// startOVS starts Open vSwitch on a host, where it is installed: a database and
// a switch of the host's own.
func startOVS(t *testing.T, host string) {
	t.Helper()
	const start = `command -v ovs-vswitchd >/dev/null || exit 0
mkdir -p /var/run/openvswitch /etc/openvswitch /var/log/openvswitch
rm -f /etc/openvswitch/conf.db
ovsdb-tool create /etc/openvswitch/conf.db /usr/share/openvswitch/vswitch.ovsschema &&
ovsdb-server --remote=punix:/var/run/openvswitch/db.sock --pidfile --detach --log-file >/dev/null 2>&1 &&
ovs-vsctl --timeout=5 --no-wait init &&
ovs-vswitchd --pidfile --detach --log-file >/dev/null 2>&1`
	if out, err := the.hosts.Shell(t.Context(), host, start); err != nil {
		t.Logf("Open vSwitch does not start on %s: %v\n%s", host, err, out)
	}
}

func TestEveryStandInHasAKind(t *testing.T) {
	for kind := range examples {
		if !slices.Contains(doc.Kinds(), kind) {
			t.Errorf("an example for %q, which is no kind", kind)
		}
	}
}
