package tasks

import (
	"errors"
	"fmt"

	"netrun/tasks/state"
)

// Tunnel is this host's end of a layer 2 tunnel to another host, as a port of a bridge.
type Tunnel struct {
	Name       IfName `arg:"name,required" doc:"name of the tunnel's port or link"`
	Type       string `arg:"type" default:"gre" choices:"gre,gretap,vxlan,geneve" doc:"gre is Open vSwitch's, gretap the kernel's (they understand each other); vxlan and geneve are that of the bridge"`
	Remote     string `arg:"remote" doc:"the other end: an address, or a host of the inventory; needed unless state is absent"`
	AddressVar string `arg:"address_var" default:"node_address" doc:"variable of a host that holds its address in the underlay; ansible_host where a host has none"`
	Local      Addr   `arg:"local" doc:"address of this end; unset, the one that the routes choose"`
	Key        int    `arg:"key" doc:"key of GRE, network identifier of vxlan and geneve; the same on both ends"`
	Bridge     IfName `arg:"bridge" doc:"Linux bridge that the tunnel is a port of"`
	OVSBridge  IfName `arg:"ovs_bridge" doc:"Open vSwitch bridge that the tunnel is a port of"`
	DstPort    int    `arg:"dst_port" doc:"UDP port of vxlan (4789) and geneve (6081), the same on both ends"`
	MTU        int    `arg:"mtu" doc:"MTU in bytes on the tunnel and its bridge; unset, that of the underlay less what the tunnel adds"`
	DFDefault  *bool  `arg:"df_default" doc:"Open vSwitch: false lets the outer packets be split on the way"`
	Isolated   bool   `arg:"isolated" doc:"keep what comes out of this tunnel from going into another isolated one (split horizon)"`
	State      string `arg:"state" default:"present" choices:"present,absent" doc:"absent removes the tunnel"`
}

func init() {
	Register(Kind{Name: "tunnel", Short: "one end of a layer 2 tunnel between hosts, with an MTU that fits", New: func() Task { return new(Tunnel) }})
}

// Expand implements Expander: a host of the inventory becomes its address.
func (t *Tunnel) Expand(inv Inventory) error {
	if _, err := parseAddr(t.Remote); err == nil || t.Remote == "" {
		return nil
	}
	hosts, ok := inv.Group(t.Remote)
	if !ok || len(hosts) != 1 || hosts[0] != t.Remote {
		return Wrong("remote", "%q is not an address, and not a host of the inventory", t.Remote)
	}
	addr, err := hostAddress(inv, t.Remote, t.AddressVar)
	if err != nil {
		return under(err, "remote")
	}
	t.Remote = addr.String()
	return nil
}

func (t *Tunnel) onOVS() bool { return overOVS(t.Type, string(t.OVSBridge)) }

func (t *Tunnel) end() tunnelEnd {
	remote, _ := parseAddr(t.Remote) // Check looks
	return tunnelEnd{name: string(t.Name), kind: t.Type, remote: remote, local: t.Local.Addr, key: t.Key, dstPort: t.DstPort, mtu: t.MTU,
		dfDefault: t.DFDefault, isolated: t.Isolated}
}

// Check implements Task.
func (t *Tunnel) Check() error {
	if t.State == absent {
		return nil
	}
	errs := append([]error{checkMTU(t.MTU)}, checkTunnelKind(t.Type, string(t.Bridge), string(t.OVSBridge), t.Key, t.DstPort)...)
	if t.Bridge != "" && t.OVSBridge != "" {
		errs = append(errs, Wrong("bridge", "a tunnel is a port of one bridge: give bridge or ovs_bridge"))
	}
	if t.Type == "gre" && t.Bridge != "" {
		errs = append(errs, Wrong("type", "in a Linux bridge, a tunnel over GRE is a gretap").WithHint("type: gretap, or ovs_bridge"))
	}
	if t.DFDefault != nil && !t.onOVS() {
		errs = append(errs, Wrong("df_default", "that is Open vSwitch's"))
	}
	if _, err := parseAddr(t.Remote); err != nil {
		return errors.Join(append(errs, Wrong("remote", "%v", remoteError(t.Remote, err)))...)
	}
	return errors.Join(append(errs, t.end().check("remote")...)...)
}

func remoteError(text string, err error) error {
	if text == "" {
		return errors.New("where is the other end?")
	}
	return fmt.Errorf("%w: write an address, or the name of a host of the inventory", err)
}

// Want implements Wanter.
func (t *Tunnel) Want() []state.Want {
	end := t.end()
	switch {
	case t.State == absent:
		return t.gone(end.name)
	case t.onOVS():
		own := fit(state.Link{Name: string(t.OVSBridge)}, []tunnelEnd{end})
		bridge := state.OVSBridge{Name: own.Name, MTURequest: own.MTU, MTUTowards: own.MTUTowards, MTULess: own.MTULess}
		return state.Present(bridge, own, end.port(own.Name))
	}
	return state.Present(end.link(), fit(state.Link{Name: string(t.Bridge)}, []tunnelEnd{end}),
		state.Member{Link: end.name, Bridge: string(t.Bridge), Isolated: new(t.Isolated)})
}

// gone wants whatever the tunnel may be to be absent.
func (t *Tunnel) gone(name string) []state.Want {
	var objects []state.Object
	if t.Type != "gretap" && t.Bridge == "" {
		objects = append(objects, state.OVSPort{Name: name})
	}
	if t.Type != "gre" && t.OVSBridge == "" {
		objects = append(objects, state.Link{Name: name})
	}
	return state.Absent(objects...)
}
