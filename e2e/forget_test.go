package e2e

import (
	"strings"
	"testing"

	"netrun/e2e/rig"
)

// TestAbsentIsForgotten takes away what another playbook keeps in a container, which it
// calls by another name: it must not come back with the container.
func TestAbsentIsForgotten(t *testing.T) {
	t.Parallel()
	lab := serviceLab(t, "forget", "--hosts", "1", "--services", "docker")
	if err := lab.Import(t.Context(), "node1", "docker", "box"); err != nil {
		t.Fatal(err)
	}
	shell(t, lab, "node1", "docker run -d --init --name web box sleep 100000")
	play(t, lab, "- {hosts: node1, tasks: [{static_ip: {container: web, bridge: docker0, addresses: 10.6.1.2/24}}]}").want(t, 0)
	if got := keptInside(t, lab); len(got) == 0 {
		t.Fatal("nothing is kept of what the container has")
	}
	play(t, lab, "- {hosts: node1, tasks: [{static_ip: {container: 'docker:web', bridge: docker0, state: absent}}]}").want(t, 0)
	if got := keptInside(t, lab); len(got) > 0 {
		t.Errorf("after absent: got %q kept in the container; want nothing", got)
	}
}

// keptInside lists what is kept in the lab's containers.
func keptInside(t *testing.T, lab *rig.Lab) []string {
	t.Helper()
	var out []string
	for _, o := range standingIn(t, lab, "node1").Objects {
		if strings.Contains(o.Object, " in container:") {
			out = append(out, o.Object)
		}
	}
	return out
}

// TestRemoveGivesBackWhatWasChangedLater removes playbooks whose second version, or second
// author, has changed what the first found or made.
func TestRemoveGivesBackWhatWasChangedLater(t *testing.T) {
	t.Parallel()
	lab := serviceLab(t, "later", "--hosts", "1")
	shell(t, lab, "node1", "ip link add theirs type bridge && ip link set theirs mtu 1500")
	dir := t.TempDir()
	for _, mtu := range []string{"1500", "1400"} {
		playFile(t, lab.Inventory, keptFile(t, dir, "node1", "- {hosts: node1, tasks: [{interface: {name: theirs, mtu: "+mtu+"}}]}")).want(t, 0)
	}
	removed(t, lab, dir)
	if got := shell(t, lab, "node1", "ip link show theirs"); !strings.Contains(got, "mtu 1500") {
		t.Errorf("after remove: got %s; want the MTU that was there before", got)
	}
	first, second := t.TempDir(), t.TempDir()
	playFile(t, lab.Inventory, keptFile(t, first, "node1", "- {hosts: node1, tasks: [bridge: ours]}")).want(t, 0)
	playFile(t, lab.Inventory, keptFile(t, second, "node1", "- {hosts: node1, tasks: [{bridge: {name: ours, mtu: 1400}}]}")).want(t, 0)
	removed(t, lab, first)
	if got := shell(t, lab, "node1", "ip link show ours"); !strings.Contains(got, "mtu 1400") {
		t.Errorf("after the first playbook's removal: got %s; want what the second wants", got)
	}
	removed(t, lab, second)
	if got := shell(t, lab, "node1", "ip -o link show type bridge"); strings.Contains(got, "ours") {
		t.Errorf("after the removal of both: got %s; want no bridge of theirs", got)
	}
}

func removed(t *testing.T, lab *rig.Lab, dir string) {
	t.Helper()
	if r := command(t, t.TempDir(), "remove", "-i", lab.Inventory, dir+"/site.yaml"); r.Exit != 0 {
		t.Fatalf("netrun remove: got exit status %d\n%s%s", r.Exit, r.Stdout, r.Stderr)
	}
}
