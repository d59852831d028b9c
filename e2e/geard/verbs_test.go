package geard

import (
	"strings"
	"testing"
)

// TestVerbs does to a deployment, by its annotated file, what gear's verbs did.
func TestVerbs(t *testing.T) {
	w := newWorld(t)
	w.write("shop.yaml", shop)
	w.deploy(0, "shop.yaml", "node1", "node2")
	// geard deleted what belongs to every container whose id begins with the same two letters.
	w.on("node1", "docker run -d --name web-10 box && docker run -d --name web box")
	others := w.running("node1", "web-10") + w.running("node1", "web")
	was := w.running("node1", "web-1")
	with := func(verb string, more ...string) []string {
		return append([]string{"deploy", verb, "--with", "shop" + dated}, more...)
	}
	before := w.states()
	w.says(0, []string{"web-1 runs, 80/tcp at port 4000", "192.168.1.2:80 -> ", "db-1 runs, 6379/tcp at port 4001"}, with("--status")...)
	w.same("--status", before)

	w.says(0, []string{"web-2 does not run"}, with("--stop")...)
	for _, c := range []string{"web-1", "db-1"} {
		if got := w.containers("node1")[c]; !strings.HasSuffix(got, " exited") {
			t.Errorf("%s after --stop: got %q; want it to be there, and not to run", c, got)
		}
	}
	w.unchanged(w.netrun(0, with("--stop")...), 2)
	w.says(0, []string{"web-1 does not run"}, with("--status")...)

	w.says(0, []string{"web-1 runs"}, with("--start")...)
	w.served()
	started := w.running("node1", "web-1")
	if id := strings.Fields(was)[0]; !strings.HasPrefix(started, id) {
		t.Errorf("web-1 after --stop and --start: got %s; want the same container as before, %s", started, id)
	}
	w.unchanged(w.netrun(0, with("--start")...), 2)

	w.netrun(0, with("--restart")...)
	w.served()
	if got := w.running("node1", "web-1"); got == started || !strings.HasPrefix(got, strings.Fields(was)[0]) {
		t.Errorf("web-1 after --restart: got %s; want another process than in %s, in the same container", got, started)
	}

	w.deleted(with, others)
}

// deleted takes the deployment away, at first without node2, and leaves others alone.
func (w *world) deleted(with func(string, ...string) []string, others string) {
	w.Helper()
	before := w.states()
	w.netrun(0, with("--delete", "--check")...)
	w.same("--delete --check", before)

	// What can be reached is shown, and taken away.
	w.on("node2", shut)
	w.says(4, []string{"web-1 runs", "unreachable: [node2]"}, with("--status", "-T", "2s")...)
	w.says(4, []string{"remove container web-1", "unreachable: [node2]"}, with("--delete", "-T", "2s")...)
	w.on("node2", letIn)
	if left := w.containers("node1"); len(left) != 2 || len(w.containers("node2")) != 1 {
		w.Errorf("node1 after --delete without node2: got %v; want what is no business of the deployment's", left)
	}
	w.netrun(0, with("--delete")...)
	if got := w.running("node1", "web-10") + w.running("node1", "web"); got != others {
		w.Errorf("containers of others after --delete: got %s; want %s", got, others)
	}
	w.on("node1", "docker rm -f web web-10")
	w.nothing("node1", "node2")
	w.unchanged(w.netrun(0, with("--delete")...), 2)
}

// TestExisting deploys an annotated file as geard wrote it, whose links have Ports for AliasPorts.
func TestExisting(t *testing.T) {
	w := newWorld(t)
	file := w.fixture("mongo_deploy_existing.json", map[string]string{"openshift/ubuntu-mongodb-cluster": ""})
	w.edit(file, `"MatchPort": true`, `"MatchPort": true, "Ports": [27017]`,
		`"Count": 3`, `"Count": 3, "Environment": [{"Name": "REDIS", "Value": "27017"}]`,
		`"From": "db"`, `"From": "db", "Environment": [{"Name": "REDIS", "Value": "27017"}]`,
		`"On": "localhost"`, `"On": "node3"`)
	saved := "mongo_deploy_existing" + dated
	w.deploy(0, file, "node3")
	members := w.deployed(saved)
	w.seen(members)
	for i, port := range []int{4203, 4204, 4206} {
		if got := members[i].Ports[0].External; got != port || members[i].On != "node3" {
			t.Errorf("%s: got port %d on %s; want its old one, %d on node3", members[i].ID, got, members[i].On, port)
		}
	}
	w.netrun(0, "deploy", "--delete", "--with", saved)
	w.nothing("node3")
}

// TestLocal deploys without hosts: on the machine itself, whose name is localhost.
func TestLocal(t *testing.T) {
	w := newWorld(t)
	descriptor := w.read(w.redisMartini())
	run := func(args string) string {
		w.Helper()
		return w.on("node1", `mkdir -p /root/local && cd /root/local && export HOME=/root NO_COLOR=1 && "$1" deploy --settle 300ms `+args, the.netrun)
	}
	w.on("node1", `mkdir -p /root/local && printf '%s' "$1" >/root/local/martini.json`, descriptor)
	run("martini.json --save saved")
	w.reaches("node1", "martini-web-1", "127.0.0.1:6379", "node1", "martini-redis-1")
	if text := w.on("node1", "cat /root/local/saved"); !strings.Contains(text, `"On": "localhost"`) {
		t.Errorf("annotated file: got\n%s\nwant instances on localhost", text)
	}
	if got := run("--name martini saved --save saved"); !strings.Contains(got, "changed=0") || !strings.Contains(got, "(commands about it want --name martini, too)") {
		t.Errorf("a second deployment: got\n%s\nwant no change, and a hint at the name", got)
	}
	run("--name martini --delete --with saved")
	w.nothing("node1")
}
