package e2e

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"netrun/e2e/rig"
)

// meshTopology is three hosts on one switch, on which Open vSwitch runs. It needs no
// address on the switch: in user space, the underlay's stands on a bridge of Open vSwitch.
const meshTopology = `
switches: {sw1: }
hosts:
  mesh1: {groups: [mesh], services: [openvswitch], interfaces: {eth1: {switch: sw1}}, vars: {n: 1, node_address: 10.9.0.1, node_address6: "fd09::1"}}
  mesh2: {groups: [mesh], services: [openvswitch], interfaces: {eth1: {switch: sw1}}, vars: {n: 2, node_address: 10.9.0.2, node_address6: "fd09::2"}}
  mesh3: {groups: [mesh], services: [openvswitch], interfaces: {eth1: {switch: sw1}}, vars: {n: 3, node_address: 10.9.0.3, node_address6: "fd09::3"}}
`

// meshPlay joins a container on each host, a network namespace, over a Linux bridge.
const meshPlay = `
- hosts: mesh
  vars: {type: gre, key: 7, loop: split_horizon, shape: full, address_var: node_address}
  tasks:
    - ovs_bridge: {name: br-under, addresses: ["10.9.0.{{ .n }}/24", "fd09::{{ .n }}/64"]}
    - ovs_port: {bridge: br-under, name: eth1}
    - bridge: lbr0
    - netns: c
    - mesh: {group: mesh, bridge: lbr0, ovs_bridge: br-tun, type: "{{ .type }}", key: "{{ .key }}", loop: "{{ .loop }}", shape: "{{ .shape }}", address_var: "{{ .address_var }}"}
    - static_ip: {netns: c, bridge: lbr0, interface: eth0, addresses: ["172.30.0.{{ .n }}/24", "fd30::{{ .n }}/64"]}
`

// meshLab is a lab that ends with the test.
func meshLab(t *testing.T) *rig.Lab {
	t.Helper()
	need(t)
	topology := site(t, meshTopology)
	lab, err := rig.Up(t.Context(), the.netrun, "e2e-mesh", filepath.Join(filepath.Dir(the.link.Dir), "mesh"), "--topology", topology)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := lab.Down(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return lab
}

// meshed plays the mesh on the hosts of the inventory.
func meshed(t *testing.T, inventory string, vars ...string) played {
	t.Helper()
	return meshedBy(t, meshPlay, inventory, vars...)
}

func meshedBy(t *testing.T, text, inventory string, vars ...string) played {
	t.Helper()
	var args []string
	for _, v := range vars {
		args = append(args, "-e", v)
	}
	return playFile(t, inventory, site(t, text), args...).want(t, 0)
}

// apart takes the mesh away again.
func apart(t *testing.T, lab *rig.Lab) {
	t.Helper()
	if r := command(t, t.TempDir(), "undo", "-i", lab.Inventory); r.Exit != 0 {
		t.Fatalf("undo: got exit status %d\n%s%s", r.Exit, r.Stdout, r.Stderr)
	}
}

// hears fails unless the host's container gets an answer from the others', within the patience of ping.
func hears(t *testing.T, lab *rig.Lab, host string, addrs ...string) {
	t.Helper()
	for _, addr := range addrs {
		shell(t, lab, host, `nsenter --net=/run/netns/c ping -q -c 1 -w 3 "$1"`, addr)
	}
}

// transfer sends 10 MiB from the container of mesh1 to that of mesh2, and fails unless they arrive.
func transfer(t *testing.T, lab *rig.Lab, to string) {
	t.Helper()
	const size = 10 << 20
	shell(t, lab, "mesh2", `cd /root && rm -f got && (sleep 20 | nsenter --net=/run/netns/c timeout 20 busybox nc -l -p 5000 >got 2>/dev/null &) >/dev/null 2>&1`)
	shell(t, lab, "mesh1", `for i in 1 2 3 4 5; do head -c "$2" /dev/zero | nsenter --net=/run/netns/c timeout 15 busybox nc "$1" 5000 && exit; sleep 0.2; done; exit 1`,
		to, fmt.Sprint(size))
	eventually(t, 10*time.Second, func() string {
		if got := strings.TrimSpace(shell(t, lab, "mesh2", `stat -c %s /root/got`)); got != fmt.Sprint(size) {
			return fmt.Sprintf("got %s bytes; want %d", got, size)
		}
		return ""
	})
}

// TestMeshTypes: every type of tunnel, of Open vSwitch or of this kernel, carries all sizes of packets of both
// families, over an underlay of either.
func TestMeshTypes(t *testing.T) {
	t.Parallel()
	lab := meshLab(t)
	for _, c := range []struct {
		kind, underlay string
		mtu            int
	}{
		{"vxlan of the kernel", "node_address", 1450}, {"vxlan of the kernel", "node_address6", 1430},
		{"gre", "node_address", 1458}, {"vxlan", "node_address", 1450}, {"geneve", "node_address", 1450},
		{"gre", "node_address6", 1438}, {"vxlan", "node_address6", 1430}, {"geneve", "node_address6", 1430},
	} {
		t.Run(c.kind+" "+c.underlay, func(t *testing.T) {
			text := meshPlay
			if strings.HasSuffix(c.kind, "of the kernel") {
				text = strings.Replace(text, "ovs_bridge: br-tun, ", "", 1)
			}
			meshedBy(t, text, lab.Inventory, "type="+strings.Fields(c.kind)[0], "address_var="+c.underlay)
			if got := shell(t, lab, "mesh1", `nsenter --net=/run/netns/c ip -o link show eth0`); !strings.Contains(got, fmt.Sprintf(" mtu %d ", c.mtu)) {
				t.Errorf("got %q in the container; want MTU %d", got, c.mtu)
			}
			for _, host := range lab.Names() {
				hears(t, lab, host, "172.30.0.1", "172.30.0.2", "172.30.0.3", "fd30::1", "fd30::2", "fd30::3")
			}
			transfer(t, lab, "172.30.0.2")
			transfer(t, lab, "fd30::2")
			apart(t, lab)
		})
	}
	t.Run("loops", func(t *testing.T) { meshLoops(t, lab) })
	t.Run("hosts come and go", func(t *testing.T) { meshFollows(t, lab) })
}

// meshLoops: when the play ends, traffic passes, however long that took; and what is sent
// to all goes round no longer than it must.
func meshLoops(t *testing.T, lab *rig.Lab) {
	for _, loop := range []string{"split_horizon", "rstp", "stp"} {
		begun := time.Now()
		p := meshed(t, lab.Inventory, "loop="+loop)
		took := time.Since(begun)
		for _, host := range lab.Names() {
			hears(t, lab, host, "172.30.0.1", "172.30.0.2", "172.30.0.3")
		}
		if waits := loop != "split_horizon"; p.says("waiting until all ports forward") != waits || p.says("all ports forward after") != waits {
			t.Errorf("%s: got %s; want that it says it waits: %v", loop, p.Stdout, waits)
		}
		t.Logf("%s: the play took %.1f s", loop, took.Seconds())
		before := received(t, lab)
		shell(t, lab, "mesh1", `nsenter --net=/run/netns/c ping -b -q -c 20 -i 0.05 -W 1 172.30.0.255 || true`)
		if got := received(t, lab) - before; got > 1000 {
			t.Errorf("%s: 20 broadcasts made %d frames in the container of mesh3: they go round", loop, got)
		}
		apart(t, lab)
	}
}

// received counts the frames that the container of mesh3 has got.
func received(t *testing.T, lab *rig.Lab) int {
	t.Helper()
	var n int
	out := shell(t, lab, "mesh3", `nsenter --net=/run/netns/c ip -s -o link show eth0 | tr '\\' '\n' | awk '/RX:/ {getline; print $2}'`)
	if _, err := fmt.Sscan(out, &n); err != nil {
		t.Fatalf("frames %q: %v", out, err)
	}
	return n
}

// meshFollows: a host's coming and going costs each other host one tunnel.
func meshFollows(t *testing.T, lab *rig.Lab) {
	two := without(t, lab.Inventory, "mesh3")
	meshed(t, two)
	hears(t, lab, "mesh1", "172.30.0.2")
	for _, c := range []struct{ inventory, mesh1 string }{{lab.Inventory, "create ovs-port gre-mesh3"}, {two, "delete ovs-port gre-mesh3"}} {
		var got []string
		for _, change := range meshed(t, c.inventory).changes() {
			if text, mine := strings.CutPrefix(change, "mesh1: mesh: "); mine {
				got = append(got, text)
			}
		}
		if len(got) != 1 || !strings.HasPrefix(got[0], c.mesh1) {
			t.Errorf("mesh1 changed %q; want only %s", got, c.mesh1)
		}
	}
	playFile(t, two, site(t, meshPlay)).unchanged(t)
}
