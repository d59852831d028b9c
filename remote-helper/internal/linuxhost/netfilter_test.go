//go:build linux

package linuxhost

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"netrun/tasks/state"
)

// savedRules is what iptables-save prints of both families, without comments and counters.
func (r *rig) savedRules() string {
	r.Helper()
	var kept []string
	for _, line := range strings.Split(r.output("iptables-save")+r.output("ip6tables-save"), "\n") {
		if !strings.HasPrefix(line, "#") {
			line, _, _ = strings.Cut(line, " [")
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "\n")
}

func needIptables(r *rig) {
	r.Helper()
	if _, err := lookPath("iptables-save"); err != nil {
		r.Skipf("probed iptables-save: %v", err)
	}
}

// table, chain and jump of one family, as a link task wants them.
func natChain(family int, rules ...[]string) []state.Object {
	return []state.Object{
		state.Table{Family: family, Name: "nat"},
		state.Chain{Family: family, Table: "nat", Name: "NETRUN-OUT", Rules: rules},
		state.Jump{Family: family, Table: "nat", From: "OUTPUT", To: "NETRUN-OUT"},
	}
}

func deletions(objects ...state.Object) []state.Change {
	var changes []state.Change
	for i := len(objects) - 1; i >= 0; i-- {
		changes = append(changes, state.Change{Op: state.Delete, Before: objects[i]})
	}
	return changes
}

func TestChainUndoneByteForByte(t *testing.T) {
	for _, test := range []struct {
		name   string
		before [][]string // commands of others that run first
		stay   bool       // the table is not netrun's to delete
	}{
		{name: "no table"},
		{name: "foreign rules", stay: true, before: [][]string{
			{"iptables", "-t", "nat", "-A", "OUTPUT", "-d", "127.0.0.11/32", "-j", "RETURN"},
			{"iptables", "-t", "nat", "-N", "DOCKER"},
			{"iptables", "-t", "nat", "-A", "OUTPUT", "-j", "DOCKER", "-m", "comment", "--comment", "a \"b\" c"},
			{"ip6tables", "-t", "nat", "-A", "OUTPUT", "-j", "RETURN"},
			{"iptables", "-P", "FORWARD", "DROP"}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t)
			needIptables(r)
			for _, command := range test.before {
				r.output(command[0], command[1:]...)
			}
			before := r.savedRules()
			objects := append(natChain(4, []string{"-d", "10.0.0.1/32", "-j", "ACCEPT"}),
				natChain(6, []string{"-d", "fd00::1/128", "-j", "ACCEPT"})...)
			r.lack(objects[1].Key(), objects[2].Key(), objects[4].Key(), objects[5].Key())
			if got := r.savedRules(); got != before {
				t.Fatalf("observing changed the rules:\n%s", cmp.Diff(before, got))
			}
			r.create(objects...)
			r.have(objects...)
			undo := deletions(objects...)
			if test.stay {
				undo = append(deletions(objects[4:]...), deletions(objects[1:3]...)...)
			}
			r.apply(undo...)
			if got := r.savedRules(); got != before {
				t.Errorf("after undo (-before +after):\n%s", cmp.Diff(before, got))
			}
			r.lack(objects[1].Key(), objects[2].Key())
		})
	}
}

func TestTableOfOthersIsNotDeleted(t *testing.T) {
	r := newRig(t)
	needIptables(r)
	objects := natChain(4)
	r.create(objects...)
	r.apply(deletions(objects[1:]...)...)
	r.output("iptables", "-t", "nat", "-A", "POSTROUTING", "-j", "ACCEPT")
	before := r.savedRules()
	err := r.host.Apply(context.Background(), deletions(objects[0]))
	if err == nil || !strings.Contains(err.Error(), "others have put rules") {
		t.Errorf("got %v; want an error that others use the table", err)
	}
	if got := r.savedRules(); got != before {
		t.Errorf("rules (-before +after):\n%s", cmp.Diff(before, got))
	}
}

// The kernel itself refuses to delete a table that got a rule after it was looked at.
func TestDropTableChecksAgain(t *testing.T) {
	r := newRig(t)
	needIptables(r)
	r.output("iptables", "-t", "nat", "-A", "POSTROUTING", "-j", "ACCEPT")
	if !strings.Contains(r.output("iptables-save"), "(nf_tables)") {
		t.Skip("probed iptables-save: not the nf_tables backend")
	}
	thread := startThread()
	defer thread.stop()
	if err := thread.in(&space{fd: r.host.home}, func() error { return dropTable(4, "nat", []string{"POSTROUTING"}) }); err == nil {
		t.Error("got no error; want a refusal")
	}
	if got := r.savedRules(); !strings.Contains(got, "-A POSTROUTING -j ACCEPT") {
		t.Errorf("got\n%s; want the rule of others still there", got)
	}
}

func TestChainIsReplacedAsAWhole(t *testing.T) {
	r := newRig(t)
	needIptables(r)
	objects := natChain(4, []string{"-d", "10.0.0.1/32", "-j", "ACCEPT"}, []string{"-j", "RETURN"})
	r.create(objects...)
	chain := objects[1].(state.Chain)
	chain.Rules = [][]string{{"-s", "10.0.0.0/8", "-p", "tcp", "-m", "comment", "--comment", "x \"y\" \\ z", "-j", "ACCEPT"}}
	r.update(chain)
	r.have(chain)
}

func TestJumpGoesBackToItsPlace(t *testing.T) {
	r := newRig(t)
	needIptables(r)
	r.create(state.Table{Family: 4, Name: "filter"})
	var jumps []state.Object
	for _, name := range []string{"NETRUN-A", "NETRUN-B", "NETRUN-C", "NETRUN-D"} {
		r.create(state.Chain{Family: 4, Table: "filter", Name: name})
	}
	foreign := func(n string) { r.output("iptables", "-A", "INPUT", "-s", "10.0.0."+n, "-j", "ACCEPT") }
	add := func(j state.Jump) {
		j.Family, j.Table, j.From = 4, "filter", "INPUT"
		r.create(j)
		jumps = append(jumps, j)
	}
	foreign("1")
	add(state.Jump{To: "NETRUN-A", First: true, Match: []string{"-i", "eth0"}})
	foreign("2")
	add(state.Jump{To: "NETRUN-B"})
	add(state.Jump{To: "NETRUN-C"})
	foreign("3")
	add(state.Jump{To: "NETRUN-D"})
	before := r.savedRules()
	seen := r.observe(jumps[0].Key())
	var observed []state.Object
	for _, j := range jumps {
		o, ok := seen.Get(j.Key())
		if !ok {
			t.Fatalf("no %s", j.Key())
		}
		observed = append(observed, o)
	}
	r.apply(deletions(observed...)...)
	var undo []state.Change // deletions ran last to first, so undo runs first to last
	for _, o := range observed {
		undo = append(undo, state.Change{Op: state.Create, After: o})
	}
	r.apply(undo...)
	if got := r.savedRules(); got != before {
		t.Errorf("jumps deleted and made again (-before +after):\n%s", cmp.Diff(before, got))
	}
}

func TestRuleLineRefuses(t *testing.T) {
	for _, args := range [][]string{
		{"-j", "ACCEPT\n-F"}, {"-j", "A\x00B"}, {""}, {"--modprobe=/bin/sh"}, {"--mod", "x"}, {"-M", "/bin/sh"}, {"-4M"},
		{"-t", "nat"}, {"--table=nat"}, {"-A", "INPUT"}, {"-F"}, {"--flush"}, {"-m", "comment", "--comment", "a\nb"},
		{"-m", "comment", "--comment", strings.Repeat("x", 1001)}, {"-X"}, {"--delete", "x"}, {"-w"}, {"-h"},
	} {
		if line, err := ruleLine("-A NETRUN-X", args); err == nil {
			t.Errorf("ruleLine(%q): got %q; want an error", args, line)
		}
	}
}

func TestRuleLineQuotes(t *testing.T) {
	r := newRig(t)
	needIptables(r)
	for _, comment := range []string{"plain", "two words", `q"uote`, `back\slash`, "it's", "$(reboot)", "; -F", "-j", "--flush", "#x", "`id`", "ümlaut", "!", "a\\"} {
		rule := []string{"-m", "comment", "--comment", comment, "-j", "ACCEPT"}
		objects := natChain(4, rule)
		r.create(objects...)
		r.have(objects...)
		r.apply(deletions(objects...)...)
	}
}

func TestRestoreNamesTheChange(t *testing.T) {
	r := newRig(t)
	needIptables(r)
	objects := append(natChain(4, []string{"-j", "ACCEPT"}), state.Chain{Family: 4, Table: "nat", Name: "NETRUN-BAD", Rules: [][]string{{"-m", "nosuch", "-j", "ACCEPT"}}})
	err := r.host.Apply(context.Background(), creations(objects...))
	var at *state.ApplyError
	if !asApply(err, &at) || at.Index != 3 {
		t.Errorf("got %v; want an error of change 3", err)
	}
}

func FuzzSplitRule(f *testing.F) {
	for _, seed := range []string{`-A X -j ACCEPT`, `-A X -m comment --comment "a \"b\" \\ c"`, `"`, `a"b"c`, "\t x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		words, err := splitRule(line)
		if err != nil {
			return
		}
		var quoted []string
		for _, w := range words {
			if w == "" {
				return
			}
			quoted = append(quoted, quoteRuleWord(w))
		}
		again, err := splitRule(strings.Join(quoted, " "))
		if err != nil || !cmp.Equal(again, words) {
			t.Errorf("splitRule(quoted %q): got %q, %v; want %q", quoted, again, err, words)
		}
	})
}

func FuzzParseRuleset(f *testing.F) {
	f.Add("*nat\n:OUTPUT ACCEPT [0:0]\n-A OUTPUT -j NETRUN-X\nCOMMIT\n")
	f.Add("# Generated by iptables-save v1.8.9 (nf_tables)\n*x\n[1:2] -A A -j B\n")
	f.Fuzz(func(t *testing.T, text string) {
		rules, err := parseRuleset(text)
		if err != nil {
			return
		}
		for _, table := range rules.tables {
			for _, rule := range table.rules {
				rule.asJump()
			}
		}
	})
}
