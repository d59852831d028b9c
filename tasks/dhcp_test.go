package tasks_test

import (
	"strings"
	"testing"

	"netrun/tasks"
	"netrun/tasks/fakehost"
	"netrun/tasks/reconcile"
	"netrun/tasks/state"
)

// decoded is the task that the arguments make, checked.
func decoded(t *testing.T, kind string, args map[string]any) (tasks.Wanter, error) {
	t.Helper()
	k, _ := tasks.Lookup(kind)
	task, _, err := k.Decode(args)
	if err != nil {
		return nil, err
	}
	return task.(tasks.Wanter), task.Check()
}

func TestDHCPArguments(t *testing.T) {
	args := func(pairs ...any) map[string]any {
		m := map[string]any{"container": "web"}
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i].(string)] = pairs[i+1]
		}
		return m
	}
	for _, test := range []struct {
		kind string
		args map[string]any
		want string
	}{
		{"dhcp", args("dev", "eth1"), ""},
		{"dhcp", args("dev", "eth1", "wait", "2m", "hostname", "web-1.example.org"), ""},
		{"dhcp", args("dev", "lo"), "nobody answers"},
		{"dhcp", args("dev", "eth1", "wait", "1h"), "not between 1s and 5m"},
		{"dhcp", args("dev", "eth1", "hostname", "a b"), "not a host name"},
		{"dhcp", args("dev", "eth1", "hostname", "-a"), "not a host name"},
		{"dhcp", args("dev", "eth1", "client_id", "a\nb"), "which has no place there"},
		{"dhcp", args("dev", "eth1", "client_id", strings.Repeat("x", 255)), "254 fit"},
		{"dhcp", args("dev", "eth1", "metric", -1), "less than nothing"},
		{"static_ip", args("bridge", "br0", "dhcp", true), ""},
		{"static_ip", args("bridge", "br0", "dhcp", true, "addresses", []any{"fd00::2/64"}, "gateway", []any{"fd00::1"}), ""},
		{"static_ip", args("bridge", "br0", "dhcp", true, "gateway", "10.0.0.1"), "the DHCP server says which gateway"},
		{"static_ip", args("bridge", "br0", "hostname", "web"), "is for a DHCP server"},
		{"static_ip", args("bridge", "br0", "default_route", false), "is for a DHCP server"},
		{"static_ip", args("dummy", true, "dhcp", true), "leads nowhere"},
		{"static_ip", args("ipvlan_on", "eth0", "dhcp", true), ""},
		{"static_ip", args("ipvlan_on", "eth0", "mode", "l3", "dhcp", true), "no broadcast"},
		{"static_ip", args("bridge", "br0", "dhcp", true, "dhcp_wait", "0s"), "not between 1s and 5m"},
	} {
		_, err := decoded(t, test.kind, test.args)
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s %v: got %v; want %q", test.kind, test.args, err, test.want)
		}
	}
}

func TestDHCPHostname(t *testing.T) {
	for container, want := range map[string]string{"web": "web", "shop/web/2": "shop-web-2", "docker:my_app": "my-app", "podman:ann@db": "db", "netns:blue": "blue", "pid:7": ""} {
		task, err := decoded(t, "dhcp", map[string]any{"dev": "eth1", "container": container})
		if err != nil {
			t.Fatal(err)
		}
		if got := task.Want()[0].Object.(state.Lease).Hostname; got != want {
			t.Errorf("%s: got host name %q; want %q", container, got, want)
		}
	}
}

// A lease goes back to its server before the link goes, whichever way that is asked for.
func TestLeaseGoesBeforeItsLink(t *testing.T) {
	static := func(word string) []state.Want {
		task, err := decoded(t, "static_ip", map[string]any{"netns": "web", "bridge": "br0", "dhcp": true, "state": word})
		if err != nil {
			t.Fatal(err)
		}
		return task.Want()
	}
	lease := state.LeaseKey("netns:web", "eth1")
	for name, gone := range map[string][]state.Want{
		"the task": static("absent"), "the near end": state.Absent(state.Link{Name: "veth1-dc1c13db", Type: "veth"}),
		"the link": state.Absent(state.Link{Scope: "netns:web", Name: "eth1"}), "the namespace": state.Absent(state.Netns{Name: "web"}),
	} {
		host := fakehost.New(state.Netns{Name: "web"})
		p := reconcile.New(host, reconcile.Options{})
		for i, wants := range [][]state.Want{static("present"), gone} {
			changes, err := p.Plan(t.Context(), i, wants)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if i == 1 && (len(changes) == 0 || changes[0].Key() != lease || changes[0].Op != state.Delete || changes[0].Implied) {
				t.Errorf("%s: got %v; want the lease deleted first", name, changes)
			}
			if err := p.Apply(t.Context()); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
	}
}
