package geard

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// setup is geard's demo: a load balancer, three backends, and their database.
const setup = `
Containers:
- Name: lbal
  Image: box
  Count: 1
  PublicPorts: [{Internal: 8080, External: 14000}]
  Links: [{To: backend, NonLocal: true, AliasPorts: [{Internal: 3000, External: 8080}]}]
  Environment:
  - {Name: HTTP, Value: "8080"}
  - {Name: CGI, Value: "for i in 1 2 3; do wget -q -O - http://192.168.1.$i:8080/cgi-bin/ask; done"}
- Name: backend
  Image: box
  Count: 3
  PublicPorts: [{Internal: 3000}]
  Links: [{To: db}]
  Environment: [{Name: HTTP, Value: "3000"}, {Name: CGI, Value: "hostname; redis-cli -p 27017 PING"}]
- Name: db
  Image: box
  Count: 1
  PublicPorts: [{Internal: 27017}]
  Environment: [{Name: REDIS, Value: "27017"}]
`

const setupPlay = `
- name: the demo
  hosts: [node1, node2]
  tasks:
    - deploy: {descriptor: setup.yaml, deployed: setup.json, settle: 300ms}
      register: made
    - name: what was made
      debug: {msg: "{{ .item.id }} on {{ .item.host }}, {{ .item.ports }}"}
      loop: "{{ .made.instances }}"
      when: inventory_hostname == "node1"
    - name: a file for each instance of the host
      copy: {dest: "/run/test-{{ .item.id }}", content: "{{ .item.from }}\n"}
      loop: "{{ .made.instances }}"
      when: item.host == inventory_hostname
`

// TestDemo deploys by a playbook, whose later tasks know the instances.
func TestDemo(t *testing.T) {
	w := newWorld(t)
	w.write("setup.yaml", setup)
	site := w.write("site.yaml", setupPlay)
	w.says(0, []string{"lbal-1 on node1, {\"8080/tcp\": 14000}", "backend-3 on node2", "db-1 on node1"}, "play", site)
	if got := w.on("node2", "cat /run/test-backend-1 /run/test-backend-3"); got != "backend\nbackend" {
		t.Errorf("files of node2: got %q; want one for each backend there", got)
	}
	w.demo()
	before, text := w.states(), w.read("setup.json")
	w.unchanged(w.netrun(0, "play", site), 2)
	w.same("a second play", before)
	if got := w.read("setup.json"); got != text {
		t.Errorf("setup.json after a second play: got\n%s\nwant\n%s", got, text)
	}

	w.edit("setup.yaml", "Count: 3", "Count: 2")
	w.netrun(0, "play", site)
	if w.containers("node2")["backend-3"] != "" {
		t.Error("backend-3 is still there though two are wanted")
	}
	w.netrun(0, "remove", site)
	w.nothing("node1", "node2")
}

// demo asks the load balancer, which asks every backend, each of which asks the database.
func (w *world) demo() {
	w.Helper()
	var want []string
	for _, i := range w.deployed("setup.json") {
		if strings.HasPrefix(i.ID, "backend") {
			want = append(want, w.hostname(i.On, i.ID), "PONG")
		}
	}
	w.eventually(5e9, func() string {
		got := w.on("node3", `curl -s -m 5 -w '%{http_code}' "http://$1:14000/cgi-bin/ask" || true`, w.addr("node1"))
		if want := strings.Join(append(want, "200"), "\n"); got != want {
			return "the load balancer says:\n" + got + "\nwant\n" + want
		}
		return ""
	})
}

// TestVariables gives containers what docker run --link gives, with the local addresses.
func TestVariables(t *testing.T) {
	w := newWorld(t)
	w.write("shop.yaml", shop)
	// Nothing of a descriptor is a template, or reaches a shell.
	w.edit("shop.yaml", `{Name: COLOUR, Value: red}`, `{Name: COLOUR, Value: red}, {Name: MOTTO, Value: '{{ .nobody }} $HOME "a" `+"`id`"+`'}`)
	w.write("all.env", "SECRET=gordon\n")
	more := []string{"--variables", "--hosts-lines", "--env-file", "all.env", "node1", "node2"}
	w.deploy(0, "shop.yaml", more...)
	env := w.inside("node2", "web-2", "env")
	for _, line := range []string{"DB_1_PORT=tcp://127.0.0.1:6379", "DB_1_PORT_6379_TCP_ADDR=127.0.0.1", "DB_1_PORT_6379_TCP_PORT=6379",
		"DB_1_NAME=/web-2/db-1", "WEB_1_PORT_80_TCP=tcp://192.168.1.1:80", "SECRET=gordon", "COLOUR=red", `MOTTO={{ .nobody }} $HOME "a" ` + "`id`"} {
		if !strings.Contains(env+"\n", line+"\n") {
			t.Errorf("environment of web-2: got\n%s\nwant %s", env, line)
		}
	}
	hosts := w.inside("node2", "web-2", "cat", "/etc/hosts")
	if !strings.Contains(hosts, "192.168.1.1\tweb-1") || !strings.Contains(hosts, "127.0.0.1\tdb-1") {
		t.Errorf("/etc/hosts of web-2: got\n%s\nwant lines for web-1 and db-1", hosts)
	}
	w.reaches("node2", "web-2", "db-1:6379", "node1", "db-1")
	w.fetches("node2", "web-2", "web-1", "node1", "web-1")
	if text := w.read("shop" + dated); strings.Contains(text, "gordon") {
		t.Errorf("annotated file: got\n%s\nwant nothing of the file of --env-file in it", text)
	}
	if found, err := os.Stat(filepath.Join(w.dir, "shop"+dated)); err != nil || found.Mode().Perm() != 0o600 {
		t.Errorf("annotated file with an environment: got %v, error %v; want it to be its owner's alone", found.Mode(), err)
	}
	w.unchanged(w.deploy(0, "shop"+dated, more...), 2)
}
