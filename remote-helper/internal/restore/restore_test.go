package restore

import (
	"net/netip"
	"strings"
	"testing"

	"netrun/remote-helper/internal/store"
	"netrun/tasks/fakehost"
	"netrun/tasks/state"
)

func items(objects ...state.Object) []store.Item {
	out := make([]store.Item, len(objects))
	for i, o := range objects {
		out[i].Object = o
	}
	return out
}

var address = state.Address{Link: "br0", Prefix: netip.MustParsePrefix("10.0.0.1/24")}

func TestPutMakesWhatItCanAndTheRestWaits(t *testing.T) {
	host := fakehost.New()
	web := state.ContainerScope("web")
	wanted := items(
		address, state.Link{Name: "br0", Type: "bridge", State: "up"}, // as another playbook may have it
		state.Link{Name: "v0", Type: "veth", Peer: "eth1", PeerScope: web},
		state.Member{Link: "v0", Bridge: "br0"},
		state.Route{Dst: netip.MustParsePrefix("10.9.0.0/16"), Dev: "docker0"},
	)
	results, err := Put(t.Context(), host, wanted)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct {
		waits     string
		container bool
	}{{}, {}, {"there is no container web yet", true}, {"there is no container web yet", true}, {"needs link docker0", false}} {
		if r := results[i]; r.Err != nil || !strings.Contains(r.Waits, want.waits) || (r.Waits == "") != (want.waits == "") || r.Container != want.container {
			t.Errorf("%s: got waits %q (container %v), error %v; want %q (%v)", r.Item.Object.Key(), r.Waits, r.Container, r.Err, want.waits, want.container)
		}
	}
	again, err := Look(t.Context(), host, wanted)
	if err != nil || len(again[0].Changes)+len(again[1].Changes) > 0 {
		t.Errorf("a second look: got %v, error %v; want nothing to do for what was put back", again, err)
	}
}

func TestOneThatGoesWrongDoesNotKeepTheRestFromIt(t *testing.T) {
	host := fakehost.New()
	host.Fail(2)
	results, err := Put(t.Context(), host, items(
		state.Link{Name: "br0", Type: "bridge"}, state.Link{Name: "br1", Type: "bridge"}, state.Link{Name: "br2", Type: "bridge"}))
	if err != nil {
		t.Fatal(err)
	}
	failed := 0
	for _, r := range results {
		if r.Err != nil {
			failed++
		}
	}
	if failed != 1 {
		t.Errorf("got %d failures, want 1", failed)
	}
	for _, i := range []int{0, 2} {
		if left, err := Look(t.Context(), host, []store.Item{results[i].Item}); err != nil || len(left[0].Changes) > 0 {
			t.Errorf("%s: got %v, error %v; want it there", results[i].Item.Object.Key(), left, err)
		}
	}
}

func TestConcernedIsWhatHangsOnTheContainer(t *testing.T) {
	web, db := state.ContainerScope("web"), state.ContainerScope("db")
	all := items(
		state.Link{Name: "br0", Type: "bridge"},
		state.Link{Name: "v0", Type: "veth", Peer: "eth1", PeerScope: web}, state.Member{Link: "v0", Bridge: "br0"},
		state.Link{Scope: web, Name: "eth1"},
		state.Link{Name: "v1", Type: "veth", Peer: "eth1", PeerScope: db}, state.Member{Link: "v1", Bridge: "br0"},
	)
	got := Concerned(all, func(name string) bool { return name == "web" })
	if len(got) != 3 || got[1].Object.Key().Kind != state.KindMember {
		t.Errorf("got %v, want the cable to web, its membership and its end", got)
	}
	if names := Names(all); len(names) != 2 || names[0] != "web" {
		t.Errorf("got names %v, want web and db", names)
	}
}
