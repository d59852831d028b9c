package tasks

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"strconv"

	"netrun/tasks/state"
)

// ExpandLinks is the items of a links argument with the addresses of the hosts of the
// inventory. A name that it does not know is one for the host's own resolver.
func ExpandLinks(inv Inventory, items []any) ([]any, error) {
	var errs []error
	var out []any
	for i, item := range items {
		some, err := expandLink(inv, item)
		if err != nil {
			errs = append(errs, under(err, "links", i))
		}
		out = append(out, some...)
	}
	return out, errors.Join(errs...)
}

// expandLink is the item with addresses in the place of names: as it is, where it
// names no host of the inventory or has a mistake, which Check reports.
func expandLink(inv Inventory, item any) ([]any, error) {
	specs, err := ParseLinkItem(item)
	if err != nil {
		return []any{item}, nil
	}
	var out []any
	changed := false
	for _, s := range specs {
		host, err := hostOf(inv, s.ToHost, s.family() == 6)
		if err != nil {
			return []any{item}, err
		}
		changed = changed || host != s.ToHost
		s.ToHost = host
		out = append(out, s.asMap())
	}
	given, isMap := item.(map[string]any)
	switch {
	case !changed:
		return []any{item}, nil
	case isMap:
		return []any{withHost(given, specs[0], out[0].(map[string]any))}, nil
	}
	return out, nil
}

// withHost is the map as it was given, its port perhaps not known yet, with the address.
func withHost(given map[string]any, s LinkSpec, expanded map[string]any) map[string]any {
	m := maps.Clone(given)
	m["to"] = expanded["to"]
	if _, apart := given["to_port"]; !apart && s.ToPort != 0 {
		m["to_port"] = expanded["to_port"]
	}
	if s.Container != "" {
		m["container"], m["on"] = s.Container, s.On
	}
	return m
}

// published is the port of the host that leads to the container's own, 0 for none, as
// container_info told it: by host, then containers, NAME, ports, PORT/PROTO. told says
// whether that host was asked at all.
func (s LinkSpec) published(ports map[string]any) (port int, told bool) {
	var at any = ports[s.On]
	for _, step := range []string{"containers", s.Container, "ports", fmt.Sprintf("%d/%s", s.ToPort, s.Proto)} {
		m, ok := at.(map[string]any)
		if !ok {
			return 0, ports[s.On] != nil
		}
		at = m[step]
	}
	text, _ := scalarText(at)
	port, _ = strconv.Atoi(text)
	return port, true
}

// resolve gives the link the published port.
func (s LinkSpec) resolve(ports map[string]any) state.NetLink {
	if s.Container == "" {
		return s.NetLink
	}
	l := s.NetLink
	l.About = fmt.Sprintf("%d/%s of container %s on %s", s.ToPort, s.Proto, s.Container, s.On)
	l.ToPort, _ = s.published(ports)
	return l
}

// hostOf is the address of an inventory host. A host that is reached at a loopback
// address is the controller's own: from elsewhere that address would mislead.
func hostOf(inv Inventory, host string, six bool) (string, error) {
	hosts, known := inv.Group(host)
	if _, err := netip.ParseAddr(host); err == nil || !known || len(hosts) != 1 || hosts[0] != host {
		return host, nil
	}
	text, err := nodeAddress(inv, host, six)
	if err != nil || text == "" {
		return host, err
	}
	ip, err := netip.ParseAddr(text)
	switch {
	case err != nil:
		return text, nil // ansible_host is a name: the host resolves it
	case !ip.IsLoopback():
		return ip.String(), nil
	case host == inv.Self():
		return "localhost", nil
	}
	return host, (&ArgError{Msg: fmt.Sprintf("host %s of the inventory is at %s, which is another host for each host", host, ip)}).
		WithHint("set node_address in host_vars/%s.yml", host)
}

// nodeAddress is the host's node_address of the family, or else its ansible_host; "" if
// it has neither: its name is an address for the resolver then.
func nodeAddress(inv Inventory, host string, six bool) (string, error) {
	wrong := ""
	for _, name := range []string{"node_address", "ansible_host"} {
		texts, err := nodeTexts(inv, host, []string{name}, false)
		if err != nil {
			return "", err
		}
		for _, text := range texts {
			ip, err := netip.ParseAddr(text)
			if err != nil || ip.Is6() == six {
				return text, nil
			}
			wrong = text
		}
	}
	if wrong != "" {
		return "", (&ArgError{Msg: fmt.Sprintf("host %s of the inventory is at %s, and no address of the other family is known of it", host, wrong)}).
			WithHint("set node_address in host_vars/%s.yml", host)
	}
	return "", nil
}

func joinHostPort(host string, port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }

// addressOf is the IPv4 address of a host of the inventory.
func addressOf(inv Inventory, host string) (netip.Addr, error) {
	hosts, ok := inv.Group(host)
	if !ok || len(hosts) != 1 || hosts[0] != host {
		return netip.Addr{}, (&ArgError{Msg: fmt.Sprintf("%q is not an IPv4 address, and not a host of the inventory", host)}).
			WithHint("write an address, or the name of a host that has node_address or ansible_host")
	}
	text, err := nodeAddress(inv, host, false)
	if err != nil {
		return netip.Addr{}, err
	}
	if addr, err := netip.ParseAddr(text); err == nil {
		return addr, nil
	}
	return netip.Addr{}, (&ArgError{Msg: fmt.Sprintf("host %s of the inventory has no IPv4 address in node_address or ansible_host", host)}).
		WithHint("set node_address in host_vars/%s.yml", host)
}

// under is the error as one about an argument further down.
func under(err error, path ...any) error {
	var arg *ArgError
	if errors.As(err, &arg) {
		return &ArgError{Path: append(append([]any{}, path...), arg.Path...), Msg: arg.Msg, Hint: arg.Hint, Key: arg.Key}
	}
	return &ArgError{Path: append([]any{}, path...), Msg: err.Error()}
}

func port(n uint16) string { return strconv.Itoa(int(n)) }
