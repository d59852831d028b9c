package tasks

import (
	"errors"
	"fmt"
	"strings"
)

// nodeVars names the variables of the inventory that say where a node's subnets are.
type nodeVars struct {
	Subnet, Address []string
	Dev             string
}

// nodeRoute is the way to one subnet of a node.
type nodeRoute struct {
	Host string
	To   Net
	Via  Addr
	Dev  string
}

// routes has one route for each subnet of each node of the group, but for the host
// itself, in the order of the inventory.
func (v nodeVars) routes(inv Inventory, group string) ([]nodeRoute, error) {
	hosts, ok := inv.Group(group)
	if !ok {
		return nil, Wrong("nodes", "the inventory has no group or host %q", group)
	}
	var errs []error
	var routes []nodeRoute
	for _, host := range hosts {
		if host == inv.Self() {
			continue
		}
		some, err := v.routesTo(inv, host)
		if err != nil {
			errs = append(errs, err)
		}
		routes = append(routes, some...)
	}
	return routes, errors.Join(errs...)
}

func (v nodeVars) routesTo(inv Inventory, host string) ([]nodeRoute, error) {
	subnets, err := nodeTexts(inv, host, v.Subnet, true)
	if err != nil {
		return nil, err
	}
	addresses, err := nodeTexts(inv, host, v.Address, true)
	if err != nil {
		return nil, err
	}
	devs, err := nodeTexts(inv, host, []string{v.Dev}, false)
	if err != nil {
		return nil, err
	}
	gateways, err := v.gateways(host, addresses, devs)
	if err != nil {
		return nil, err
	}
	var out []nodeRoute
	for _, text := range subnets {
		// A node's subnet is often written as the address of its bridge.
		prefix, err := parsePrefix(text)
		if err != nil {
			return nil, Wrong("nodes", "%s of host %s: %v", strings.Join(v.Subnet, ", "), host, err)
		}
		route, ok := gateways[prefix.Addr().Is6()]
		if !ok {
			return nil, Wrong("nodes", "host %s has the subnet %s, and no address of that family in %s", host, prefix.Masked(), strings.Join(v.Address, ", "))
		}
		route.To.Prefix = prefix.Masked()
		out = append(out, route)
	}
	return out, nil
}

// gateways are the ways to the node by family: its address, and the link to it.
func (v nodeVars) gateways(host string, addresses, devs []string) (map[bool]nodeRoute, error) {
	if len(devs) > 1 && len(devs) != len(addresses) {
		return nil, Wrong("nodes", "%s of host %s has %d links for %d addresses", v.Dev, host, len(devs), len(addresses))
	}
	out := map[bool]nodeRoute{}
	for i, text := range addresses {
		route := nodeRoute{Host: host}
		if err := route.Via.UnmarshalText([]byte(text)); err != nil {
			return nil, Wrong("nodes", "%s of host %s: %v", strings.Join(v.Address, ", "), host, err)
		}
		if _, twice := out[route.Via.Is6()]; twice {
			return nil, Wrong("nodes", "host %s has two addresses of one family in %s: %s", host, strings.Join(v.Address, ", "), strings.Join(addresses, ", "))
		}
		if len(devs) > 0 {
			route.Dev = devs[min(i, len(devs)-1)]
		}
		out[route.Via.Is6()] = route
	}
	return out, nil
}

// nodeTexts are the values of a host's variables as texts, those of lists one by one.
func nodeTexts(inv Inventory, host string, names []string, needed bool) ([]string, error) {
	var out []string
	for _, name := range names {
		value, err := nodeValue(inv, host, name, needed)
		if err != nil {
			return nil, err
		}
		list, isList := value.([]any)
		if !isList && value != nil {
			list = []any{value}
		}
		for _, e := range list {
			text, ok := scalarText(e)
			if !ok {
				return nil, Wrong("nodes", "variable %s of host %s is %s where a text is wanted", name, host, describe(e))
			}
			out = append(out, text)
		}
	}
	return out, nil
}

// nodeVar is a variable of a host of the inventory, as text.
func nodeVar(inv Inventory, host, name string, needed bool) (string, error) {
	value, err := nodeValue(inv, host, name, needed)
	if err != nil || value == nil {
		return "", err
	}
	text, ok := scalarText(value)
	if !ok {
		return "", Wrong("nodes", "variable %s of host %s is %s where a text is wanted", name, host, describe(value))
	}
	return text, nil
}

// nodeValue is a variable of a host of the inventory; a dot leads into a map.
func nodeValue(inv Inventory, host, name string, needed bool) (any, error) {
	first, rest, deeper := strings.Cut(name, ".")
	value, ok, err := inv.Var(host, first)
	if err != nil {
		return nil, fmt.Errorf("variable %s of host %s: %w", first, host, err)
	}
	for ok && deeper {
		var m map[string]any
		if m, ok = value.(map[string]any); ok {
			first, rest, deeper = strings.Cut(rest, ".")
			value, ok = m[first]
		}
	}
	if ok && value != nil {
		return value, nil
	}
	if needed {
		return nil, Wrong("nodes", "host %s has no variable %s", host, name).WithHint("set it in the inventory or in host_vars/%s.yml", host)
	}
	return nil, nil
}
