package e2e

import (
	"context"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"netrun/e2e/rig"
)

// restartPlay wires containers of Docker and of podman with all that has to come back.
const restartPlay = `
- name: restart
  hosts: node1
  tasks:
    - static_ip:
        container: "{{ .item.name }}"
        bridge: br1
        addresses: ["10.7.0.{{ .item.n }}/24", "fd00:7::{{ .item.n }}/64"]
        routes: [{to: 10.9.0.0/16, via: 10.7.0.1}]
      loop: [{name: web, n: 2}, {name: db, n: 3}, {name: "podman:pod", n: 4}]
    - link: {container: "{{ .item }}", from: "127.0.0.1:6379", to: "10.7.0.3:7000"}
      loop: [web, "podman:pod"]
    - container_link: {container: web, source: db, alias: store}
`

// wired waits in the host until the container has everything, at most for the tenths of
// seconds given, and prints what is missing. Its words are the container's runtime
// and name, its addresses' last number, and whether it has a hosts line.
const wired = `
runtime=$1 name=$2 n=$3 hosts=$4 tries=$5
number() { # asking podman can take longer than what is timed here: its file says it too
  case $runtime in
  docker) docker inspect -f '{{.State.Pid}}' $name 2>/dev/null;;
  podman) cat /run/containers/storage/overlay-containers/$(cat /run/$name.id)/userdata/pidfile 2>/dev/null;;
  esac
}
missing() {
  [ "${pid:-0}" -gt 0 ] || pid=$(number)
  [ "${pid:-0}" -gt 0 ] || { echo "a running container"; return; }
  in="nsenter -t $pid -n"
  $in ip -4 addr show dev eth1 2>/dev/null | grep -q " 10.7.0.$n/24" || { echo "the IPv4 address"; return; }
  $in ip -6 addr show dev eth1 | grep -q "fd00:7::$n/64" || { echo "the IPv6 address"; return; }
  $in ip route | grep -q '^10.9.0.0/16 via 10.7.0.1 dev eth1' || { echo "the route"; return; }
  ip -o link show master br1 | grep -q "@if$($in cat /sys/class/net/eth1/ifindex):" || { echo "the bridge"; return; }
  [ $n = 3 ] || $in iptables -t nat -S | grep -q 'to-destination 10.7.0.3:7000' || { echo "the link"; return; }
  [ -z "$hosts" ] || nsenter -t $pid -m cat /etc/hosts | grep -q "$hosts" || { echo "the hosts line"; return; }
}
for i in $(seq $tries); do what=$(missing); [ -z "$what" ] && date +%s.%N && exit 0; sleep 0.02; done
echo "$what"; exit 1`

// restartLab is a host with both runtimes, containers and a watch.
func restartLab(t *testing.T) *rig.Lab {
	t.Helper()
	lab := serviceLab(t, "restart", "--hosts", "1", "--services", "docker,podman")
	for _, runtime := range []string{"docker", "podman"} {
		if err := lab.Import(t.Context(), "node1", runtime, "box"); err != nil {
			t.Fatal(err)
		}
	}
	shell(t, lab, "node1", `
		docker run -d --init --restart always --name web box sleep 100000
		docker run -d --init --restart always --name db box sleep 100000
		podman run -d --init --name pod box sleep 100000 >/run/pod.id`)
	return lab
}

// serviceLab is a lab of the test's own, which goes with it.
func serviceLab(t *testing.T, name string, args ...string) *rig.Lab {
	t.Helper()
	need(t)
	lab, err := rig.Up(t.Context(), the.netrun, "e2e-"+name, filepath.Join(t.TempDir(), name), args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := lab.Down(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return lab
}

// watching starts the host's watch as its init would, and gives what ends it.
func watching(t *testing.T, lab *rig.Lab, host string) {
	t.Helper()
	shell(t, lab, host, `
		setsid $(ls -t /var/lib/netrun/bin/netrun-helper-* | head -n 1) watch </dev/null >/var/log/netrun-watch.log 2>&1 &
		echo $! >/run/netrun-watch.pid`)
	t.Cleanup(func() {
		out, err := lab.Shell(context.Background(), host, "cat /var/log/netrun-watch.log; kill $(cat /run/netrun-watch.pid)")
		if err != nil || t.Failed() {
			t.Logf("the watch: %v\n%s", err, out)
		}
	})
}

// own are lines of iptables-save that are netrun's, or of podman's CNI, which change with each
// start of its containers; counters and comments of time differ anyway.
var own = regexp.MustCompile(`NETRUN|CNI-|^#|^:\S+ \S+ \[`)

func foreignRules(t *testing.T, lab *rig.Lab) string {
	t.Helper()
	var out []string
	for line := range strings.Lines(shell(t, lab, "node1", "iptables-save")) {
		if !own.MatchString(line) {
			out = append(out, line)
		}
	}
	return strings.Join(out, "")
}

// TestRestart restarts containers and their runtimes, 50 times in all, and wants the
// network back within a second of each container's start.
func TestRestart(t *testing.T) {
	lab := restartLab(t)
	before := foreignRules(t, lab)
	play(t, lab, restartPlay).want(t, 0)
	watching(t, lab, "node1")
	web, db, pod := backWords{"docker", "web", 2, "store"}, backWords{"docker", "db", 3, ""}, backWords{"podman", "pod", 4, ""}
	var worst time.Duration
	wait := func(round string, all ...backWords) {
		for _, w := range all {
			if took := w.wait(t, lab, round); took > worst {
				worst = took
			}
		}
	}
	wait("before", web, db, pod)
	for i := range 20 {
		shell(t, lab, "node1", "docker restart -t 0 web >/dev/null")
		wait(fmt.Sprint("docker restart ", i), web)
	}
	for i := range 15 {
		shell(t, lab, "node1", "docker rm -f db >/dev/null && docker run -d --init --restart always --name db box sleep 100000")
		wait(fmt.Sprint("docker rm and run ", i), db)
	}
	for i := range 10 {
		shell(t, lab, "node1", "podman restart -t 0 pod >/dev/null")
		wait(fmt.Sprint("podman restart ", i), pod)
	}
	for i := range 5 {
		if err := lab.Service(t.Context(), "node1", "docker", "restart"); err != nil {
			t.Fatal(err)
		}
		wait(fmt.Sprint("dockerd restart ", i), web, db)
	}
	if after := foreignRules(t, lab); after != before {
		t.Errorf("the rules of others: got\n%s\nwant\n%s", after, before)
	}
	t.Logf("back at the latest %s after the container's start", worst.Round(time.Millisecond))
}

// backWords are the words of the script wired.
type backWords struct {
	runtime, name string
	n             int
	hosts         string
}

// wait wants the container's network back within a second of its start.
func (w backWords) wait(t *testing.T, lab *rig.Lab, round string) time.Duration {
	t.Helper()
	text, err := lab.Shell(t.Context(), "node1", wired, w.runtime, w.name, fmt.Sprint(w.n), w.hosts, "50")
	if err != nil {
		t.Fatalf("%s: %s lacks %s: %v", round, w.name, strings.TrimSpace(text), err)
	}
	if round == "before" {
		return 0
	}
	text += shell(t, lab, "node1", fmt.Sprintf("date -d \"$(%s inspect -f '{{.State.StartedAt}}' %s | sed 's/ [A-Z]*$//')\" +%%s.%%N", w.runtime, w.name))
	var seen, started float64
	if _, err := fmt.Sscan(text, &seen, &started); err != nil {
		t.Fatalf("%s: times of %s: %q: %v", round, w.name, text, err)
	}
	took := time.Duration((seen - started) * 1e9)
	if took > time.Second {
		t.Errorf("%s: %s was back %s after its start; want 1s", round, w.name, took.Round(time.Millisecond))
	}
	return took
}
