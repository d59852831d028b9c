package e2e

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"netrun/e2e/rig"
)

// dhcpSite gives a container an address from the server that the test starts.
const dhcpSite = `
- name: dhcp
  hosts: node1
  tasks:
    - bridge: br1
    - address: {dev: br1, address: 10.8.0.1/24}
    - static_ip: {container: web, bridge: br1, dhcp: true}
`

// dhcpServer starts dnsmasq in the host.
const dhcpServer = `
setsid dnsmasq -k --conf-file=/dev/null --port=0 --interface=br1 --bind-dynamic --user=root --pid-file=/run/dnsmasq.pid --no-ping \
  --dhcp-range=10.8.0.50,10.8.0.60,2m --dhcp-leasefile=/run/dnsmasq.leases --dhcp-authoritative </dev/null >/run/dnsmasq.log 2>&1 &
`

// leased is the container's address from the server, or nothing.
func leased(t *testing.T, lab *rig.Lab) string {
	t.Helper()
	out := shell(t, lab, "node1", `nsenter -t $(docker inspect -f '{{.State.Pid}}' web) -n ip -4 -o addr show dev eth1 2>/dev/null; true`)
	_, rest, _ := strings.Cut(out, "inet ")
	address, _, _ := strings.Cut(rest, " ")
	return address
}

// clients are the numbers of the DHCP clients that run in the host, a line each.
func clients(t *testing.T, lab *rig.Lab) string {
	t.Helper()
	return shell(t, lab, "node1", `for p in /proc/[0-9]*; do tr '\0' ' ' <$p/cmdline 2>/dev/null | grep -q 'netrun-helper-[0-9a-f]* dhcp ' && echo ${p#/proc/}; done; true`)
}

// TestDHCP has a container of Docker's get an address, lose its client, start again with and without
// the server, and give the address back.
func TestDHCP(t *testing.T) {
	lab := serviceLab(t, "dhcp", "--hosts", "1", "--services", "docker")
	if err := lab.Import(t.Context(), "node1", "docker", "box"); err != nil {
		t.Fatal(err)
	}
	if got := shell(t, lab, "node1", "command -v dnsmasq; true"); got == "" {
		t.Skip("probed dnsmasq: it is not there")
	}
	shell(t, lab, "node1", "docker run -d --init --name web box sleep 100000; ip link add br1 type bridge; ip link set br1 up"+dhcpServer)
	path := keptFile(t, t.TempDir(), "node1", dhcpSite)
	playFile(t, lab.Inventory, path).want(t, 0)
	address := leased(t, lab)
	if !strings.HasPrefix(address, "10.8.0.") {
		t.Fatalf("got address %q; want one of 10.8.0.0/24", address)
	}
	if got := shell(t, lab, "node1", "cat /run/dnsmasq.leases"); !strings.Contains(got, " web ") {
		t.Errorf("the server knows %q; want the name web", got)
	}
	playFile(t, lab.Inventory, path).unchanged(t)
	first := clients(t, lab)
	t.Logf("a client: %s", shell(t, lab, "node1", "grep -E 'VmRSS|RssAnon|Threads' /proc/$1/status | tr -s '\\t\\n' ' '", strings.TrimSpace(first)))

	shell(t, lab, "node1", "kill -9 $1", strings.TrimSpace(first))
	if got := count(standingIn(t, lab, "node1")); got["drifted"] != 1 {
		t.Errorf("without the client: got %v; want one drifted", got)
	}
	playFile(t, lab.Inventory, path).want(t, 0)
	if got := leased(t, lab); got != address {
		t.Errorf("after the play: got %q; want %s", got, address)
	}

	watching(t, lab, "node1")
	shell(t, lab, "node1", "docker restart -t 0 web")
	again := func() string {
		if got := leased(t, lab); got != address {
			return "address " + got + ", not " + address
		}
		if got := clients(t, lab); strings.Count(got, "\n") != 1 {
			return "clients " + got
		}
		return ""
	}
	eventually(t, 5*time.Second, again)
	shell(t, lab, "node1", "kill $(cat /run/dnsmasq.pid); docker restart -t 0 web; sleep 2")
	if got := leased(t, lab); got != "" {
		t.Errorf("without a server: got %q; want no address", got)
	}
	shell(t, lab, "node1", dhcpServer)
	eventually(t, 20*time.Second, again)

	if r := command(t, t.TempDir(), "remove", "-i", lab.Inventory, filepath.Clean(path)); r.Exit != 0 {
		t.Fatalf("netrun remove: got exit status %d\n%s%s", r.Exit, r.Stdout, r.Stderr)
	}
	eventually(t, 2*time.Second, func() string {
		return clients(t, lab) + shell(t, lab, "node1", "cat /run/dnsmasq.leases; ls /run/netrun/dhcp")
	})
}
