//go:build linux

package linuxhost

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"netrun/tasks/state"
)

// startOVS runs a database and a switch of the test's own, in its namespace.
func startOVS(r *rig) {
	r.Helper()
	const schema = "/usr/share/openvswitch/vswitch.ovsschema"
	for _, program := range []string{"ovsdb-tool", "ovsdb-server", "ovs-vswitchd", "ovs-vsctl"} {
		if _, err := lookPath(program); err != nil {
			r.Skipf("probed %s: %v", program, err)
		}
	}
	sweepOVS()
	dir, err := os.MkdirTemp("", fmt.Sprintf("%s%d-", ovsPrefix, os.Getpid())) // a unix socket's path is short
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { os.RemoveAll(dir) })
	env := append(os.Environ(), "OVS_RUNDIR="+dir, "OVS_DBDIR="+dir, "OVS_LOGDIR="+dir)
	r.host.cfg.Environ = env
	run := func(name string, args ...string) {
		thread := startThread()
		defer thread.stop()
		cmd := exec.Command(name, args...)
		cmd.Env = env
		var out []byte
		if err := thread.in(&space{fd: r.host.home}, func() (err error) { out, err = cmd.CombinedOutput(); return err }); err != nil {
			r.Fatalf("%s: %v: %s", name, err, out)
		}
	}
	run("ovsdb-tool", "create", dir+"/conf.db", schema)
	run("ovsdb-server", dir+"/conf.db", "--remote=punix:"+dir+"/db.sock", "--pidfile", "--detach", "--log-file="+dir+"/db.log")
	r.Cleanup(func() { stopDaemon(r.T, filepath.Join(dir, "ovsdb-server.pid")) })
	run("ovs-vsctl", "--no-wait", "init")
	run("ovs-vswitchd", "unix:"+dir+"/db.sock", "--pidfile", "--detach", "--log-file="+dir+"/switch.log")
	r.Cleanup(func() { stopDaemon(r.T, filepath.Join(dir, "ovs-vswitchd.pid")) })
}

const ovsPrefix = "nrt-ovs"

// sweepOVS ends the daemons of tests that were killed, whose number is in their
// folder's name, and removes the folders.
func sweepOVS() {
	dirs, _ := filepath.Glob(filepath.Join(os.TempDir(), ovsPrefix+"*-*"))
	for _, dir := range dirs {
		number, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(dir), ovsPrefix), "-")
		owner, err := strconv.Atoi(number)
		if err != nil || !gone(owner) {
			continue
		}
		for _, daemon := range []string{"ovs-vswitchd", "ovsdb-server"} {
			raw, _ := os.ReadFile(filepath.Join(dir, daemon+".pid"))
			pid, err := strconv.Atoi(strings.TrimSpace(string(raw)))
			if cmdline, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); err == nil && strings.Contains(string(cmdline), dir+"/") {
				unix.Kill(pid, unix.SIGKILL)
			}
		}
		os.RemoveAll(dir)
	}
}

func stopDaemon(t *testing.T, pidfile string) {
	raw, err := os.ReadFile(pidfile)
	if err != nil {
		t.Errorf("stop daemon: %v", err)
		return
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(raw)))
	if err != nil {
		t.Errorf("stop daemon: %v", err)
		return
	}
	unix.Kill(pid, unix.SIGTERM)
	for range 200 {
		if gone(pid) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	unix.Kill(pid, unix.SIGKILL)
}

// gone reports whether the process has ended; nobody may have waited for it yet.
func gone(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || strings.Contains(string(stat), ") Z ")
}

func TestOVS(t *testing.T) {
	r := newRig(t)
	startOVS(r)
	bridge := state.OVSBridge{Name: "nrbr0", STP: new(false), RSTP: new(true), FailMode: "standalone"}
	internal := state.OVSPort{Name: "nrint0", Bridge: "nrbr0", Type: "internal", Tag: 7}
	veth := state.OVSPort{Name: "va", Bridge: "nrbr0"}
	tunnel := state.OVSPort{Name: "nrvx0", Bridge: "nrbr0", Type: "vxlan", Options: map[string]string{"remote_ip": "192.0.2.9", "key": "5"}}
	link := state.Link{Name: "va", Type: "veth", Peer: "vb", State: "up"}
	r.create(link, bridge, internal, veth, tunnel)
	bridge.Datapath = "system"
	if _, err := netlink.GenlFamilyGet("ovs_datapath"); err != nil {
		bridge.Datapath = "netdev"
	}
	r.have(bridge, internal, veth, tunnel, state.Link{Name: "nrbr0"}, state.Link{Name: "nrint0"})
	if got := r.get(bridge.Key()).(state.OVSBridge).Owner; got != "netrun" {
		t.Errorf("got owner %q; want netrun", got)
	}
	r.update(state.Link{Name: "nrbr0", State: "up"})
	r.have(state.Link{Name: "nrbr0", State: "up"})

	before := r.get(tunnel.Key())
	r.update(state.OVSPort{Name: "nrvx0", Bridge: "nrbr0", Options: map[string]string{"remote_ip": "192.0.2.10", "csum": "true"}, Tag: 9})
	r.have(state.OVSPort{Name: "nrvx0", Bridge: "nrbr0", Options: map[string]string{"remote_ip": "192.0.2.10", "csum": "true", "key": "5"}, Tag: 9})
	r.undo(before)
	if d := cmp.Diff(before, r.get(tunnel.Key())); d != "" {
		t.Errorf("after undo (-want +got):\n%s", d)
	}
	r.delete(veth)
	r.lack(veth.Key())
	r.delete(bridge)
	r.lack(bridge.Key(), internal.Key(), state.LinkKey("", "nrint0"))
}

// What a change back unsets must be gone from the database, not only from the want.
func TestOVSPortColumns(t *testing.T) {
	r := newRig(t)
	startOVS(r)
	bridge := state.OVSBridge{Name: "nrbr0", Controllers: []string{"tcp:127.0.0.1:6653", "tcp:127.0.0.1:6654"}, FailMode: "secure"}
	plain := state.OVSPort{Name: "nrint0", Bridge: "nrbr0", Type: "internal"}
	r.create(bridge, plain)
	r.have(bridge, plain)
	before, bridgeBefore := r.get(plain.Key()), r.get(bridge.Key())
	full := state.OVSPort{Name: "nrint0", Bridge: "nrbr0", Tag: 7, Trunks: []int{8, 10, 4094}, VLANMode: "native-tagged", Protected: new(true),
		MTURequest: 1400, IDs: map[string]string{"netrun-mesh": "m", "other": "a b"}}
	r.update(full)
	r.update(state.OVSBridge{Name: "nrbr0", Controllers: []string{"tcp:127.0.0.1:6655"}})
	r.have(full, state.OVSBridge{Name: "nrbr0", Controllers: []string{"tcp:127.0.0.1:6655"}})
	r.undo(before)
	r.undo(bridgeBefore)
	for _, want := range []state.Object{before, bridgeBefore} {
		if d := cmp.Diff(want, r.get(want.Key())); d != "" {
			t.Errorf("after undo (-want +got):\n%s", d)
		}
	}
}

// A bridge, its ports and what hangs on them: ovs-vsctl is asked to change the database once.
func TestOVSOneTransaction(t *testing.T) {
	r := newRig(t)
	startOVS(r)
	changes := []state.Change{{Op: state.Create, After: state.OVSBridge{Name: "nrbr0"}},
		{Op: state.Create, After: state.Link{Name: "nrbr0", Type: "openvswitch"}, Implied: true},
		{Op: state.Update, Before: state.Link{Name: "nrbr0"}, After: state.Link{Name: "nrbr0", State: "up"}, Fields: []state.FieldDiff{{Field: "state", To: "up"}}},
		{Op: state.Create, After: state.Link{Name: "lbr", Type: "bridge", State: "up"}}}
	for i := range 20 {
		tunnel := state.OVSPort{Name: fmt.Sprint("vx", i), Bridge: "nrbr0", Type: "vxlan", Options: map[string]string{"remote_ip": fmt.Sprint("192.0.2.", i+1)}}
		name := fmt.Sprint("c", i)
		changes = append(changes, state.Change{Op: state.Create, After: tunnel},
			state.Change{Op: state.Create, After: state.Link{Name: name, Type: "veth", Peer: name + "in", State: "up"}},
			state.Change{Op: state.Create, After: state.OVSPort{Name: name, Bridge: "nrbr0", Tag: 7}},
			state.Change{Op: state.Create, After: state.Address{Link: name + "in", Prefix: prefix(fmt.Sprintf("10.0.0.%d/24", i+1))}})
	}
	changes = append(changes, state.Change{Op: state.Create, After: state.Member{Link: "nrbr0", Bridge: "lbr"}})
	before := transactions(r)
	r.apply(changes...)
	if got := transactions(r) - before; got != 1 {
		t.Errorf("got %d transactions by ovs-vsctl; want 1", got)
	}
	r.have(state.OVSPort{Name: "vx19", Bridge: "nrbr0"}, state.OVSPort{Name: "c19", Bridge: "nrbr0"}, state.Member{Link: "nrbr0", Bridge: "lbr"})

	var deletions []state.Change
	for _, c := range changes {
		if p, ok := c.After.(state.OVSPort); ok && p.Type == "" {
			deletions = append(deletions, state.Change{Op: state.Delete, Before: p},
				state.Change{Op: state.Delete, Before: state.Link{Name: p.Name, Type: "veth", Peer: p.Name + "in"}})
		}
	}
	before = transactions(r)
	r.apply(deletions...)
	if got := transactions(r) - before; got != 1 {
		t.Errorf("deleting: got %d transactions by ovs-vsctl; want 1", got)
	}
	r.lack(state.OVSPort{Name: "c0"}.Key(), state.LinkKey("", "c0"))
}

// transactions counts what ovs-vsctl has written to the database so far.
func transactions(r *rig) int {
	r.Helper()
	for _, v := range r.host.cfg.Environ {
		if dir, ok := strings.CutPrefix(v, "OVS_DBDIR="); ok {
			n := 0
			for line := range strings.Lines(r.output("ovsdb-tool", "show-log", dir+"/conf.db")) {
				if strings.Contains(line, "ovs-vsctl") {
					n++
				}
			}
			return n
		}
	}
	r.Fatal("no OVS_DBDIR")
	return 0
}

func TestOVSSetupError(t *testing.T) {
	r := newRig(t)
	startOVS(r)
	r.create(state.OVSBridge{Name: "nrbr0"}, state.OVSPort{Name: "p0", Bridge: "nrbr0", Type: "patch", Options: map[string]string{"peer": "p1"}})
	err := r.host.Apply(t.Context(), creations(state.OVSPort{Name: "nowhere", Bridge: "nrbr0"}))
	if err == nil || !strings.Contains(err.Error(), `add ovs-port "nowhere": set up "nowhere": could not open network device nowhere (No such device)`) {
		t.Errorf("got %v; want that the link is not there", err)
	}
}

// The index of a failure is that of the list as it came, whatever the order in which it was carried out.
func TestGatherKeepsPlaces(t *testing.T) {
	port := func(name string) state.Change {
		return state.Change{Op: state.Create, After: state.OVSPort{Name: name, Bridge: "b"}}
	}
	veth := func(name string) state.Change {
		return state.Change{Op: state.Create, After: state.Link{Name: name, Type: "veth", Peer: name + "x"}}
	}
	leaves := state.Change{Op: state.Delete, Before: state.Member{Link: "v3", Bridge: "lbr"}}
	got := gather([]state.Change{port("v1"), leaves, veth("v2"), port("v2"), port("v3"), veth("v4")})
	if d := cmp.Diff([]int{2, 5, 0, 3, 1, 4}, got.at); d != "" {
		t.Errorf("places (-want +got):\n%s", d)
	}
}

func TestOVSWithoutIt(t *testing.T) {
	r := newRig(t)
	r.host.cfg.Environ = append(os.Environ(), "OVS_RUNDIR="+t.TempDir())
	if got := r.observe(state.Key{Kind: state.KindOVSBridge}).Len(); got != 0 {
		t.Errorf("got %d objects; want none", got)
	}
	_, err := r.host.Observe(t.Context(), []state.Key{{Kind: state.KindOVSBridge, Name: "br0"}})
	if err == nil || !strings.Contains(err.Error(), "observe ovs-bridge") {
		t.Errorf("got %v; want an error, since a bridge was asked for", err)
	}
}

func TestOVSString(t *testing.T) {
	for text, want := range map[string]string{"a": `"a"`, `a"b\c`: `"a\"b\\c"`, "a,b c=[]{}": `"a,b c=[]{}"`, "-- del-br x": `"-- del-br x"`, "a\nb": `"a\nb"`} {
		if got := ovsString(text); got != want {
			t.Errorf("ovsString(%q): got %s; want %s", text, got, want)
		}
	}
}

func TestOVSNames(t *testing.T) {
	for _, name := range []string{"", "--help", "-x", "a b", "a,b", "a/b", "a\nb", "{a}", "@a"} {
		if err := checkOVSName(name); err == nil {
			t.Errorf("checkOVSName(%q): got no error; want one", name)
		}
	}
}

func FuzzParseOVS(f *testing.F) {
	f.Add(`{"data":[["nrx","netdev",false,false,["set",[]],["map",[["netrun-owner","x"]]],["uuid","b3e6"]]],"headings":["name","datapath_type","stp_enable","rstp_enable","fail_mode","external_ids","ports"]}
{"data":[[["uuid","b3e6"],"p0",5,["uuid","46f3"],["map",[]]]],"headings":["_uuid","name","tag","interfaces","external_ids"]}
{"data":[[["uuid","46f3"],"p0","internal",["map",[]]]],"headings":["_uuid","name","type","options"]}
{"data":[[["uuid","77aa"],"tcp:192.0.2.1:6653"]],"headings":["_uuid","target"]}`)
	f.Fuzz(func(t *testing.T, text string) {
		db, err := parseOVS(text)
		if err == nil && db == nil {
			t.Error("got neither a database nor an error")
		}
	})
}

// A link that went and came again, as a container's does, carries frames again, though the
// record of its port never went.
func TestOVSLinkMadeAnew(t *testing.T) {
	r := newRig(t)
	startOVS(r)
	bridge := state.OVSBridge{Name: "nrbr0", Datapath: "netdev"}
	link := state.Link{Name: "va", Type: "veth", Peer: "vb", State: "up"}
	port := state.OVSPort{Name: "va", Bridge: "nrbr0", Tag: 7}
	r.create(link, bridge, port)
	first := ofport(r, "va")
	if err := r.host.Apply(t.Context(), []state.Change{{Op: state.Delete, Before: link}}); err != nil {
		t.Fatal(err)
	}
	r.have(port)
	r.create(link)
	r.have(port, link)
	if again := ofport(r, "va"); again == first || again == "-1" {
		t.Errorf("got port %s of the switch after %s; want another one, which is the new link's", again, first)
	}
}

func ofport(r *rig, name string) string {
	r.Helper()
	s, err := r.host.open(r.Context())
	if err != nil {
		r.Fatal(err)
	}
	defer s.close()
	out, err := s.vsctl("get", "Interface", name, "ofport")
	if err != nil {
		r.Fatal(err)
	}
	return strings.TrimSpace(out)
}
