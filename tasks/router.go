package tasks

import (
	"errors"
	"fmt"

	"netrun/tasks/state"
)

// Router is a host that knows the way to every node's subnets.
type Router struct {
	Nodes      string        `arg:"nodes" doc:"group of the inventory (or a host) whose members get a route for each of their subnets"`
	SubnetVar  []string      `arg:"subnet_var" default:"node_subnet" doc:"variable of a node that holds its subnet, or a list of them: 11.11.1.0/24; or several variables, such as ipam.docker.subnet"`
	AddressVar []string      `arg:"address_var" default:"node_address" doc:"variable of a node that holds its address, to which the router sends: 192.168.2.1; for subnets of two families a list with one of each, or two variables"`
	DevVar     string        `arg:"dev_var" default:"node_dev" doc:"variable of a node that names the router's link to it, or of a list, one for each address; a node may be without"`
	Routes     []RouterRoute `arg:"routes" doc:"further routes, besides those of the nodes"`
	AcceptRA   []IfName      `arg:"accept_ra" doc:"links that learn their IPv6 default route from router advertisements, besides the NICs: forwarding would end that"`
	State      string        `arg:"state" default:"present" choices:"present,absent" doc:"absent removes the routes; forwarding stays as it is"`
}

// RouterRoute is one route of a router.
type RouterRoute struct {
	To     Net    `arg:"to,required" doc:"destination: a subnet"`
	Via    Addr   `arg:"via,required" doc:"gateway"`
	Dev    IfName `arg:"dev" doc:"link; unset, the one on whose subnet the gateway is"`
	Metric int    `arg:"metric" doc:"of two routes to one subnet, the one with the lower metric is used while its link is up"`
}

func init() {
	Register(Kind{Name: "router", Short: "routes to the subnets of every node of a group, and forwarding", New: func() Task { return new(Router) }})
}

// Expand implements Expander: the nodes become routes.
func (r *Router) Expand(inv Inventory) error {
	if r.Nodes == "" {
		return nil
	}
	from := nodeVars{Subnet: r.SubnetVar, Address: r.AddressVar, Dev: r.DevVar}
	found, err := from.routes(inv, r.Nodes)
	errs := []error{err}
	var routes []RouterRoute
	for _, f := range found {
		route := RouterRoute{To: f.To, Via: f.Via}
		if f.Dev != "" {
			if err := route.Dev.UnmarshalText([]byte(f.Dev)); err != nil {
				errs = append(errs, Wrong("nodes", "%s of host %s: %v", r.DevVar, f.Host, err))
			}
		}
		routes = append(routes, route)
	}
	r.Routes, r.Nodes = append(routes, r.Routes...), ""
	return errors.Join(errs...)
}

// Check implements Task.
func (r *Router) Check() error {
	errs := []error{checkRoutes(r.Routes)}
	if r.Nodes != "" {
		errs = append(errs, Wrong("nodes", "group %q has not been looked up in an inventory", r.Nodes))
	}
	return errors.Join(errs...)
}

func checkRoutes(routes []RouterRoute) error {
	var errs []error
	seen := map[string]bool{}
	for i, route := range routes {
		wrong := func(arg, format string, a ...any) {
			errs = append(errs, &ArgError{Path: []any{"routes", i, arg}, Msg: fmt.Sprintf(format, a...)})
		}
		to := route.To.For(route.Via.Addr)
		key := route.object().Key().Name
		switch {
		case to.Addr().Is6() != route.Via.Is6():
			wrong("via", "%s is not of the same family as %s", route.Via, to)
		case seen[key]:
			wrong("to", "two routes to %s: two nodes have the same subnet", to)
		case !route.To.Default && to.Contains(route.Via.Addr):
			wrong("via", "gateway %s is inside %s itself", route.Via, to)
		case route.Via.IsLinkLocalUnicast() && route.Dev == "":
			wrong("via", "%s is on every link: dev says on which", route.Via)
		case route.Metric < 0:
			wrong("metric", "%d is below 0", route.Metric)
		}
		seen[key] = true
	}
	return errors.Join(errs...)
}

func (r RouterRoute) object() state.Route {
	return state.Route{Dst: r.To.For(r.Via.Addr), Via: r.Via.text(), Dev: string(r.Dev), Metric: r.Metric}
}

// Want implements Wanter.
func (r *Router) Want() []state.Want {
	var routes []state.Object
	four, six := false, false
	for _, route := range r.Routes {
		four, six = four || route.Via.Is4(), six || route.Via.Is6()
		routes = append(routes, route.object())
	}
	if r.State == absent {
		return state.Absent(routes...)
	}
	return state.Present(append(forwarding(state.HostScope, four || !six, six, r.AcceptRA), routes...)...)
}
