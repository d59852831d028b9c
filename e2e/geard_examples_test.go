package e2e

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"netrun/e2e/rig"
)

// geardExamples are the examples whose containers are real, of a real Docker: the image
// of each, the port that it listens on, and what its containers see.
var geardExamples = map[string]struct {
	images map[string]int
	sees   []seen
}{
	"geard-redis": {
		images: map[string]int{"example/app:1": 80, "example/redis:1": 6379},
		sees:   []seen{{"node1", "app1", "127.0.0.1:6379", "node4", "redisdb"}},
	},
	"geard-cluster": {
		images: map[string]int{"example/app:1": 80, "example/mongo:1": 27017},
		sees: []seen{
			{"node3", "shop-mongo-1", "192.168.1.1:27017", "node3", "shop-mongo-1"},
			{"node3", "shop-mongo-1", "192.168.1.2:27017", "node1", "shop-mongo-2"},
			{"node1", "shop-mongo-2", "192.168.1.1:27017", "node3", "shop-mongo-1"},
			{"node2", "shop-mongo-3", "192.168.1.2:27017", "node1", "shop-mongo-2"},
			{"node2", "shop-app-2", "192.168.1.3:27017", "node2", "shop-mongo-3"},
		},
	},
	"geard-picture": {
		images: map[string]int{"example/app1:1": 80, "example/mysql:1": 3306, "example/redis:1": 6379, "example/app2:1": 80},
		sees: []seen{
			{"node1", "app1-1", "127.0.0.1:3306", "node2", "mysql-1"},
			{"node1", "app1-1", "127.0.0.1:6379", "node4", "redis-1"},
			{"node1", "app1-1", "127.0.0.1:8080", "node4", "app2-1"},
			{"node1", "app1-1", "192.168.1.1:80", "node1", "app1-1"},
			{"node1", "app1-1", "192.168.1.2:80", "node3", "app1-2"},
			{"node3", "app1-2", "127.0.0.1:6379", "node4", "redis-1"},
			{"node3", "app1-2", "192.168.1.1:80", "node1", "app1-1"},
			{"node4", "app2-1", "127.0.0.1:3306", "node2", "mysql-1"},
			{"node4", "app2-1", "mysql-1:3306", "node2", "mysql-1"},
			{"node1", "", "10.16.138.2:49153", "node2", "mysql-1"},
			{"node2", "", "10.16.138.4:50000", "node4", "redis-1"},
		},
	},
}

// seen is an address at which a container, or a host, reaches another container.
type seen struct{ host, container, at, on, answers string }

func TestGeardExamples(t *testing.T) {
	need(t)
	t.Parallel()
	for _, program := range []string{"dockerd", "busybox", "curl"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("probed %s: %v", program, err)
		}
	}
	for name, example := range geardExamples {
		t.Run(name, func(t *testing.T) {
			base := filepath.Join(the.root, "playbooks/examples", name)
			lab, err := rig.Up(t.Context(), the.netrun, "e2e-"+name, filepath.Join(t.TempDir(), "lab"), "--topology", base+".topology.yaml")
			if err != nil {
				t.Fatal(err)
			}
			d := docked{t, lab, base + ".yaml"}
			t.Cleanup(d.down)
			d.named(example.images)
			d.run(t).want(t, 0)
			for _, s := range example.sees {
				d.sees(s)
			}
			d.run(t).unchanged(t)
			if name == "geard-cluster" {
				want := "shop-app-1 10.16.139.1:4000\nshop-app-2 10.16.139.2:4000\n"
				if got := shell(t, lab, "lb1", "cat /etc/backends"); got != want {
					t.Errorf("backends: got %q; want %q", got, want)
				}
			}
			if r := command(t, t.TempDir(), "remove", "-i", lab.Inventory, d.play); r.Exit != 0 {
				t.Fatalf("remove: got exit status %d\n%s%s", r.Exit, r.Stdout, r.Stderr)
			}
			for _, host := range lab.Names() {
				if left := shell(t, lab, host, "iptables-save | grep NETRUN-P; docker ps -aq 2>/dev/null; true"); left != "" {
					t.Errorf("%s after remove: still there:\n%s", host, left)
				}
			}
		})
	}
}

// named gives the hosts the images. What runs in them tells its container's host name.
func (d docked) named(images map[string]int) {
	d.Helper()
	for _, host := range d.lab.Names() {
		if shell(d.T, d.lab, host, "command -v docker || true") == "" {
			continue
		}
		for image, port := range images {
			serve := fmt.Sprintf("trap exit TERM; mkdir -p /srv && hostname >/srv/name && httpd -p %d -h /srv; sleep 100000 & wait", port)
			if err := d.lab.Import(d.Context(), host, "docker", image, "sh", "-c", serve); err != nil {
				d.Fatal(err)
			}
		}
	}
}

func (d docked) sees(s seen) {
	d.Helper()
	want := strings.TrimSpace(shell(d.T, d.lab, s.on, "docker inspect -f '{{.Config.Hostname}}' \"$1\"", s.answers))
	eventually(d.T, 10*time.Second, func() string {
		if got := d.fetch(s.host, s.container, s.at); got != want {
			return fmt.Sprintf("%s from %s %s: got %q; want %q, which is %s", s.at, s.host, s.container, got, want, s.answers)
		}
		return ""
	})
}
