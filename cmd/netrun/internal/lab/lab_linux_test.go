package lab

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
	"golang.org/x/sys/unix"
)

// TestMain lets the test binary be what it tests: the first process of a host,
// and an up to be killed.
func TestMain(m *testing.M) {
	switch {
	case len(os.Args) == 3 && os.Args[1] == "lab" && os.Args[2] == "init":
		fmt.Fprintln(os.Stderr, Init())
		os.Exit(1)
	case len(os.Args) == 3 && os.Args[1] == "up":
		_, err := Up(context.Background(), Config{Dir: os.Args[2], Topology: Flat(6, DefaultFabric)})
		fmt.Println(err)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// needLab skips where no lab can be: it asks for the first namespaces.
func needLab(t *testing.T) {
	t.Helper()
	if _, err := findSshd(); err != nil {
		t.Skip(err)
	}
	cmd := exec.Command("/bin/true")
	cmd.SysProcAttr = &unix.SysProcAttr{Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWNET | unix.CLONE_NEWPID}
	if err := cmd.Run(); err != nil {
		t.Skipf("new mount, network and pid namespaces: %v", err)
	}
}

// bring ups a lab that is gone when the test ends.
func bring(t *testing.T, topo *Topology) *Lab {
	t.Helper()
	needLab(t)
	l, err := Up(t.Context(), Config{Dir: filepath.Join(t.TempDir(), "lab"), Topology: topo})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Down(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return l
}

// traces returns what exists in the machine's namespaces under the lab's id.
func traces(t *testing.T, id string) []string {
	t.Helper()
	var out []string
	names, err := filepath.Glob(netnsPath(id + "*"))
	if err != nil {
		t.Fatal(err)
	}
	out = append(out, names...)
	links, err := netlink.LinkList()
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range links {
		if strings.HasPrefix(link.Attrs().Name, id) {
			out = append(out, link.Attrs().Name)
		}
	}
	for line := range strings.Lines(readText(t, "/proc/self/mountinfo")) {
		if strings.Contains(line, id) {
			out = append(out, line)
		}
	}
	return out
}

func run(t *testing.T, l *Lab, host string, argv ...string) string {
	t.Helper()
	out, err := l.Exec(t.Context(), host, argv...)
	if err != nil {
		t.Error(err)
	}
	return strings.TrimSpace(string(out))
}

func TestUpDown(t *testing.T) {
	l := bring(t, Flat(3, DefaultFabric))
	pids := []process{}
	for _, h := range l.Hosts() {
		if !h.Up || h.Pid == 0 {
			t.Errorf("host %s: got %+v; want it up", h.Name, h)
		}
		if got := run(t, l, h.Name, "hostname"); got != h.Name {
			t.Errorf("hostname of %s: got %q", h.Name, got)
		}
		rec, _ := l.rec.host(h.Name)
		p, err := l.rec.process(rec)
		if err != nil {
			t.Fatal(err)
		}
		pids = append(pids, p)
	}
	run(t, l, "node1", "ping", "-c1", "-W2", "198.18.0.3")
	if _, err := Up(t.Context(), Config{Dir: l.Dir()}); !errors.Is(err, ErrUp) {
		t.Errorf("Up of a lab that is up: got %v; want ErrUp", err)
	}
	if len(traces(t, l.ID())) == 0 {
		t.Error("no traces of a lab that is up: the next check would prove nothing")
	}
	for range 2 { // the second finds nothing to do
		if err := l.Down(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := traces(t, l.ID()); len(got) > 0 {
		t.Errorf("left behind: %q", got)
	}
	if slices.ContainsFunc(pids, process.alive) {
		t.Error("a host's first process lives on")
	}
	if _, err := os.Stat(l.Dir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("state directory after Down: got %v; want none", err)
	}
}

func TestSSH(t *testing.T) {
	l := bring(t, Flat(1, DefaultFabric))
	signer, err := ssh.ParsePrivateKey([]byte(readText(t, l.Identity())))
	if err != nil {
		t.Fatal(err)
	}
	known, err := knownhosts.New(l.KnownHosts())
	if err != nil {
		t.Fatal(err)
	}
	h, err := l.Host("node1")
	if err != nil {
		t.Fatal(err)
	}
	client, err := ssh.Dial("tcp", h.Addr.String()+":22", &ssh.ClientConfig{
		User: "root", Auth: []ssh.AuthMethod{ssh.PublicKeys(signer)}, HostKeyCallback: known,
		HostKeyAlgorithms: []string{ssh.KeyAlgoED25519}, Timeout: 10 * time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	session, err := client.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	out, err := session.CombinedOutput("hostname; pwd; ls -A /tmp /run/netns 2>/dev/null | wc -l")
	if got := strings.Fields(string(out)); err != nil || len(got) != 3 || got[0] != "node1" || got[1] != "/root" {
		t.Errorf("over ssh: got %q, %v; want node1 and /root", out, err)
	}
}

// What is the machine's own must be out of a host's reach, and what is the
// host's own within it.
func TestHostsAreApart(t *testing.T) {
	l := bring(t, Flat(2, DefaultFabric))
	run(t, l, "node1", "sh", "-c", "echo 1 > /var/lib/mark; echo 1 > /proc/sys/net/ipv4/ip_forward")
	if got := run(t, l, "node2", "sh", "-c", "ls /var/lib/mark 2>&1; cat /proc/sys/net/ipv4/ip_forward"); !strings.HasSuffix(got, "\n0") || strings.HasPrefix(got, "/var/lib/mark\n") {
		t.Errorf("node2 after a write on node1: got %q", got)
	}
	if _, err := os.Stat("/var/lib/mark"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the machine's /var/lib/mark: got %v; want none", err)
	}
	for _, path := range []string{"/proc/sys/kernel/panic", "/proc/sysrq-trigger"} {
		// Opened for writing, never written: where the protection is missing, nothing must happen.
		if _, err := l.Exec(t.Context(), "node1", "sh", "-c", ": >> "+path); err == nil {
			t.Errorf("open %s for writing in a host: got nil; want an error", path)
		}
	}
	const bounding = "sed -n 's/CapBnd:.//p' /proc/self/status"
	var caps uint64
	if _, err := fmt.Sscanf(run(t, l, "node1", "sh", "-c", bounding), "%x", &caps); err != nil {
		t.Fatal(err)
	}
	if caps&(1<<unix.CAP_SYS_TIME|1<<unix.CAP_SYS_BOOT) != 0 || caps&(1<<unix.CAP_NET_ADMIN) == 0 {
		t.Errorf("capabilities of a host: got %x; want net_admin, not sys_time and sys_boot", caps)
	}
}

func TestSpecialHosts(t *testing.T) {
	topo, err := ParseTopology("t.yaml", []byte(`
switches: {sw1: , sw2: }
routers: {r: {interfaces: {eth1: {switch: sw1, address: 10.1.0.1/24}, p3p2: {switch: sw2, address: 10.2.0.1/24}}}}
hosts:
  dash: {shell: /bin/dash, interfaces: {eth1: {switch: sw1, address: 10.1.0.2/24, gateway: 10.1.0.1}}}
  small: {tmpfs_root: 4m, interfaces: {eth1: {switch: sw2, address: 10.2.0.2/24, gateway: 10.2.0.1, mtu: 1400}}}
`))
	if err != nil {
		t.Fatal(err)
	}
	l := bring(t, topo)
	run(t, l, "r", "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")
	run(t, l, "dash", "ping", "-c1", "-W2", "10.2.0.2")
	if got := run(t, l, "dash", "sh", "-c", "grep ^root: /etc/passwd"); !strings.HasSuffix(got, ":/bin/dash") {
		t.Errorf("root's account: got %q; want /bin/dash", got)
	}
	if got := run(t, l, "small", "cat", "/sys/class/net/eth1/mtu"); got != "1400" {
		t.Errorf("mtu: got %q; want 1400", got)
	}
	_, err = l.Exec(t.Context(), "small", "dd", "if=/dev/zero", "of=/var/lib/big", "bs=1M", "count=8")
	var exit *ExitError
	if !errors.As(err, &exit) || exit.Code != 1 {
		t.Errorf("write 8 MiB to a root of 4 MiB: got %v; want exit status 1", err)
	}
}

func TestBusyboxHost(t *testing.T) {
	if _, err := exec.LookPath("busybox"); err != nil {
		t.Skip(err)
	}
	topo := Flat(1, DefaultFabric)
	topo.Hosts[0].Busybox = true
	l := bring(t, topo)
	got := run(t, l, "node1", "sh", "-c", "readlink /usr/bin/ls; ls /usr/bin/bash /usr/bin/perl /usr/sbin/ip 2>/dev/null; grep ^root: /etc/passwd")
	if diff := cmp.Diff("/usr/bin/busybox\nroot:x:0:0:root:/root:/bin/sh", got); diff != "" {
		t.Errorf("busybox host (-want +got):\n%s", diff)
	}
}

func TestExec(t *testing.T) {
	l := bring(t, Flat(1, DefaultFabric))
	for _, tt := range []struct {
		name string
		argv []string
		code int
	}{
		{"status", []string{"sh", "-c", "echo out; echo err >&2; exit 7"}, 7},
		{"signal", []string{"sh", "-c", "echo out; echo err >&2; kill -9 $$"}, 137},
	} {
		out, err := l.Exec(t.Context(), "node1", tt.argv...)
		var exit *ExitError
		if !errors.As(err, &exit) || exit.Code != tt.code || exit.Stderr != "err" || string(out) != "out\n" {
			t.Errorf("%s: got %q, %v; want out, err and %d", tt.name, out, err, tt.code)
		}
	}
	var stdout bytes.Buffer
	err := l.Run(t.Context(), "node1", Command{Argv: []string{"cat"}, Stdin: strings.NewReader("in"), Stdout: &stdout})
	if err != nil || stdout.String() != "in" {
		t.Errorf("cat: got %q, %v; want in", stdout.String(), err)
	}
	if _, err := l.Exec(t.Context(), "node1", "no-such-command"); err == nil || errors.As(err, new(*ExitError)) {
		t.Errorf("unknown command: got %v; want an error that is no exit status", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Exec(ctx, "node1", "sleep", "60"); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: got %v; want context.Canceled", err)
	}
}

// A failure half way removes what was made.
func TestUpUndoesItself(t *testing.T) {
	needLab(t)
	dir := filepath.Join(t.TempDir(), "lab")
	topo := Flat(3, DefaultFabric)
	topo.Hosts[2].SSHD = map[string]string{"NoSuchKeyword": "yes"}
	_, err := Up(t.Context(), Config{Dir: dir, Topology: topo, Rand: fixed(0x51)})
	if err == nil || !strings.Contains(err.Error(), `start host "node3": sshd ended`) {
		t.Fatalf("Up with a bad sshd_config: got %v; want host and cause", err)
	}
	if got := traces(t, "nrl515151"); len(got) > 0 {
		t.Errorf("left behind: %q", got)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("state directory: got %v; want none", err)
	}
}

// fixed is a source of randomness that has none.
type fixed byte

func (f fixed) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(f)
	}
	return len(p), nil
}

func TestForeignDirectory(t *testing.T) {
	needLab(t)
	dir := t.TempDir()
	precious := filepath.Join(dir, "precious")
	if err := os.WriteFile(precious, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if l, err := Up(t.Context(), Config{Dir: dir}); err == nil {
		t.Error("Up in somebody's directory: got nil; want an error", l.Down(t.Context()))
	}
	if _, err := os.Stat(precious); err != nil {
		t.Error(err)
	}
}

// An up that is killed at any point is cleaned up by the next one.
func TestKilledPredecessor(t *testing.T) {
	needLab(t)
	dir := filepath.Join(t.TempDir(), "lab")
	for _, until := range []string{recordFile, "hosts/node1/" + processFile, "hosts/node4/" + processFile, inventoryFile} {
		id := killedUp(t, dir, until)
		l, err := Up(t.Context(), Config{Dir: dir, Topology: Flat(2, DefaultFabric), Replace: true})
		if err != nil {
			t.Fatal(err)
		}
		if got := traces(t, id); len(got) > 0 {
			t.Errorf("killed once %s was there, left behind: %q", until, got)
		}
		run(t, l, "node2", "true")
		if err := l.Down(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// killedUp runs an Up in another process, kills that as soon as the file until
// is there, and returns the lab's id.
func killedUp(t *testing.T, dir, until string) string {
	t.Helper()
	cmd := exec.Command("/proc/self/exe", "up", dir)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for range 5000 {
		if _, err := os.Stat(filepath.Join(dir, until)); err == nil {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if err := cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed, or just done
	var rec record
	if err := json.Unmarshal([]byte(readText(t, filepath.Join(dir, recordFile))), &rec); err != nil {
		t.Fatal(err)
	}
	return rec.ID
}
