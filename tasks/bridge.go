package tasks

import (
	"errors"

	"netrun/tasks/state"
)

// Bridge is a Linux bridge, its addresses and the links in it.
type Bridge struct {
	Name          IfName       `arg:"name,required" doc:"name of the bridge"`
	Addresses     []Prefix     `arg:"addresses" doc:"addresses of the bridge itself, with prefix length"`
	Interfaces    []IfName     `arg:"interfaces" doc:"links that are put into the bridge; others that are in it stay"`
	STP           *bool        `arg:"stp" doc:"spanning tree protocol; it holds back traffic for two forward delays"`
	ForwardDelay  int          `arg:"forward_delay" doc:"forward delay in 1/100 s, as ip link shows it (200 to 3000)"`
	VLANFiltering *bool        `arg:"vlan_filtering" doc:"whether the bridge looks at VLAN tags"`
	VLANs         []BridgeVLAN `arg:"vlans" doc:"VLANs of links in the bridge, and of the bridge itself, each all that it has; turns vlan_filtering on"`
	MTU           int          `arg:"mtu" doc:"MTU in bytes; unset, that of the smallest link in it"`
	MAC           MAC          `arg:"mac" doc:"MAC address; unset, the kernel takes the lowest of those of the links in it"`
	IPv6          *bool        `arg:"ipv6" doc:"whether the bridge itself speaks IPv6"`
	Up            bool         `arg:"up" default:"true" doc:"whether the bridge is up"`
	State         string       `arg:"state" default:"present" choices:"present,absent" doc:"absent removes the bridge; the links in it stay"`
	Netns         Netns        `arg:"netns" doc:"network namespace to work in, as ip netns lists it"`
	Container     Container    `arg:"container" doc:"the same, by the name of a container (as in static_ip), or pid:N"`
}

// BridgeVLAN is the VLANs of one link in the bridge.
type BridgeVLAN struct {
	Interface IfName `arg:"interface,required" doc:"the link, or the bridge itself"`
	Tag       int    `arg:"tag" doc:"VLAN of its frames without a tag, 1 to 4094"`
	Trunks    []int  `arg:"trunks" doc:"VLANs that pass with their tags"`
}

func init() {
	Register(Kind{Name: "bridge", Short: "a Linux bridge", Free: "name", New: func() Task { return new(Bridge) }})
}

func (b *Bridge) place() place { return place{b.Netns, b.Container} }

// Check implements Task.
func (b *Bridge) Check() error {
	return errors.Join(b.place().check(), checkMTU(b.MTU), checkAddresses("addresses", b.Addresses),
		checkRange("forward_delay", b.ForwardDelay, 200, 3000), b.checkVLANs())
}

func (b *Bridge) checkVLANs() error {
	var errs []error
	if len(b.VLANs) > 0 && b.VLANFiltering != nil && !*b.VLANFiltering {
		errs = append(errs, Wrong("vlan_filtering", "a bridge with vlans has to look at VLAN tags"))
	}
	for i, v := range b.VLANs {
		for _, err := range []error{checkRange("tag", v.Tag, 1, 4094), checkVLANs(v.Trunks)} {
			if err != nil {
				errs = append(errs, under(err, "vlans", i))
			}
		}
		if v.Tag == 0 && len(v.Trunks) == 0 {
			errs = append(errs, &ArgError{Path: []any{"vlans", i}, Msg: "which VLANs? give tag, trunks or both"})
		}
	}
	return errors.Join(errs...)
}

// vlanObjects are the VLANs of the bridge's ports and of itself.
func (b *Bridge) vlanObjects(scope state.Scope) []state.Object {
	var out []state.Object
	for _, v := range b.VLANs {
		o := state.PortVLAN{Scope: scope, Link: string(v.Interface), Bridge: string(b.Name), VLANs: vlanWords(v.Tag, v.Trunks)}
		if o.Link == o.Bridge {
			o.Bridge = ""
		}
		out = append(out, o)
	}
	return out
}

// Want implements Wanter.
func (b *Bridge) Want() []state.Want {
	scope, name := b.place().scope(), string(b.Name)
	link := state.Link{Scope: scope, Name: name, Type: "bridge", State: upDown(b.Up), MTU: b.MTU, MAC: string(b.MAC),
		IPv6: onOff(b.IPv6), STP: b.STP, ForwardDelay: b.ForwardDelay, VLANFiltering: b.VLANFiltering}
	if len(b.VLANs) > 0 {
		link.VLANFiltering = new(true)
	}
	if b.State == absent {
		return state.Absent(link)
	}
	objects := []state.Object{link}
	if scope == state.HostScope {
		objects = append(objects, bridgePass(name)...)
	}
	for _, member := range b.Interfaces {
		objects = append(objects, state.Member{Scope: scope, Link: string(member), Bridge: name})
	}
	objects = append(objects, b.vlanObjects(scope)...)
	return state.Present(append(objects, addressObjects(scope, name, b.Addresses, false)...)...)
}
