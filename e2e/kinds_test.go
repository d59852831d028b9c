package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"netrun/e2e/rig"
	"netrun/tasks/doc"
)

// examples stand in for those of pages that need more than a lab host has, or
// that tell of failures.
var examples = map[string]struct{ given, example string }{
	"command":   {"", "- command: ip -br link\n- command: {cmd: touch /run/e2e, creates: /run/e2e}\n- command: {cmd: ip -br link, probe: true}"},
	"shell":     {"", "- shell: ip -br link | grep -c eth\n- shell: {cmd: 'echo \"$WHO\" > /run/who', env: {WHO: 'a; b'}, creates: /run/who}"},
	"assert":    {"", "- assert: {that: 1 < 2}"},
	"debug":     {"", "- debug: all is well"},
	"fail":      {"", "- fail: no uplink\n  ignore_errors: true"},
	"pause":     {"", "- pause: 1"},
	"ping":      {"", "- ping:\n- ping: {to: 127.0.0.1}"},
	"wait_for":  {"", "- wait_for: {port: 22, timeout: 5}\n- wait_for: {path: /etc/passwd}"},
	"fetch":     {"", "- fetch: {src: /etc/hostname, dest: fetched}"},
	"facts":     {"", "- facts:"},
	"set_fact":  {"", "- set_fact: {mtu: 1400}\n- debug: {var: mtu}"},
	"interface": {"- veth: {name: uplink, peer: far, up: false}\n- bridge: br0\n- veth: {name: v-web, peer: v-web-in}", ""},
	"package":   {"", "- package: {name: iproute2}"},
	"container": {"", "- container: {name: e2e, image: box, network: none, restart: unless-stopped, env: {TZ: UTC}, command: sleep 100000}\n- container: {name: old, state: absent}"},
	"image":     {"", "- image: {name: \"loaded:1\", path: /root/box.tar, import: true}\n- image: {name: \"old:1\", state: absent}"},
	"service":   {initScript, "- service: {name: e2e, state: started}\n- service: {name: e2e, state: reloaded}"},
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
	"dummy":   kernelHas("type dummy"),
	"geneve":  kernelHas("type geneve id 1 remote 192.0.2.1"),
	"gretap":  kernelHas("type gretap local 192.0.2.1 remote 192.0.2.2"),
	"ipoib":   "grep -q -x 32 /sys/class/net/*/type", // an InfiniBand interface
	"ipvlan":  kernelHas("link eth1 type ipvlan"),
	"macvlan": kernelHas("link eth1 type macvlan"),
	"vlan":    kernelHas("link eth1 type vlan id 5"),
	"vxlan":   kernelHas("type vxlan id 1 dev eth1 dstport 4789"),
	"package": "dpkg-query -W iproute2",
	"service": "command -v service || [ -d /run/systemd/system ]",
	"dhcp":    "command -v dnsmasq",
}

func kernelHas(link string) string {
	return "ip link add e2eprobe " + link + " && ip link delete e2eprobe"
}

// furnish gives a host what the examples find there: an image, its archive, once
// there is a link lan0 a DHCP server, and a docker0 that has had a port, which the
// kernel has given a link-local address for good.
func furnish(t *testing.T, lab *rig.Lab, host string) {
	t.Helper()
	if err := lab.Import(t.Context(), host, "docker", "box"); err != nil {
		t.Fatal(err)
	}
	shell(t, lab, host, `docker create --name box box true && docker export box >/root/box.tar && docker rm box
ip link add e2e0 type veth peer name e2e1 && ip link set e2e0 master docker0 up && ip link set e2e1 up
for i in $(seq 100); do ip -6 addr show dev docker0 | grep -v tentative | grep -q fe80 && break; sleep 0.1; done
ip link delete e2e0
! command -v dnsmasq || setsid dnsmasq -k --conf-file=/dev/null --port=0 --interface=lan0 --bind-dynamic --user=root --no-ping \
  --dhcp-range=10.66.0.50,10.66.0.60,2m --dhcp-leasefile=/run/dnsmasq.leases --dhcp-authoritative </dev/null >/run/dnsmasq.log 2>&1 &`)
}

// TestCheckIsExactForEveryKind plays the example of every kind's page.
func TestCheckIsExactForEveryKind(t *testing.T) {
	t.Parallel()
	const host = "router1"
	lab := serviceLab(t, "kinds", "--topology", "testdata/kinds.topology.yaml")
	furnish(t, lab, host)
	shell(t, lab, host, settled)
	for _, kind := range doc.Kinds() {
		if !t.Run(kind, func(t *testing.T) { exactKind(t, lab, host, kind) }) {
			takeBack(t, lab, host)
		}
	}
}

func exactKind(t *testing.T, lab *rig.Lab, host, kind string) {
	if probe, ok := probes[kind]; ok {
		if _, err := lab.Shell(t.Context(), host, probe); err != nil {
			t.Skipf("probed by `%s`: %v", probe, err)
		}
	}
	given, example := exampleOf(t, kind)
	if given == "" {
		exact(t, lab, host, "", listed(host, example))
		return
	}
	before := snapshot(t, lab, host)
	exact(t, lab, host, listed(host, given), listed(host, example))
	undo(t, lab, host)
	if diff := cmp.Diff(configured(before), configured(snapshot(t, lab, host))); diff != "" {
		t.Errorf("after undo of what was given (-before +now):\n%s", diff)
	}
}

// takeBack undoes what a kind that failed has left, which is two plays at most, so
// that the kinds after it find the host as it was.
func takeBack(t *testing.T, lab *rig.Lab, host string) {
	t.Helper()
	for range 2 {
		r := command(t, t.TempDir(), "undo", "-i", lab.Inventory, host)
		t.Logf("undo: exit status %d\n%s%s", r.Exit, r.Stdout, r.Stderr)
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

func TestEveryStandInHasAKind(t *testing.T) {
	for kind := range examples {
		if !slices.Contains(doc.Kinds(), kind) {
			t.Errorf("an example for %q, which is no kind", kind)
		}
	}
}

// listed is a play of tasks that stand in a list already.
func listed(host, tasks string) string {
	return "- name: test\n  hosts: " + host + "\n  tasks:\n    " + strings.ReplaceAll(strings.TrimSpace(tasks), "\n", "\n    ") + "\n"
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
