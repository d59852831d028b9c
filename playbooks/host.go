package playbooks

import (
	"slices"
	"strings"

	"netrun/inventory"
	"netrun/inventory/diag"
	"netrun/playbooks/script"
	"netrun/templates"
)

// host is a host while a play is compiled for it.
type host struct {
	*compiler
	name   string
	host   *inventory.Host
	magic  map[string]any
	vars   map[string]any // of the inventory, with templates
	scopes map[scopeKey]*templates.Scope
	script *script.Script
}

// scopeKey tells scopes apart: tasks with the same frame share one.
type scopeKey struct {
	role           *role
	fixed, local   *map[string]any
	fixedN, localN int
}

func (c *compiler) host(h *inventory.Host) *host {
	if known, ok := c.byName[h.Name()]; ok {
		return known
	}
	out := &host{compiler: c, name: h.Name(), host: h, scopes: map[scopeKey]*templates.Scope{}}
	c.byName[out.name] = out
	vars := h.Vars()
	out.vars = make(map[string]any, len(vars))
	for name, v := range vars {
		out.vars[name] = c.inventoryValue(v.Value, v.Pos)
	}
	short, _, _ := strings.Cut(out.name, ".")
	names := textList(hostNames(c.options.PlayHosts))
	groupNames := textList(h.Groups())
	out.magic = map[string]any{
		"inventory_hostname": out.name, "inventory_hostname_short": short, "group_names": groupNames,
		"groups": c.groupMap(), "play_hosts": names, "ansible_play_hosts": names, "playbook_dir": c.play.book.Dir,
		"inventory_dir": c.options.InventoryDir, "check_mode": c.options.Check, "hostvars": hostvars{c},
	}
	if slices, ok := out.ipam(); ok {
		out.magic["ipam"] = slices
	}
	return out
}

func hostNames(hosts []*inventory.Host) []string {
	out := make([]string, len(hosts))
	for i, h := range hosts {
		out[i] = h.Name()
	}
	return out
}

func textList(words []string) []any {
	out := make([]any, len(words))
	for i, w := range words {
		out[i] = w
	}
	return out
}

// groupMap is the variable groups: the names of each group's hosts.
func (c *compiler) groupMap() map[string]any {
	if c.groups != nil {
		return c.groups
	}
	c.groups = map[string]any{}
	if c.options.Inventory == nil {
		return c.groups
	}
	for _, g := range c.options.Inventory.Groups() {
		c.groups[g.Name()] = textList(hostNames(g.Hosts()))
	}
	return c.groups
}

// inventoryValue turns a variable of the inventory into a tree with templates. What
// several hosts share is parsed once.
func (c *compiler) inventoryValue(v any, pos diag.Pos) any {
	switch x := v.(type) {
	case string:
		if !maybeTemplate(x) {
			return x
		}
		key := inventoryText{x, pos}
		if known, ok := c.cache[key]; ok {
			return known
		}
		t, err := templates.Parse(x, templates.Origin{Pos: pos, Indent: -1})
		if err != nil {
			c.problems.list.Add(err)
			return x
		}
		c.cache[key] = t
		return t
	case []any:
		return c.inventoryList(x, pos)
	case map[string]any:
		return c.inventoryMap(x, pos)
	}
	return v
}

func (c *compiler) inventoryList(list []any, pos diag.Pos) any {
	if !textsWithActions(list) {
		return list
	}
	out := make([]any, len(list))
	for i, e := range list {
		out[i] = c.inventoryValue(e, pos)
	}
	return out
}

func (c *compiler) inventoryMap(m map[string]any, pos diag.Pos) any {
	if !textsWithActions(m) {
		return m
	}
	out := make(map[string]any, len(m))
	for k, e := range m {
		out[k] = c.inventoryValue(e, pos)
	}
	return out
}

func textsWithActions(v any) bool {
	switch x := v.(type) {
	case string:
		return maybeTemplate(x)
	case []any:
		return slices.ContainsFunc(x, textsWithActions)
	case map[string]any:
		for _, e := range x {
			if textsWithActions(e) {
				return true
			}
		}
	}
	return false
}

// scope is the variables in force for a task on this host.
func (h *host) scope(t *Task) *templates.Scope {
	f := t.vars
	key := scopeKey{role: f.role, fixedN: len(f.fixed), localN: len(f.local)}
	if len(f.fixed) > 0 {
		key.fixed = &f.fixed[0]
	}
	if len(f.local) > 0 {
		key.local = &f.local[0]
	}
	if s, ok := h.scopes[key]; ok {
		return s
	}
	layers := slices.Concat(h.strong(f), f.local, h.weak(f))
	s := templates.NewScope(layers...)
	h.scopes[key] = s
	return s
}

// strong are the layers that win over registered results.
func (h *host) strong(f frame) []map[string]any {
	magic := h.magic
	if f.role != nil {
		magic = merged(magic, map[string]any{"role_path": f.role.dir})
	}
	return slices.Concat([]map[string]any{magic, h.play.book.extra}, f.fixed)
}

// weak are the layers below those of tasks and blocks.
func (h *host) weak(f frame) []map[string]any {
	var layers []map[string]any
	roles := rolesFor(f.role, h.play.roles)
	for _, r := range roles {
		layers = append(layers, r.files.vars)
	}
	for i := len(h.play.varsFiles) - 1; i >= 0; i-- {
		layers = append(layers, h.varsFile(h.play.varsFiles[i]))
	}
	layers = append(layers, h.play.vars, h.vars)
	for _, r := range roles {
		layers = append(layers, r.files.defaults)
	}
	return layers
}

// rolesFor lists the roles whose variables a task sees, the nearest first: its own,
// those that include it, and then those of the play, the last one first.
func rolesFor(own *role, all []*role) []*role {
	var out []*role
	for r := own; r != nil; r = r.parent {
		out = append(out, r)
	}
	for _, r := range slices.Backward(all) {
		if !slices.Contains(out, r) {
			out = append(out, r)
		}
	}
	return out
}

// varsFile reads one of the play's vars_files, whose path may depend on the host.
func (h *host) varsFile(file Text) map[string]any {
	name := file.Value
	if t, ok := file.tree.(*templates.Template); ok {
		text, err := t.Text(templates.NewScope(h.magic, h.play.book.extra, h.play.vars, h.vars))
		if err != nil {
			h.problems.add(h.name, err)
			return nil
		}
		name = text
	}
	path := join(h.play.book.Dir, name)
	if vars, ok := h.varFiles[path]; ok {
		return vars
	}
	l := &loader{files: h.play.book.files, book: h.play.book}
	vars := l.variablesFile(path, file.Pos)
	if err := l.errs.Err(); err != nil {
		h.problems.list.Add(err)
	}
	h.varFiles[path] = vars
	return vars
}

// hostvars are the variables of all hosts, made when they are asked for.
type hostvars struct{ c *compiler }

// Get implements templates.Getter.
func (v hostvars) Get(name string) (any, bool, error) {
	if v.c.options.Inventory == nil {
		return nil, false, nil
	}
	h := v.c.options.Inventory.Host(name)
	if h == nil {
		known, ok := v.c.byName[name] // the implicit localhost
		if !ok {
			return nil, false, nil
		}
		h = known.host
	}
	return hostScope{v.c.host(h)}, true, nil
}

// Keys implements templates.Getter.
func (v hostvars) Keys() []string {
	if v.c.options.Inventory == nil {
		return nil
	}
	names := hostNames(v.c.options.Inventory.Hosts())
	slices.Sort(names)
	return names
}

// hostScope is one element of hostvars: what the inventory says of a host.
type hostScope struct{ h *host }

func (s hostScope) scope() *templates.Scope {
	key := scopeKey{localN: -1}
	if known, ok := s.h.scopes[key]; ok {
		return known
	}
	scope := templates.NewScope(s.h.magic, s.h.vars)
	s.h.scopes[key] = scope
	return scope
}

// Get implements templates.Getter.
func (s hostScope) Get(name string) (any, bool, error) {
	if name == "hostvars" {
		return nil, false, nil
	}
	scope := s.scope()
	if _, ok := scope.Raw(name); !ok {
		return nil, false, nil
	}
	v, err := scope.Lookup(name)
	return v, err == nil, err
}

// Keys implements templates.Getter.
func (s hostScope) Keys() []string {
	return slices.DeleteFunc(s.scope().Names(), func(name string) bool { return name == "hostvars" })
}
