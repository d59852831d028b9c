package geard

import (
	"strings"
	"testing"
	"time"
)

// running is the container's id and the process that it is.
func (w *world) running(host, container string) string {
	w.Helper()
	return w.on(host, `docker inspect -f '{{.Id}} {{.State.Pid}}' "$1"`, container)
}

// servers are three containers with redis on node2, published at ports from 4000 on, the
// last one also by udp; and a client on node1, on a network with Docker's own DNS.
func (w *world) servers() {
	w.Helper()
	w.netrun(0, "play", w.write("servers.yaml", `
- name: servers
  hosts: node2
  tasks:
    - container: {name: "{{ .item }}", image: box, env: {REDIS: "6379"}, settle: 300ms}
      loop: [red, green, blue]
    - publish: {container: "{{ .item }}", ports: 6379}
      loop: [red, green, blue]
`))
	w.on("node1", `docker network create lan >/dev/null 2>&1 || true
		docker run -d --network lan --name client box >/dev/null; docker run -d --network lan --name peer box >/dev/null`)
}

// TestLive changes the links of a container that runs.
func TestLive(t *testing.T) {
	w := newWorld(t)
	w.servers()
	before := w.running("node1", "client")
	foreign := w.foreign("node1", "client")
	if !strings.Contains(foreign, "127.0.0.11") {
		t.Fatalf("rules in client: got\n%s\nwant those of Docker's DNS", foreign)
	}

	w.netrun(0, "link", "node1", "client", "-n", "6379:node2/red:6379")
	w.reaches("node1", "client", "127.0.0.1:6379", "node2", "red")
	w.netrun(0, "link", "node1", "client", "-n", "6379:node2/green:6379,127.0.0.5:7000:node2:4002,6380:node2:,6381::80")
	w.reaches("node1", "client", "127.0.0.1:6379", "node2", "green")
	w.reaches("node1", "client", "127.0.0.5:7000", "node2", "blue")
	if got := w.foreign("node1", "client"); got != foreign {
		t.Errorf("the rules of others in client: got\n%s\nwant\n%s", got, foreign)
	}
	if got := w.inside("node1", "client", "nslookup", "peer"); !strings.Contains(got, "Name:\tpeer") {
		t.Errorf("nslookup peer: got %s; want Docker's DNS to answer", got)
	}
	if got := w.inside("node1", "client", "redis-cli", "-p", "6380", "PING"); !strings.Contains(got, "refused") {
		t.Errorf("a link without a port: got %q; want it not to be made", got)
	}
	w.unchanged(w.netrun(0, "link", "node1", "client", "-n", "6379:node2/green:6379,127.0.0.5:7000:node2:4002,6380:node2:,6381::80"), 1)

	w.netrun(0, "link", "node1", "client", "--clear")
	if got := w.inside("node1", "client", "redis-cli", "PING"); !strings.Contains(got, "refused") {
		t.Errorf("127.0.0.1:6379 after --clear: got %q; want nobody there", got)
	}
	if got := w.foreign("node1", "client"); got != foreign || strings.Contains(w.rules("node1", "client"), "NETRUN") {
		t.Errorf("rules in client after --clear: got\n%s\nwant\n%s", w.rules("node1", "client"), foreign)
	}
	if got := w.running("node1", "client"); got != before {
		t.Errorf("client: got %s; want it to have run all the time, %s", got, before)
	}
}

// rules are those in a container.
func (w *world) rules(host, container string) string {
	w.Helper()
	return w.on(host, `nsenter -t $(docker inspect -f '{{.State.Pid}}' "$1") -n iptables-save -t nat | sed -E '/^#/d; s/ \[[0-9:]+\]//'`, container)
}

// foreign are those of them that are not netrun's.
func (w *world) foreign(host, container string) string {
	w.Helper()
	var out []string
	for line := range strings.Lines(w.rules(host, container)) {
		if !strings.Contains(line, "NETRUN") {
			out = append(out, line)
		}
	}
	return strings.Join(out, "")
}

// TestWaiting has links to names that the host does not know yet: by a restart, and by the watch.
func TestWaiting(t *testing.T) {
	w := newWorld(t)
	w.servers()
	w.says(0, []string{"store.test"}, "link", "node1", "client", "peer", "-n", "6379:store.test:4000,7000:node2:4001")
	w.reaches("node1", "client", "127.0.0.1:7000", "node2", "green")
	if got := w.inside("node1", "client", "redis-cli", "PING"); !strings.Contains(got, "refused") {
		t.Errorf("a link to an unknown name: got %q; want nobody there", got)
	}
	w.says(0, []string{"store.test"}, "status", "-v", "node1")

	w.watch("node1")
	w.on("node1", `echo "$1 store.test # test" >>/etc/hosts; docker restart -t 0 client`, w.addr("node2"))
	w.reaches("node1", "client", "127.0.0.1:6379", "node2", "red")
	pid := w.running("node1", "peer")
	w.eventually(70*time.Second, func() string {
		if got := w.inside("node1", "peer", "redis-cli", "GET", "name"); got != w.hostname("node2", "red") {
			return "127.0.0.1:6379 in peer: " + got
		}
		return ""
	})
	if got := w.running("node1", "peer"); got != pid {
		t.Errorf("peer: got %s; want it to have run all the time, %s", got, pid)
	}
}

// TestUDP asks a name server on node2 by a link.
func TestUDP(t *testing.T) {
	w := newWorld(t)
	w.on("node2", `dnsmasq --conf-file=/dev/null --port=5353 --no-resolv --no-hosts --address=/shop.test/192.0.2.7 --pid-file=/run/test-dns.pid --user=root`)
	w.on("node1", "docker run -d --name client box")
	w.netrun(0, "link", "node1", "client", "-n", "127.0.0.2:53:node2:5353/udp,127.0.0.2:53:node2:5353")
	w.eventually(5*time.Second, func() string {
		if got := w.inside("node1", "client", "nslookup", "-type=a", "shop.test", "127.0.0.2"); !strings.Contains(got, "192.0.2.7") {
			return "nslookup by a link: " + got
		}
		return ""
	})
	// By TCP the same port is another link.
	if rules := w.rules("node1", "client"); !strings.Contains(rules, "-p udp") || !strings.Contains(rules, "-p tcp") {
		t.Errorf("rules in client: got\n%s\nwant one each for udp and tcp", rules)
	}
}

// sides has containers with a second interface on a bridge that joins node1 and node2.
const sides = `
- name: two sides
  hosts: [node1, node2]
  vars:
    last: '{{ if eq .inventory_hostname "node1" }}1{{ else }}2{{ end }}'
  tasks:
    - bridge: {name: br1, interfaces: [eth1]}
    - container: {name: "side{{ .last }}", image: box, env: {REDIS: "6379"}, settle: 300ms}
    - static_ip:
        container: "side{{ .last }}"
        bridge: br1
        addresses: ["10.7.0.{{ .last }}/24", "fd00:7::{{ .last }}/64"]
    - publish: {container: "side{{ .last }}", ports: "4100:6379"}
- name: links
  hosts: node1
  tasks:
    - route: {container: side1, to: "fd00:99::/64", dev: eth1}
    - link:
        container: side1
        links:
          - 127.0.0.1:7001:10.7.0.2:6379
          - 127.0.0.1:7002:node2/side2:6379
          - "[fd00:99::1]:7003:[fd00:7::2]:6379"
          - 127.0.0.1:7004:localhost:4100
`

// TestSides has a link for each of a container's two interfaces, one by IPv6, and one to
// what its own host publishes.
func TestSides(t *testing.T) {
	w := newWorld(t)
	site := w.write("site.yaml", sides)
	w.netrun(0, "play", site)
	for _, at := range []string{"127.0.0.1:7001", "127.0.0.1:7002", "[fd00:99::1]:7003"} {
		w.reaches("node1", "side1", at, "node2", "side2")
	}
	w.reaches("node1", "side1", "127.0.0.1:7004", "node1", "side1")
	docker := w.on("node1", `docker inspect -f '{{.NetworkSettings.IPAddress}}' side1`)
	rules := w.rules("node1", "side1")
	for _, want := range []string{"-d 10.7.0.2/32 -o eth1", "--to-source 10.7.0.1\n", "-d " + w.addr("node2") + "/32 -o eth0", "--to-source " + docker + "\n"} {
		if !strings.Contains(rules+"\n", want) {
			t.Errorf("rules in side1: got\n%s\nwant %q among them", rules, want)
		}
	}
	w.unchanged(w.netrun(0, "play", site), 2)
	w.netrun(0, "remove", site)
	w.nothing("node1", "node2")
}

// TestPodman links a container of podman, and links another one to it.
func TestPodman(t *testing.T) {
	w := newWorld(t)
	site := w.write("site.yaml", `
- name: containers
  hosts: node4
  tasks:
    - container: {name: pod, image: box, runtime: podman, env: {REDIS: "6379"}, settle: 300ms}
    - publish: {container: "podman:pod", ports: "4200:6379"}
    - container: {name: client, image: box, runtime: podman, settle: 300ms}
    - link: {container: "podman:client", from: 127.0.0.3:80, to: "node4/pod:6379"}
`)
	w.netrun(0, "play", site)
	name := w.on("node4", "podman exec pod hostname")
	w.asks("node4", "client@podman", name, "redis-cli", "-h", "127.0.0.3", "-p", "80", "GET", "name")
	w.on("node1", "docker run -d --name client box")
	w.netrun(0, "link", "node1", "client", "-n", "6379:node4/pod:6379")
	w.asks("node1", "client", name, "redis-cli", "GET", "name")
	w.unchanged(w.netrun(0, "play", site), 1)
}

// TestPodmanDeployed is a deployment whose containers are podman's.
func TestPodmanDeployed(t *testing.T) {
	w := newWorld(t)
	file := w.redisMartini()
	w.deploy(0, file, "--runtime", "podman", "node4")
	linked := func() {
		w.Helper()
		name := w.on("node4", "podman exec martini-redis-1 hostname")
		w.asks("node4", "martini-web-1@podman", name, "redis-cli", "GET", "name")
	}
	linked()
	w.watch("node4")
	w.on("node4", "podman restart -t 0 martini-redis-1 && podman restart -t 0 martini-web-1")
	linked()
	saved := "redis_martini_deploy" + dated
	w.unchanged(w.deploy(0, saved, "--runtime", "podman", "node4"), 1)
	w.netrun(0, "deploy", "--delete", "--with", saved) // podman has them, whatever else is installed
	w.nothing("node4")
	if left := w.on("node4", "podman ps --all --quiet"); left != "" {
		t.Errorf("containers of podman after --delete: got %s; want none", left)
	}
}
