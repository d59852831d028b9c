package tasks

import (
	"errors"
	"slices"
)

// Mesh connects the bridges of all hosts of a group by tunnels, into one layer 2 network.
type Mesh struct {
	Group      string     `arg:"group" doc:"group of the inventory whose hosts are connected; this host is one of them"`
	Type       string     `arg:"type" default:"gre" choices:"gre,gretap,vxlan,geneve" doc:"gre is Open vSwitch's, gretap the kernel's (they understand each other); vxlan and geneve are Open vSwitch's with ovs_bridge, else the kernel's"`
	Bridge     IfName     `arg:"bridge" doc:"Linux bridge of the containers, such as docker0, which must be there"`
	OVSBridge  IfName     `arg:"ovs_bridge" doc:"Open vSwitch bridge that holds the tunnels; made if it is not there, and put into bridge if that is given; for gre, unset: br- and the name of bridge"`
	Loop       string     `arg:"loop" choices:"stp,rstp,split_horizon,none" doc:"what keeps frames from going round: spanning tree, the rapid one, or tunnels that do not pass on what came out of others; unset: split_horizon for a full mesh, rstp for a ring (stp without Open vSwitch), none for a star"`
	Shape      string     `arg:"shape" default:"full" choices:"full,ring,star" doc:"full: every host with every other; ring: each with the next one; star: all with the hub"`
	Hub        string     `arg:"hub" doc:"the star's centre, a host of the group; unset, the first one"`
	Key        int        `arg:"key" doc:"key of GRE, network identifier of vxlan and geneve (which need one)"`
	Name       string     `arg:"name" doc:"name of the mesh, which its tunnels carry; unset, that of the bridge"`
	AddressVar string     `arg:"address_var" default:"node_address" doc:"variable of a host that holds its address in the underlay; ansible_host where a host has none"`
	Local      Addr       `arg:"local" doc:"this host's own address in the underlay; unset, the one that the routes choose"`
	DstPort    int        `arg:"dst_port" doc:"UDP port of vxlan (4789) and geneve (6081)"`
	MTU        int        `arg:"mtu" doc:"MTU in bytes on the tunnels and bridges; unset, that of the underlay less what a tunnel adds"`
	DFDefault  *bool      `arg:"df_default" doc:"Open vSwitch: false lets the outer packets be split on the way"`
	Datapath   string     `arg:"datapath_type" default:"auto" choices:"auto,system,netdev" doc:"of the Open vSwitch bridge, as in ovs_bridge"`
	Prune      bool       `arg:"prune" default:"true" doc:"remove the tunnels of this mesh to hosts that are no longer in the group"`
	Peers      []MeshPeer `arg:"peers" doc:"hosts at the other ends of this host's tunnels; what group becomes, or instead of it"`
	State      string     `arg:"state" default:"present" choices:"present,absent" doc:"absent removes the tunnels, and the Open vSwitch bridge unless it was named by ovs_bridge"`
}

// MeshPeer is a host at the other end of a tunnel.
type MeshPeer struct {
	Name    string `arg:"name,required" doc:"name of the host, of which the tunnel's name is made"`
	Address Addr   `arg:"address,required" doc:"its address in the underlay"`
}

func init() {
	Register(Kind{Name: "mesh", Short: "one layer 2 network over the bridges of all hosts of a group", New: func() Task { return new(Mesh) }})
}

// Expand implements Expander: the group becomes the hosts to which this one has a tunnel.
func (m *Mesh) Expand(inv Inventory) error {
	if m.Group == "" {
		return nil
	}
	hosts, ok := inv.Group(m.Group)
	if !ok {
		return Wrong("group", "the inventory has no group %q", m.Group)
	}
	self := slices.Index(hosts, inv.Self())
	hub := 0
	switch {
	case m.State == absent:
		m.Group = ""
		return nil
	case self < 0:
		return Wrong("group", "%s itself is not in group %s", inv.Self(), m.Group).WithHint("play it on hosts: %s", m.Group)
	case m.Hub != "":
		if hub = slices.Index(hosts, m.Hub); hub < 0 {
			return Wrong("hub", "%q is not a host of group %s", m.Hub, m.Group)
		}
	}
	var errs []error
	for i, host := range hosts {
		if !m.connects(len(hosts), self, i, hub) {
			continue
		}
		addr, err := hostAddress(inv, host, m.AddressVar)
		if err != nil {
			errs = append(errs, under(err, "group"))
		}
		m.Peers = append(m.Peers, MeshPeer{Name: host, Address: Addr{addr}})
	}
	if m.needsLocal() {
		if addr, err := hostAddress(inv, inv.Self(), m.AddressVar); err == nil {
			m.Local = Addr{addr}
		}
	}
	m.Group, m.Hub = "", ""
	return errors.Join(errs...)
}

// needsLocal reports whether the kernel wants to know this end's address too.
func (m *Mesh) needsLocal() bool {
	return (m.Type == "gretap" || m.oneLink()) && !m.Local.IsValid() && len(m.Peers) > 0 && m.Peers[0].Address.Is6()
}

// connects reports whether the shape has a tunnel between hosts i and j of n.
func (m *Mesh) connects(n, i, j, hub int) bool {
	switch {
	case i == j:
		return false
	case m.Shape == "ring":
		return (i+1)%n == j || (j+1)%n == i
	case m.Shape == "star":
		return i == hub || j == hub
	}
	return true
}

// Check implements Task.
func (m *Mesh) Check() error {
	if m.State == absent {
		return errors.Join(m.checkName()...)
	}
	errs := append(m.checkName(), checkMTU(m.MTU))
	errs = append(errs, checkTunnelKind(m.Type, string(m.Bridge), string(m.OVSBridge), m.Key, m.DstPort)...)
	errs = append(errs, m.checkLoop()...)
	if m.Group != "" {
		errs = append(errs, Wrong("group", "group %q has not been looked up in an inventory", m.Group))
	}
	if m.Hub != "" && m.Shape != "star" {
		errs = append(errs, Wrong("hub", "only a star has a hub").WithHint("shape: star"))
	}
	if m.OVSBridge != "" && m.OVSBridge == m.Bridge {
		errs = append(errs, Wrong("ovs_bridge", "a bridge cannot be put into itself").WithHint("leave bridge out, if containers are ports of %s", m.OVSBridge))
	}
	if (m.DFDefault != nil || m.Datapath != "auto") && !m.onOVS() {
		errs = append(errs, Wrong("type", "df_default and datapath_type are Open vSwitch's, and a %s in a Linux bridge is not", m.Type).WithHint("give ovs_bridge"))
	}
	return errors.Join(append(errs, m.checkPeers()...)...)
}

func (m *Mesh) checkName() []error {
	errs := []error{checkLine("name", m.Name)}
	if m.name() == "" {
		errs = append(errs, Wrong("bridge", "which mesh? give bridge, ovs_bridge or name"))
	}
	return errs
}

func (m *Mesh) checkLoop() []error {
	switch {
	case m.loop() == "split_horizon" && m.Shape != "full":
		return []error{Wrong("loop", "with split_horizon no host passes on what another one sent, so that a %s does not connect all", m.Shape).
			WithHint("shape: full, or loop: rstp")}
	case m.oneLink() && (m.loop() != "split_horizon" || m.Shape != "full"):
		return []error{Wrong("loop", "the kernel has one vxlan link for all hosts, and that passes nothing on from one to another").
			WithHint("loop: split_horizon and shape: full, or ovs_bridge")}
	case m.loop() == "rstp" && !m.onOVS():
		return []error{Wrong("loop", "Linux bridges have no rapid spanning tree").WithHint("loop: stp or split_horizon, or ovs_bridge")}
	}
	return nil
}

func (m *Mesh) checkPeers() []error {
	var errs []error
	names, addrs := map[string]string{}, map[Addr]string{}
	for i, end := range m.ends() {
		p := m.Peers[i]
		for _, err := range end.check("peers") {
			errs = append(errs, at(err, i))
		}
		if other, taken := names[end.name]; taken && !m.oneLink() {
			errs = append(errs, at(Wrong("peers", "the tunnels to %s and %s would both be called %s", other, p.Name, end.name).WithHint("give name"), i))
		}
		if other, taken := addrs[p.Address]; taken {
			errs = append(errs, at(Wrong("peers", "%s and %s have one address, %s", other, p.Name, p.Address), i))
		}
		names[end.name], addrs[p.Address] = p.Name, p.Name
	}
	return errs
}
