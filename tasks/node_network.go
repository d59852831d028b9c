package tasks

import (
	"errors"
	"net/netip"

	"netrun/tasks/state"
)

// NodeNetwork is a node's part of native container routing: a bridge for its
// containers, and the way to those of the other nodes through a router.
type NodeNetwork struct {
	Bridge           IfName `arg:"bridge" default:"lbr0" doc:"Linux bridge of this node's containers"`
	Address          Prefix `arg:"address,required" doc:"the bridge's address in the node's own subnet: 11.11.1.1/24"`
	ContainerNetwork Net    `arg:"container_network,required" doc:"network of all nodes' containers: 11.11.0.0/16"`
	Router           Addr   `arg:"router,required" doc:"router that knows every node's subnet: 192.168.2.2"`
	Dev              IfName `arg:"dev" doc:"link to the router; unset, the one on whose subnet it is"`
	State            string `arg:"state" default:"present" choices:"present,absent" doc:"absent removes the route and the bridge; forwarding stays as it is"`
}

func init() {
	Register(Kind{Name: "node_network", Short: "a node's bridge, route and forwarding for native container routing", New: func() Task { return new(NodeNetwork) }})
}

// Check implements Task.
func (n *NodeNetwork) Check() error {
	net, addr := n.ContainerNetwork, n.Address
	errs := []error{checkUsable("address", addr.Prefix)}
	switch {
	case net.Default:
		errs = append(errs, Wrong("container_network", "default is not the network of the containers").WithHint("write 11.11.0.0/16"))
	case net.Addr().Is6() != addr.Addr().Is6() || net.Addr().Is6() != n.Router.Is6():
		errs = append(errs, Wrong("container_network", "address, container_network and router are not of one family"))
	case !net.Contains(addr.Addr()) || addr.Bits() < net.Bits():
		errs = append(errs, Wrong("address", "%s is not a subnet of container_network %s", addr, net.Prefix))
	case addr.Masked() == net.Prefix:
		errs = append(errs, Wrong("address", "%s leaves no subnet of %s to other nodes", addr, net.Prefix).WithHint("each node has a subnet of its own, such as a /%d", smaller(net.Prefix)))
	case addr.Contains(n.Router.Addr):
		errs = append(errs, Wrong("router", "%s is in this node's own container subnet", n.Router))
	}
	return errors.Join(errs...)
}

func smaller(p netip.Prefix) int { return min(p.Bits()+8, p.Addr().BitLen()) }

// Want implements Wanter.
func (n *NodeNetwork) Want() []state.Want {
	bridge := state.Link{Name: string(n.Bridge), Type: "bridge", State: "up"}
	route := state.Route{Dst: n.ContainerNetwork.Prefix, Via: n.Router.text(), Dev: string(n.Dev)}
	if n.State == absent {
		return state.Absent(route, bridge)
	}
	return state.Present(forwarding(state.HostScope, n.Router.Is6()), bridge,
		state.Address{Link: bridge.Name, Prefix: n.Address.Prefix}, route)
}

// forwarding is the parameter that makes a host a router.
func forwarding(scope state.Scope, six bool) state.Sysctl {
	if six {
		return state.Sysctl{Scope: scope, Name: "net/ipv6/conf/all/forwarding", Value: "1"}
	}
	return state.Sysctl{Scope: scope, Name: "net/ipv4/ip_forward", Value: "1"}
}
