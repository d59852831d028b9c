package inventory

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"netrun/inventory/diag"
)

// Host is a machine by its inventory name.
type Host struct {
	inv    *Inventory
	name   string
	index  int              // in inv.order
	direct []*Group         // groups that name the host themselves
	own    []map[string]Var // of the sources, later ones win; shared by the hosts of a range
	files  [2]map[string]Var

	once   sync.Once
	merged map[string]Var
}

// Name returns the inventory name. The address is Connection's business.
func (h *Host) Name() string { return h.name }

// Groups returns the names of the groups that h is in, directly or through other
// groups, sorted, without all: Ansible's group_names.
func (h *Host) Groups() []string {
	var names []string
	for _, g := range h.ancestors() {
		if g != h.inv.all {
			names = append(names, g.name)
		}
	}
	slices.Sort(names)
	return names
}

func (h *Host) ancestors() []*Group {
	out := slices.Clone(h.direct)
	for i := 0; i < len(out); i++ {
		for _, p := range out[i].parents {
			if !slices.Contains(out, p) {
				out = append(out, p)
			}
		}
	}
	return out
}

// Vars returns the variables of h with those of its groups, merged in Ansible's
// order, lowest first: sources' variables of all, of the other groups from
// parents to children; group_vars/all beside the inventory, beside the playbook;
// group_vars of the other groups likewise; the host's variables of the sources,
// host_vars beside the inventory, beside the playbook. Groups of one depth go by
// ansible_group_priority, then by name. The map is not to be changed.
func (h *Host) Vars() map[string]Var {
	h.once.Do(func() {
		m := maps.Clone(h.inv.groupVars(h.direct))
		for _, layer := range h.own {
			overlay(m, layer, h)
		}
		for _, layer := range h.files {
			overlay(m, layer, h)
		}
		h.merged = m
	})
	return h.merged
}

func overlay(m, layer map[string]Var, h *Host) {
	for name, v := range layer {
		if v.From == "" {
			v.From = fmt.Sprintf("host %q", h.name)
		}
		m[name] = v
	}
}

// groupVars merges the variables of the given groups and all above them. Hosts
// of the same groups share the result.
func (inv *Inventory) groupVars(direct []*Group) map[string]Var {
	names := make([]string, len(direct))
	for i, g := range direct {
		names[i] = g.name
	}
	slices.Sort(names)
	key := strings.Join(names, "\x00")
	inv.mu.Lock()
	defer inv.mu.Unlock()
	m, ok := inv.shared[key]
	if !ok {
		m = inv.mergeGroups((&Host{inv: inv, direct: direct}).ancestors())
		inv.shared[key] = m
	}
	return m
}

func (inv *Inventory) mergeGroups(groups []*Group) map[string]Var {
	groups = slices.DeleteFunc(groups, func(g *Group) bool { return g == inv.all })
	slices.SortFunc(groups, byPrecedence)
	m := map[string]Var{}
	maps.Copy(m, inv.all.own)
	for _, g := range groups {
		maps.Copy(m, g.own)
	}
	for _, f := range inv.all.files {
		maps.Copy(m, f)
	}
	for where := range inv.all.files {
		for _, g := range groups {
			maps.Copy(m, g.files[where])
		}
	}
	return m
}

// addHost puts a host into a group, made if need be. It returns nil after
// reporting a name that cannot be a host's.
func (l *loader) addHost(name string, g *Group, at diag.Pos) *Host {
	h := l.inv.hosts[name]
	if h == nil {
		if err := checkHost(name, at); err != nil {
			l.errs.Add(err)
			return nil
		}
		if len(l.inv.order) == MaxHosts {
			l.errs.Add(diag.Errorf(at, "more than %d hosts", MaxHosts))
			return nil
		}
		h = &Host{inv: l.inv, name: name, index: len(l.inv.order)}
		l.inv.hosts[name] = h
		l.inv.order = append(l.inv.order, h)
	}
	if !slices.Contains(h.direct, g) {
		h.direct = append(h.direct, g)
		g.hosts = append(g.hosts, h)
	}
	return h
}
