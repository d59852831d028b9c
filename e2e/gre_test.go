package e2e

import (
	"context"
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"netrun/e2e/rig"
)

const (
	grePlay     = "playbooks/examples/seeds-gre.yaml"
	greTopology = "playbooks/examples/seeds-gre.topology.yaml"
)

// TestSeedsGRE tells the story of seeds-gre.yaml: containers of two Docker hosts in
// one network by a GRE tunnel, what an MTU left alone does to it, a third host that
// joins, and three ways to keep the frames of the full mesh from going round.
func TestSeedsGRE(t *testing.T) {
	need(t)
	t.Parallel()
	lab, path := the.gre, filepath.Join(the.root, grePlay)
	for _, h := range lab.Names() {
		standIns(t, lab, h)
	}
	two := without(t, lab.Inventory, "docker3")
	one := docker{lab, "docker1", "Tomcat"}
	other := docker{lab, "docker2", "MongoDB"}

	// With every MTU left at 1500.
	playFile(t, two, path, "-e", `{"mtu": 1500}`).want(t, 0)
	one.reaches(t, other)
	// nc sends 1024 bytes at a time, which pass as long as no packet holds more.
	if got := one.send(t, other, 3*time.Second); got == 0 || got > 10*1024 || got%1024 != 0 {
		t.Errorf("with every MTU at 1500: got %d bytes of a TCP transfer through; want no more than the first packets", got)
	} else {
		t.Logf("with every MTU at 1500, a TCP transfer stalls after %d bytes", got)
	}

	playFile(t, two, path).want(t, 0)
	meet(t, one, other)
	playFile(t, two, path).unchanged(t)

	joined := playFile(t, lab.Inventory, path).want(t, 0)
	for _, host := range []string{"docker1", "docker2"} {
		if s := joined.stats()[host]; s.Changed != 1 {
			t.Errorf("docker3 joins: %s: got changed=%d; want 1, its end of the tunnel", host, s.Changed)
		}
	}
	playFile(t, lab.Inventory, path).unchanged(t)
	third := docker{lab, "docker3", "ElasticSearch"}
	for _, loop := range []string{"stp", "rstp", "split_horizon"} {
		began := time.Now()
		playFile(t, lab.Inventory, path, "-e", "loop="+loop).want(t, 0)
		played := time.Since(began)
		one.reaches(t, third)
		t.Logf("%s: forwards %.1f s after the play began, which took %.1f s", loop, time.Since(began).Seconds(), played.Seconds())
		meet(t, one, other)
		meet(t, one, third)
		meet(t, other, third)
		calm(t, one)
		if loop == "split_horizon" { // which has no other way round
			storms(t, one)
			calm(t, one)
		} else {
			survives(t, loop, one, other, third)
		}
	}
}

// standIns are images that answer on the ports of those that the example names. Their
// first process ends when it is told to, which the first of a container has to see to.
func standIns(t *testing.T, lab *rig.Lab, host string) {
	t.Helper()
	const serve = "trap exit TERM; httpd -p $0 -h /var/www; while :; do sleep 1 & wait; done"
	for image, port := range map[string]string{"encompass/mongodb": "27017", "encompass/elastic_search": "9200", "encompass/tomcat7": "8080"} {
		if err := lab.Import(t.Context(), host, "docker", image, "sh", "-c", serve, port); err != nil {
			t.Fatal(err)
		}
	}
}

// meet sends bulk both ways between two containers.
func meet(t *testing.T, a, b docker) {
	t.Helper()
	a.reaches(t, b)
	for _, way := range [][2]docker{{a, b}, {b, a}} {
		began := time.Now()
		if got := way[0].send(t, way[1], 20*time.Second); got != megabytes {
			t.Errorf("%s on %s to %s on %s: got %d bytes through; want %d", way[0].name, way[0].host, way[1].name, way[1].host, got, megabytes)
		}
		t.Logf("%s to %s: 10 MiB in %.2f s", way[0].host, way[1].host, time.Since(began).Seconds())
	}
}

// docker is a container of Docker on a lab host.
type docker struct {
	lab  *rig.Lab
	host string
	name string
}

func (c docker) argv(argv ...string) []string {
	return c.lab.Argv(c.host, append([]string{"docker", "exec", c.name}, argv...)...)
}

func (c docker) run(t *testing.T, argv ...string) string {
	t.Helper()
	out, err := rig.Output(t.Context(), rig.Command{Argv: c.argv(argv...)})
	if err != nil {
		t.Fatalf("in %s on %s: %v", c.name, c.host, err)
	}
	return strings.TrimSpace(out)
}

// address is what Docker gave it.
func (c docker) address(t *testing.T) string {
	t.Helper()
	out, err := c.lab.Exec(t.Context(), c.host, "docker", "inspect", "-f", "{{.NetworkSettings.IPAddress}}", c.name)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(out)
}

// reaches waits until a ping gets through. Where the last host of a mesh becomes the
// root of the spanning tree, others' ports begin anew after they have forwarded.
func (c docker) reaches(t *testing.T, to docker) {
	t.Helper()
	addr := to.address(t)
	eventually(t, time.Minute, func() string { return c.ping(t.Context(), addr) })
}

// ping says what is wrong with one.
func (c docker) ping(ctx context.Context, addr string) string {
	_, err := rig.Output(ctx, rig.Command{Argv: c.argv("ping", "-c", "1", "-W", "1", addr)})
	return errorText(err)
}

// megabytes is what a container sends to another, in bytes.
const megabytes = 10 << 20

// send has a container send the megabytes by TCP to another one, and returns how
// many came within the time.
func (c docker) send(t *testing.T, to docker, patience time.Duration) int {
	t.Helper()
	seconds := strconv.Itoa(int(patience.Seconds()))
	const sink = "rm -f /tmp/got; sleep $1 | timeout $1 nc -l -p 5000 >/tmp/got"
	serve, err := rig.Output(t.Context(), rig.Command{Argv: to.lab.Argv(to.host, "docker", "exec", "-d", to.name, "sh", "-c", sink, "sh", seconds)})
	if err != nil {
		t.Fatal(serve, err)
	}
	eventually(t, 5*time.Second, func() string {
		if out := to.run(t, "netstat", "-ltn"); !strings.Contains(out, ":5000 ") {
			return "nobody listens in " + to.name + ":\n" + out
		}
		return ""
	})
	const source = "head -c $1 /dev/zero | timeout $2 nc $3 5000"
	// What came through counts, however the sender ended.
	_, err = rig.Run(t.Context(), rig.Command{Argv: c.argv("sh", "-c", source, "sh", strconv.Itoa(megabytes), seconds, to.address(t))})
	if err != nil {
		t.Fatal(err)
	}
	got, err := strconv.Atoi(to.run(t, "stat", "-c", "%s", "/tmp/got"))
	if err != nil {
		t.Fatal(err)
	}
	to.run(t, "sh", "-c", "killall sleep nc 2>/dev/null; true")
	return got
}

// broadcasts are the frames that a container sends to everybody, and storm is what
// hosts on a loop make of them; beside them on the tunnels are the hosts' own words,
// a few a second.
const (
	broadcasts = 3
	storm      = 2000
)

// calm says how many frames come of a container's broadcasts on all tunnels of all
// hosts, and that they are no storm.
func calm(t *testing.T, from docker) {
	t.Helper()
	if count := shout(t, from); count >= storm {
		t.Errorf("got %d frames on the tunnels for %d broadcasts; want less than %d", count, broadcasts, storm)
	} else {
		t.Logf("%d frames on all tunnels for %d broadcasts", count, broadcasts)
	}
}

// shout has a container ask everybody for an address that nobody has.
func shout(t *testing.T, from docker) int {
	t.Helper()
	quiet := frames(t, from.lab)
	eventually(t, 30*time.Second, func() string {
		time.Sleep(credited)
		before := quiet
		if quiet = frames(t, from.lab); quiet-before > broadcasts*10 {
			return fmt.Sprintf("%d frames in %s", quiet-before, credited)
		}
		return ""
	})
	from.run(t, "sh", "-c", fmt.Sprintf("arping -q -c %d -w %[1]d -I eth0 172.17.255.254; true", broadcasts))
	time.Sleep(credited)
	return frames(t, from.lab) - quiet
}

// credited is how long Open vSwitch may take until a tunnel's counters have what went
// through it: it adds up the datapath's flows twice a second. Before, they still miss
// some of a transfer that is over.
const credited = 1500 * time.Millisecond

// storms takes the split horizon away for a moment, to see that what calm counts
// would be a storm without it.
func storms(t *testing.T, from docker) {
	t.Helper()
	const protect = "for p in $(ovs-vsctl -f csv -d bare --no-headings --columns=name find interface type=gre); do ovs-vsctl set port $p protected=$1; done"
	for _, h := range from.lab.Names() {
		shell(t, from.lab, h, protect, "false")
	}
	count := shout(t, from)
	for _, h := range from.lab.Names() {
		shell(t, from.lab, h, protect, "true")
	}
	if count < storm {
		t.Errorf("got %d frames without protection; want a storm, or calm proves nothing", count)
	}
	t.Logf("%d frames on all tunnels without protection", count)
}

// arrived finds what came in by a bridge's ports but its own, in the words of ovs-ofctl.
var arrived = regexp.MustCompile(`port +"?[0-9a-z][^:L]*: rx pkts=([0-9]+)`)

// frames adds up what all tunnels have received.
func frames(t *testing.T, lab *rig.Lab) int {
	t.Helper()
	total := 0
	for _, h := range lab.Names() {
		out := shell(t, lab, h, "ovs-ofctl dump-ports br0")
		for _, m := range arrived.FindAllStringSubmatch(out, -1) {
			n, err := strconv.Atoi(m[1])
			if err != nil {
				t.Fatal(err)
			}
			total += n
		}
	}
	return total
}

// survives takes away a tunnel that forwards, and waits until the containers at its
// ends speak by the other way round; then it puts the tunnel back.
func survives(t *testing.T, loop string, all ...docker) {
	t.Helper()
	from, to := forwarding(t, all)
	if from == to {
		t.Fatalf("%s: no tunnel forwards at both of its ends", loop)
	}
	// With a key of its own, an end says nothing that the other one hears.
	shell(t, from.lab, from.host, "ovs-vsctl set interface $1 options:key=99", "gre-"+to.host)
	began := time.Now()
	addr := to.address(t)
	if from.ping(t.Context(), addr) == "" {
		t.Errorf("%s: %s reaches %s at once without the tunnel between their hosts", loop, from.host, to.host)
	}
	eventually(t, 90*time.Second, func() string { return from.ping(t.Context(), addr) })
	t.Logf("%s: the loss of a tunnel is over after %.1f s", loop, time.Since(began).Seconds())
	for _, c := range all {
		if c != from {
			from.reaches(t, c)
		}
	}
	shell(t, from.lab, from.host, "ovs-vsctl remove interface $1 options key", "gre-"+to.host)
}

// forwarding returns the containers on two hosts whose tunnel to each other forwards.
func forwarding(t *testing.T, all []docker) (a, b docker) {
	t.Helper()
	state := func(from, to docker) string {
		return shell(t, from.lab, from.host, "ovs-vsctl get port $1 status:stp_state 2>/dev/null || ovs-vsctl get port $1 rstp_status:rstp_port_state", "gre-"+to.host)
	}
	for _, a := range all {
		for _, b := range all {
			if a != b && strings.EqualFold(strings.TrimSpace(state(a, b)), "forwarding") && strings.EqualFold(strings.TrimSpace(state(b, a)), "forwarding") {
				return a, b
			}
		}
	}
	return docker{}, docker{}
}
