//go:build linux

package linuxhost

import (
	"strings"
	"testing"

	"netrun/tasks"
	"netrun/tasks/laws"
	"netrun/tasks/reconcile"
	"netrun/tasks/state"
)

// wantsOfTasks are the objects of tasks written as in a playbook.
func wantsOfTasks(t *testing.T, text string) []state.Want {
	t.Helper()
	list, err := laws.Tasks(text, "")
	if err != nil {
		t.Fatal(err)
	}
	return laws.Wants(list)
}

// plays plans and applies the tasks, and wants a second plan to be empty.
func plays(t *testing.T, h state.Host, text string) []state.Change {
	t.Helper()
	wants := wantsOfTasks(t, text)
	p := reconcile.New(h, reconcile.Options{})
	changes, err := p.Plan(t.Context(), 1, wants)
	if err != nil {
		t.Fatalf("plan: %v", err)
	}
	if err := p.Apply(t.Context()); err != nil {
		t.Fatalf("apply: %v", err)
	}
	again, err := reconcile.New(h, reconcile.Options{}).Plan(t.Context(), 1, wants)
	if err != nil || len(again) > 0 {
		t.Errorf("second plan: %v, error %v; want nothing", again, err)
	}
	return changes
}

// allOf is what there is of the kinds, in the host's own namespace, a line each.
func allOf(t *testing.T, h state.Host, kinds ...state.Kind) string {
	t.Helper()
	var keys []state.Key
	for _, k := range kinds {
		keys = append(keys, state.Key{Kind: k})
	}
	s, err := h.Observe(t.Context(), keys)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, o := range s.Objects() {
		if l, ok := o.(state.Link); !ok || l.Type != "loopback" && l.Name != "ovs-netdev" {
			out = append(out, o.Key().String())
		}
	}
	return strings.Join(out, "\n")
}

const ovsStatic = `
- static_ip: {netns: web, bridge: ovsbr0, addresses: [10.9.0.2/24, "fd00:9::2/64"], tag: 20, host_interface: web1}
- static_ip: {netns: db, bridge: ovsbr0, addresses: 10.9.0.3/24, trunks: [30, 20], host_interface: db1}
`

func TestStaticIPOnOpenVSwitch(t *testing.T) {
	root := t.TempDir()
	host := func(t *testing.T) *Host {
		h := kernel(t, root)
		startOVS(&rig{T: t, host: h})
		return h
	}
	t.Run("laws", func(t *testing.T) {
		laws.Once(t, func(t *testing.T) state.Host { return host(t) }, wantsOfTasks(t, "- netns: web\n- netns: db\n"), wantsOfTasks(t, ovsStatic))
	})
	h := host(t)
	r := &rig{T: t, host: h}
	plays(t, h, "- netns: web\n- netns: db\n")
	before := allOf(t, h, state.KindLink, state.KindMember, state.KindOVSBridge, state.KindOVSPort)
	plays(t, h, ovsStatic)
	r.have(state.OVSBridge{Name: "ovsbr0", Datapath: h.datapathForTest(t), Owner: state.AutoMark},
		state.OVSPort{Name: "web1", Bridge: "ovsbr0", Tag: 20}, state.OVSPort{Name: "db1", Bridge: "ovsbr0", Trunks: []int{20, 30}},
		state.Offload{Scope: "netns:web", Link: "eth1", Feature: "tx", Value: "off"}) // whichever datapath a bridge gets that is only planned
	for _, gone := range []string{"web", "db"} {
		plays(t, h, "- static_ip: {netns: "+gone+", bridge: ovsbr0, host_interface: "+gone+"1, state: absent}\n")
	}
	if after := allOf(t, h, state.KindLink, state.KindMember, state.KindOVSBridge, state.KindOVSPort); after != before {
		t.Errorf("got left\n%s\nwant\n%s", after, before)
	}
}

// datapathForTest is the datapath that a new bridge gets here.
func (h *Host) datapathForTest(t *testing.T) string {
	t.Helper()
	s, err := h.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	return s.datapath()
}

// An OVS bridge whose name says nothing is found out.
func TestStaticIPFindsOutTheBridge(t *testing.T) {
	h := kernel(t, t.TempDir())
	startOVS(&rig{T: t, host: h})
	plays(t, h, "- netns: web\n- ovs_bridge: uplinks\n- bridge: {name: ovslinux}\n")
	plays(t, h, `
- static_ip: {netns: web, bridge: uplinks, addresses: 10.9.0.2/24, host_interface: web1}
- static_ip: {netns: web, bridge: ovslinux, interface: eth2, addresses: 10.8.0.2/24, host_interface: web2}
`)
	if got := allOf(t, h, state.KindOVSPort, state.KindMember); got != "ovs-port web1\nmember web2" {
		t.Errorf("got %q", got)
	}
}

// What was made because it was needed goes with its last user, and not before.
func TestStaticIPGivesEverythingBack(t *testing.T) {
	h := kernel(t, t.TempDir())
	plays(t, h, "- netns: web\n- netns: db\n- bridge: br2\n")
	before := allOf(t, h, state.KindLink, state.KindMember)
	one := func(name, bridge, state string) string {
		return "- static_ip: {netns: " + name + ", bridge: " + bridge + ", addresses: 10.9.0.2/24, gateway: 10.9.0.1, rules: [{priority: 7, table: 7}], state: " + state + "}\n"
	}
	plays(t, h, one("web", "br1", "present")+one("db", "br1", "present"))
	plays(t, h, one("web", "br1", "absent"))
	if got := allOf(t, h, state.KindLink); !strings.Contains(got, "link br1") {
		t.Errorf("got %s; want br1 to stay as long as db is in it", got)
	}
	plays(t, h, one("db", "br1", "absent"))
	plays(t, h, one("db", "br2", "present"))
	plays(t, h, one("db", "br2", "absent"))
	if after := allOf(t, h, state.KindLink, state.KindMember); after != before {
		t.Errorf("got left\n%s\nwant\n%s", after, before)
	}
	s, err := h.Observe(t.Context(), []state.Key{{Kind: state.KindRule, Scope: "netns:db"}})
	if err != nil || len(s.All(state.KindRule, "netns:db")) != 0 {
		t.Errorf("got rules %v, error %v; want none left", s.Objects(), err)
	}
}

func TestUppersInEveryNamespace(t *testing.T) {
	r := newRig(t)
	in := r.scope("a")
	r.create(state.Link{Name: "up0", Type: "veth", Peer: "up1", State: "up"}, r.netns("a"),
		state.Link{Scope: in, Name: "eth1", Type: "macvlan", Parent: "up0", Mode: "bridge"},
		state.Link{Name: "mv0", Type: "macvlan", Parent: "up0", Mode: "bridge"})
	s := r.observe(state.Uppers{Link: "up0"}.Key(), state.Key{Kind: state.KindLink, Scope: in})
	o, ok := s.Get(state.Uppers{Link: "up0"}.Key())
	if want := " mv0\n" + string(in) + " eth1"; !ok || o.(state.Uppers).Above != want {
		t.Errorf("got %+v; want %q", o, want)
	}
}

func TestVLANOnNICGoesWithItsLastUser(t *testing.T) {
	h := kernel(t, t.TempDir())
	probe(t, state.Present(state.Link{Type: "vlan"}, state.Link{Type: "macvlan"}))
	plays(t, h, "- netns: web\n- netns: db\n- veth: {name: eth2, peer: switch0}\n")
	before := allOf(t, h, state.KindLink)
	one := func(name, state string) string {
		return "- static_ip: {netns: " + name + ", macvlan_on: eth2, vlan: 20, addresses: 10.9.0.2/24, state: " + state + "}\n"
	}
	plays(t, h, one("web", "present")+one("db", "present"))
	plays(t, h, one("web", "absent"))
	if got := allOf(t, h, state.KindLink); !strings.Contains(got, "link eth2.20") {
		t.Errorf("got %s; want eth2.20 to stay as long as db uses it", got)
	}
	plays(t, h, one("db", "absent"))
	if after := allOf(t, h, state.KindLink); after != before {
		t.Errorf("got left\n%s\nwant\n%s", after, before)
	}
}

func TestVLANsOfLinuxBridges(t *testing.T) {
	h := kernel(t, t.TempDir())
	const text = `
- static_ip: {netns: web, bridge: br1, addresses: 10.9.0.2/24, tag: 20, host_interface: web1}
- static_ip: {netns: db, bridge: br1, addresses: 10.9.0.3/24, tag: 20, trunks: [30, 40], host_interface: db1}
`
	given := "- netns: web\n- netns: db\n"
	if !filters(t) {
		t.Skip("probed a bridge with vlan_filtering: not supported by this kernel")
	}
	root := t.TempDir()
	laws.Run(t, func(t *testing.T) state.Host { return kernel(t, root) }, wantsOfTasks(t, given), wantsOfTasks(t, text))
	plays(t, h, given)
	plays(t, h, text)
	(&rig{T: t, host: h}).have(state.PortVLAN{Link: "web1", VLANs: "20 pvid untagged"},
		state.PortVLAN{Link: "db1", VLANs: "20 pvid untagged, 30, 40"}, state.PortVLAN{Link: "br1", VLANs: "1 pvid untagged"})
	plays(t, h, "- static_ip: {netns: web, bridge: br1, addresses: 10.9.0.2/24, trunks: [50], host_interface: web1}\n")
	(&rig{T: t, host: h}).have(state.PortVLAN{Link: "web1", VLANs: "50"})
}

// filters probes whether bridges here can look at VLAN tags.
func filters(t *testing.T) bool {
	h := kernel(t, t.TempDir())
	l := state.Link{Name: "probe0", Type: "bridge", VLANFiltering: new(true)}
	return h.Apply(t.Context(), []state.Change{{Op: state.Create, After: l}, {Op: state.Delete, Before: l}}) == nil
}

// inScope is a Machine that can only enter namespaces.
type inScope struct {
	tasks.Machine
	s *session
}

// In implements tasks.Machine.
func (m inScope) In(scope state.Scope, f func() error) error {
	sp, err := m.s.space(scope)
	if err != nil {
		return err
	}
	return m.s.thread.in(sp, f)
}

func TestWaitForALinkInAContainer(t *testing.T) {
	h := kernel(t, t.TempDir())
	s, err := h.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	wait := &tasks.WaitFor{Netns: "web", Interface: "eth1", State: "started"}
	plays(t, h, "- netns: web\n")
	for _, step := range []struct{ play, want string }{
		{"", "wait for interface eth1 to be started"},
		{"- static_ip: {netns: web, bridge: br1, addresses: 10.9.0.2/24, host_interface: web1}\n", ""},
		{"- interface: {name: web1, state: down}\n", "wait for interface eth1 to be started"},
	} {
		plays(t, h, step.play)
		if got, err := wait.Needed(t.Context(), inScope{s: s}); err != nil || got != step.want {
			t.Errorf("after %q: got %q, error %v; want %q", step.play, got, err, step.want)
		}
	}
}

// The default route that a container had comes back with an undo long after the play,
// though it went with the link that this undo deletes.
func TestDefaultRouteComesBack(t *testing.T) {
	h := kernel(t, t.TempDir())
	plays(t, h, `
- netns: web
- veth: {name: eth0, peer: docker1, netns: web}
- address: {address: 172.17.0.2/16, dev: eth0, netns: web}
- route: {to: default, via: 172.17.0.1, netns: web}
`)
	p := reconcile.New(h, reconcile.Options{})
	if _, err := p.Plan(t.Context(), 1, wantsOfTasks(t, "- static_ip: {netns: web, bridge: br1, addresses: 10.9.0.2/24, gateway: 10.9.0.1}\n")); err != nil {
		t.Fatal(err)
	}
	if err := p.Apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	report, err := reconcile.Undo(t.Context(), h, p.Records(), reconcile.UndoOptions{Careful: true})
	if err != nil || len(report.Left) > 0 {
		t.Errorf("undo: %v, left %q; want all undone", err, report.Left)
	}
	(&rig{T: t, host: h}).have(state.Route{Scope: "netns:web", Dst: prefix("0.0.0.0/0"), Via: "172.17.0.1", Dev: "eth0"})
}
