//go:build vm

package vm

import (
	"strings"
	"testing"
)

// TestMachines is what the other tests lean on.
func TestMachines(t *testing.T) {
	one, two := pair(t)
	for _, m := range []*Machine{one, two} {
		for script, want := range map[string]string{
			"systemctl is-active docker openvswitch-switch": "active\nactive\n",
			"hostname": m.Name + "\n",
			"ls /sys/class/net | grep ens | tr '\\n' ' '":                                                "ens3 ens4 ens5 ",
			"cat /sys/class/net/ens5/address":                                                            m.SpareMAC() + "\n",
			"ovs-vsctl add-br probe0 && ovs-appctl dpif/show | grep -c system@; ovs-vsctl del-br probe0": "1\n",
		} {
			if got := m.sh(t, script); got != want {
				t.Errorf("%s on %s: got %q; want %q", script, m.Name, got, want)
			}
		}
	}
	if boot := one.sh(t, "systemd-analyze"); !strings.Contains(boot, "Startup finished") {
		t.Error(boot)
	} else {
		t.Log(boot)
	}
}
