package lab

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"netrun/inventory"
)

// FromInventory returns a topology with one host for every host of an
// inventory, with the same name, groups and variables, all on one switch with
// addresses of fabric. What says how the real hosts are reached is left out. An
// inventory's mistakes are *diag.Error values with their places.
func FromInventory(ctx context.Context, sources []string, fabric netip.Prefix) (*Topology, error) {
	inv, err := inventory.Load(ctx, sources, inventory.Options{})
	if err != nil {
		return nil, err
	}
	t := &Topology{}
	for _, h := range inv.Hosts() {
		if !hostName.MatchString(h.Name()) {
			return nil, fmt.Errorf("inventory host %q: its name cannot be a lab host's (letters, digits, ., - and _, at most 63)", h.Name())
		}
		t.Hosts = append(t.Hosts, HostSpec{Name: h.Name(), Groups: h.Groups(), Vars: plainVars(h.Vars())})
	}
	if len(t.Hosts) == 0 {
		return nil, fmt.Errorf("inventory %s holds no hosts", strings.Join(sources, ", "))
	}
	for _, g := range inv.Groups() {
		if mirrored := mirror(g); len(mirrored.Children) > 0 && g.Name() != "all" {
			t.Groups = append(t.Groups, mirrored)
		}
	}
	t.wire(fabric)
	return t, nil
}

// mirror returns a group's place among groups. Its variables need no place of
// their own: each host has them, merged in the inventory's own order.
func mirror(g *inventory.Group) Group {
	out := Group{Name: g.Name()}
	for _, c := range g.Children() {
		out.Children = append(out.Children, c.Name())
	}
	return out
}

func plainVars(vars map[string]inventory.Var) map[string]any {
	out := map[string]any{}
	for name, v := range vars {
		if !connectionVar(name) {
			out[name] = v.Value
		}
	}
	return out
}

// connectionVar reports whether a variable says how the real host is reached, in
// Ansible's spelling or netrun's. The lab's hosts are root's, so becoming is out
// as well; and passwords have no business in the lab's files.
func connectionVar(name string) bool {
	rest, ok := strings.CutPrefix(name, "ansible_")
	if !ok {
		rest, ok = strings.CutPrefix(name, "netrun_")
	}
	if !ok {
		return false
	}
	for _, prefix := range []string{"ssh_", "become", "sudo", "su_"} {
		if strings.HasPrefix(rest, prefix) {
			return true
		}
	}
	return slices.Contains([]string{
		"connection", "host", "port", "user", "password", "key_file", "private_key_file", "proxy_jump",
		"host_key_checking", "connect_timeout", "timeout", "remote_tmp", "group_priority",
	}, rest)
}
