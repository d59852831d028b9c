package e2e

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"netrun/e2e/rig"
)

// look prints all that a play could have changed in a host's network, and what
// netrun could have left behind. Left out is what changes by itself: counters,
// times, timers, and what belongs to the machine's kernel as a whole. A helper whose
// connection is closed ends by itself a moment after netrun: it has 5 seconds.
const look = `
helpers() { for p in /proc/[0-9]*; do case $(cat $p/comm 2>/dev/null) in netrun-helper*) echo ${p#/proc/} $(tr '\0' ' ' <$p/cmdline);; esac; done; }
for i in $(seq 50); do helpers | grep -q ' serve ' || break; sleep 0.1; done
say() { printf '== %s\n' "$*"; }
say addresses; ip -d addr | sed -E 's/ (hello|tcn|topology_change|gc|hold|message_age|forward_delay)_timer +[0-9.]+//g; s/ tentative//g'
say namespaces; ls /run/netns 2>/dev/null
say routes; ip route show table all; ip -6 route show table all | sed -E 's/ expires [0-9]+sec//'
say rules; ip rule; ip -6 rule
say neighbours; ip neigh show nud permanent
for tool in iptables ip6tables; do
  say $tool; $tool-save | sed -E '/^#/d; s/\[[0-9]+:[0-9]+\]//'
done
say sysctl; sysctl -a 2>/dev/null | grep -E '^net\.' | grep -v -E '^net\.netfilter\.nf_conntrack_count '
say processes; helpers
say left; ls -d /run/netrun/lock /run/netrun/*.pending /run/netrun/*.confirmed /var/lib/netrun/journal/*.open 2>/dev/null
true
`

// snapshot is how a host looks.
func snapshot(t *testing.T, lab *rig.Lab, host string) string {
	t.Helper()
	return shell(t, lab, host, look)
}

// sameAs says how the host differs from a snapshot of it, "" if it does not.
func sameAs(t *testing.T, lab *rig.Lab, host, before string) string {
	t.Helper()
	return cmp.Diff(before, snapshot(t, lab, host))
}
