package tasks

import (
	"errors"
	"fmt"

	"netrun/tasks/state"
)

// Router is a host that knows the way to every node's subnet.
type Router struct {
	Nodes      string        `arg:"nodes" doc:"group of the inventory (or a host) whose members get a route each"`
	SubnetVar  string        `arg:"subnet_var" default:"node_subnet" doc:"variable of a node that holds its subnet: 11.11.1.0/24"`
	AddressVar string        `arg:"address_var" default:"node_address" doc:"variable of a node that holds its address, to which the router sends: 192.168.2.1"`
	DevVar     string        `arg:"dev_var" default:"node_dev" doc:"variable of a node that names the router's link to it; a node may be without"`
	Routes     []RouterRoute `arg:"routes" doc:"further routes, besides those of the nodes"`
	State      string        `arg:"state" default:"present" choices:"present,absent" doc:"absent removes the routes; forwarding stays as it is"`
}

// RouterRoute is one route of a router.
type RouterRoute struct {
	To  Net    `arg:"to,required" doc:"destination: a subnet"`
	Via Addr   `arg:"via,required" doc:"gateway"`
	Dev IfName `arg:"dev" doc:"link; unset, the one on whose subnet the gateway is"`
}

func init() {
	Register(Kind{Name: "router", Short: "routes to the subnet of every node of a group, and forwarding", New: func() Task { return new(Router) }})
}

// Expand implements Expander: the nodes become routes.
func (r *Router) Expand(inv Inventory) error {
	if r.Nodes == "" {
		return nil
	}
	hosts, ok := inv.Group(r.Nodes)
	if !ok {
		return Wrong("nodes", "the inventory has no group or host %q", r.Nodes)
	}
	var errs []error
	routes := make([]RouterRoute, 0, len(hosts)+len(r.Routes))
	for _, host := range hosts {
		if host == inv.Self() {
			continue
		}
		route, err := r.routeTo(inv, host)
		if err != nil {
			errs = append(errs, err)
		}
		routes = append(routes, route)
	}
	r.Routes, r.Nodes = append(routes, r.Routes...), ""
	return errors.Join(errs...)
}

func (r *Router) routeTo(inv Inventory, host string) (RouterRoute, error) {
	var route RouterRoute
	subnet, err := nodeVar(inv, host, r.SubnetVar, true)
	if err != nil {
		return route, err
	}
	via, err := nodeVar(inv, host, r.AddressVar, true)
	if err != nil {
		return route, err
	}
	dev, err := nodeVar(inv, host, r.DevVar, false)
	if err != nil {
		return route, err
	}
	// A node's subnet is often written as the address of its bridge.
	prefix, err := parsePrefix(subnet)
	if err != nil {
		return route, Wrong("nodes", "%s of host %s: %v", r.SubnetVar, host, err)
	}
	route.To.Prefix = prefix.Masked()
	if err := route.Via.UnmarshalText([]byte(via)); err != nil {
		return route, Wrong("nodes", "%s of host %s: %v", r.AddressVar, host, err)
	}
	if dev != "" {
		if err := route.Dev.UnmarshalText([]byte(dev)); err != nil {
			return route, Wrong("nodes", "%s of host %s: %v", r.DevVar, host, err)
		}
	}
	return route, nil
}

// nodeVar is a variable of a host of the inventory, as text.
func nodeVar(inv Inventory, host, name string, needed bool) (string, error) {
	value, ok, err := inv.Var(host, name)
	if err != nil {
		return "", fmt.Errorf("variable %s of host %s: %w", name, host, err)
	}
	if !ok || value == nil {
		if needed {
			return "", Wrong("nodes", "host %s has no variable %s", host, name).WithHint("set it in the inventory or in host_vars/%s.yml", host)
		}
		return "", nil
	}
	text, ok := scalarText(value)
	if !ok {
		return "", Wrong("nodes", "variable %s of host %s is %s where a text is wanted", name, host, describe(value))
	}
	return text, nil
}

// Check implements Task.
func (r *Router) Check() error {
	var errs []error
	if r.Nodes != "" {
		errs = append(errs, Wrong("nodes", "group %q has not been looked up in an inventory", r.Nodes))
	}
	seen := map[string]bool{}
	for i, route := range r.Routes {
		to := route.To.For(route.Via.Addr)
		if to.Addr().Is6() != route.Via.Is6() {
			errs = append(errs, &ArgError{Path: []any{"routes", i, "via"}, Msg: fmt.Sprintf("%s is not of the same family as %s", route.Via, to)})
		}
		if seen[to.String()] {
			errs = append(errs, &ArgError{Path: []any{"routes", i, "to"}, Msg: fmt.Sprintf("two routes to %s: two nodes have the same subnet", to)})
		}
		if !route.To.Default && to.Contains(route.Via.Addr) {
			errs = append(errs, &ArgError{Path: []any{"routes", i, "via"}, Msg: fmt.Sprintf("gateway %s is inside %s itself", route.Via, to)})
		}
		seen[to.String()] = true
	}
	return errors.Join(errs...)
}

// Want implements Wanter.
func (r *Router) Want() []state.Want {
	var routes []state.Object
	four, six := false, false
	for _, route := range r.Routes {
		four, six = four || route.Via.Is4(), six || route.Via.Is6()
		routes = append(routes, state.Route{Dst: route.To.For(route.Via.Addr), Via: route.Via.text(), Dev: string(route.Dev)})
	}
	if r.State == absent {
		return state.Absent(routes...)
	}
	var objects []state.Object
	if four || !six {
		objects = append(objects, forwarding(state.HostScope, false))
	}
	if six {
		objects = append(objects, forwarding(state.HostScope, true))
	}
	return state.Present(append(objects, routes...)...)
}
