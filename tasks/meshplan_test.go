package tasks_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"netrun/tasks/fakehost"
	"netrun/tasks/reconcile"
	"netrun/tasks/state"
)

// A host that comes or goes costs its own tunnel, and no other is touched.
func TestMeshFollowsTheGroup(t *testing.T) {
	for _, kind := range []string{"gre", "gretap"} {
		host := fakehost.New(state.Link{Name: "eth0", Type: "device", State: "up"}, state.Link{Name: "docker0", Type: "bridge", State: "up"},
			state.Address{Link: "eth0", Prefix: netip.MustParsePrefix("192.168.2.11/24")},
			state.OVSBridge{Name: "theirs"}, state.OVSPort{Name: "gre-other", Bridge: "theirs", Type: "gre", IDs: map[string]string{state.MeshID: "other"}})
		short := map[string]string{"gre": "gre", "gretap": "gt"}[kind]
		play := func(n int, more map[string]any) string {
			args := map[string]any{"bridge": "docker0", "type": kind}
			for name, value := range more {
				args[name] = value
			}
			p := reconcile.New(host, reconcile.Options{})
			changes, err := p.Plan(t.Context(), 1, meshOf(t, "node1", nodes(n), args))
			if err != nil {
				t.Fatal(err)
			}
			if err := p.Apply(t.Context()); err != nil {
				t.Fatal(err)
			}
			if left, err := p.Verify(t.Context()); err != nil || len(left) > 0 {
				t.Errorf("verify: got %v, %v; want nothing", left, err)
			}
			var out []string
			for _, c := range changes {
				if k := c.Key(); !c.Implied && (k.Kind == state.KindOVSPort || k.Kind == state.KindLink && strings.HasPrefix(k.Name, short+"-")) {
					out = append(out, string(c.Op)+" "+k.Name)
				}
			}
			return strings.Join(out, ",")
		}
		name := func(i int) string { return fmt.Sprint(short, "-node", i) }
		for _, step := range []struct {
			hosts int
			more  map[string]any
			want  string
		}{
			{2, nil, "create " + name(2)},
			{3, nil, "create " + name(3)},
			{3, nil, ""},
			{2, map[string]any{"prune": false}, ""},
			{2, nil, "delete " + name(3)},
			{4, map[string]any{"shape": "ring", "loop": "stp"}, "update " + name(2) + ",create " + name(4)},
			{4, map[string]any{"state": "absent"}, "delete " + name(2) + ",delete " + name(4)},
		} {
			if kind == "gretap" { // isolated is an attribute of its membership
				step.want = strings.TrimPrefix(step.want, "update "+name(2)+",")
			}
			got := play(step.hosts, step.more)
			if d := cmp.Diff(step.want, got); d != "" {
				t.Errorf("%s, %d hosts, %v (-want +got):\n%s", kind, step.hosts, step.more, d)
			}
		}
		got, err := host.Observe(t.Context(), []state.Key{{Kind: state.KindOVSPort, Name: "gre-other"}})
		if err != nil || got.Len() != 1 {
			t.Errorf("the other mesh's tunnel: got %d, %v; want it as it was", got.Len(), err)
		}
	}
}
