package geard

import (
	"fmt"
	"strings"
	"testing"
)

const cluster = "mongo_deploy" + dated

// seen wants the members at 192.168.1.1 and on, in their order, whoever of them looks.
func (w *world) seen(members []instance) {
	w.Helper()
	var addresses, want []string
	for i, m := range members {
		at := fmt.Sprintf("192.168.1.%d", i+1)
		if got := fmt.Sprintf("%s:%d", m.Ports[0].Target.Host, m.Ports[0].Target.Port); got != at+":27017" {
			w.Fatalf("%s: got local address %s; want %s:27017", m.ID, got, at)
		}
		addresses = append(addresses, at)
		want = append(want, at+" "+w.hostname(m.On, m.ID))
	}
	for _, m := range members {
		w.asks(m.On, m.ID, strings.Join(want, "\n"), "sh", "-c",
			"for a in "+strings.Join(addresses, " ")+"; do echo $a $(redis-cli -h $a -p 27017 GET name 2>&1); done")
	}
}

// placed wants instances with these names and hosts, NAME@HOST.
func (w *world) placed(want ...string) []instance {
	w.Helper()
	var got []string
	all := w.deployed(cluster)
	for _, i := range all {
		got = append(got, i.ID+"@"+i.On)
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		w.Fatalf("instances: got %v; want %v", got, want)
	}
	return all
}

func TestCluster(t *testing.T) {
	w := newWorld(t)
	file := w.fixture("mongo_deploy.json", map[string]string{"openshift/ubuntu-mongodb-cluster": environ("REDIS", "27017")})
	w.deploy(0, file, "node1", "node2", "node3")
	w.seen(w.placed("db-1@node1", "db-2@node2", "db-3@node3"))
	three := map[string]map[string]string{}
	for _, h := range the.lab.Names() {
		three[h] = w.containers(h)
	}

	w.edit(cluster, `"Count": 3`, `"Count": 5`)
	w.deploy(0, cluster, "node1", "node2", "node3")
	w.seen(w.placed("db-1@node1", "db-2@node2", "db-3@node3", "db-4@node1", "db-5@node2"))
	for h, kept := range three {
		now := w.containers(h)
		for name, id := range kept {
			if now[name] != id {
				t.Errorf("%s on %s after 3 became 5: got %q; want what was there, %q", name, h, now[name], id)
			}
		}
	}

	w.edit(cluster, `"Count": 5`, `"Count": 2`)
	w.deploy(0, cluster, "node1", "node2", "node3")
	w.seen(w.placed("db-1@node1", "db-2@node2"))
	if got := w.inside("node1", "db-1", "redis-cli", "-h", "192.168.1.3", "-p", "27017", "PING"); strings.Contains(got, "PONG") {
		t.Errorf("192.168.1.3 after 5 became 2: got %q; want nobody there", got)
	}
	w.nothing("node3")

	// node2 leaves the list: its instance moves, and keeps its place in the view.
	w.deploy(0, cluster, "node1", "node4")
	moved := w.placed("db-1@node1", "db-2@node1")
	w.seen(moved)
	w.nothing("node2")
	w.unchanged(w.deploy(0, cluster, "node1", "node4"), 2)

	w.edit(cluster, `"Count": 2`, `"Count": 3`)
	w.deploy(0, cluster, "node3", "node1", "node4")
	w.placed("db-1@node1", "db-2@node1", "db-3@node3")
	w.unreachable()
}

// shut keeps everybody from logging in on a host, letIn undoes that.
const (
	shut  = "iptables -I INPUT -p tcp --dport 22 -j DROP -m comment --comment test"
	letIn = "iptables -D INPUT -p tcp --dport 22 -j DROP -m comment --comment test 2>/dev/null || true"
)

// unreachable has a host leave the list while nobody can log in there.
func (w *world) unreachable() {
	w.Helper()
	w.on("node3", shut)
	defer w.on("node3", letIn)
	r := w.deploy(4, cluster, "-T", "2s", "node1", "node4")
	if text := r.Stdout + r.Stderr; !strings.Contains(text, "unreachable: [node3]") || !strings.Contains(text, "deployed as") {
		w.Errorf("with node3 unreachable: got\n%s\nwant to read so, and that it is deployed", text)
	}
	w.seen(w.placed("db-1@node1", "db-2@node1", "db-3@node1"))
	if left := w.containers("node3"); len(left) != 1 {
		w.Errorf("node3: got %v; want the one that nobody could take away", left)
	}
}
