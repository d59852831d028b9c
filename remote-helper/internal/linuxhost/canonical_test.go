//go:build linux

package linuxhost

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"netrun/tasks/state"
)

// What CanonicalRule makes of a rule in common words is what iptables-save prints of it.
func TestCanonicalRuleIsWhatIptablesSays(t *testing.T) {
	r := newRig(t)
	needIptables(r)
	for _, test := range []struct {
		family int
		table  string
		rule   string
	}{
		{4, "nat", "-d 10.0.0.1 -p tcp --dport 80 -j DNAT --to-destination 10.2.2.2:8080"},
		{4, "nat", "-p tcp -m multiport --dports 80,443 -j DNAT --to 10.2.2.2"},
		{4, "nat", "-p udp --dport 53 -m conntrack --ctstate NEW,DNAT --ctorigdst 10.0.0.1/32 -j RETURN"},
		{4, "nat", "-s 10.0.0.0/8 ! -d 10.0.0.0/8 -j MASQUERADE"},
		{4, "nat", "-s 10.0.0.5 -o eth0 -j SNAT --to-source 192.0.2.1"},
		{4, "nat", "-p tcp -j MASQUERADE --to-ports 1000-2000 --random"},
		{4, "nat", "-p tcp --dport 8080 -j REDIRECT --to-ports 80"},
		{4, "nat", "-m addrtype --dst-type LOCAL -m comment --comment link -j ACCEPT"},
		{4, "filter", "-m state --state RELATED,ESTABLISHED -j ACCEPT"},
		{4, "filter", "-m conntrack --ctdir ORIGINAL --ctorigdstport 80 --ctorigdst 10.0.0.1 --ctstate RELATED,ESTABLISHED -j ACCEPT"},
		{4, "filter", "-p tcp --syn -i eth0 -s 10.1.2.3/255.255.255.0 -j REJECT"},
		{4, "filter", "-p icmp --icmp-type echo-request -m limit --limit 5/min -j DROP"},
		{4, "filter", "-m mark --mark 1 -j DROP"},
		{4, "filter", "-m mark ! --mark 1/0xf -g NETRUN-Y"},
		{4, "filter", "-p sctp --dport 99 -j LOG --log-prefix x"},
		{4, "filter", "-p 47 -j ACCEPT"},
		{4, "filter", "-i + -s 0.0.0.0/0 -p all -j ACCEPT"},
		{4, "filter", "-p tcp --sport 1024: ! --dport 80:90 -j ACCEPT"},
		{4, "mangle", "-j MARK --set-mark 7"},
		{4, "mangle", "-j MARK --set-mark 1/0xf0"},
		{4, "mangle", "-p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu"},
		{4, "raw", "-p tcp -j CT --notrack"},
		{6, "nat", "-d fd00::1 -p tcp --dport 80 -j DNAT --to-destination [fd00::2]:8080"},
		{6, "nat", "-s FD00::/8 -j MASQUERADE"},
		{6, "filter", "-p icmpv6 --icmpv6-type echo-request -j ACCEPT"},
		{6, "filter", "-s ::/0 -p ipv6-icmp -j REJECT"},
		{6, "filter", "-m conntrack --ctorigdst fd00::1 -j ACCEPT"},
	} {
		t.Run(test.rule, func(t *testing.T) {
			r := r.with(t)
			words := strings.Fields(test.rule)
			want := state.CanonicalRule(test.family, words)
			chains := []state.Object{state.Table{Family: test.family, Name: test.table},
				state.Chain{Family: test.family, Table: test.table, Name: "NETRUN-Y"},
				state.Chain{Family: test.family, Table: test.table, Name: "NETRUN-X", Rules: [][]string{words}}}
			r.create(chains...)
			got := r.get(chains[2].Key()).(state.Chain)
			if len(got.Rules) != 1 {
				t.Fatalf("got %d rules; want 1", len(got.Rules))
			}
			if d := cmp.Diff(want, got.Rules[0]); d != "" {
				t.Errorf("read back (-want +got):\n%s", d)
			}
			r.checkVerbatim(test.family, test.table, got.Rules[0])
			r.apply(deletions(chains[1:]...)...)
		})
	}
}

// checkVerbatim checks that reading changed no word of what iptables-save prints.
func (r *rig) checkVerbatim(family int, table string, rule []string) {
	r.Helper()
	saved := r.output(iptables(family) + "-save")
	_, inTable, _ := strings.Cut(saved, "*"+table+"\n")
	for _, line := range strings.Split(inTable, "\n") {
		if words, ok := strings.CutPrefix(line, "-A NETRUN-X "); ok && words != strings.Join(rule, " ") {
			r.Errorf("got %q; want what iptables-save prints: %q", strings.Join(rule, " "), words)
		}
	}
}
