package containers

import (
	"net/netip"

	"netrun/tasks/state"
)

// The runtimes, as they stand in front of a container's name.
const (
	Docker = "docker"
	Podman = "podman"
)

// Container is what a runtime says of one of its containers.
type Container struct {
	Runtime     string // Docker or Podman
	User        string // rootless podman's user, "" for root's
	ID, Name    string // the name is without Docker's leading slash
	Pid         int    // of its first process; 0 when it does not run
	Labels      map[string]string
	Image       string
	Hostname    string
	Env         []string
	Exposed     []Port         // sorted
	Published   []Publication  // sorted; beyond the host's loopback
	Addresses   []netip.Prefix // what the runtime gave it, sorted
	NetworkMode string         // bridge, none, host, container:ID, the name of a network, ...
	HostsPath   string         // its /etc/hosts as a file of the host, "" if it has none
}

// Port is a port that a container's image or its start says it listens on.
type Port struct {
	Port  int
	Proto string // tcp, udp or sctp
}

// Publication is a port of the host that the runtime leads to one of the container.
type Publication struct {
	HostPort int
	Port
}

// Scope is the container's scope: "docker:NAME", "podman:NAME", "podman:USER@NAME".
func (c Container) Scope() state.Scope {
	if c.User != "" {
		return state.Scope(c.Runtime + ":" + c.User + "@" + c.Name)
	}
	return state.Scope(c.Runtime + ":" + c.Name)
}

// Event is something that became of a container. Action is start, die, rename
// (Name is the new one) or destroy; or connected, with neither ID nor Name, when a
// runtime can be heard from now on and what was before is not known.
type Event struct {
	Runtime, User, ID, Name, Action string
}

// The actions of events.
const (
	Started   = "start"
	Died      = "die"
	Renamed   = "rename"
	Destroyed = "destroy"
	Connected = "connected"
)

// summary is a container as a list shows it.
type summary struct {
	runtime, user string
	id, name      string
	labels        map[string]string
	running       bool
}
