package reconcile_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"netrun/tasks/fakehost"
	"netrun/tasks/reconcile"
	"netrun/tasks/state"
)

// TestPartsThatWait plans links of which one leads to a name that nobody knows yet.
func TestPartsThatWait(t *testing.T) {
	prefix := netip.MustParsePrefix
	given := []state.Object{
		state.Link{Name: "eth0", Type: "device", State: "up"}, state.Address{Link: "eth0", Prefix: prefix("192.0.2.5/24")},
	}
	link := func(port int, host string) state.NetLink {
		return state.NetLink{FromHost: "127.0.0.1", FromPort: port, ToHost: host, ToPort: 80, Proto: "tcp"}
	}
	wants := state.Present(state.Table{Family: 4, Name: "nat"},
		state.Links{Family: 4, Name: "NETRUN-L1", Links: []state.NetLink{link(80, "192.0.2.9"), link(81, "db")}})
	rules := func(h state.Host) (n int, waits []reconcile.Deferred, wanted []reconcile.Wanted) {
		t.Helper()
		p := reconcile.New(h, reconcile.Options{})
		if _, err := p.Plan(t.Context(), 1, wants); err != nil {
			t.Fatal(err)
		}
		if err := p.Apply(t.Context()); err != nil {
			t.Fatal(err)
		}
		left, err := p.Verify(t.Context())
		if err != nil || len(left) > 0 {
			t.Errorf("verify: got %v, error %v; want nothing left", left, err)
		}
		o, there := p.View().Get(state.Chain{Family: 4, Table: "nat", Name: "NETRUN-L1-D"}.Key())
		if !there {
			t.Fatal("there is no chain")
		}
		return len(o.(state.Chain).Rules), p.Deferred(1), p.Wanted()
	}
	n, waits, wanted := rules(fakehost.New(append(given, state.Name{Name: "db", Problem: "no such host"})...))
	if n != 1 || len(waits) != 1 || !waits[0].Part || !strings.Contains(waits[0].Why, "db is not known here: no such host") {
		t.Errorf("unknown name: got %d rules, %+v; want the other link, and one that waits", n, waits)
	}
	// What is kept is the list, so that the link is made when the name is known.
	if !slices.ContainsFunc(wanted, func(w reconcile.Wanted) bool {
		l, ok := w.Object.(state.Links)
		return ok && len(l.Links) == 2 && !w.Waits
	}) {
		t.Errorf("got wants %+v; want the whole list among them", wanted)
	}
	n, waits, _ = rules(fakehost.New(append(given, state.Name{Name: "db", Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.7")}})...))
	if n != 2 || len(waits) != 0 {
		t.Errorf("known name: got %d rules, %+v; want both links", n, waits)
	}
}
