package state

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCanonicalRule(t *testing.T) {
	for _, test := range []struct {
		family    int
		rule      string
		want      string // "" is the rule itself
		words     []string
		wantWords []string
	}{
		{family: 4, rule: "-d 10.0.0.1 -j ACCEPT", want: "-d 10.0.0.1/32 -j ACCEPT"},
		{family: 4, rule: "-j DROP -s 10.1.2.3/255.255.0.0", want: "-s 10.1.0.0/16 -j DROP"},
		{family: 4, rule: "--source 0.0.0.0/0 --in-interface + -p all -j RETURN", want: "-j RETURN"},
		{family: 6, rule: "-s ::/0 -d FD00::1 -j ACCEPT", want: "-d fd00::1/128 -j ACCEPT"},
		{family: 4, rule: "-s ! 10.0.0.0/8 -j ACCEPT", want: "! -s 10.0.0.0/8 -j ACCEPT"},
		{family: 4, rule: "-p TCP --dport 80 -j ACCEPT", want: "-p tcp -m tcp --dport 80 -j ACCEPT"},
		{family: 4, rule: "-p 17 --dport 53 --sport 1024: -j ACCEPT", want: "-p udp -m udp --sport 1024:65535 --dport 53 -j ACCEPT"},
		{family: 4, rule: "-p tcp -m tcp -j ACCEPT"},
		{family: 4, rule: "-p tcp --syn -j REJECT", want: "-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j REJECT --reject-with icmp-port-unreachable"},
		{family: 6, rule: "-j REJECT", want: "-j REJECT --reject-with icmp6-port-unreachable"},
		{family: 4, rule: "-p tcp -m multiport --dport 80,443 -j ACCEPT", want: "-p tcp -m multiport --dports 80,443 -j ACCEPT"},
		{family: 4, rule: "-p tcp -m comment --comment x --dport 80 -j ACCEPT", want: "-p tcp -m comment --comment x -m tcp --dport 80 -j ACCEPT"},
		{family: 4, rule: "-m conntrack --ctorigdst 10.0.0.1/32 --ctstate established,NEW -j ACCEPT", want: "-m conntrack --ctstate NEW,ESTABLISHED --ctorigdst 10.0.0.1 -j ACCEPT"},
		{family: 4, rule: "-m state --state ESTABLISHED,RELATED -j ACCEPT", want: "-m state --state RELATED,ESTABLISHED -j ACCEPT"},
		{family: 4, rule: "-p icmp --icmp-type echo-request -j DROP", want: "-p icmp -m icmp --icmp-type 8 -j DROP"},
		{family: 6, rule: "-p icmpv6 --icmpv6-type echo-request -j DROP", want: "-p ipv6-icmp -m icmp6 --icmpv6-type 128 -j DROP"},
		{family: 4, rule: "-p tcp -j DNAT --to 10.0.0.1:80", want: "-p tcp -j DNAT --to-destination 10.0.0.1:80"},
		{family: 4, rule: "-j SNAT --to 10.0.0.1", want: "-j SNAT --to-source 10.0.0.1"},
		{family: 4, rule: "-p tcp -j REDIRECT --to-port 80", want: "-p tcp -j REDIRECT --to-ports 80"},
		{family: 4, rule: "-m mark --mark 1 -j MARK --set-mark 0x2", want: "-m mark --mark 0x1 -j MARK --set-xmark 0x2/0xffffffff"},
		{family: 4, rule: "-j MARK --set-mark 1/0xf0", want: "-j MARK --set-xmark 0x1/0xf1"},
		{family: 4, rule: "-m addrtype --dst-type LOCAL ! -i eth0 -j NETRUN-X", want: "! -i eth0 -m addrtype --dst-type LOCAL -j NETRUN-X"},
		{family: 4, words: []string{"--comment", "-j DROP; x", "-j", "ACCEPT"}, wantWords: []string{"-m", "comment", "--comment", "-j DROP; x", "-j", "ACCEPT"}},
		{family: 4, rule: "--dport 80", want: "--dport 80"},
		{family: 4, rule: "-j"},
		{family: 4, rule: "!"},
	} {
		words, want := strings.Fields(test.rule), strings.Fields(test.want)
		if test.words != nil {
			words, want = test.words, test.wantWords
		}
		if len(want) == 0 {
			want = words
		}
		got := CanonicalRule(test.family, words)
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("CanonicalRule(%q) (-want +got):\n%s", words, d)
		}
		if d := cmp.Diff(got, CanonicalRule(test.family, got)); d != "" {
			t.Errorf("CanonicalRule(%q) twice (-once +twice):\n%s", words, d)
		}
	}
}

// Whatever the order of a rule's parts, what is canonical stays as it is; and no
// words make it panic.
func FuzzCanonicalRule(f *testing.F) {
	parts := []string{"-s 10.0.0.1", "! -d fd00::1/64", "-s ! 10.1.0.0/16", "-i +", "! -o eth0", "-p tcp", "-p 17", "--dport :80",
		"! --sport 9", "--syn", "-m tcp", "-m multiport --dports 1,2", "-m conntrack --ctorigdst 10.0.0.1/32 --ctstate dnat,new",
		"--comment x", "-m mark --mark 1/0xffffffff", "-j REJECT", "-g X", "-j DNAT --to 1.2.3.4", "--icmp-type ping"}
	f.Add([]byte{5, 0, 7, 12, 17}, "-p tcp !")
	f.Add([]byte{15, 6, 8, 8}, "-s")
	f.Fuzz(func(t *testing.T, order []byte, garbage string) {
		CanonicalRule(4, strings.Fields(garbage))
		var words []string
		for _, b := range order {
			words = append(words, strings.Fields(parts[int(b)%len(parts)])...)
		}
		once := CanonicalRule(4, words)
		if d := cmp.Diff(once, CanonicalRule(4, once)); d != "" {
			t.Errorf("CanonicalRule(%q) twice (-once +twice):\n%s", words, d)
		}
	})
}
