package geard

import (
	"sync"
	"testing"
	"time"
)

// TestRestarted restarts the containers of a deployment in each way, and wants the links
// and ports back by themselves.
func TestRestarted(t *testing.T) {
	w := newWorld(t)
	file := w.fixture("mongo_deploy.json", map[string]string{"openshift/ubuntu-mongodb-cluster": environ("REDIS", "27017")})
	w.deploy(0, file, "node1", "node2", "node3")
	members := w.placed("db-1@node1", "db-2@node2", "db-3@node3")
	for _, m := range members {
		w.watch(m.On)
	}
	for _, way := range []string{
		"docker restart -t 0 $1",
		"docker kill $1 && docker start $1",
		"docker stop -t 0 $1 && docker run -d --name other box sleep 1000 && docker start $1 && docker rm -f other", // at another address
	} {
		for _, m := range members {
			w.on(m.On, way, m.ID)
		}
		w.seen(members)
	}
	var wg sync.WaitGroup
	for _, m := range members {
		wg.Go(func() {
			if err := the.lab.Service(t.Context(), m.On, "docker", "restart"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	w.eventually(10*time.Second, func() string {
		for _, m := range members {
			if got := w.on(m.On, `docker inspect -f '{{.State.Running}}' "$1" 2>&1 || true`, m.ID); got != "true" {
				return m.ID + " runs: " + got
			}
		}
		return ""
	})
	w.seen(members)
	w.unchanged(w.deploy(0, cluster, "node1", "node2", "node3"), 3)
}
