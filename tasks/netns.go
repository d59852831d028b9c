package tasks

import "netrun/tasks/state"

// NetnsTask is a named network namespace.
type NetnsTask struct {
	Name  Netns  `arg:"name,required" doc:"name of the network namespace, as ip netns lists it"`
	Lo    bool   `arg:"lo" default:"true" doc:"whether its loopback link is up"`
	State string `arg:"state" default:"present" choices:"present,absent" doc:"absent removes the namespace and all that is in it"`
}

func init() {
	Register(Kind{Name: "netns", Short: "a named network namespace", Free: "name", New: func() Task { return new(NetnsTask) }})
}

// Check implements Task.
func (n *NetnsTask) Check() error { return nil }

// Want implements Wanter.
func (n *NetnsTask) Want() []state.Want {
	space := state.Netns{Name: string(n.Name)}
	if n.State == absent {
		return state.Absent(space)
	}
	return state.Present(space, state.Link{Scope: state.NetnsScope(space.Name), Name: "lo", State: upDown(n.Lo)})
}
