//go:build linux

package linuxhost

import (
	"slices"
	"strings"
	"testing"
	"time"

	"netrun/tasks/state"
)

// switchOf is what leads the programs of Open vSwitch to that of the test.
func switchOf(r *rig) []string {
	return slices.DeleteFunc(slices.Clone(r.host.cfg.Environ), func(v string) bool { return !strings.HasPrefix(v, "OVS_") })
}

// Open vSwitch 3.1 leaves ports out of broadcasts once their spanning tree is gone.
func TestOVSFloodsWithoutTree(t *testing.T) {
	r := newRig(t)
	startOVS(r)
	ovs := func(argv ...string) string { return r.output("env", append(switchOf(r), argv...)...) }
	// Trees are made of what leads elsewhere: internal ports have no part in them.
	r.create(state.Link{Name: "va", Type: "veth", Peer: "vb", State: "up"}, state.OVSBridge{Name: "nrbr0", RSTP: new(true)}, state.OVSPort{Name: "va", Bridge: "nrbr0"})
	r.update(state.Link{Name: "vb", State: "up"})
	r.create(state.OVSPort{Name: "nrint0", Bridge: "nrbr0", Type: "internal"})
	ovs("ovs-ofctl", "mod-port", "nrbr0", "nrint0", "no-flood")
	deadline := time.Now().Add(30 * time.Second)
	for !strings.Contains(ovs("ovs-vsctl", "get", "port", "va", "rstp_status"), "Forwarding") {
		if time.Now().After(deadline) {
			t.Fatal("the port does not forward after 30 s")
		}
		time.Sleep(100 * time.Millisecond)
	}
	const learned = "02:00:00:00:00:77"
	ovs("ovs-appctl", "ofproto/trace", "nrbr0", "in_port=1,dl_src="+learned+",dl_dst=ff:ff:ff:ff:ff:ff,dl_type=0x88b5", "-generate")
	if shown := ovs("ovs-appctl", "fdb/show", "nrbr0"); !strings.Contains(shown, learned) {
		t.Fatalf("the bridge has not learned %s:\n%s", learned, shown)
	}
	r.update(state.OVSBridge{Name: "nrbr0", RSTP: new(false)})
	if shown := ovs("ovs-appctl", "fdb/show", "nrbr0"); strings.Contains(shown, learned) {
		t.Errorf("the bridge still believes what it learned with the tree:\n%s", shown)
	}
	shown := ovs("ovs-ofctl", "show", "nrbr0")
	if got := floodPorts(shown); !slices.Equal(got, []string{"1"}) {
		t.Errorf("ports that take broadcasts: got %q; want the first, and not the second, which was taken out on purpose:\n%s", got, shown)
	}
	const flow = "in_port=LOCAL,dl_src=02:00:00:00:00:01,dl_dst=ff:ff:ff:ff:ff:ff,dl_type=0x88b5"
	trace := ovs("ovs-appctl", "ofproto/trace", "nrbr0", flow)
	if actions := trace[strings.LastIndex(trace, "Datapath actions:"):]; strings.Contains(actions, "drop") {
		t.Errorf("a broadcast once the tree is gone: got %s; want it to go out:\n%s", actions, trace)
	}
}
