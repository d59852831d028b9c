package geard

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
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

// served wants the shop to work.
func (w *world) served() {
	w.Helper()
	for h, web := range map[string]string{"node1": "web-1", "node2": "web-2"} {
		w.reaches(h, web, "127.0.0.1:6379", "node1", "db-1")
		w.fetches(h, web, "192.168.1.1:80", "node1", "web-1")
		w.fetches(h, web, "192.168.1.2:80", "node2", "web-2")
	}
}

// again wants all hosts to be as before, soon: the watch puts links back into containers
// that start again.
func (w *world) again(what string, before map[string]string) {
	w.Helper()
	w.eventually(20*time.Second, func() string {
		if diff := cmp.Diff(before, w.states()); diff != "" {
			return "hosts after " + what + " (-before +now):\n" + diff
		}
		return ""
	})
	w.served()
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
	w.killed(before)
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

// killed: a controller that dies in the middle of a deployment.
func (w *world) killed(before map[string]string) {
	w.Helper()
	began := func() bool { return w.containers("node1")["more-1"] != "" }
	ctx, cancel := context.WithTimeout(w.Context(), time.Minute)
	defer cancel()
	started := make(chan *exec.Cmd, 1)
	done := make(chan error, 1)
	go func() {
		_, err := rig.Run(ctx, rig.Command{Argv: []string{the.netrun, "deploy", "--settle", "20s", "--save", "shop" + dated, w.shopBlue(more(2, "box", "", "")), "node1", "node2"},
			Env: w.env(), Dir: w.dir, Start: func(cmd *exec.Cmd) { started <- cmd }})
		done <- err
	}()
	cmd := <-started
	for end := time.Now().Add(20 * time.Second); !began(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			w.Error("the deployment did not begin")
			break
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		w.Error(err)
	}
	if err := <-done; err != nil {
		w.Fatal(err)
	}
	w.again("a killed controller", before)
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
