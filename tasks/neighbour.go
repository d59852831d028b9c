package tasks

import (
	"errors"

	"netrun/tasks/state"
)

// Neighbour is a permanent ARP or NDP entry.
type Neighbour struct {
	To        Addr      `arg:"to,required" doc:"address of the neighbour"`
	LLAddr    MAC       `arg:"lladdr" doc:"its MAC address; needed unless state is absent"`
	Dev       IfName    `arg:"dev,required" doc:"link that the neighbour is on"`
	State     string    `arg:"state" default:"present" choices:"present,absent" doc:"absent removes the entry"`
	Netns     Netns     `arg:"netns" doc:"network namespace to work in, as ip netns lists it"`
	Container Container `arg:"container" doc:"the same, by the name of a container (as in static_ip), or pid:N"`
}

func init() {
	Register(Kind{Name: "neighbour", Short: "a permanent ARP or NDP entry", New: func() Task { return new(Neighbour) }})
}

func (n *Neighbour) place() place { return place{n.Netns, n.Container} }

// Check implements Task.
func (n *Neighbour) Check() error {
	errs := []error{n.place().check()}
	if n.LLAddr == "" && n.State != absent {
		errs = append(errs, Wrong("lladdr", "what is the MAC address of %s?", n.To))
	}
	if n.To.IsMulticast() || n.To.IsUnspecified() {
		errs = append(errs, Wrong("to", "%s is not a neighbour's address", n.To))
	}
	return errors.Join(errs...)
}

// Want implements Wanter.
func (n *Neighbour) Want() []state.Want {
	return wants(n.State, state.Neighbour{Scope: n.place().scope(), Link: string(n.Dev), IP: n.To.Addr, MAC: string(n.LLAddr)})
}
