package geard

import (
	"strings"
	"testing"
)

// TestUndone undoes a change of an image: containers are not made anew once more, and
// the links and ports that were wanted before are there in those that run.
func TestUndone(t *testing.T) {
	w := newWorld(t)
	w.write("shop.yaml", shop)
	w.deploy(0, "shop.yaml", "node1", "node2")
	w.on("node1", "docker create --name made box && docker commit -c 'ENV EXTRA=1' made box3 && docker rm made")
	w.edit("shop"+dated, `"Name": "db",
      "Image": "box"`, `"Name": "db",
      "Image": "box3"`)
	w.deploy(0, "shop"+dated, "node1", "node2")
	recreated := w.running("node1", "db-1")
	w.says(0, []string{"recreate container db-1"}, "undo", "node1,node2")
	if got := w.running("node1", "db-1"); got != recreated {
		t.Errorf("db-1 after undo: got %s; want it as the deployment made it, %s", got, recreated)
	}
	w.served()
}

// TestRestartKeepsWhatItIs restarts a deployment without the flags that it was made with.
func TestRestartKeepsWhatItIs(t *testing.T) {
	w := newWorld(t)
	w.write("shop.yaml", shop)
	secrets := w.write("secrets.env", "SECRET=gordon\n")
	w.deploy(0, "shop.yaml", "--env-file", secrets, "--variables", "node1", "node2")
	id := strings.Fields(w.running("node1", "web-1"))[0]
	w.netrun(0, "deploy", "--restart", "--with", "shop"+dated)
	if got := w.running("node1", "web-1"); !strings.HasPrefix(got, id) {
		t.Errorf("web-1 after --restart: got %s; want the container %s", got, id)
	}
	w.asks("node1", "web-1", "gordon tcp://127.0.0.1:6379", "sh", "-c", "echo $SECRET $DB_1_PORT")
	w.served()
}

// TestAddressOfAnother has a container get the address of one that has stopped, whose
// ports stay published.
func TestAddressOfAnother(t *testing.T) {
	w := newWorld(t)
	one := func(name string) string {
		return "Containers: [{Name: " + name + ", Image: box, Count: 1, PublicPorts: [{Internal: 6379}], Environment: [{Name: REDIS, Value: '6379'}]}]\n"
	}
	w.write("first.yaml", one("first"))
	w.write("second.yaml", one("second"))
	w.deploy(0, "first.yaml", "node1")
	w.netrun(0, "deploy", "--stop", "--with", "first"+dated)
	w.deploy(0, "second.yaml", "node1")
	if got := w.read("second" + dated); !strings.Contains(got, `"External": 4001`) {
		t.Errorf("got %s; want second's own port, 4001", got)
	}
	w.netrun(0, "deploy", "--start", "--with", "first"+dated)
	w.unchanged(w.deploy(0, "second"+dated, "node1"), 1)
	w.on("node2", "docker run -d --name client box")
	w.netrun(0, "link", "node2", "client", "-n", "7001:node1/first-1:6379,7002:node1/second-1:6379")
	w.reaches("node2", "client", "127.0.0.1:7001", "node1", "first-1")
	w.reaches("node2", "client", "127.0.0.1:7002", "node1", "second-1")
}
