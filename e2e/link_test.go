package e2e

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const (
	linkPlay     = "playbooks/examples/seeds-link.yaml"
	linkTopology = "playbooks/examples/seeds-link.topology.yaml"
)

// foreign are rules as Docker has them in a container for its DNS: in the chains
// that the link needs too, before and after each other.
const foreign = `ip netns add app && nsenter --net=/run/netns/app sh -ec '
ip link set lo up
iptables -t nat -N DOCKER_OUTPUT
iptables -t nat -N DOCKER_POSTROUTING
iptables -t nat -A OUTPUT -d 127.0.0.11/32 -j DOCKER_OUTPUT
iptables -t nat -A POSTROUTING -d 127.0.0.11/32 -j DOCKER_POSTROUTING
iptables -t nat -A DOCKER_OUTPUT -d 127.0.0.11/32 -p udp -m udp --dport 53 -j DNAT --to-destination 127.0.0.11:41234
iptables -t nat -A DOCKER_POSTROUTING -s 127.0.0.11/32 -p udp -m udp --sport 41234 -j SNAT --to-source :53
iptables -t nat -A OUTPUT -m comment --comment "mine; not netrun" -p tcp -m tcp --dport 9999 -j REDIRECT --to-ports 9998
'`

// ours finds the lines of netrun in what iptables-save prints.
var ours = regexp.MustCompile(`(?m)^.*NETRUN-.*\n`)

func TestSeedsLink(t *testing.T) {
	need(t)
	t.Parallel()
	for _, program := range []string{"redis-server", "redis-cli"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("probed %s: %v", program, err)
		}
	}
	lab, path := the.link, filepath.Join(the.root, linkPlay)
	shell(t, lab, "node1", foreign)
	app := container{lab, "node1", "app"}
	inside := func() string { return app.run(t, "sh", "-c", look) }
	rules := app.run(t, "iptables-save")
	insideBefore := inside()
	before := map[string]string{}
	for _, h := range lab.Names() {
		before[h] = snapshot(t, lab, h)
	}

	playFile(t, lab.Inventory, path).want(t, 0)
	defer shell(t, lab, "node2", "kill $(cat /run/redisdb.pid)")
	defer shell(t, lab, "node4", "kill $(cat /run/redisdb.pid)")
	for _, h := range []string{"node2", "node4"} {
		redis := container{lab, h, "redisdb"}
		eventually(t, 10*time.Second, func() string { return redis.says("PONG", "redis-cli", "-h", "10.64.0.2", "PING") })
		redis.run(t, "redis-cli", "-h", "10.64.0.2", "SET", "host", h)
	}
	for port, host := range map[string]string{"6379": "node4", "6380": "node2"} {
		if wrong := app.says("PONG", "redis-cli", "-h", "127.0.0.1", "-p", port, "PING"); wrong != "" {
			t.Error(wrong)
		}
		if wrong := app.says(host, "redis-cli", "-h", "127.0.0.1", "-p", port, "GET", "host"); wrong != "" {
			t.Error(wrong)
		}
	}
	eachItsOwnSource(t, app)
	if diff := cmp.Diff(uncounted(rules), ours.ReplaceAllString(uncounted(app.run(t, "iptables-save")), "")); diff != "" {
		t.Errorf("rules that are not netrun's (-before +now):\n%s", diff)
	}
	playFile(t, lab.Inventory, path).unchanged(t)

	if r := command(t, t.TempDir(), "undo", "-i", lab.Inventory); r.Exit != 0 {
		t.Fatalf("undo: got exit status %d\n%s%s", r.Exit, r.Stdout, r.Stderr)
	}
	if diff := cmp.Diff(insideBefore, inside()); diff != "" {
		t.Errorf("in the namespace after undo (-before +now):\n%s", diff)
	}
	for _, h := range lab.Names() {
		if diff := cmp.Diff(before[h], snapshot(t, lab, h)); diff != "" {
			t.Errorf("%s after undo (-before +now):\n%s", h, diff)
		}
	}
}

// says runs a program in the container and tells what is wrong unless it prints want.
func (c container) says(want string, argv ...string) string {
	cmd := c.argv(append([]string{"timeout", "5"}, argv...)...)
	out, err := exec.Command(cmd[0], cmd[1:]...).CombinedOutput()
	if got := strings.TrimSpace(string(out)); err != nil || got != want {
		return strings.Join(argv, " ") + " in " + c.ns + " on " + c.host + ": got " + got + "; want " + want
	}
	return ""
}

// eachItsOwnSource looks at the counters: packets of each link must have left by
// its own interface with its own source address.
func eachItsOwnSource(t *testing.T, app container) {
	t.Helper()
	saved := app.run(t, "iptables-save", "-c")
	for _, rule := range []string{
		`-d 10\.16\.138\.4/32 -o eth1 .*--to-source 10\.65\.1\.2`,
		`-d 10\.16\.138\.2/32 -o eth2 .*--to-source 10\.65\.2\.2`,
	} {
		if !regexp.MustCompile(`(?m)^\[[1-9][0-9]*:[0-9]+\] .*` + rule).MatchString(saved) {
			t.Errorf("got no packets that a rule like %s counted:\n%s", rule, saved)
		}
	}
}

var counters = regexp.MustCompile(`(?m)^#.*\n| \[[0-9]+:[0-9]+\]$`)

// uncounted is what iptables-save prints without comments and counters.
func uncounted(saved string) string { return counters.ReplaceAllString(saved, "") }
