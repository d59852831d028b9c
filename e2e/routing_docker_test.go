package e2e

import (
	"context"
	"fmt"
	"net/netip"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"netrun/e2e/rig"
)

// foreignDaemon is a daemon.json that somebody has written, in their own way.
const foreignDaemon = "{ \"log-driver\": \"local\",\n\n\t\"mtu\": 1400,\n\t\"labels\": [\"rack=7\"] }\n"

// dockerLab is a lab with Docker on its nodes, for this test alone.
func dockerLab(t *testing.T, topology string) *rig.Lab {
	t.Helper()
	need(t)
	if _, err := exec.LookPath("dockerd"); err != nil {
		t.Skip("probed this machine for dockerd: it is not installed")
	}
	lab, err := rig.Up(t.Context(), the.netrun, "e2e-docker", t.TempDir(), "--topology", filepath.Join(the.root, topology))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := lab.Down(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return lab
}

// TestRoutingDocker plays the example with two routers, two container networks and
// IPv6 on real dockerds, one of which has a daemon.json already.
func TestRoutingDocker(t *testing.T) {
	t.Parallel()
	lab := dockerLab(t, "playbooks/examples/routing-docker.topology.yaml")
	shell(t, lab, "node1", `printf '%s' "$1" > /etc/docker/daemon.json`, foreignDaemon)
	path := filepath.Join(the.root, "playbooks/examples/routing-docker.yaml")
	playFile(t, lab.Inventory, path).want(t, 0)
	playFile(t, lab.Inventory, path).unchanged(t)

	merged := shell(t, lab, "node1", "cat /etc/docker/daemon.json")
	if before, ok := strings.CutSuffix(foreignDaemon, " }\n"); !ok || !strings.HasPrefix(merged, before) {
		t.Errorf("daemon.json: got %s; want it to begin with what was there:\n%s", merged, before)
	}
	var webs []web
	for i, node := range []string{"node1", "node2"} {
		webs = append(webs, startWeb(t, lab, node, i+1))
	}
	for i, w := range webs {
		other := webs[1-i]
		w.ping(t, other.four)
		w.ping(t, other.six)
		w.sends(t, other, other.four, w.four)
		w.sends(t, other, other.six, w.six)
	}
	for _, w := range webs {
		shell(t, lab, w.node, "docker rm -f web")
	}
	for _, verb := range [][]string{{"undo", "-i", lab.Inventory}, {"remove", "-i", lab.Inventory, path}} {
		if verb[0] == "remove" {
			playFile(t, lab.Inventory, path).want(t, 0)
		}
		if r := command(t, t.TempDir(), verb...); r.Exit != 0 {
			t.Fatalf("%s: got exit status %d\n%s%s", verb[0], r.Exit, r.Stdout, r.Stderr)
		}
		if got := shell(t, lab, "node1", "cat /etc/docker/daemon.json"); got != foreignDaemon {
			t.Errorf("daemon.json after %s: got %q; want %q", verb[0], got, foreignDaemon)
		}
		shell(t, lab, "node2", "test ! -e /etc/docker/daemon.json")
		for _, w := range webs {
			if err := lab.Service(t.Context(), w.node, "docker", "restart"); err != nil {
				t.Fatal(err)
			}
			if left := shell(t, lab, w.node, "iptables-save | grep -i netrun; ip route | grep -F 10.20.; ip -6 route | grep fd00:20; ip link | grep apps0; true"); left != "" {
				t.Errorf("%s after %s: still there:\n%s", w.node, verb[0], left)
			}
			shell(t, lab, w.node, "ip -4 -o address show dev docker0 | grep -q inet")
		}
	}
}

// web is a container that Docker gave its addresses.
type web struct {
	lab       *rig.Lab
	node      string
	four, six netip.Addr
}

// startWeb runs a container; its addresses must come from the node's slices.
func startWeb(t *testing.T, lab *rig.Lab, node string, slice int) web {
	t.Helper()
	if err := lab.Import(t.Context(), node, "docker", "box"); err != nil {
		t.Fatal(err)
	}
	out := shell(t, lab, node, `docker run -d --init --name web box sleep 1000 >/dev/null &&
		docker inspect -f '{{.NetworkSettings.IPAddress}} {{.NetworkSettings.GlobalIPv6Address}}' web`)
	var four, six string
	if _, err := fmt.Sscan(out, &four, &six); err != nil {
		t.Fatalf("addresses of web on %s: %q", node, out)
	}
	w := web{lab, node, netip.MustParseAddr(four), netip.MustParseAddr(six)}
	for addr, subnet := range map[netip.Addr]string{w.four: fmt.Sprintf("10.20.%d.0/24", slice), w.six: fmt.Sprintf("fd00:20:0:%d::/64", slice)} {
		if !netip.MustParsePrefix(subnet).Contains(addr) {
			t.Errorf("web on %s has %s; want an address of its slice %s", node, addr, subnet)
		}
	}
	return w
}

func (w web) ping(t *testing.T, to netip.Addr) {
	t.Helper()
	shell(t, w.lab, w.node, "docker exec web ping -c 2 -W 3 "+to.String())
}

// sends sends bulk to a server in the other container, which must see this one's own
// address and not that of a node.
func (w web) sends(t *testing.T, other web, to, from netip.Addr) {
	t.Helper()
	shell(t, other.lab, other.node, `docker exec -d web sh -c 'nc -l -p 7000 -e sh -c "netstat -tn > /tmp/seen; wc -c >> /tmp/seen"'
		for i in $(seq 50); do docker exec web netstat -tln | grep -q :7000 && exit 0; sleep 0.1; done; exit 1`)
	shell(t, w.lab, w.node, fmt.Sprintf("head -c %d /dev/zero | docker exec -i web nc -w 5 %s 7000", bulk, to))
	seen := shell(t, other.lab, other.node, fmt.Sprintf(`for i in $(seq 50); do docker exec web grep -qx %d /tmp/seen && break; sleep 0.1; done; docker exec web cat /tmp/seen`, bulk))
	if !strings.Contains(seen, from.String()+":") || !strings.Contains(seen, fmt.Sprintf("\n%d\n", bulk)) {
		t.Errorf("%s sends to %s:\n%s\nwant %d bytes from %s", w.node, to, seen, bulk, from)
	}
}
