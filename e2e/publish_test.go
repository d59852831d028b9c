package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"netrun/e2e/rig"
)

// publishPlay publishes containers that Docker runs without -p, and links others to them.
const publishPlay = `
- name: containers' ports
  hosts: db1
  tasks:
    - name: bridge
      bridge: br1
    - name: bridge's address
      address: {dev: br1, address: 10.5.0.1/24}
    - name: a static address
      static_ip: {container: files, bridge: br1, addresses: 10.5.0.10/24, gateway: 10.5.0.1}
    - name: ports of files
      publish: {container: files, ports: ["8080:80", "127.0.0.1:9090:80"]}
    - name: a port of db
      publish: {container: db, ports: 5432}
      register: db
    - name: link on one host
      container_link: {container: peer, source: db, alias: webdb}
- name: a link to another host
  hosts: app1
  tasks:
    - name: link across hosts
      container_link:
        container: app
        source: db
        host: db1
        ports: "{{ .hostvars.db1.db.ports }}"
        env: {PGDATA: /data}
`

// docked is a lab whose hosts have Docker, and the containers of the play.
type docked struct {
	*testing.T
	lab  *rig.Lab
	play string
}

// TestPublish has real containers of a real Docker.
func TestPublish(t *testing.T) {
	need(t)
	t.Parallel()
	for _, program := range []string{"dockerd", "busybox", "curl"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("probed %s: %v", program, err)
		}
	}
	lab, err := rig.Up(t.Context(), the.netrun, "e2e-publish", filepath.Join(t.TempDir(), "lab"), "--topology", "testdata/publish.topology.yaml")
	if err != nil {
		t.Fatal(err)
	}
	d := docked{t, lab, site(t, publishPlay)}
	t.Cleanup(d.down)
	d.containers()
	docker := d.foreign()

	d.run(t).want(t, 0)
	d.reached()
	d.linked("172.17.0.2")
	d.run(t).unchanged(t)
	d.refused()

	d.move()
	moved := d.run(t).want(t, 0)
	for _, c := range moved.changes() {
		if !strings.Contains(c, "a port of db") && !strings.Contains(c, "link on one host") {
			t.Errorf("after db moved: got change %q; want changes of what names its address only", c)
		}
	}
	d.reached()
	d.linked("172.17.0.5")
	d.run(t).unchanged(t)
	d.watched()

	if diff := cmp.Diff(docker, d.foreign()); diff != "" {
		t.Errorf("rules that are not netrun's (-before +now):\n%s", diff)
	}
	if r := command(t, t.TempDir(), "remove", "-i", lab.Inventory, d.play); r.Exit != 0 {
		t.Errorf("remove: got exit status %d\n%s%s", r.Exit, r.Stdout, r.Stderr)
	}
	d.gone()
}

func (d docked) down() {
	d.Helper()
	// The test's own context has ended.
	if err := d.lab.Down(context.Background()); err != nil {
		d.Error(err)
	}
}

func (d docked) run(t *testing.T) played {
	t.Helper()
	return playFile(t, d.lab.Inventory, d.play)
}

// containers starts them one after the other, so that Docker's addresses are known.
func (d docked) containers() {
	d.Helper()
	for _, h := range d.lab.Names() {
		if err := d.lab.Import(d.Context(), h, "docker", "box"); err != nil {
			d.Fatal(err)
		}
	}
	const httpd = `mkdir -p /srv && echo "$NAME" >/srv/name && exec httpd -f -p "$PORT" -h /srv`
	shell(d.T, d.lab, "db1", `docker run -d --init --name db -e NAME=db -e PORT=5432 -e SECRET=gordon --expose 5432 box sh -c "$1"
		docker run -d --init --name peer box sleep 100000
		docker run -d --init --name files --network none -e NAME=files -e PORT=80 box sh -c "$1"`, httpd)
	shell(d.T, d.lab, "app1", "docker run -d --init --name app box sleep 100000")
}

// foreign are the rules of both families on db1, netrun's apart.
func (d docked) foreign() string {
	d.Helper()
	saved := shell(d.T, d.lab, "db1", "iptables-save; ip6tables-save")
	return emptyTable.ReplaceAllString(ours.ReplaceAllString(uncounted(saved), ""), "")
}

// emptyTable is a table without rules and chains of its own, as the nf_tables
// backend shows one from its first use on.
var emptyTable = regexp.MustCompile(`(?m)^\*[a-z]+\n(:[A-Z]+ ACCEPT\n)*COMMIT\n`)

// reached fetches from published ports, from everywhere.
func (d docked) reached() {
	d.Helper()
	for _, c := range []struct{ host, container, at, want string }{
		{"app1", "", "198.18.7.2:8080", "files"},
		{"app1", "", "198.18.7.2:4000", "db"},
		{"app1", "", "198.18.7.2:9090", ""},
		{"db1", "", "127.0.0.1:8080", "files"},
		{"db1", "", "127.0.0.1:9090", "files"},
		{"db1", "", "127.0.0.1:4000", "db"},
		{"db1", "", "198.18.7.2:4000", "db"},
		{"app1", "app", "198.18.7.2:4000", "db"},
		{"app1", "app", "db:4000", "db"},
		{"db1", "peer", "198.18.7.2:4000", "db"},
		{"db1", "peer", "198.18.7.2:8080", "files"},
		{"db1", "peer", "webdb:5432", "db"},
		{"db1", "files", "198.18.7.2:8080", "files"},
		{"db1", "db", "198.18.7.2:4000", "db"},
	} {
		try := func() string {
			if got := d.fetch(c.host, c.container, c.at); got != c.want {
				return fmt.Sprintf("http://%s/name from %s %s: got %q; want %q", c.at, c.host, c.container, got, c.want)
			}
			return ""
		}
		eventually(d.T, 10*time.Second, try)
	}
}

// fetch is what the server at the address says its name is, "" if it says nothing.
// The client is the host, or a container.
func (d docked) fetch(host, container, at string) string {
	d.Helper()
	if container == "" {
		return strings.TrimSpace(shell(d.T, d.lab, host, `curl -s -m 3 "http://$1/name" || true`, at))
	}
	name, port, _ := strings.Cut(at, ":")
	out := shell(d.T, d.lab, host, `printf 'GET /name HTTP/1.0\r\n\r\n' | docker exec -i "$1" nc -w 3 "$2" "$3" || true`, container, name, port)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}

// linked looks at the variables and hosts files, of which Docker's own lines stay.
func (d docked) linked(db string) {
	d.Helper()
	id := strings.TrimSpace(shell(d.T, d.lab, "db1", "docker inspect -f '{{.Config.Hostname}}' db"))
	for _, c := range []struct{ host, file, container, line, variables string }{
		{"db1", "peer.webdb.env", "peer", db + "\twebdb " + id + " db\t# netrun", `WEBDB_PORT=tcp://` + db + `:5432
WEBDB_PORT_5432_TCP=tcp://` + db + `:5432
WEBDB_PORT_5432_TCP_ADDR=` + db + `
WEBDB_PORT_5432_TCP_PORT=5432
WEBDB_PORT_5432_TCP_PROTO=tcp
WEBDB_NAME=/peer/webdb
WEBDB_ENV_NAME=db
WEBDB_ENV_PORT=5432
WEBDB_ENV_SECRET=gordon
`},
		{"app1", "app.db.env", "app", "198.18.7.2\tdb\t# netrun", `DB_PORT=tcp://198.18.7.2:4000
DB_PORT_5432_TCP=tcp://198.18.7.2:4000
DB_PORT_5432_TCP_ADDR=198.18.7.2
DB_PORT_5432_TCP_PORT=4000
DB_PORT_5432_TCP_PROTO=tcp
DB_NAME=/app/db
DB_ENV_PGDATA=/data
`},
	} {
		if diff := cmp.Diff(c.variables, shell(d.T, d.lab, c.host, `cat "/var/lib/netrun/links/$1"`, c.file)); diff != "" {
			d.Errorf("%s (-want +got):\n%s", c.file, diff)
		}
		if mode := shell(d.T, d.lab, c.host, `stat -c '%a %U' "/var/lib/netrun/links/$1"`, c.file); mode != "600 root\n" {
			d.Errorf("%s: got %q; want it to be root's alone", c.file, mode)
		}
		hosts := shell(d.T, d.lab, c.host, `docker exec "$1" cat /etc/hosts`, c.container)
		if !strings.HasPrefix(hosts, "127.0.0.1\tlocalhost\n") || !strings.HasSuffix(hosts, "\n"+c.line+"\n") || strings.Count(hosts, "# netrun") != 1 {
			d.Errorf("hosts file of %s: got %q; want Docker's lines, and then %q", c.container, hosts, c.line)
		}
		started := shell(d.T, d.lab, c.host, `docker run --rm --env-file "/var/lib/netrun/links/$1" box env`, c.file)
		if !strings.Contains(started, strings.SplitN(c.variables, "\n", 2)[0]) {
			d.Errorf("a container started with %s: got %q; want its variables", c.file, started)
		}
	}
}

// refused has ports that somebody else has: sshd, another publication and Docker.
func (d docked) refused() {
	d.Helper()
	shell(d.T, d.lab, "db1", "docker run -d --init --name taken -p 8888:80 box sleep 100000")
	for port, by := range map[string]string{
		"22":   "a socket that listens on 0.0.0.0:22",
		"8080": "chain NETRUN-P",
		"8888": "already allocated",
	} {
		p := play(d.T, d.lab, on("db1", fmt.Sprintf("publish: {container: peer, name: again, ports: '%s:80'}", port)))
		if p.Exit == 0 || !p.says("port "+port+"/tcp is already allocated") || !p.says(by) {
			d.Errorf("port %s: got exit status %d; want a refusal that says %q\n%s", port, p.Exit, by, p.Stdout)
		}
	}
	shell(d.T, d.lab, "db1", "docker rm -f taken")
}

// move gives db another address: a container in the place of another that has stopped
// gets its address first.
func (d docked) move() {
	d.Helper()
	shell(d.T, d.lab, "db1", `docker stop -t 0 db
		docker run -d --init --name squatter box sleep 100000
		docker run -d --init --name squatter2 box sleep 100000
		docker start db`)
	if at := d.address(); at != "172.17.0.5" {
		d.Fatalf("got %s for db; want another address than before, 172.17.0.5", at)
	}
}

func (d docked) address() string {
	d.Helper()
	var found []struct {
		NetworkSettings struct{ IPAddress string }
	}
	if err := json.Unmarshal([]byte(shell(d.T, d.lab, "db1", "docker inspect db")), &found); err != nil || len(found) != 1 {
		d.Fatalf("docker inspect db: got %v, error %v; want one container", found, err)
	}
	return found[0].NetworkSettings.IPAddress
}

// watched restarts the containers while the watch runs: what Docker writes anew, and
// the address that it gives away again, must be right by themselves.
func (d docked) watched() {
	d.Helper()
	helper := strings.TrimSpace(shell(d.T, d.lab, "db1", "ls -t /var/lib/netrun/bin/netrun-helper-* | head -1"))
	pid := strings.TrimSpace(shell(d.T, d.lab, "db1", `"$1" watch >/var/log/netrun-watch.log 2>&1 </dev/null & echo $!`, helper))
	defer func() { shell(d.T, d.lab, "db1", `kill "$1"; cat /var/log/netrun-watch.log`, pid) }()
	shell(d.T, d.lab, "db1", `docker stop -t 0 db peer && docker rm -f squatter squatter2 && docker start db peer`)
	if at := d.address(); at != "172.17.0.2" {
		d.Fatalf("got %s for db; want 172.17.0.2 again", at)
	}
	line := "172.17.0.2\twebdb"
	eventually(d.T, 5*time.Second, func() string {
		if hosts := shell(d.T, d.lab, "db1", "docker exec peer cat /etc/hosts"); !strings.Contains(hosts, line) {
			return "hosts file of peer: " + hosts
		}
		return ""
	})
	d.reached()
	d.linked("172.17.0.2")
}

// gone wants nothing to be left of the play.
func (d docked) gone() {
	d.Helper()
	if got := d.fetch("app1", "", "198.18.7.2:4000"); got != "" {
		d.Errorf("port 4000 after remove: got %q; want nothing", got)
	}
	if value := shell(d.T, d.lab, "db1", "cat /proc/sys/net/ipv4/conf/all/route_localnet"); value != "0\n" {
		d.Errorf("route_localnet after remove: got %q; want 0, since nothing guards it any more", value)
	}
	if saved := shell(d.T, d.lab, "db1", "iptables-save; ip6tables-save"); strings.Contains(saved, "NETRUN-P") {
		d.Errorf("after remove: got %s; want no chain of netrun's", saved)
	}
	for host, container := range map[string]string{"db1": "peer", "app1": "app"} {
		if hosts := shell(d.T, d.lab, host, `docker exec "$1" cat /etc/hosts`, container); strings.Contains(hosts, "netrun") {
			d.Errorf("hosts file of %s after remove: got %q; want no line of netrun's", container, hosts)
		}
		if files := shell(d.T, d.lab, host, "ls /var/lib/netrun/links 2>/dev/null || true"); files != "" {
			d.Errorf("links on %s after remove: got %q; want none", host, files)
		}
	}
}
