//go:build linux

package linuxhost

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"netrun/tasks/state"
)

// useLegacy makes iptables the legacy one for the test.
func useLegacy(r *rig) {
	r.Helper()
	dir := r.TempDir()
	for _, name := range []string{"iptables", "ip6tables"} {
		for _, part := range []string{"", "-save", "-restore"} {
			path, err := lookPath(name + "-legacy" + part)
			if err != nil {
				r.Skipf("probed %s-legacy%s: %v", name, part, err)
			}
			if err := os.Symlink(path, filepath.Join(dir, name+part)); err != nil {
				r.Fatal(err)
			}
		}
	}
	r.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	probe := exitError(r, "iptables", "-t", "nat", "-nL")
	if probe != "" {
		r.Skipf("probed iptables-legacy -t nat -nL: %s", probe)
	}
}

// On the legacy backend a table stays behind in the kernel; it holds nothing, and
// counts as none.
func TestChainOnLegacyBackend(t *testing.T) {
	r := newRig(t)
	useLegacy(r)
	r.output("iptables", "-t", "nat", "-A", "OUTPUT", "-d", "127.0.0.11", "-j", "RETURN")
	before := r.savedRules()
	objects := append(natChain(4, []string{"-d", "10.0.0.1/32", "-p", "tcp", "-m", "tcp", "--dport", "80", "-j", "ACCEPT"}),
		state.Table{Family: 4, Name: "mangle"},
		state.Chain{Family: 4, Table: "mangle", Name: "NETRUN-M", Rules: [][]string{{"-j", "RETURN"}}})
	r.create(objects...)
	r.have(objects...)
	chain := objects[1].(state.Chain)
	chain.Rules = [][]string{{"-j", "RETURN"}}
	r.update(chain)
	r.have(chain)
	r.apply(append(deletions(objects[3:]...), deletions(objects[1:3]...)...)...)
	r.lack(objects[1].Key(), objects[2].Key(), objects[3].Key(), objects[4].Key())
	r.have(objects[0])
	if got := r.savedRules(); !strings.HasPrefix(got, before) && !strings.Contains(got, strings.TrimSpace(before)) {
		t.Errorf("after undo got\n%s\nwant\n%s\nand at most an empty mangle table", got, before)
	}
}
