package playbooks

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"netrun/inventory"
	"netrun/inventory/diag"
	"netrun/playbooks/script"
	"netrun/tasks/fakehost"
	"netrun/tasks/state"
)

// TestExamples plays each example twice on hosts in memory, without its acts: the
// second time nothing is left to change.
func TestExamples(t *testing.T) {
	books, err := filepath.Glob("examples/*.inventory.yaml")
	if err != nil || len(books) == 0 {
		t.Fatalf("got %d examples, error %v", len(books), err)
	}
	for _, source := range books {
		name := strings.TrimSuffix(source, ".inventory.yaml")
		t.Run(filepath.Base(name), func(t *testing.T) {
			inv, err := inventory.Load(t.Context(), []string{source}, inventory.Options{})
			if err != nil {
				t.Fatal(err)
			}
			sources := &diag.Sources{}
			book, err := Load(name+".yaml", Options{Sources: sources})
			if err != nil {
				_ = sources.Show(os.Stderr, err)
				t.Fatal("does not load")
			}
			var out strings.Builder
			fleet := &testFleet{t: t, out: &out, hosts: map[string]*testHost{}}
			for _, h := range inv.Hosts() {
				fleet.hosts[h.Name()] = exampleHost(fleet, inv, h)
			}
			for _, p := range book.Plays {
				fleet.play(p, inv, runOptions{CompileOptions: CompileOptions{Inventory: inv, SkipTags: []string{"verify"}}}, sources)
			}
			if text := out.String(); strings.Contains(text, "failed") || strings.Contains(text, "not defined") {
				t.Errorf("got a failure:\n%s", text)
			}
			out.Reset()
			for _, p := range book.Plays {
				fleet.play(p, inv, runOptions{CompileOptions: CompileOptions{Inventory: inv, SkipTags: []string{"verify"}}}, sources)
			}
			for line := range strings.Lines(out.String()) {
				if strings.Contains(line, ": changed ") && !strings.Contains(line, "redis-server") {
					t.Errorf("the second time: got %s", line)
				}
			}
		})
	}
}

// exampleHost is a host of the example's lab: eth1 (and eth2 of the router) with its addresses.
func exampleHost(f *testFleet, inv *inventory.Inventory, h *inventory.Host) *testHost {
	addresses := map[string]string{}
	if a, ok := h.Vars()["node_address"].Value.(string); ok {
		addresses["eth1"] = a
	} else {
		addresses["eth1"], addresses["eth2"] = "192.168.2.2", "192.168.3.2"
	}
	var objects []state.Object
	for _, dev := range []string{"eth1", "eth2"} {
		if a, ok := addresses[dev]; ok {
			objects = append(objects, state.Link{Name: dev, Type: "veth", State: "up"}, state.Address{Link: dev, Prefix: netip.MustParsePrefix(a + "/24")})
		}
	}
	return &testHost{fleet: f, name: h.Name(), fake: fakehost.New(objects...), carried: map[string]any{}}
}

var _ script.Executor = (*testHost)(nil)
