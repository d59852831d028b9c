package cli

import (
	"strings"
	"testing"
	"time"

	"netrun/remote-helper/wire"
)

func stands(tunnel bool, containers ...string) *wire.Standing {
	s := &wire.Standing{Objects: []wire.Standpoint{{Object: "ovs-port gre0", State: "present", Tunnel: tunnel}}, Restore: "enabled", Watch: "active"}
	for _, c := range containers {
		name, addresses, _ := strings.Cut(c, " ")
		s.Containers = append(s.Containers, wire.RunningContainer{Name: name, Addresses: strings.Fields(addresses)})
	}
	return s
}

func TestTwinsAreAddressesOnHostsThatTunnelsJoin(t *testing.T) {
	got := twins(map[string]*wire.Standing{
		"a": stands(true, "docker:web 172.17.0.2/16 fd00::2/64"),
		"b": stands(true, "docker:db 172.17.0.3/16", "docker:web 172.17.0.2/16"),
		"c": stands(false, "docker:web 172.17.0.2/16"),
	})
	if len(got) != 1 || !strings.HasPrefix(got[0], "address 172.17.0.2 is that of containers on a (docker:web) and b (docker:web):") {
		t.Errorf("got %q; want one line about 172.17.0.2 on a and b", got)
	}
}

func TestStandingShowsWhatIsNotAsItShouldBe(t *testing.T) {
	now := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	s := stands(true)
	s.Objects = append(s.Objects, wire.Standpoint{Playbook: "a/site.yaml", At: "site.yaml:9", Object: "link br1", State: "drifted",
		Detail: "mtu is 1500, want 1400", Repair: true, Since: now.Add(-3 * time.Hour)})
	for all, want := range map[bool]int{false: 2, true: 3} {
		var out strings.Builder
		if err := printStanding(&out, "node1", s, all, now); err != nil {
			t.Fatal(err)
		}
		text := out.String()
		if lines := strings.Count(text, "\n"); lines != want || !strings.HasPrefix(text, "node1: 1 present, 1 drifted; at boot: enabled, watch: active\n") ||
			!strings.Contains(text, "site.yaml:9, 3h ago, repaired") {
			t.Errorf("all %v: got %d lines, want %d:\n%s", all, lines, want, text)
		}
	}
}
