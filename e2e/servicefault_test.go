package e2e

import (
	"bufio"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"netrun/e2e/rig"
)

// service does something with a service of a lab host.
func service(t *testing.T, lab *rig.Lab, host, name, verb string) {
	t.Helper()
	if err := lab.Service(t.Context(), host, name, verb); err != nil {
		t.Fatal(err)
	}
}

// contained starts a container of Docker's that waits, without a network.
func contained(t *testing.T, lab *rig.Lab, host, name string) docker {
	t.Helper()
	if err := lab.Import(t.Context(), host, "docker", "busybox", "sleep", "1000"); err != nil {
		t.Fatal(err)
	}
	shell(t, lab, host, `docker run -d --init --network none --name "$1" busybox`, name)
	return docker{lab, host, name}
}

// interfaces are those of a container.
func (c docker) interfaces(t *testing.T) string {
	t.Helper()
	return strings.Join(strings.Fields(c.run(t, "ls", "/sys/class/net")), " ")
}

// deferred ends the test unless the play did all but what waits for a container, and
// said why that does.
func (p played) deferred(t *testing.T, because string) {
	t.Helper()
	if p.want(t, 0); !p.says("deferred: " + because) {
		t.Fatalf("want something deferred: %s\n%s", because, p.Stdout)
	}
}

// failedWith ends the test unless the play failed on the host with the words, and put
// back what it had done there, if anything.
func (p played) failedWith(t *testing.T, host, words string) {
	t.Helper()
	p.want(t, 2)
	if s := p.stats()[host]; s.Changed > 0 && !s.Undone || !strings.Contains(p.Stdout, words) {
		t.Fatalf("want an error with %q, and the host as it was; got %+v\n%s", words, s, p.Stdout)
	}
}

// TestDockerFaults: what hangs on a container waits while nobody can say where it is,
// all else is done, and the play takes no longer than one question to a runtime that
// does not answer.
func TestDockerFaults(t *testing.T) {
	need(t)
	t.Parallel()
	const host = "runtime"
	lab := the.hosts
	web := contained(t, lab, host, "web")
	text := on(host, "bridge: {name: br1, addresses: 10.5.0.1/24}", "static_ip: {container: web, bridge: br1, addresses: 10.5.0.2/24}")

	service(t, lab, host, "docker", "pause") // docker inspect hangs
	began := time.Now()
	play(t, lab, text).deferred(t, "ask docker: no answer within 4s")
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("a play takes %s while Docker hangs; want little more than the 4 s of one question", took)
	}
	hung := play(t, lab, on(host, "container: {name: other, image: busybox}")).want(t, 2)
	if !hung.says("docker inspect other: run docker: no answer within 20s") {
		t.Errorf("a container while Docker hangs: got %s", hung.Stdout)
	}
	service(t, lab, host, "docker", "unpause")
	if got := web.interfaces(t); got != "lo" {
		t.Errorf("interfaces of the container while its own waits: got %q; want lo", got)
	}

	service(t, lab, host, "docker", "kill")
	play(t, lab, text).deferred(t, "ask docker: it is not running")
	down := play(t, lab, on(host, "container: {name: other, image: busybox}")).want(t, 2)
	if !down.says("Cannot connect to the Docker daemon") {
		t.Errorf("a container while Docker is down: got %s", down.Stdout)
	}
	service(t, lab, host, "docker", "start")
	shell(t, lab, host, "docker start web")
	play(t, lab, text).want(t, 0)
	web.run(t, "ping", "-c", "1", "-W", "3", "10.5.0.1")
	play(t, lab, text).unchanged(t)
	if got := strings.Fields(shell(t, lab, host, "docker ps -a --format '{{.Names}}'")); len(got) != 1 {
		t.Errorf("containers: got %q; want web only, none half made", got)
	}
}

// TestOVSFaults: a change that Open vSwitch does not carry out is an error with its
// cause, and leaves nothing, in the host or in the database, whatever hangs.
func TestOVSFaults(t *testing.T) {
	need(t)
	t.Parallel()
	const host = "switch"
	lab := the.hosts
	text := on(host,
		"bridge: {name: br2, addresses: 10.6.0.1/24}",
		"ovs_bridge: {name: br-f, addresses: 10.7.0.1/24}",
		"ovs_port: {bridge: br-f, name: gre0, type: gre, remote_ip: 10.6.0.9}")
	before := snapshot(t, lab, host)
	for _, fault := range []struct{ daemon, hurt, heal, words string }{
		{"ovsdb-server", "kill", "start", "database connection failed"},
		{"ovsdb-server", "pause", "unpause", "ovsdb-server does not answer"},
		{"ovs-vswitchd", "pause", "unpause", "ovs-vswitchd does not do what the database says"},
		{"ovs-vswitchd", "kill", "start", "ovs-vswitchd does not do what the database says"},
	} {
		service(t, lab, host, fault.daemon, fault.hurt)
		played := play(t, lab, text)
		service(t, lab, host, fault.daemon, fault.heal)
		played.failedWith(t, host, fault.words)
		if played.Elapsed > 50*time.Second {
			t.Errorf("%s %s: the play took %s", fault.hurt, fault.daemon, played.Elapsed)
		}
		eventually(t, 10*time.Second, func() string { return sameAs(t, lab, host, before) })
		if got := shell(t, lab, host, "ovs-vsctl --timeout=10 list-br"); got != "" {
			t.Errorf("%s %s: bridges in the database: got %q; want none", fault.hurt, fault.daemon, got)
		}
	}
	play(t, lab, text).want(t, 0)
	play(t, lab, text).unchanged(t)
}

// TestXtablesLock: iptables of the old sort has one lock for all, which a play waits
// for, though not for ever.
func TestXtablesLock(t *testing.T) {
	need(t)
	t.Parallel()
	const host = "xtables"
	lab := the.hosts
	const legacy = `test -x /usr/sbin/xtables-legacy-multi && xtables-legacy-multi iptables -t nat -S >/dev/null 2>&1 || exit 0
for t in iptables ip6tables; do for s in "" -save -restore; do ln -sf xtables-legacy-multi /usr/sbin/$t$s; done; done; echo yes`
	if shell(t, lab, host, legacy) == "" {
		t.Skip("probed iptables-legacy: this kernel or machine has none")
	}
	hold := func(seconds string) {
		shell(t, lab, host, `setsid flock /run/xtables.lock sleep "$1" >/dev/null 2>&1 </dev/null & echo $! >/run/holder; sleep 0.5`, seconds)
	}
	rules := func(net string) string {
		return on(host, "bridge: {name: br2}", `iptables: {table: nat, chain: FT, jump_from: [POSTROUTING], rules: ["-s `+net+` -j MASQUERADE"]}`)
	}
	hold("3")
	play(t, lab, rules("10.6.0.0/24")).want(t, 0)

	before := snapshot(t, lab, host)
	hold("60")
	locked := play(t, lab, rules("10.6.1.0/24"))
	shell(t, lab, host, `pkill -P "$(cat /run/holder)"; kill "$(cat /run/holder)" 2>/dev/null; true`)
	locked.failedWith(t, host, "xtables lock")
	if diff := cmp.Diff(before, snapshot(t, lab, host)); diff != "" {
		t.Errorf("the host after that (-before +now):\n%s", diff)
	}
	play(t, lab, rules("10.6.1.0/24")).want(t, 0)
}

// onRun calls then once, in the background, when the play runs on a host.
func onRun(then func()) io.Writer {
	r, w := io.Pipe()
	go func() {
		in := bufio.NewScanner(r)
		in.Buffer(nil, 16<<20)
		var once sync.Once
		for in.Scan() {
			if strings.Contains(in.Text(), `"phase":"run"`) {
				once.Do(func() { go then() })
			}
		}
	}()
	return w
}

// TestContainerDies: one that ends once it is planned for, in the middle of a batch, or
// between two, is told of, and leaves nothing half done.
func TestContainerDies(t *testing.T) {
	need(t)
	t.Parallel()
	const host = "names"
	lab := the.hosts
	short := contained(t, lab, host, "short")
	ip := "static_ip: {container: short, bridge: br3, addresses: 10.8.0.2/24}"

	// The batch stays open, and unapplied, while the loop pauses.
	before := snapshot(t, lab, host)
	died := make(chan error, 1)
	runs := onRun(func() {
		time.Sleep(2 * time.Second)
		_, err := lab.Exec(t.Context(), host, "docker", "kill", "short")
		died <- err
	})
	text := on(host, ip, "bridge: {name: 'brx{{ .item }}'}\nloop: [1, 2]\nloop_control: {pause: 6}")
	r, err := rig.Run(t.Context(), rig.Command{Argv: []string{the.netrun, "play", "--json", "-i", lab.Inventory, site(t, text)}, Env: userEnv(t.TempDir()), Stdout: runs})
	if err := errors.Join(err, <-died); err != nil {
		t.Fatal(err)
	}
	readPlay(t, r).failedWith(t, host, "container short does not run")
	if diff := cmp.Diff(before, snapshot(t, lab, host)); diff != "" {
		t.Errorf("the host after that (-before +now):\n%s", diff)
	}

	shell(t, lab, host, "docker start short")
	between := play(t, lab, on(host, ip, "command: docker kill short", "static_ip: {container: short, bridge: br3, interface: eth2, addresses: 10.8.1.2/24}"))
	between.deferred(t, "container short does not run")
	shell(t, lab, host, "docker start short")
	play(t, lab, on(host, ip)).want(t, 0)
	short.run(t, "ip", "addr", "show", "eth1")
	namesTaken(t, short)
}

// namesTaken: what has the name already and is somebody else's stays, and is told of.
func namesTaken(t *testing.T, c docker) {
	t.Helper()
	// Without IPv6, whose addresses come and go with carriers.
	const theirs = `set -e
ip link add their0 type veth peer name their1
ip link add theirs type bridge
for i in their0 their1 theirs; do echo 1 >/proc/sys/net/ipv6/conf/$i/disable_ipv6; ip link set $i up; done
ip link set their1 master theirs
ip address add 10.9.0.1/24 dev theirs
until ip link show theirs | grep -q 'state UP'; do sleep 0.1; done`
	shell(t, c.lab, c.host, theirs)
	before := snapshot(t, c.lab, c.host)
	own := func(more string) string {
		return on(c.host, "static_ip: {container: short, bridge: theirs, interface: eth5, addresses: 10.9.0.2/24"+more+"}")
	}
	play(t, c.lab, own(", host_interface: their0")).failedWith(t, c.host, "link their0 is there already")
	if diff := cmp.Diff(before, snapshot(t, c.lab, c.host)); diff != "" {
		t.Errorf("after a name that is taken (-before +now):\n%s", diff)
	}
	for text, words := range map[string]string{
		own(", host_interface: abcdefghijklmnop"): "an interface name has at most 15",
		on(c.host, "static_ip: {container: short, bridge: theirs, addresses: 10.9.0.2/24, host_interface: p0}",
			"static_ip: {container: other, bridge: theirs, addresses: 10.9.0.3/24, host_interface: p0}"): "link p0 of " + c.host + ": two tasks want different values",
	} {
		if p := play(t, c.lab, text); p.Exit == 0 || !p.says(words) {
			t.Errorf("got exit status %d; want a refusal with %q\n%s%s", p.Exit, words, p.Stdout, p.Stderr)
		}
	}
	// A bridge of somebody else's is used, and is not made into anything else.
	play(t, c.lab, on(c.host, "veth: {name: theirs, peer: x}")).failedWith(t, c.host, "link theirs is there already")
	play(t, c.lab, own("")).want(t, 0)
	c.run(t, "ping", "-c", "1", "-W", "3", "10.9.0.1")
	play(t, c.lab, own(", state: absent")).want(t, 0)
	if diff := cmp.Diff(ours.ReplaceAllString(before, ""), ours.ReplaceAllString(snapshot(t, c.lab, c.host), "")); diff != "" {
		t.Errorf("a bridge that is somebody else's, once the container has left it (-before +now):\n%s", diff)
	}
}
