package inventory

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"netrun/inventory/diag"
)

// Group is a named set of hosts and groups.
type Group struct {
	name     string
	hosts    []*Host // named in the group itself
	children []*Group
	parents  []*Group
	edges    []diag.Pos // where each child was named
	priority int        // ansible_group_priority, 1 unless set
	depth    int        // longest way from all
	own      map[string]Var
	files    [2]map[string]Var // group_vars beside the inventory, beside the playbook

	once  sync.Once
	below []*Host
}

// Name returns the group's name.
func (g *Group) Name() string { return g.name }

// Children returns the groups directly in g. The slice is not to be changed.
func (g *Group) Children() []*Group { return g.children }

// Hosts returns the hosts of g and of all groups below it, each once: g's own
// first, then those of its children and so on downwards. The slice is not to be
// changed.
func (g *Group) Hosts() []*Host {
	g.once.Do(func() { g.below = g.collect() })
	return g.below
}

func (g *Group) collect() []*Host {
	groups := []*Group{g}
	visited := map[*Group]bool{g: true}
	taken := map[*Host]bool{}
	var hosts []*Host
	for i := 0; i < len(groups); i++ {
		for _, h := range groups[i].hosts {
			if !taken[h] {
				taken[h] = true
				hosts = append(hosts, h)
			}
		}
		for _, c := range groups[i].children {
			if !visited[c] {
				visited[c] = true
				groups = append(groups, c)
			}
		}
	}
	return hosts
}

// Vars returns the group's own variables, those from group_vars included, but
// not its parents'. The map is the caller's.
func (g *Group) Vars() map[string]Var {
	out := map[string]Var{}
	maps.Copy(out, g.own)
	for _, f := range g.files {
		maps.Copy(out, f)
	}
	return out
}

// Priority returns ansible_group_priority, which orders groups of one depth.
func (g *Group) Priority() int { return g.priority }

func (g *Group) adopt(child *Group, at diag.Pos) {
	if slices.Contains(g.children, child) {
		return
	}
	g.children = append(g.children, child)
	g.edges = append(g.edges, at)
	child.parents = append(child.parents, g)
}

// byPrecedence orders groups so that a later one's variables win.
func byPrecedence(a, b *Group) int {
	return cmp.Or(cmp.Compare(a.depth, b.depth), cmp.Compare(a.priority, b.priority), cmp.Compare(a.name, b.name))
}

// set gives the group a variable of a source.
func (g *Group) set(name string, v Var) error {
	v.From = fmt.Sprintf("group %q", g.name)
	if name == "ansible_group_priority" {
		n, err := whole(v, name)
		if err != nil {
			return err
		}
		g.priority = n
		return nil
	}
	if g.own == nil {
		g.own = map[string]Var{}
	}
	g.own[name] = v
	return nil
}

// group returns the group of that name, made if need be.
func (inv *Inventory) group(name string) *Group {
	g := inv.groups[name]
	if g == nil {
		g = &Group{name: name, priority: 1}
		inv.groups[name] = g
		inv.named = append(inv.named, g)
	}
	return g
}

// settle gives what sources leave open its place: groups without a parent go
// under all, hosts without a group into ungrouped. It reports cycles.
func (inv *Inventory) settle(errs *diag.List) {
	for _, g := range inv.named {
		if g != inv.all && len(g.parents) == 0 {
			inv.all.adopt(g, diag.Pos{})
		}
	}
	inv.alone.hosts = nil
	for _, h := range inv.order {
		h.direct = slices.DeleteFunc(h.direct, func(g *Group) bool { return g == inv.alone })
		if len(h.direct) == 0 || len(h.direct) == 1 && h.direct[0] == inv.all {
			h.direct = append(h.direct, inv.alone)
			inv.alone.hosts = append(inv.alone.hosts, h)
		}
	}
	if order := inv.sorted(errs); order != nil {
		for _, g := range order {
			for _, c := range g.children {
				c.depth = max(c.depth, g.depth+1)
			}
		}
	}
}

// sorted returns the groups with parents before their children, or nil after
// reporting a cycle.
func (inv *Inventory) sorted(errs *diag.List) []*Group {
	state := map[*Group]int{} // 1 on the way down, 2 done
	var order, path []*Group
	ok := true
	var visit func(g *Group)
	visit = func(g *Group) {
		state[g] = 1
		path = append(path, g)
		for i, c := range g.children {
			switch state[c] {
			case 0:
				visit(c)
			case 1:
				ok = false
				errs.Add(cycle(g, i, path))
			}
		}
		path = path[:len(path)-1]
		state[g] = 2
		order = append(order, g)
	}
	for _, g := range inv.named {
		if state[g] == 0 {
			visit(g)
		}
	}
	slices.Reverse(order)
	if !ok {
		return nil
	}
	return order
}

func cycle(g *Group, child int, path []*Group) error {
	c := g.children[child]
	var names []string
	for _, p := range path[slices.Index(path, c):] {
		names = append(names, p.name)
	}
	return diag.Errorf(g.edges[child], "group %q contains itself: %s > %s", c.name, strings.Join(names, " > "), c.name).
		WithHint("take %q out of the children of %q", c.name, g.name)
}
