package reconcile

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"netrun/tasks/fakehost"
	"netrun/tasks/state"
)

func cable(scope state.Scope) []state.Want {
	return state.Present(
		state.Link{Name: "br0", Type: "bridge", State: "up"},
		state.Link{Name: "v0", Type: "veth", Peer: "eth1", PeerScope: scope},
		state.Member{Link: "v0", Bridge: "br0"},
		state.Link{Scope: scope, Name: "eth1", State: "up"},
	)
}

func TestContainerIsANamespaceOfThatName(t *testing.T) {
	p := New(fakehost.New(state.Netns{Name: "web"}), Options{})
	changes, err := p.Plan(t.Context(), 1, cable(state.ContainerScope("web")))
	if err != nil || len(p.Deferred(1)) > 0 {
		t.Fatalf("got error %v, deferred %v", err, p.Deferred(1))
	}
	for _, c := range changes {
		if c.Key().Name == "eth1" && c.Key().Scope != "netns:web" {
			t.Errorf("%s: want it in netns:web", c.Key())
		}
	}
	if err := p.Apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left, err := p.Verify(t.Context()); err != nil || len(left) > 0 {
		t.Fatalf("verify: got %v, %v", left, err)
	}
}

func TestWhatNeedsAContainerThatDoesNotRunWaits(t *testing.T) {
	for _, c := range []struct {
		have state.Object
		why  string
	}{
		{state.Netns{Name: "other"}, "there is no container web yet"},
		{state.Container{Name: "web", Scope: "docker:web"}, "container web does not run"},
	} {
		p := New(fakehost.New(c.have), Options{})
		changes, err := p.Plan(t.Context(), 1, cable(state.ContainerScope("web")))
		if err != nil {
			t.Fatal(err)
		}
		if len(changes) != 1 || changes[0].Key().Name != "br0" {
			t.Errorf("got %v, want only the bridge", changes)
		}
		waits := p.Deferred(1)
		if len(waits) != 3 || waits[0].Why != c.why || waits[1].Key.Kind != state.KindMember {
			t.Errorf("got %v, want the cable, its membership and its end to wait: %s", waits, c.why)
		}
	}
}

func TestAnAmbiguousContainerIsAnError(t *testing.T) {
	host := fakehost.New(state.Netns{Name: "web"}, state.Container{Name: "web", Scope: "docker:web", Pid: "7"})
	_, err := New(host, Options{}).Plan(t.Context(), 1, cable(state.ContainerScope("web")))
	var ambiguous *state.AmbiguousError
	if !errors.As(err, &ambiguous) || !strings.Contains(err.Error(), "netns:web, docker:web") {
		t.Errorf("got %v, want the two candidates", err)
	}
}

func TestRemovalInAContainerThatIsGoneIsDone(t *testing.T) {
	p := New(fakehost.New(), Options{})
	changes, err := p.Plan(t.Context(), 1, state.Absent(state.Link{Scope: state.ContainerScope("web"), Name: "eth1"}))
	if err != nil || len(changes) > 0 || len(p.Deferred(1)) > 0 {
		t.Errorf("got %v, %v, %v; want nothing", changes, p.Deferred(1), err)
	}
}

func TestRemovalWaitsForARuntimeThatDoesNotAnswer(t *testing.T) {
	inside := Record{Changes: []state.Change{{Op: state.Create, After: state.Address{Scope: state.ContainerScope("web"), Link: "eth1", Prefix: netip.MustParsePrefix("10.0.0.2/24")}}}}
	for _, c := range []struct {
		have   state.Object
		unsure int
	}{
		{state.Container{Name: "web", Problem: "ask docker: no answer within 4s", Silent: true}, 1},
		{state.Container{Name: "web", Problem: "ask docker: it is not running"}, 0},
		{state.Container{Name: "web", Scope: "docker:web"}, 0},
	} {
		report, err := New(fakehost.New(c.have), Options{}).PlanRemoval(t.Context(), inside)
		if err != nil || len(report.Changes) > 0 || len(report.Unsure) != c.unsure || len(report.Left) != c.unsure {
			t.Errorf("%v: got %v, error %v; want %d unsure", c.have, report, err, c.unsure)
		}
		_, err = New(fakehost.New(c.have), Options{}).Plan(t.Context(), 1, state.Absent(inside.Changes[0].After))
		if refused := err != nil; refused != (c.unsure > 0) {
			t.Errorf("%v: absent: got error %v; want one if nobody tells whether it runs", c.have, err)
		}
	}
}

// What is on the host because of a container goes though the container went first.
func TestRemovalOnTheHostOfWhatNamesAContainerThatIsGone(t *testing.T) {
	p := New(fakehost.New(state.Link{Name: "v0", Type: "dummy", Alias: "netrun"}), Options{})
	record := Record{Changes: []state.Change{
		{Op: state.Create, After: state.Link{Name: "v0", Type: "dummy", PeerScope: state.ContainerScope("web")}},
		{Op: state.Create, After: state.Link{Scope: state.ContainerScope("web"), Name: "eth1"}}}}
	report, err := p.PlanRemoval(t.Context(), record)
	if err != nil || len(report.Left) > 0 || len(report.Changes) != 1 || report.Changes[0].Op != state.Delete || report.Changes[0].Key().Name != "v0" {
		t.Errorf("got %v, %v; want v0 deleted", report, err)
	}
}
