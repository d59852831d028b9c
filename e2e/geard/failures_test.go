package geard

import (
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"netrun/e2e/rig"
)

// shop is a deployment of three instances on two hosts.
const shop = `
Containers:
- Name: web
  Image: box
  Count: 2
  PublicPorts: [{Internal: 80}]
  Links: [{To: db}, {To: web, NonLocal: true, MatchPort: true}]
  Environment: [{Name: HTTP, Value: "80"}, {Name: COLOUR, Value: red}]
- Name: db
  Image: box
  Count: 1
  PublicPorts: [{Internal: 6379}]
  Environment: [{Name: REDIS, Value: "6379"}]
`

// shopBlue is the annotated file with another environment for web, and a third container.
func (w *world) shopBlue(third string) string {
	w.Helper()
	text := w.read("shop" + dated)
	for from, to := range map[string]string{`"red"`: `"blue"`, `"Containers": [`: `"Containers": [` + third} {
		if !strings.Contains(text, from) {
			w.Fatalf("got\n%s\nwant %s in it", text, from)
		}
		text = strings.ReplaceAll(text, from, to)
	}
	w.write("shop.json", text)
	return "shop.json"
}

// more is that third container.
func more(count int, image, ports, environment string) string {
	return fmt.Sprintf(`{"Name": "more", "Image": %q, "Count": %d, "PublicPorts": [%s], "Environment": [%s]},`, image, count, ports, environment)
}

// shopped has the shop on node1 and node2, and a watch on both.
func shopped(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.write("shop.yaml", shop)
	w.deploy(0, "shop.yaml", "node1", "node2")
	for _, h := range []string{"node1", "node2"} {
		w.watch(h)
	}
	w.served()
	return w
}

// served wants the shop to work, as both its applications see it.
func (w *world) served() {
	w.Helper()
	want := w.hostname("node1", "db-1") + "\n" + w.hostname("node1", "web-1") + "\n" + w.hostname("node2", "web-2")
	for h, web := range map[string]string{"node1": "web-1", "node2": "web-2"} {
		w.asks(h, web, want, "sh", "-c", "redis-cli -h 127.0.0.1 GET name; wget -q -O - http://192.168.1.1/name; wget -q -O - http://192.168.1.2/name")
	}
}

// again wants all hosts to be as before, soon: the watch puts links back into containers
// that start again.
func (w *world) again(what string, before map[string]string) {
	w.Helper()
	began := time.Now()
	w.eventually(20*time.Second, func() string {
		if diff := cmp.Diff(before, w.states()); diff != "" {
			return "hosts after " + what + " (-before +now):\n" + diff
		}
		return ""
	})
	back := time.Since(began)
	w.served()
	w.Logf("after %s: as before %s later, and seen to work after %s", what, back.Round(10*time.Millisecond), time.Since(began).Round(10*time.Millisecond))
}

// TestFailures has deployments fail in many ways: each is undone on all hosts.
func TestFailures(t *testing.T) {
	w := shopped(t)
	// Docker puts its own rules before others when it starts: now, and not below.
	if err := the.lab.Service(t.Context(), "node2", "docker", "restart"); err != nil {
		t.Fatal(err)
	}
	w.eventually(10*time.Second, func() string {
		if !strings.Contains(w.rules("node2", "web-2"), "NETRUN") {
			return "web-2 has no links yet"
		}
		return ""
	})
	before, annotated := w.states(), w.read("shop"+dated)
	w.on("node1", "docker tag box 127.0.0.1:1/rare")
	w.on("node1", "redis-server --port 8080 --save '' --daemonize yes --pidfile /run/test-redis.pid --logfile /dev/null")
	for _, c := range []struct{ name, third, said string }{
		{"an image that node2 has not", more(2, "127.0.0.1:1/rare", "", ""), "more-2"},
		{"a container that ends at once", more(2, "box", "", `{"Name": "FAIL", "Value": "1"}`), "more-1"},
		{"a port that somebody has", more(1, "box", `{"Internal": 80, "External": 8080}`, ""), "8080"},
		{"an environment that one container dies of", more(1, "box", `{"Internal": 80}`, `{"Name": "REDIS", "Value": "no port"}, {"Name": "FAIL", "Value": "1"}`), "more-1"},
	} {
		w.says(2, []string{c.said, "undone"}, "deploy", "--save", "shop"+dated, w.shopBlue(c.third), "node1", "node2")
		w.again(c.name, before)
	}
	w.dockerDown(before)
	w.shutOut(before)
	w.lost(before, syscall.SIGKILL, 128+int(syscall.SIGKILL))
	w.lost(before, syscall.SIGINT, 130)
	w.refused(before)
	if got := w.read("shop" + dated); got != annotated {
		t.Errorf("annotated file after deployments that failed (-before +now):\n%s", cmp.Diff(annotated, got))
	}
	w.on("node1", "docker rmi 127.0.0.1:1/rare")
	w.changes(before)
}

func (w *world) dockerDown(before map[string]string) {
	w.Helper()
	if err := the.lab.Service(w.Context(), "node2", "docker", "stop"); err != nil {
		w.Fatal(err)
	}
	w.says(2, []string{"Cannot connect to the Docker daemon"}, "deploy", "--save", "shop"+dated, w.shopBlue(more(1, "box", "", "")), "node1", "node2")
	if err := the.lab.Service(w.Context(), "node2", "docker", "start"); err != nil {
		w.Fatal(err)
	}
	w.again("a deployment without node2's Docker", before)
}

// shutOut has a host of the deployment that nobody can log in to: it stands on none then.
func (w *world) shutOut(before map[string]string) {
	w.Helper()
	w.on("node2", shut)
	ran := w.running("node1", "web-1")
	r := w.netrun(2, "deploy", "-T", "2s", "--save", "shop"+dated, w.shopBlue(more(1, "box", "", "")), "node1", "node2")
	w.on("node2", letIn)
	if text := r.Stdout + r.Stderr; !strings.Contains(text, "unreachable: [node2]") || strings.Contains(text, "deployed as") {
		w.Errorf("with node2 unreachable: got\n%s\nwant to read so, and no annotated file", text)
	}
	if now := w.running("node1", "web-1"); now != ran {
		w.Errorf("web-1 with node2 unreachable: got %s; want it to have run all the time, %s", now, ran)
	}
	w.again("a deployment without node2", before)
}

// lost: a controller that is ended in the middle of a deployment.
func (w *world) lost(before map[string]string, by syscall.Signal, exit int) {
	w.Helper()
	file := w.shopBlue(more(2, "box", "", ""))
	started, done := make(chan *exec.Cmd, 1), make(chan rig.Result, 1)
	go func() {
		r, err := rig.Run(w.Context(), rig.Command{Argv: []string{the.netrun, "deploy", "--settle", "3s", "--save", "shop" + dated, file, "node1", "node2"},
			Env: w.env(), Dir: w.dir, Start: func(cmd *exec.Cmd) { started <- cmd }})
		if err != nil {
			w.Error(err)
		}
		done <- r
	}()
	cmd := <-started
	w.eventually(20*time.Second, func() string {
		if w.containers("node1")["more-1"] == "" {
			return "the deployment has not begun"
		}
		return ""
	})
	if err := cmd.Process.Signal(by); err != nil {
		w.Error(err)
	}
	if r := <-done; r.Exit != exit {
		w.Errorf("%s: got exit status %d; want %d\n%s%s", by, r.Exit, exit, r.Stdout, r.Stderr)
	}
	w.again("a controller's "+by.String(), before)
}

// refused has containers of the deployment's names that are not its own.
func (w *world) refused(before map[string]string) {
	w.Helper()
	w.on("node2", "docker run -d --name more-2 box")
	by := w.running("node2", "more-2")
	w.says(2, []string{"container more-2 is there already"}, "deploy", "--save", "shop"+dated, w.shopBlue(more(2, "box", "", "")), "node1", "node2")
	if got := w.running("node2", "more-2"); got != by {
		w.Errorf("more-2, made by hand: got %s; want it untouched, %s", got, by)
	}
	w.on("node2", "docker rm -f more-2")
	w.again("a container made by hand", before)

	w.says(2, []string{`container web-1 is there already, and belongs to group "shop", not to group "other"`}, "deploy", "--name", "other", "--save", "other", "shop.yaml", "node1")
	w.again("another deployment's container", before)
}

// changes are those that are applied: to the container that they are about.
func (w *world) changes(before map[string]string) {
	w.Helper()
	w.on("node1", "docker create --name made box && docker commit -c 'ENV EXTRA=1' made box2 && docker rm made")
	ids := w.containers("node1")
	w.netrun(0, "deploy", "--save", "shop"+dated, w.shopBlue(more(1, "box", "", "")), "node1", "node2")
	now := w.containers("node1")
	if now["db-1"] != ids["db-1"] || now["web-1"] == ids["web-1"] {
		w.Errorf("another environment for web: got %v; want another web-1 than in %v, and the same db-1", now, ids)
	}
	w.asks("node1", "web-1", "blue", "sh", "-c", "echo $COLOUR")
	w.asks("node2", "web-2", "blue", "sh", "-c", "echo $COLOUR")
	w.served()

	w.edit("shop"+dated, `"Name": "db",
      "Image": "box"`, `"Name": "db",
      "Image": "box2"`)
	ids = now
	w.deploy(0, "shop"+dated, "node1", "node2")
	now = w.containers("node1")
	if now["db-1"] == ids["db-1"] || now["web-1"] != ids["web-1"] || now["more-1"] != ids["more-1"] {
		w.Errorf("another image for db: got %v; want another db-1 than in %v, and the rest the same", now, ids)
	}
	w.asks("node1", "db-1", "1", "sh", "-c", "echo $EXTRA")
	w.served()
	w.unchanged(w.deploy(0, "shop"+dated, "node1", "node2"), 2)
}
