package tasks

import (
	"errors"

	"netrun/tasks/state"
)

// Dummy is a link that leads nowhere, to hold addresses.
type Dummy struct {
	Name      IfName    `arg:"name,required" doc:"name of the link"`
	Addresses []Prefix  `arg:"addresses" doc:"addresses of the link, with prefix length"`
	MTU       int       `arg:"mtu" doc:"MTU in bytes"`
	MAC       MAC       `arg:"mac" doc:"MAC address"`
	IPv6      *bool     `arg:"ipv6" doc:"whether the link speaks IPv6"`
	Up        bool      `arg:"up" default:"true" doc:"whether the link is up"`
	State     string    `arg:"state" default:"present" choices:"present,absent" doc:"absent removes the link"`
	Netns     Netns     `arg:"netns" doc:"network namespace to work in, as ip netns lists it"`
	Container Container `arg:"container" doc:"the same, by the name of a container (as in static_ip), or pid:N"`
}

func init() {
	Register(Kind{Name: "dummy", Short: "a link that leads nowhere, to hold addresses", Free: "name", New: func() Task { return new(Dummy) }})
}

func (d *Dummy) place() place { return place{d.Netns, d.Container} }

// Check implements Task.
func (d *Dummy) Check() error {
	return errors.Join(d.place().check(), checkMTU(d.MTU), checkAddresses("addresses", d.Addresses))
}

// Want implements Wanter.
func (d *Dummy) Want() []state.Want {
	scope := d.place().scope()
	link := state.Link{Scope: scope, Name: string(d.Name), Type: "dummy", State: upDown(d.Up), MTU: d.MTU,
		MAC: string(d.MAC), IPv6: onOff(d.IPv6)}
	if d.State == absent {
		return state.Absent(link)
	}
	return state.Present(append([]state.Object{link}, addressObjects(scope, link.Name, d.Addresses, false)...)...)
}
