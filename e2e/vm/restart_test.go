//go:build vm

package vm

import (
	"context"
	_ "embed"
	"fmt"
	"strings"
	"testing"
	"time"
)

// shop is a playbook of which everything must come back by itself.
//
//go:embed testdata/shop.yaml
var shop string

// kept plays a playbook, which is removed at the end of the test.
func kept(t *testing.T, playbook string) {
	t.Helper()
	path := site(t, playbook)
	t.Cleanup(func() {
		if r := netrun(t, "remove", "-i", the.rack.Inventory, path); r.Exit != 0 {
			t.Errorf("remove: exit status %d\n%s%s", r.Exit, r.Stdout, r.Stderr)
		}
		for _, m := range the.rack.Machines {
			// What an act made stays: see netrun remove --help.
			if out, err := m.Shell(context.Background(), "docker ps -aq | xargs -r docker rm -f; ! ls /etc/systemd/system/netrun-*"); err != nil {
				t.Errorf("%s after remove: %v: %s", m.Name, err, out)
			}
		}
	})
	if r := netrun(t, "play", "-i", the.rack.Inventory, path); r.Exit != 0 {
		t.Fatalf("play: exit status %d\n%s%s", r.Exit, r.Stdout, r.Stderr)
	}
	nothingToDo(t, path)
}

// nothingToDo wants the hosts to be as the playbook has them, and to say so.
func nothingToDo(t *testing.T, path string) {
	t.Helper()
	r := netrun(t, "play", "-i", the.rack.Inventory, path, "--check", "--diff")
	if r.Exit != 0 || strings.Contains(r.Stdout, "changed: [") {
		t.Errorf("play --check: exit status %d\n%s%s", r.Exit, r.Stdout, r.Stderr)
	}
	if r := netrun(t, "verify", "-i", the.rack.Inventory, "vms"); r.Exit != 0 {
		t.Errorf("verify: exit status %d\n%s%s", r.Exit, r.Stdout, r.Stderr)
	}
}

// talk wants all ways of the shop from the first machine to the second to work.
func talk(t *testing.T, one, two *Machine) {
	t.Helper()
	for _, address := range []string{"10.9.0.12", "fd09::12", "10.7.0.2"} {
		eventually(t, 90*time.Second, func() string {
			if _, err := one.Shell(t.Context(), "docker exec web ping -c 1 -W 2 "+address); err != nil {
				return err.Error()
			}
			return ""
		})
	}
	one.pings(t, "", "10.11.2.1")
	one.sends(t, "", two, "", "10.9.0.2")
	two.sends(t, "", one, "", "10.9.0.1")
}

// log8099 is what netrun's rule is found by.
const log8099 = "iptables-save | grep -e '--dport 8099 -j REJECT'"

func TestReboot(t *testing.T) {
	one, two := pair(t)
	kept(t, shop)
	talk(t, one, two)
	before := one.sh(t, listLinks+"; "+log8099)
	if err := one.Reboot(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Log(one.sh(t, "systemd-analyze; systemctl show -p ActiveEnterTimestampMonotonic -p ExecMainStartTimestampMonotonic netrun-restore docker; "+
		"journalctl -b -u netrun-restore -u netrun-watch --no-pager"))
	talk(t, one, two)
	if after := one.sh(t, listLinks+"; "+log8099); after != before {
		t.Errorf("links and rules after the reboot: got %q; want %q", after, before)
	}
	// Containers may start once what is not in containers is there.
	order := strings.Fields(one.sh(t, "systemctl show --value -p ActiveEnterTimestampMonotonic netrun-restore; systemctl show --value -p ExecMainStartTimestampMonotonic docker"))
	if len(order) != 2 || len(order[0]) > len(order[1]) || len(order[0]) == len(order[1]) && order[0] > order[1] {
		t.Errorf("netrun-restore was done and docker began at %v; want them in that order", order)
	}
	nothingToDo(t, site(t, shop))
}

// card moves a card that somebody uses already into a container.
//
//go:embed testdata/card.yaml
var card string

// TestCard is what pipework never did: the card comes back when its container ends.
func TestCard(t *testing.T) {
	one, two := pair(t)
	one.sh(t, "ip link set ens5 mtu 1400 up")
	t.Cleanup(func() {
		if _, err := one.Shell(context.Background(), "ip link set ens5 mtu 1500 down"); err != nil {
			t.Error(err)
		}
	})
	const look = "ip -o link show ens5 | sed 's/^[0-9]*//' && cat /sys/class/net/ens5/ifalias"
	before := one.sh(t, look)
	if one.SpareMAC() != "52:54:00:00:01:03" {
		t.Fatal(one.SpareMAC())
	}
	inside := func() string {
		if _, err := one.Shell(t.Context(), "! ip link show ens5 2>/dev/null && docker exec box ping -c 1 -W 2 10.7.0.2"); err != nil {
			return err.Error()
		}
		return ""
	}
	kept(t, card)
	eventually(t, 60*time.Second, inside)
	two.pings(t, "", "10.7.0.1")
	for _, end := range []string{"docker kill box", "docker restart -t 0 box && docker stop -t 0 box"} {
		one.sh(t, end)
		took := eventually(t, 60*time.Second, func() string {
			if out, err := one.Shell(t.Context(), look); err != nil || out != before {
				return fmt.Sprintf("got %q, error %v; want %q", out, err, before)
			}
			return ""
		})
		t.Logf("%s: the card is back after %.1fs", end, took.Seconds())
		one.sh(t, "docker start box")
		took = eventually(t, 60*time.Second, inside)
		t.Logf("docker start box: the card is in it after %.1fs", took.Seconds())
	}
	if r := netrun(t, "remove", "-i", the.rack.Inventory, site(t, card)); r.Exit != 0 {
		t.Fatalf("remove: exit status %d\n%s%s", r.Exit, r.Stdout, r.Stderr)
	}
	if after := one.sh(t, look); after != before {
		t.Errorf("the card once removed from its container: got %q; want %q", after, before)
	}
}

// TestPowerCut takes the power in the middle of a play: what it had done is undone
// at boot, also what is on the disk, and what an earlier play made is there again.
func TestPowerCut(t *testing.T) {
	one, _ := pair(t)
	one.sh(t, "printf 'one\\ntwo\\n' > /etc/shop.conf")
	kept(t, `
- hosts: vm1
  tasks:
    - bridge: {name: lbr0, addresses: 10.10.1.1/24}
    - ovs_bridge: {name: br0, addresses: 10.9.0.1/24}
    - copy: {dest: /etc/shop.first, content: "of the first play\n"}
`)
	half := site(t, `
- hosts: vm1
  tasks:
    - address: {dev: lbr0, address: 10.10.1.1/24, state: absent}
    - address: {dev: lbr0, address: 10.20.1.1/24}
    - ovs_bridge: {name: br0, rstp: true}
    - ovs_bridge: {name: br-half, addresses: 10.30.0.1/24}
    - ovs_port: {bridge: br-half, name: half0, type: internal, tag: 7}
    - lineinfile: {path: /etc/shop.conf, line: three}
    - copy: {dest: /etc/shop.half, content: "half\n"}
    - sysctl: {name: net.ipv4.conf.lbr0.log_martians, value: "1"}
    - command: {cmd: sh -c "sync; touch /run/half; sleep 600"}
    - dummy: never0
`)
	cut := make(chan error, 1)
	go func() {
		cut <- one.cutWhen(t.Context(), "test -e /run/half && test -e /etc/shop.half && grep -q three /etc/shop.conf && ovs-vsctl br-exists br-half")
	}()
	r := netrun(t, "play", "-i", the.rack.Inventory, half)
	if err := <-cut; err != nil {
		t.Fatal(err)
	}
	if r.Exit == 0 || !strings.Contains(r.Stdout+r.Stderr, "vm1") {
		t.Errorf("the play whose host lost its power: exit status %d\n%s%s", r.Exit, r.Stdout, r.Stderr)
	}
	if err := one.Start(); err != nil {
		t.Fatal(err)
	}
	if err := one.WaitUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Log(one.sh(t, "journalctl -b -u netrun-restore --no-pager"))
	for script, want := range map[string]string{
		"cat /etc/shop.conf /etc/shop.first":                                       "one\ntwo\nof the first play\n",
		"ls /etc/shop.half 2>/dev/null || echo none":                               "none\n",
		"ovs-vsctl list-br":                                                        "br0\n",
		"ovs-vsctl get bridge br0 rstp_enable":                                     "false\n",
		"ip -4 -br address show lbr0 | awk '{ print $3 }'":                         "10.10.1.1/24\n",
		"ip -4 -br address show br0 | awk '{ print $3 }'":                          "10.9.0.1/24\n",
		"sysctl -n net.ipv4.conf.lbr0.log_martians":                                "0\n",
		"ip link show never0 2>/dev/null || echo none":                             "none\n",
		"systemctl is-active netrun-restore netrun-watch":                          "active\nactive\n",
		"ip link show half0 2>/dev/null; ip link show br-half 2>/dev/null; echo x": "x\n",
	} {
		if got := one.sh(t, script); got != want {
			t.Errorf("%s: got %q; want %q", script, got, want)
		}
	}
}

// cutWhen takes the machine's power once the script succeeds on it.
func (m *Machine) cutWhen(ctx context.Context, script string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		_, err := m.Shell(ctx, script)
		if err == nil {
			return m.Cut()
		}
		if pause(ctx, time.Second) != nil {
			return err
		}
	}
}
