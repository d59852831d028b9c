package playbooks

import (
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"netrun/inventory"
	"netrun/inventory/diag"
	"netrun/playbooks/script"
	"netrun/tasks/fakehost"
	"netrun/tasks/state"
)

// TestExamples plays each example twice on hosts in memory, where programs do nothing and
// Docker's containers little: the second time nothing is left to change.
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
			book, err := Load(name+".yaml", Options{Sources: sources, Inventory: inv})
			if err != nil {
				_ = sources.Show(os.Stderr, err)
				t.Fatal("does not load")
			}
			var out strings.Builder
			fleet := &testFleet{t: t, out: &out, hosts: map[string]*testHost{}}
			for _, h := range inv.Hosts() {
				fleet.hosts[h.Name()] = exampleHost(t, fleet, name+".topology.yaml", h.Name())
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

// exampleHost is a host of the example's lab, with the interfaces and addresses that its
// topology gives it, and Docker's bridge.
func exampleHost(t *testing.T, f *testFleet, topology string, name string) *testHost {
	t.Helper()
	text, err := os.ReadFile(topology)
	if err != nil {
		t.Fatal(err)
	}
	type host struct {
		Interfaces map[string]struct{ Address any }
		Services   []string
	}
	var lab struct{ Hosts, Routers map[string]host }
	if err := yaml.Unmarshal(text, &lab); err != nil {
		t.Fatal(err)
	}
	of, ok := lab.Hosts[name]
	if !ok {
		of = lab.Routers[name]
	}
	var objects []state.Object
	if slices.Contains(of.Services, "docker") {
		objects = append(objects, state.Link{Name: "docker0", Type: "bridge", State: "up"},
			state.Address{Link: "docker0", Prefix: netip.MustParsePrefix("172.17.0.1/16")})
	}
	for _, dev := range slices.Sorted(maps.Keys(of.Interfaces)) {
		objects = append(objects, state.Link{Name: dev, Type: "veth", State: "up"})
		for _, a := range strings.Fields(strings.Trim(fmt.Sprint(of.Interfaces[dev].Address), "[]<nil>")) {
			objects = append(objects, state.Address{Link: dev, Prefix: netip.MustParsePrefix(a)})
		}
	}
	if len(objects) == 0 {
		t.Fatalf("%s has no interfaces for %s", topology, name)
	}
	h := &testHost{fleet: f, name: name, fake: fakehost.New(objects...), carried: map[string]any{}}
	h.docker = &testDocker{host: h, boxes: map[string]*testBox{}}
	return h
}

var _ script.Executor = (*testHost)(nil)
