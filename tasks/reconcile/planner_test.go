package reconcile

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"netrun/tasks/state"
)

var (
	bridge  = state.Link{Name: "br0", Type: "bridge", State: "up"}
	veth    = state.Link{Name: "v0", Type: "veth", State: "up", Peer: "eth1", PeerScope: "netns:web", MTUOf: "br0"}
	inner   = state.Link{Scope: "netns:web", Name: "eth1", Type: "veth", State: "up", MTU: 1400}
	member  = state.Member{Link: "v0", Bridge: "br0"}
	address = state.Address{Scope: "netns:web", Link: "eth1", Prefix: netip.MustParsePrefix("10.0.0.2/24")}
	route   = state.Route{Scope: "netns:web", Dst: netip.MustParsePrefix("0.0.0.0/0"), Via: "10.0.0.1"}
)

func wiring() []state.Want {
	return state.Present(state.Netns{Name: "web"}, bridge, veth, inner, member, address, route)
}

func uplink() []state.Object {
	return []state.Object{
		state.Link{Name: "eth0", Type: "device", State: "up", MTU: 1500, MAC: "02:00:00:00:00:01"},
		state.Address{Link: "eth0", Prefix: netip.MustParsePrefix("192.0.2.1/24")},
		state.Route{Dst: netip.MustParsePrefix("198.51.100.0/24"), Via: "192.0.2.2", Dev: "eth0"},
	}
}

func TestPlanOfNewWiringNamesEachObjectOnce(t *testing.T) {
	host := newMemory(uplink()...)
	changes, err := New(host, Options{}).Plan(context.Background(), 1, wiring())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range changes {
		line := string(c.Op) + " " + c.Key().String()
		if c.Implied {
			line += " (implied)"
		}
		got = append(got, line)
	}
	want := []string{
		"create netns web", "create link lo in netns:web (implied)", "create link br0", "create link v0",
		"create link eth1 in netns:web (implied)", "update link eth1 in netns:web", "create member v0",
		"create address eth1 10.0.0.2/24 in netns:web", "create route 0.0.0.0/0 in netns:web",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("plan differs (-want +got):\n%s", diff)
	}
	last := changes[len(changes)-1].After.(state.Route)
	if last.Dev != "eth1" || last.Protocol != state.Protocol {
		t.Errorf("got dev %q and protocol %d, want eth1, found from the planned address, and %d", last.Dev, last.Protocol, state.Protocol)
	}
}

func TestSecondPlanIsEmptyAndUndoGivesTheHostBack(t *testing.T) {
	ctx := context.Background()
	host := newMemory(uplink()...)
	before := host.text()
	var journal kept
	p := New(host, Options{Journal: &journal})
	if _, err := p.Plan(ctx, 1, wiring()); err != nil {
		t.Fatal(err)
	}
	if err := p.Apply(ctx); err != nil {
		t.Fatal(err)
	}
	if left, err := p.Verify(ctx); err != nil || len(left) != 0 {
		t.Fatalf("verify: got %v, %v; want nothing", left, err)
	}
	if again, err := New(host, Options{}).Plan(ctx, 1, wiring()); err != nil || len(again) != 0 {
		t.Fatalf("second plan: got %v, %v; want nothing", again, err)
	}
	if _, err := Undo(ctx, host, journal, UndoOptions{}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, host.text()); diff != "" {
		t.Errorf("undo left (-before +after):\n%s", diff)
	}
}

func TestFailureAtAnyWriteLeavesTheHostAsBefore(t *testing.T) {
	ctx := context.Background()
	for at := 1; ; at++ {
		host := newMemory(uplink()...)
		before := host.text()
		host.failAt = at
		p := New(host, Options{})
		if _, err := p.Plan(ctx, 7, wiring()); err != nil {
			t.Fatal(err)
		}
		err := p.Apply(ctx)
		if err == nil {
			if at < 5 {
				t.Fatalf("only %d writes, want more", at-1)
			}
			return
		}
		var batch *BatchError
		if !errors.As(err, &batch) || batch.Task != 7 || batch.Undo != nil || !errors.Is(err, errInjected) {
			t.Errorf("write %d: got %v, want a BatchError of task 7, undone", at, err)
		}
		if diff := cmp.Diff(before, host.text()); diff != "" {
			t.Errorf("write %d: (-before +after):\n%s", at, diff)
		}
	}
}

func TestDeletingALinkTakesItsDependentsAndUndoBringsThemBack(t *testing.T) {
	ctx := context.Background()
	objects := append(uplink(), bridge,
		state.Member{Link: "eth0", Bridge: "br0"},
		state.OVSBridge{Name: "ovs0"}, state.OVSPort{Name: "eth0", Bridge: "ovs0"})
	host := newMemory(objects...)
	before := host.text()
	var journal kept
	p := New(host, Options{Journal: &journal})
	changes, err := p.Plan(ctx, 1, state.Absent(state.Link{Name: "eth0"}))
	if err != nil {
		t.Fatal(err)
	}
	if changes[0].Op != state.Delete || changes[0].Key().Kind != state.KindLink {
		// An OVS port does not go with its link by itself, but it is not observed unless asked for.
		t.Errorf("got %v first, want the link", changes[0])
	}
	if err := p.Apply(ctx); err != nil {
		t.Fatal(err)
	}
	if _, there := host.objects.Get(state.Key{Kind: state.KindRoute, Name: "198.51.100.0/24"}); there {
		t.Error("the route outlived its link")
	}
	if _, err := Undo(ctx, host, journal, UndoOptions{}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, host.text()); diff != "" {
		t.Errorf("undo left (-before +after):\n%s", diff)
	}
}

func TestForeignObjectsAreNotReplaced(t *testing.T) {
	host := newMemory(state.Link{Name: "br0", Type: "dummy", Alias: "somebody's"})
	_, err := New(host, Options{}).Plan(context.Background(), 1, state.Present(bridge))
	if err == nil {
		t.Fatal("a foreign dummy was replaced by a bridge")
	}
	own := newMemory(state.Link{Name: "br0", Type: "dummy", Alias: "netrun"})
	changes, err := New(own, Options{}).Plan(context.Background(), 1, state.Present(bridge))
	if err != nil || len(changes) != 2 {
		t.Errorf("our own: got %v, %v; want delete and create", changes, err)
	}
}

func TestAFailedTaskLeavesNothingPlanned(t *testing.T) {
	ctx := context.Background()
	p := New(newMemory(), Options{})
	_, err := p.Plan(ctx, 1, state.Present(bridge, state.Member{Link: "nope", Bridge: "br0"}))
	var missing *state.MissingError
	if !errors.As(err, &missing) || missing.Needs != state.LinkKey("", "nope") {
		t.Fatalf("got %v, want that link nope is missing", err)
	}
	if len(p.Pending()) != 0 {
		t.Errorf("still planned: %v", p.Pending())
	}
	if changes, err := p.Plan(ctx, 2, state.Present(bridge)); err != nil || len(changes) != 1 {
		t.Errorf("got %v, %v; want the bridge to be planned anew", changes, err)
	}
}

// A field that the play did not set is nothing to an undo of what it did set.
func TestCarefulUndoMindsItsOwnFieldsOnly(t *testing.T) {
	report, now := undoneOver(t, func(l *state.Link) { l.MAC = "02:00:00:00:00:77" })
	if len(report.Left) != 0 || now.MTU != 1500 || now.MAC != "02:00:00:00:00:77" {
		t.Errorf("got left %q, MTU %d, MAC %s; want nothing left, 1500, and the MAC as somebody set it", report.Left, now.MTU, now.MAC)
	}
}

func TestCarefulUndoLeavesWhatOthersChanged(t *testing.T) {
	report, now := undoneOver(t, func(l *state.Link) { l.MTU = 9000 })
	if len(report.Left) != 1 || len(report.Changes) != 1 {
		t.Errorf("got %v; want the bridge removed and eth0 left", report)
	}
	if now.MTU != 9000 {
		t.Errorf("got MTU %d, want 9000 as somebody set it", now.MTU)
	}
}

// undoneOver gives eth0 another MTU and makes a bridge, has somebody change eth0,
// undoes with care, and returns what eth0 is then.
func undoneOver(t *testing.T, somebody func(*state.Link)) (UndoReport, state.Link) {
	t.Helper()
	ctx := context.Background()
	host := newMemory(uplink()...)
	var journal kept
	p := New(host, Options{Journal: &journal})
	if _, err := p.Plan(ctx, 1, state.Present(state.Link{Name: "eth0", MTU: 1400}, bridge)); err != nil {
		t.Fatal(err)
	}
	if err := p.Apply(ctx); err != nil {
		t.Fatal(err)
	}
	changed, _ := host.objects.Get(state.LinkKey("", "eth0"))
	link := changed.(state.Link)
	somebody(&link)
	host.objects.Put(link)
	report, err := Undo(ctx, host, journal, UndoOptions{Careful: true})
	if err != nil {
		t.Fatal(err)
	}
	now, _ := host.objects.Get(link.Key())
	return report, now.(state.Link)
}

func TestEachScopeIsObservedOnce(t *testing.T) {
	host := newMemory(append(uplink(), state.Netns{Name: "web"})...)
	p := New(host, Options{})
	for task := range 10 {
		if _, err := p.Plan(context.Background(), task, wiring()); err != nil {
			t.Fatal(err)
		}
	}
	if host.observed != 1 {
		t.Errorf("observed %d times, want once", host.observed)
	}
}

func TestVerifyForgetsWhatWentWithSomethingElse(t *testing.T) {
	ctx := context.Background()
	p := New(newMemory(uplink()...), Options{})
	if _, err := p.Plan(ctx, 1, wiring()); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Plan(ctx, 2, state.Absent(state.Netns{Name: "web"})); err != nil {
		t.Fatal(err)
	}
	if err := p.Apply(ctx); err != nil {
		t.Fatal(err)
	}
	if left, err := p.Verify(ctx); err != nil || len(left) != 0 {
		t.Errorf("got %v, %v; want nothing", left, err)
	}
}

func TestUndoLeavesATableThatOthersUse(t *testing.T) {
	ctx := context.Background()
	host := newMemory()
	table := state.Table{Family: 4, Name: "nat"}
	chain := state.Chain{Family: 4, Table: "nat", Name: "NETRUN-X"}
	var journal kept
	p := New(host, Options{Journal: &journal})
	if _, err := p.Plan(ctx, 1, state.Present(table, chain)); err != nil {
		t.Fatal(err)
	}
	if err := p.Apply(ctx); err != nil {
		t.Fatal(err)
	}
	host.objects.Put(state.Table{Family: 4, Name: "nat", Busy: true})
	if _, err := Undo(ctx, host, journal, UndoOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, there := host.objects.Get(table.Key()); !there {
		t.Error("a table with the rules of others was deleted")
	}
	if _, there := host.objects.Get(chain.Key()); there {
		t.Error("our own chain was left")
	}
}

func TestUndoRemovesAFileBeforeItsDirectory(t *testing.T) {
	ctx := context.Background()
	host := newMemory()
	var journal kept
	p := New(host, Options{Journal: &journal})
	dir := state.File{Path: "/etc/web", Type: "directory"}
	file := state.File{Path: "/etc/web/current", Type: "link", Target: "v2"}
	if _, err := p.Plan(ctx, 1, state.Present(dir, file)); err != nil {
		t.Fatal(err)
	}
	if err := p.Apply(ctx); err != nil {
		t.Fatal(err)
	}
	report, err := Undo(ctx, host, journal, UndoOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range report.Changes {
		got = append(got, c.Key().Name)
	}
	if diff := cmp.Diff([]string{"/etc/web/current", "/etc/web"}, got); diff != "" {
		t.Errorf("order of removal (-want +got):\n%s", diff)
	}
}

func TestVerifyForgetsTheWantsOfAnUndoneBatch(t *testing.T) {
	ctx := context.Background()
	host := newMemory(uplink()...)
	host.failAt = 2
	p := New(host, Options{})
	if _, err := p.Plan(ctx, 1, wiring()); err != nil {
		t.Fatal(err)
	}
	if err := p.Apply(ctx); err == nil {
		t.Fatal("the injected failure did not come")
	}
	if _, err := p.Plan(ctx, 2, state.Present(bridge)); err != nil {
		t.Fatal(err)
	}
	if err := p.Apply(ctx); err != nil {
		t.Fatal(err)
	}
	if left, err := p.Verify(ctx); err != nil || len(left) != 0 {
		t.Errorf("got %v, %v; want nothing: the first batch was undone", left, err)
	}
}

func TestUndoThatHasToLeaveSomethingIsAnError(t *testing.T) {
	ctx := context.Background()
	host := newMemory(uplink()...)
	p := New(host, Options{})
	if _, err := p.Plan(ctx, 1, state.Absent(state.Route{Dst: netip.MustParsePrefix("198.51.100.0/24")})); err != nil {
		t.Fatal(err)
	}
	if err := p.Apply(ctx); err != nil {
		t.Fatal(err)
	}
	host.objects.Delete(state.LinkKey("", "eth0")) // somebody takes the link away meanwhile
	if err := p.Undo(ctx); err == nil {
		t.Error("got no error, though the route could not be put back")
	}
}

func TestWhatATaskSaysOfABridgeIsKeptWhenAnotherNeedsTheBridge(t *testing.T) {
	for _, wants := range [][]state.Want{
		state.Present(bridge, state.Address{Link: "br0", Prefix: netip.MustParsePrefix("10.0.0.1/24")}, state.Switch{Name: "br0"}),
		state.Present(state.Switch{Name: "br0"}, bridge),
	} {
		p := New(newMemory(uplink()...), Options{})
		for i, w := range wants {
			if _, err := p.Plan(t.Context(), i+1, []state.Want{w}); err != nil {
				t.Fatal(err)
			}
		}
		kept := p.Wanted()
		if len(kept) != len(wants)-1 || !slices.ContainsFunc(kept, func(w Wanted) bool { return w.Object == state.Object(bridge) }) {
			t.Errorf("got %+v; want the bridge as the task has it", kept)
		}
		if first := kept[0].Object.Key(); first != bridge.Key() {
			t.Errorf("got %s first; want the bridge, which the rest may need", first)
		}
	}
}

func TestABridgeIsNotReplacedByALinkOfItsName(t *testing.T) {
	host := newMemory(state.Link{Name: "br0", Type: "bridge", Alias: "netrun"})
	_, err := New(host, Options{}).Plan(t.Context(), 1, state.Present(state.Link{Name: "br0", Type: "dummy"}))
	if err == nil || !strings.Contains(err.Error(), "is there already, a bridge") {
		t.Errorf("got error %v; want the bridge to stay", err)
	}
}
