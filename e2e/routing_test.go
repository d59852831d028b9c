package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"netrun/e2e/rig"
)

const (
	routingPlay     = "playbooks/examples/seeds-routing.yaml"
	routingTopology = "playbooks/examples/seeds-routing.topology.yaml"
	// node4 joins the network while the test runs.
	node4 = `
  node4:
    groups: [nodes]
    interfaces:
      eth1: {switch: sw1, address: 192.168.2.4/24}
    vars: {node_subnet: 11.11.4.0/24, node_address: 192.168.2.4, node_router: 192.168.2.2}
`
)

// withNode4 writes the example's topology with one more node, whose host is there
// from the beginning. Hosts are what stands last in it.
func withNode4(dir string) (string, error) {
	text, err := os.ReadFile(filepath.Join(the.root, routingTopology))
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "routing.topology.yaml")
	return path, os.WriteFile(path, []byte(strings.TrimRight(string(text), "\n")+node4), 0o600)
}

// without writes the inventory of a lab as it was before a host of it was added.
func without(t *testing.T, inventory, host string) string {
	t.Helper()
	text, err := os.ReadFile(inventory)
	if err != nil {
		t.Fatal(err)
	}
	var tree any
	if err := yaml.Unmarshal(text, &tree); err != nil {
		t.Fatal(err)
	}
	if n := prune(tree, host); n == 0 {
		t.Fatalf("no host %s in %s", host, inventory)
	}
	out, err := yaml.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "inventory.yaml")
	if err := os.WriteFile(path, out, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// prune deletes the host below every "hosts", and counts.
func prune(tree any, host string) int {
	n := 0
	m, _ := tree.(map[string]any)
	for key, value := range m {
		if hosts, ok := value.(map[string]any); ok && key == "hosts" {
			if _, there := hosts[host]; there {
				delete(hosts, host)
				n++
			}
			continue
		}
		n += prune(value, host)
	}
	return n
}

func TestSeedsRouting(t *testing.T) {
	need(t)
	t.Parallel()
	lab, path := the.routing, filepath.Join(the.root, routingPlay)
	before := map[string]string{}
	for _, h := range lab.Names() {
		before[h] = snapshot(t, lab, h)
	}
	three := without(t, lab.Inventory, "node4")

	playFile(t, three, path).want(t, 0)
	reachEachOther(t, lab, "node1", "node2", "node3")
	playFile(t, three, path).unchanged(t)

	joined := playFile(t, lab.Inventory, path).want(t, 0)
	for host, s := range joined.stats() {
		if changes := host == "node4" || host == "router"; (s.Changed > 0) != changes {
			t.Errorf("node4 joins: %s: got changed=%d; want changes: %v", host, s.Changed, changes)
		}
	}
	reachEachOther(t, lab, "node1", "node4", "node3")
	playFile(t, lab.Inventory, path).unchanged(t)

	for range 2 { // node4's coming, then the first play
		if r := command(t, t.TempDir(), "undo", "-i", lab.Inventory); r.Exit != 0 {
			t.Fatalf("undo: got exit status %d\n%s%s", r.Exit, r.Stdout, r.Stderr)
		}
	}
	for _, h := range lab.Names() {
		if diff := cmp.Diff(before[h], snapshot(t, lab, h)); diff != "" {
			t.Errorf("%s after undo (-before +now):\n%s", h, diff)
		}
	}
}

// container is a network namespace on a lab host.
type container struct {
	lab  *rig.Lab
	host string
	ns   string
}

// reachEachOther tries, for every two of the hosts, the first container of each:
// ping, and TCP connections in both directions that carry bulk.
func reachEachOther(t *testing.T, lab *rig.Lab, hosts ...string) {
	t.Helper()
	var all []container
	for _, h := range hosts {
		names := strings.Fields(shell(t, lab, h, "ls /run/netns"))
		if len(names) == 0 {
			t.Fatalf("%s has no container after the play", h)
		}
		all = append(all, container{lab, h, names[0]})
	}
	for i, a := range all {
		for j, b := range all {
			if i != j {
				a.ping(t, b.address(t))
				a.connect(t, b, 8000+10*i+j)
			}
		}
	}
}

// argv runs a program in the container's network, with the host's files. Never ip
// netns exec, which mounts /sys anew.
func (c container) argv(argv ...string) []string {
	return c.lab.Argv(c.host, append([]string{"nsenter", "--net=/run/netns/" + c.ns}, argv...)...)
}

func (c container) run(t *testing.T, argv ...string) string {
	t.Helper()
	out, err := rig.Output(t.Context(), rig.Command{Argv: c.argv(argv...)})
	if err != nil {
		t.Fatalf("in %s on %s: %v", c.ns, c.host, err)
	}
	return out
}

func (c container) address(t *testing.T) string {
	t.Helper()
	for _, word := range strings.Fields(c.run(t, "ip", "-4", "-o", "address", "show", "scope", "global")) {
		if addr, _, ok := strings.Cut(word, "/"); ok && strings.Count(addr, ".") == 3 {
			return addr
		}
	}
	t.Fatalf("container %s on %s has no address", c.ns, c.host)
	return ""
}

func (c container) ping(t *testing.T, to string) {
	t.Helper()
	c.run(t, "ping", "-c", "2", "-i", "0.2", "-W", "3", to)
}

// bulk is what goes over a connection: more than a few packets of any MTU.
const bulk = 200_000

// connect opens a TCP connection to a server in another container, and sends bulk.
func (c container) connect(t *testing.T, to container, port int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	idle, hold, err := os.Pipe() // the server hangs up when its own input ends
	if err != nil {
		t.Fatal(err)
	}
	defer hold.Close()
	got := make(chan string, 1)
	go func() {
		defer idle.Close()
		r, err := rig.Run(ctx, rig.Command{Argv: to.argv("sh", "-c", fmt.Sprintf("busybox nc -l -p %d | wc -c", port)), Stdin: idle})
		got <- strings.TrimSpace(fmt.Sprint(r.Stdout, r.Stderr, errorText(err)))
	}()
	addr := to.address(t)
	eventually(t, 10*time.Second, func() string {
		_, err := rig.Output(ctx, rig.Command{Argv: c.argv("sh", "-c", fmt.Sprintf("head -c %d /dev/zero | busybox nc %s %d", bulk, addr, port))})
		return errorText(err)
	})
	if got := <-got; got != fmt.Sprint(bulk) {
		t.Errorf("%s on %s sends to %s:%d: got %s bytes; want %d", c.ns, c.host, addr, port, got, bulk)
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
