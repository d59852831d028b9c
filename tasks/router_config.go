package tasks

import (
	"errors"
	"fmt"
	"strings"

	"netrun/inventory/diag"
	"netrun/tasks/state"
	"netrun/templates"
	"netrun/templates/stock"
)

// RouterConfig is the configuration of a router that is not a Linux host: the routes to
// every node's subnets, as text that its administrator pastes.
type RouterConfig struct {
	Nodes      string        `arg:"nodes" doc:"group of the inventory (or a host) whose members get a route for each of their subnets"`
	Syntax     string        `arg:"syntax" choices:"ios,junos,frr,vyos" doc:"whose words: Cisco IOS, Junos (set commands), FRR (vtysh), VyOS"`
	Template   string        `arg:"template" doc:"a template of your own on the controller, in place of syntax"`
	Dest       FilePath      `arg:"dest,required" doc:"file that gets the text, on the host that runs the task: usually localhost"`
	SubnetVar  []string      `arg:"subnet_var" default:"node_subnet" doc:"variable of a node that holds its subnet, or a list of them; or several variables, such as ipam.docker.subnet"`
	AddressVar []string      `arg:"address_var" default:"node_address" doc:"variable of a node that holds its address, or one of each family; or several variables"`
	DevVar     string        `arg:"dev_var" default:"node_dev" doc:"variable of a node that names the router's interface to it, in the router's words; a node may be without"`
	Routes     []ConfigRoute `arg:"routes" doc:"further routes, besides those of the nodes"`
	Mode       FileMode      `arg:"mode" doc:"permissions of the file, in quotes: '0644'"`
	State      string        `arg:"state" default:"present" choices:"present,absent" doc:"absent writes the lines that take the routes away"`

	source string // of the template
}

// ConfigRoute is one route in a router's configuration.
type ConfigRoute struct {
	To       Net    `arg:"to,required" doc:"destination: a subnet"`
	Via      Addr   `arg:"via,required" doc:"next hop"`
	Dev      string `arg:"dev" doc:"interface, in the router's words: GigabitEthernet0/1"`
	Distance int    `arg:"distance" doc:"administrative distance (Junos: preference), 1 to 255; unset, the router's own"`
	Host     string `arg:"host" doc:"the node that it leads to, for templates"`
}

func init() {
	Register(Kind{Name: "router_config", Short: "routes to the subnets of every node, as configuration for Cisco IOS, Junos, FRR or VyOS", New: func() Task { return new(RouterConfig) }})
}

// Expand implements Expander: the nodes become routes.
func (r *RouterConfig) Expand(inv Inventory) error {
	if r.Nodes == "" {
		return nil
	}
	from := nodeVars{Subnet: r.SubnetVar, Address: r.AddressVar, Dev: r.DevVar}
	found, err := from.routes(inv, r.Nodes)
	var routes []ConfigRoute
	for _, f := range found {
		routes = append(routes, ConfigRoute{To: f.To, Via: f.Via, Dev: f.Dev, Host: f.Host})
	}
	r.Routes, r.Nodes = append(routes, r.Routes...), ""
	return err
}

// Sources implements Sourcer.
func (r *RouterConfig) Sources() []Source {
	if r.Template == "" {
		return nil
	}
	return []Source{{Path: r.Template, Arg: "template"}}
}

// Fill implements Sourcer.
func (r *RouterConfig) Fill(_ int, content []byte) { r.source = string(content) }

// Check implements Task.
func (r *RouterConfig) Check() error {
	var errs []error
	if r.Nodes != "" {
		errs = append(errs, Wrong("nodes", "group %q has not been looked up in an inventory", r.Nodes))
	}
	if (r.Syntax == "") == (r.Template == "") {
		errs = append(errs, Wrong("syntax", "give syntax or template").WithHint("syntax: %s", strings.Join(stock.Names(), ", ")))
	}
	if _, err := target(r.Dest, ""); err != nil {
		errs = append(errs, err)
	}
	for i, route := range r.Routes {
		errs = append(errs, r.checkRoute(i, route))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	_, err := r.text()
	return err
}

func (r *RouterConfig) checkRoute(i int, route ConfigRoute) error {
	wrong := func(arg, format string, a ...any) error {
		return &ArgError{Path: []any{"routes", i, arg}, Msg: fmt.Sprintf(format, a...)}
	}
	to := route.To.For(route.Via.Addr)
	switch {
	case to.Addr().Is6() != route.Via.Is6():
		return wrong("via", "%s is not of the same family as %s", route.Via, to)
	case route.Via.IsLinkLocalUnicast() && route.Dev == "":
		return wrong("via", "%s is on every link: dev says on which", route.Via)
	case strings.ContainsFunc(route.Dev, func(c rune) bool { return c <= ' ' || c > '~' || strings.ContainsRune(`"'|;#!?`, c) }):
		return wrong("dev", "%q is not the name of an interface", route.Dev)
	case route.Distance < 0 || route.Distance > 255:
		return wrong("distance", "%d is not from 1 to 255", route.Distance)
	}
	for _, other := range r.Routes[:i] {
		if other.To.For(other.Via.Addr) == to && other.Distance == route.Distance {
			return wrong("to", "two routes to %s", to)
		}
	}
	return nil
}

// text is the configuration.
func (r *RouterConfig) text() (string, error) {
	name, source := "template", r.source
	if r.Template == "" {
		name, source = "syntax", stock.Text(r.Syntax)
	}
	if !templates.HasActions(source) {
		return source, nil
	}
	t, err := templates.Parse(source, templates.Origin{Pos: diag.Pos{File: r.Template, Line: 1, Col: 1}})
	if err != nil {
		return "", Wrong(name, "%v", err)
	}
	text, err := t.Text(templates.NewScope(r.vars()))
	if err != nil {
		return "", Wrong(name, "%v", err)
	}
	return text, nil
}

// vars are the variables of the template, see templates/stock.
func (r *RouterConfig) vars() map[string]any {
	routes := []any{}
	four, six := false, false
	for _, route := range r.Routes {
		family := 4
		if route.Via.Is6() {
			family = 6
		}
		four, six = four || family == 4, six || family == 6
		routes = append(routes, map[string]any{"host": route.Host, "to": route.To.For(route.Via.Addr).String(), "via": route.Via.text(),
			"dev": route.Dev, "distance": route.Distance, "family": family})
	}
	return map[string]any{"routes": routes, "absent": r.State == absent, "ipv4": four, "ipv6": six}
}

// Want implements Wanter.
func (r *RouterConfig) Want() []state.Want {
	text, err := r.text()
	if err != nil {
		return nil // Check refuses it
	}
	f := state.File{Path: string(r.Dest), Type: "file", Mode: string(r.Mode)}
	return state.Present(f.WithContent([]byte(text)))
}
