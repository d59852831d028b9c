package lint

import (
	"fmt"
	"strings"
	"testing"

	"netrun/inventory/diag"
	"netrun/tasks"
	"netrun/tasks/state"
)

// meshed are n hosts that a task of the kind mesh connects; more are what each has besides.
func meshed(t *testing.T, n int, args map[string]any, more func(i int) []state.Object) []Host {
	t.Helper()
	k, _ := tasks.Lookup("mesh")
	var hosts []Host
	for i := 1; i <= n; i++ {
		var peers []any
		for j := 1; j <= n; j++ {
			if j != i {
				peers = append(peers, map[string]any{"name": fmt.Sprint("n", j), "address": fmt.Sprint("10.1.0.", j)})
			}
		}
		given := map[string]any{"peers": peers}
		for name, value := range args {
			given[name] = value
		}
		task, _, err := k.Decode(given)
		if err == nil {
			err = task.Check()
		}
		if err != nil {
			t.Fatal(err)
		}
		h := on(fmt.Sprint("n", i), append([]state.Object{addr("eth0", fmt.Sprintf("10.1.0.%d/24", i))}, more(i)...)...)
		line := len(h.Tasks) + 1
		h.Tasks = append(h.Tasks, Task{Name: "mesh", Pos: diag.Pos{File: h.Name, Line: line}, Wants: task.(tasks.Wanter).Want()})
		hosts = append(hosts, h)
	}
	return hosts
}

func nothing(int) []state.Object { return nil }

// containers have an address each, in a bridge, over a veth with that MTU; N is the host's number.
func containers(bridge, address string, mtu int) func(i int) []state.Object {
	return func(i int) []state.Object {
		return []state.Object{state.Link{Name: "v1", Type: "veth", Peer: "eth0", PeerScope: "netns:c", MTU: mtu}, member("v1", bridge),
			inside("c", "eth0", strings.ReplaceAll(address, "N", fmt.Sprint(i)))}
	}
}

func TestMesh(t *testing.T) {
	docker := map[string]any{"bridge": "docker0"}
	ring := "closes a circle of bridges without a spanning tree: one broadcast would go round for ever; see n2:2"
	runCases(t, []lintCase{
		{"split horizon", meshed(t, 4, docker, nothing), nil},
		{"split horizon of the kernel", meshed(t, 4, map[string]any{"bridge": "lbr0", "type": "gretap"}, nothing), nil},
		{"one link of the kernel", meshed(t, 4, map[string]any{"bridge": "lbr0", "type": "vxlan", "key": 9}, nothing), nil},
		{"one link, and a host without", append(meshed(t, 3, map[string]any{"bridge": "lbr0", "type": "vxlan", "key": 9}, nothing)[:2], on("n3", addr("eth0", "10.1.0.3/24"))), []string{
			"warning n1:2: tunnel vx-lbr0 of n1 leads to n3 (10.1.0.3), which has no vxlan tunnel back",
			"warning n2:2: tunnel vx-lbr0 of n2 leads to n3 (10.1.0.3), which has no vxlan tunnel back"}},
		{"rstp", meshed(t, 4, map[string]any{"bridge": "docker0", "loop": "rstp"}, nothing), nil},
		{"no protection", meshed(t, 3, map[string]any{"bridge": "docker0", "loop": "none"}, nothing),
			[]string{"warning n3:2: tunnel gre-n2 between br-docker0 of n2 and br-docker0 of n3 " + ring}},
		{"no protection on one host", append(meshed(t, 3, docker, nothing)[:2], meshed(t, 3, map[string]any{"bridge": "docker0", "loop": "none"}, nothing)[2]), nil},
		{"two keys", append(meshed(t, 2, map[string]any{"bridge": "docker0", "key": 1}, nothing)[:1], meshed(t, 2, map[string]any{"bridge": "docker0", "key": 2}, nothing)[1]), []string{
			"error n1:2: tunnel gre-n2 of n1 has id 1, and its other end, gre-n1 of n2, has 2; see n2:2",
			"error n2:2: tunnel gre-n1 of n2 has id 2, and its other end, gre-n2 of n1, has 1; see n1:2"}},
		{"gre and gretap", append(meshed(t, 2, docker, nothing)[:1], meshed(t, 2, map[string]any{"bridge": "lbr0", "type": "gretap"}, nothing)[1]), nil},
		{"a host without its ends", append(meshed(t, 3, docker, nothing)[:2], on("n3", addr("eth0", "10.1.0.3/24"))), []string{
			"warning n1:2: tunnel gre-n3 of n1 leads to n3 (10.1.0.3), which has no gre tunnel back",
			"warning n2:2: tunnel gre-n3 of n2 leads to n3 (10.1.0.3), which has no gre tunnel back"}},
		{"two meshes with one key", []Host{with(meshed(t, 2, docker, nothing)[0], func(h *Host) {
			h.Tasks = append(h.Tasks, meshed(t, 2, map[string]any{"bridge": "lbr0", "name": "b"}, nothing)[0].Tasks[1])
		})}, []string{"error n1:2: tunnels gre-n2 and b-n2 of n1 both lead to 10.1.0.2 with id 0: nobody can tell what comes out of which"}},
		{"two meshes with two keys", []Host{with(meshed(t, 2, docker, nothing)[0], func(h *Host) {
			h.Tasks = append(h.Tasks, meshed(t, 2, map[string]any{"bridge": "lbr0", "name": "b", "key": 9}, nothing)[0].Tasks[1])
		})}, nil},
	})
}

func TestMeshContainers(t *testing.T) {
	docker := map[string]any{"bridge": "docker0"}
	runCases(t, []lintCase{
		{"one address on two hosts", meshed(t, 2, docker, containers("docker0", "172.17.0.201/16", 0)),
			[]string{"error n2:4: address 172.17.0.201 is given more than once: to n1 eth0 in netns:c, n2 eth0 in netns:c; see n1:4"}},
		{"one address on two hosts that nothing connects", []Host{on("n1", containers("docker0", "172.17.0.201/16", 0)(1)...), on("n2", containers("docker0", "172.17.0.201/16", 0)(2)...)}, nil},
		{"an address each", meshed(t, 2, docker, containers("docker0", "172.17.0.N/16", 0)), nil},
		{"an MTU that fits", meshed(t, 2, docker, containers("docker0", "172.17.0.N/16", 1462)), nil},
		{"an MTU of 1500", meshed(t, 2, docker, containers("docker0", "172.17.0.N/16", 1500))[:1],
			[]string{"warning n1:2: link v1 of n1 has MTU 1500, and the tunnel gre-n2 carries no more than 1462: if the underlay has 1500; see n1:5"}},
		{"an MTU of 1500, and so is the mesh's", meshed(t, 2, map[string]any{"bridge": "docker0", "mtu": 1500}, containers("docker0", "172.17.0.N/16", 1500)), nil},
		{"more than the mesh's", meshed(t, 2, map[string]any{"bridge": "docker0", "mtu": 1400}, containers("docker0", "172.17.0.N/16", 1500))[:1],
			[]string{"error n1:2: link v1 of n1 has MTU 1500, and the tunnel gre-n2 carries no more than 1400: that is its mtu; see n1:5"}},
	})
}

func TestTwins(t *testing.T) {
	runCases(t, []lintCase{
		{"vxlan of the kernel", []Host{on("a", addr("eth0", "10.1.0.1/24"), vxlan("vx1", 7, "10.1.0.2"), vxlan("vx2", 7, "10.1.0.3"))},
			[]string{"error a:3: tunnels vx1 and vx2 of a: the kernel has one vxlan link for id 7; see a:2"}},
		{"geneve of the kernel", []Host{on("a", state.Link{Name: "g1", Type: "geneve", VNI: 7, Remote: "10.1.0.2"}, state.Link{Name: "g2", Type: "geneve", VNI: 7, Remote: "10.1.0.3"})}, nil},
		{"vxlan with two keys", []Host{on("a", vxlan("vx1", 7, "10.1.0.2"), vxlan("vx2", 8, "10.1.0.2"))}, nil},
	})
}
