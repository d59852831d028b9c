package tasks

import (
	"errors"

	"netrun/tasks/state"
)

// Interface is properties of a link that is there already.
type Interface struct {
	Name       IfName    `arg:"name,required" doc:"the link, which must be there"`
	State      string    `arg:"state" choices:"up,down" doc:"administrative state"`
	MTU        int       `arg:"mtu" doc:"MTU in bytes"`
	MAC        MAC       `arg:"mac" doc:"MAC address"`
	Promisc    *bool     `arg:"promisc" doc:"take every packet, not only those for this link"`
	TxQueueLen int       `arg:"txqueuelen" doc:"length of the transmit queue, in packets"`
	IPv6       *bool     `arg:"ipv6" doc:"whether the link speaks IPv6"`
	Master     IfName    `arg:"master" doc:"bridge that the link is put into"`
	NoMaster   bool      `arg:"nomaster" doc:"take the link out of the bridge in which it is"`
	Netns      Netns     `arg:"netns" doc:"network namespace to work in, as ip netns lists it"`
	Container  Container `arg:"container" doc:"the same, by the name of a container (as in static_ip), or pid:N"`
}

func init() {
	Register(Kind{Name: "interface", Short: "properties of a link that is there already", Free: "name", New: func() Task { return new(Interface) }})
}

func (i *Interface) place() place { return place{i.Netns, i.Container} }

// Check implements Task.
func (i *Interface) Check() error {
	errs := []error{i.place().check(), checkMTU(i.MTU), checkRange("txqueuelen", i.TxQueueLen, 1, 1<<20)}
	if i.Master != "" && i.NoMaster {
		errs = append(errs, Wrong("nomaster", "the link is either in %s or in no bridge", i.Master))
	}
	if i.Master != "" && i.Master == i.Name {
		errs = append(errs, Wrong("master", "%s cannot be in itself", i.Name))
	}
	return errors.Join(errs...)
}

// Want implements Wanter.
func (i *Interface) Want() []state.Want {
	scope, name := i.place().scope(), string(i.Name)
	out := state.Present(state.Link{Scope: scope, Name: name, State: i.State, MTU: i.MTU, MAC: string(i.MAC),
		Promisc: i.Promisc, TxQueue: i.TxQueueLen, IPv6: onOff(i.IPv6)})
	member := state.Member{Scope: scope, Link: name, Bridge: string(i.Master)}
	switch {
	case i.NoMaster:
		return append(out, state.Absent(member)...)
	case i.Master != "":
		return append(out, state.Present(member)...)
	}
	return out
}
