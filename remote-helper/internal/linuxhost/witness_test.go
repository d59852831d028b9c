//go:build linux

package linuxhost

import (
	"slices"
	"testing"

	goiptables "github.com/coreos/go-iptables/iptables"

	"netrun/tasks/state"
)

// TestChainsAsAnotherProgramSeesThem looks at netrun's chains through a library that
// knows nothing of netrun, and puts rules of its own beside them.
func TestChainsAsAnotherProgramSeesThem(t *testing.T) {
	r := newRig(t)
	other, err := goiptables.New()
	if err != nil {
		t.Skipf("probed iptables: %v", err)
	}
	foreign := []string{"-p", "tcp", "-m", "tcp", "--dport", "2375", "-j", "DROP"}
	if err := other.Append("filter", "INPUT", foreign...); err != nil {
		t.Fatal(err)
	}
	before := listed(t, other)
	chain := state.Chain{Family: 4, Table: "filter", Name: "NETRUN-WEB", Rules: [][]string{{"-p", "tcp", "-m", "tcp", "--dport", "80", "-j", "ACCEPT"}}}
	jump := state.Jump{Family: 4, Table: "filter", From: "INPUT", To: "NETRUN-WEB"}
	r.create(chain, jump)
	if there, err := other.Exists("filter", "NETRUN-WEB", chain.Rules[0]...); err != nil || !there {
		t.Errorf("rule in NETRUN-WEB: got %v, %v; want it there", there, err)
	}
	if got := listed(t, other); len(got) != len(before)+1 || !slices.Contains(got, before[len(before)-1]) {
		t.Errorf("INPUT: got %q, want one rule more than %q", got, before)
	}
	r.delete(jump)
	r.delete(chain)
	if got := listed(t, other); !slices.Equal(got, before) {
		t.Errorf("INPUT: got %q, want %q", got, before)
	}
	if there, err := other.ChainExists("filter", "NETRUN-WEB"); err != nil || there {
		t.Errorf("NETRUN-WEB: got %v, %v; want it gone", there, err)
	}
}

func listed(t *testing.T, other *goiptables.IPTables) []string {
	t.Helper()
	rules, err := other.List("filter", "INPUT")
	if err != nil {
		t.Fatal(err)
	}
	return rules
}
