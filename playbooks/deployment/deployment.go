// Package deployment reads the deployment descriptors of geard and resolves them: which
// instances of which containers there are, on which hosts, and under which local address
// every container reaches the instances that it is linked to.
//
// A descriptor counts containers and links them by name. The annotated form, which Resolve
// makes of it, lists the instances too, and is the input of the next deployment: what stands
// in it stays as it is, as far as the hosts and the counts allow.
//
// The local address of an instance's port is the same for every source of the deployment. So
// all containers see one topology, whatever hosts the instances are on.
//
// It is pure: it knows no SSH, no runtime of containers, no files and no clock. What a host
// gave out is told to a Plan by SetExternal.
package deployment

import "netrun/inventory/diag"

// The bounds of a deployment. They keep a slip such as a Count of a billion from using up the
// memory; real deployments are far below.
const (
	MaxInstances = 10_000  // kept and new ones
	MaxPorts     = 200_000 // of all instances
	MaxLinks     = 200_000 // of all instances; a link of or to nothing counts as one
)

// Deployment is a descriptor, or its annotated form if it has instances. The tags are the
// written form of geard, in its order.
type Deployment struct {
	Containers   []Container
	Instances    []Instance
	IDPrefix     string `json:"IdPrefix"`     // of the id of each new instance
	RandomizeIDs bool   `json:"RandomizeIds"` // random ids in place of numbers
}

// Container describes Count equal instances.
type Container struct {
	Name        string
	Image       string
	PublicPorts []Port     `json:",omitempty"`
	Links       []Link     `json:",omitempty"`
	Environment []Variable `json:",omitempty"`
	Count       int        // 0 is none
	Affinity    string     `json:",omitempty"` // "distribute" or a container; only Spread heeds it
	Pos         diag.Pos   `json:"-"`
}

// Port is a pair of ports. For a container, External is the port of the host, and 0 leaves it
// to the host. For an alias of a link, Internal is the port of the target and External the one
// that the source wants to see, 0 for no wish.
type Port struct {
	Internal int
	External int `json:",omitempty"`
}

// Link makes the instances of container To reachable from those of the container that has it.
type Link struct {
	To         string
	NonLocal   bool     `json:",omitempty"` // at addresses that are not 127.0.0.0/8
	MatchPort  bool     `json:",omitempty"` // each target at an address of its own, at the same port
	Ports      []int    `json:",omitempty"` // older form of AliasPorts; Resolve moves them there
	AliasPorts []Port   `json:",omitempty"`
	Pos        diag.Pos `json:"-"`
}

// Variable is one variable of the environment.
type Variable struct {
	Name  string
	Value string
}

// Instance is one container on a host.
type Instance struct {
	ID          string `json:"Id"`
	Image       string
	From        string         // name of the container
	On          string         `json:",omitempty"` // host as listed, such as "node1:43273"; "" is none
	Ports       []InstancePort `json:",omitempty"`
	Environment []Variable     `json:",omitempty"`
	Pos         diag.Pos       `json:"-"`
}

// InstancePort is a published port of an instance. External is 0 until the host has given one.
type InstancePort struct {
	Internal int
	External int `json:",omitempty"`
	Target   Target
}

// Target is the local address at which all sources see a port of an instance. Port 0 means
// that nothing is linked to it.
type Target struct {
	Host string `json:",omitempty"`
	Port int    `json:",omitempty"`
}

// set reports whether an address was given.
func (t Target) set() bool { return t.Port != 0 }
