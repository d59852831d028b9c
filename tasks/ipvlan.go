package tasks

import (
	"errors"

	"netrun/tasks/state"
)

// IPvlan is a link on top of one of the host's, whose MAC address it shares.
type IPvlan struct {
	Name      IfName    `arg:"name,required" doc:"name of the link"`
	Link      IfName    `arg:"link" doc:"the host's link below; needed unless state is absent"`
	Mode      string    `arg:"mode" default:"l2" choices:"l2,l3,l3s" doc:"l2 switches, l3 routes, l3s routes through the host's iptables; all on one link have the same"`
	MTU       int       `arg:"mtu" doc:"MTU in bytes, at most that of the link below"`
	IPv6      *bool     `arg:"ipv6" doc:"whether the link speaks IPv6"`
	Up        bool      `arg:"up" default:"true" doc:"whether the link is up"`
	State     string    `arg:"state" default:"present" choices:"present,absent" doc:"absent removes the link"`
	Netns     Netns     `arg:"netns" doc:"network namespace that gets the link, as ip netns lists it"`
	Container Container `arg:"container" doc:"the same, by the name of a container (as in static_ip), or pid:N"`
}

func init() {
	Register(Kind{Name: "ipvlan", Short: "a link on top of one of the host's, with that one's MAC address", New: func() Task { return new(IPvlan) }})
}

func (i *IPvlan) place() place { return place{i.Netns, i.Container} }

// Check implements Task.
func (i *IPvlan) Check() error {
	errs := []error{i.place().check(), checkMTU(i.MTU)}
	if i.Link == "" && i.State != absent {
		errs = append(errs, Wrong("link", "on top of which link?"))
	}
	if i.Link == i.Name && !i.place().given() {
		errs = append(errs, Wrong("link", "%s cannot be on top of itself", i.Name))
	}
	return errors.Join(errs...)
}

// Want implements Wanter.
func (i *IPvlan) Want() []state.Want {
	return wants(i.State, state.Link{Scope: i.place().scope(), Name: string(i.Name), Type: "ipvlan", State: upDown(i.Up), MTU: i.MTU,
		IPv6: onOff(i.IPv6), Parent: string(i.Link), Mode: i.Mode})
}
