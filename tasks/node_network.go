package tasks

import (
	"errors"
	"fmt"
	"net/netip"

	"netrun/tasks/state"
)

// NodeNetwork is a node's part of native container routing: a bridge for its
// containers, and the way to those of the other nodes through routers.
type NodeNetwork struct {
	Bridge           IfName       `arg:"bridge" default:"lbr0" doc:"Linux bridge of this node's containers"`
	Address          []Prefix     `arg:"address,required" doc:"the bridge's address in the node's own subnet: 11.11.1.1/24; a list has one for each container network, IPv6 too"`
	ContainerNetwork []Net        `arg:"container_network,required" doc:"network of all nodes' containers: 11.11.0.0/16; or several"`
	Router           []Addr       `arg:"router" doc:"router that knows every node's subnet: 192.168.2.2; a list has one of each family"`
	Dev              IfName       `arg:"dev" doc:"link to router; unset, the one on whose subnet it is"`
	Routers          []NodeRouter `arg:"routers" doc:"further routers, or those for some of the container networks only"`
	MTU              int          `arg:"mtu" doc:"MTU of the bridge, and of Docker's containers"`
	AcceptRA         []IfName     `arg:"accept_ra" doc:"links that learn their IPv6 default route from router advertisements, besides the NICs: forwarding would end that"`
	DaemonJSON       DaemonFile   `arg:"daemon_json" doc:"true or a path: in Docker's daemon.json, bridge, fixed-cidr and what goes with them; true is /etc/docker/daemon.json"`
	FixedCIDR        []Net        `arg:"fixed_cidr" doc:"part of the node's subnet that Docker gives out, the rest is for static_ip; unset, all of it"`
	Masquerade       bool         `arg:"masquerade" default:"true" doc:"with daemon_json: what containers send beyond the container networks has the node's IPv4 address as source"`
	State            string       `arg:"state" default:"present" choices:"present,absent" doc:"absent removes routes, rules, Docker's keys and the bridge; forwarding stays as it is"`
}

// NodeRouter is one router of a node.
type NodeRouter struct {
	Via    Addr   `arg:"via,required" doc:"address of the router"`
	To     []Net  `arg:"to" doc:"container networks that it is for; unset, all of its family"`
	Dev    IfName `arg:"dev" doc:"link to it; unset, the one on whose subnet it is"`
	Metric int    `arg:"metric" doc:"of two routers for one network, the one with the lower metric is used while its link is up"`
}

func init() {
	Register(Kind{Name: "node_network", Short: "a node's bridge, routes and forwarding for native container routing", New: func() Task { return new(NodeNetwork) }})
}

// routers are all routers, each with its place among the arguments.
func (n *NodeNetwork) routers() (all []NodeRouter, paths [][]any) {
	for i, via := range n.Router {
		all, paths = append(all, NodeRouter{Via: via, Dev: n.Dev}), append(paths, []any{"router", i})
	}
	for i, r := range n.Routers {
		all, paths = append(all, r), append(paths, []any{"routers", i})
	}
	return all, paths
}

// Check implements Task.
func (n *NodeNetwork) Check() error {
	var errs []error
	for i, net := range n.ContainerNetwork {
		errs = append(errs, at(n.checkNetwork(net), i))
	}
	for i, addr := range n.Address {
		errs = append(errs, at(n.checkAddress(addr.Prefix), i))
	}
	for i, part := range n.FixedCIDR {
		errs = append(errs, at(n.checkFixed(part), i))
	}
	errs = append(errs, n.checkRouters()...)
	switch {
	case n.MTU != 0 && (n.MTU < 68 || n.MTU > 65535):
		errs = append(errs, Wrong("mtu", "%d is no MTU: 68 to 65535", n.MTU))
	case len(n.FixedCIDR) > 0 && n.DaemonJSON == "":
		errs = append(errs, Wrong("fixed_cidr", "it is for Docker: daemon_json is missing"))
	case n.Dev != "" && len(n.Router) == 0:
		errs = append(errs, Wrong("dev", "it is the link to router, which is missing"))
	}
	return errors.Join(errs...)
}

func (n *NodeNetwork) checkNetwork(net Net) error {
	if net.Default {
		return Wrong("container_network", "default is not the network of the containers").WithHint("write 11.11.0.0/16")
	}
	all, _ := n.routers()
	for _, r := range all {
		if r.leadsTo(net) {
			return nil
		}
	}
	return Wrong("container_network", "no router leads to %s", net.Prefix).WithHint("router takes a list: one of each family")
}

// leadsTo reports whether the router is for the network.
func (r NodeRouter) leadsTo(net Net) bool {
	if r.Via.Is6() != net.Addr().Is6() {
		return false
	}
	for _, to := range r.To {
		if to.Prefix == net.Prefix {
			return true
		}
	}
	return len(r.To) == 0
}

func (n *NodeNetwork) checkAddress(addr netip.Prefix) error {
	if err := checkUsable("address", addr); err != nil {
		return err
	}
	for _, net := range n.ContainerNetwork {
		switch {
		case net.Default || !net.Contains(addr.Addr()) || addr.Bits() < net.Bits():
		case addr.Masked() == net.Prefix:
			return Wrong("address", "%s leaves no subnet of %s to other nodes", addr, net.Prefix).WithHint("each node has a subnet of its own, such as a /%d", smaller(net.Prefix))
		default:
			return nil
		}
	}
	return Wrong("address", "%s is not a subnet of container_network %s", addr, netList(n.ContainerNetwork))
}

func smaller(p netip.Prefix) int { return min(p.Bits()+8, p.Addr().BitLen()) }

func netList(nets []Net) string {
	text := ""
	for i, n := range nets {
		if i > 0 {
			text += ", "
		}
		text += n.Prefix.String()
	}
	return text
}

func (n *NodeNetwork) checkFixed(part Net) error {
	for _, addr := range n.Address {
		if subnet := addr.Masked(); !part.Default && subnet.Contains(part.Addr()) && part.Bits() >= subnet.Bits() {
			return nil
		}
	}
	return Wrong("fixed_cidr", "%s is not a part of the node's own subnet", part.Prefix)
}

func (n *NodeNetwork) checkRouters() []error {
	var errs []error
	all, paths := n.routers()
	seen := map[string]bool{}
	for i, r := range all {
		wrong := func(format string, a ...any) {
			errs = append(errs, &ArgError{Path: paths[i], Msg: fmt.Sprintf(format, a...)})
		}
		if r.Via.IsLinkLocalUnicast() && r.Dev == "" {
			wrong("%s is on every link: dev says on which", r.Via)
		}
		for _, addr := range n.Address {
			if addr.Masked().Contains(r.Via.Addr) {
				wrong("%s is in this node's own container subnet", r.Via)
			}
		}
		for _, route := range n.routesOf(r) {
			if key := route.Key().Name; seen[key] {
				wrong("two routers for %s: give routers with a metric each", route.Dst)
			} else {
				seen[key] = true
			}
		}
		for _, to := range r.To {
			if known := n.hasNetwork(to); !known || to.Addr().Is6() != r.Via.Is6() {
				wrong("%s is not a container_network of its family", to.Prefix)
			}
		}
		if r.Metric < 0 {
			wrong("metric %d is below 0", r.Metric)
		}
	}
	return errs
}

func (n *NodeNetwork) hasNetwork(net Net) bool {
	for _, other := range n.ContainerNetwork {
		if !net.Default && other.Prefix == net.Prefix {
			return true
		}
	}
	return false
}

// routesOf are the routes through the router.
func (n *NodeNetwork) routesOf(r NodeRouter) []state.Route {
	var out []state.Route
	for _, net := range n.ContainerNetwork {
		if !net.Default && r.leadsTo(net) {
			out = append(out, state.Route{Dst: net.Prefix, Via: r.Via.text(), Dev: string(r.Dev), Metric: r.Metric})
		}
	}
	return out
}

// Want implements Wanter.
func (n *NodeNetwork) Want() []state.Want {
	bridge := state.Link{Name: string(n.Bridge), Type: "bridge", State: "up", MTU: n.MTU}
	var addresses, routes []state.Object
	for _, a := range n.Address {
		addresses = append(addresses, state.Address{Link: bridge.Name, Prefix: a.Prefix})
	}
	all, _ := n.routers()
	four, six := false, false
	for _, r := range all {
		four, six = four || r.Via.Is4(), six || r.Via.Is6()
		for _, route := range n.routesOf(r) {
			routes = append(routes, route)
		}
	}
	if n.State == absent {
		gone := append(n.dockerWants(), wants(absent, routes...)...)
		return append(gone, state.Absent(bridge)...)
	}
	objects := append(forwarding(state.HostScope, four, six, n.AcceptRA), bridge)
	objects = append(append(objects, addresses...), routes...)
	return append(state.Present(objects...), n.dockerWants()...)
}

// forwarding are the parameters that make a host a router for the families.
func forwarding(scope state.Scope, four, six bool, learning []IfName) []state.Object {
	var out []state.Object
	if four {
		out = append(out, state.Sysctl{Scope: scope, Name: "net/ipv4/ip_forward", Value: "1"})
	}
	if six {
		for _, l := range learning {
			out = append(out, state.AcceptRA(scope, string(l)))
		}
		out = append(out, state.KeepRA{Scope: scope}, state.Sysctl{Scope: scope, Name: "net/ipv6/conf/all/forwarding", Value: "1"})
	}
	return out
}
