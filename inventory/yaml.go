package inventory

import (
	"fmt"
	"slices"

	"netrun/inventory/diag"
	"netrun/inventory/yamlpos"
)

var groupKeys = []string{"children", "hosts", "vars"}

// yaml reads a source in YAML's form: groups of hosts, vars and children.
func (l *loader) yaml(file string, text []byte) {
	doc, err := yamlpos.Parse(file, text)
	if err != nil {
		l.errs.Add(err)
		return
	}
	if doc.IsNull() {
		return
	}
	if doc.Kind != yamlpos.Mapping {
		l.fail(doc.Pos, "an inventory is a mapping of groups, not %s", doc.What()).WithHint("begin with \"all:\"")
		return
	}
	if p := doc.Get("plugin"); p != nil {
		l.fail(p.Pos, "configuration of an inventory plugin").WithHint("plugins are Python; save what ansible-inventory --list prints and use that, or write an executable inventory")
		return
	}
	if looksScripted(doc) {
		l.scripted(doc)
		return
	}
	for i, k := range doc.Keys {
		l.yamlGroup(k, doc.Values[i])
	}
}

// looksScripted tells what an executable prints, saved as a file, from the form
// of YAML inventories: it has _meta, or lists where the other has mappings.
func looksScripted(doc *yamlpos.Node) bool {
	if doc.Get("_meta") != nil {
		return true
	}
	for _, v := range doc.Values {
		if v.Kind == yamlpos.Sequence {
			return true
		}
		for _, part := range []string{"hosts", "children"} {
			if n := v.Get(part); n != nil && n.Kind == yamlpos.Sequence && isJSON(n) {
				return true
			}
		}
	}
	return false
}

// isJSON reports whether all texts of a list are in quotes, as JSON has them.
func isJSON(n *yamlpos.Node) bool {
	for _, item := range n.Items {
		if !item.Quoted {
			return false
		}
	}
	return true
}

func (l *loader) fail(at diag.Pos, format string, a ...any) *diag.Error {
	e := diag.Errorf(at, format, a...)
	l.errs.Add(e)
	return e
}

// named returns the group that key names, or nil after reporting its name.
func (l *loader) named(key *yamlpos.Node) *Group {
	if err := checkGroup(key.Raw, key.Pos); err != nil {
		l.errs.Add(err)
		return nil
	}
	return l.inv.group(key.Raw)
}

func (l *loader) yamlGroup(key, body *yamlpos.Node) *Group {
	g := l.named(key)
	if g == nil || body.IsNull() {
		return g
	}
	if body.Kind != yamlpos.Mapping {
		l.fail(body.Pos, "group %q is %s", key.Raw, body.What()).WithHint("a group is a mapping of hosts, vars and children")
		return g
	}
	for i, k := range body.Keys {
		part := l.section(g, k, body.Values[i])
		if part == nil {
			continue
		}
		for j, name := range part.Keys {
			l.yamlEntry(g, k.Raw, name, part.Values[j])
		}
	}
	return g
}

// section returns the mapping under a group's key, or nil if there is nothing in
// it or it is wrong. A single name may stand for a mapping.
func (l *loader) section(g *Group, key, body *yamlpos.Node) *yamlpos.Node {
	if !slices.Contains(groupKeys, key.Raw) {
		l.fail(key.Pos, "unknown key %q in group %q", key.Raw, g.name).WithHint("%s", diag.DidYouMean(key.Raw, groupKeys))
		return nil
	}
	switch {
	case body.IsNull():
		return nil
	case body.Kind == yamlpos.Mapping:
		return body
	case body.Kind == yamlpos.Scalar && key.Raw != "vars":
		return &yamlpos.Node{Kind: yamlpos.Mapping, Keys: []*yamlpos.Node{body}, Values: []*yamlpos.Node{{Kind: yamlpos.Scalar, Pos: body.Pos}}}
	}
	l.fail(body.Pos, "%s of group %q are %s", key.Raw, g.name, body.What()).
		WithHint(`write a mapping: "NAME:" in a line of its own, without "- "`)
	return nil
}

func (l *loader) yamlEntry(g *Group, kind string, key, value *yamlpos.Node) {
	switch kind {
	case "vars":
		l.errs.Add(g.set(key.Raw, Var{Value: value.Any(), Pos: value.Pos}))
	case "children":
		if c := l.yamlGroup(key, value); c != nil {
			g.adopt(c, key.Pos)
		}
	case "hosts":
		l.yamlHost(g, key, value)
	}
}

func (l *loader) yamlHost(g *Group, key, value *yamlpos.Node) {
	names, port, err := expand(key.Raw, key.Pos)
	if err != nil {
		l.errs.Add(err)
		return
	}
	vars := l.vars(value, fmt.Sprintf("host %q", key.Raw))
	if port > 0 {
		if _, set := vars["ansible_port"]; !set {
			vars["ansible_port"] = Var{Value: port, Pos: key.Pos}
		}
	}
	l.addHosts(names, g, vars, key.Pos)
}

// vars returns the variables of a mapping, never nil; what names the owner in a
// message.
func (l *loader) vars(n *yamlpos.Node, what string) map[string]Var {
	vars := map[string]Var{}
	if n.IsNull() {
		return vars
	}
	if n.Kind != yamlpos.Mapping {
		l.fail(n.Pos, "the variables of %s are %s", what, n.What()).WithHint(`write a mapping, "NAME: VALUE" on each line`)
		return vars
	}
	for i, k := range n.Keys {
		vars[k.Raw] = Var{Value: n.Values[i].Any(), Pos: n.Values[i].Pos}
	}
	return vars
}

// scripted reads the form that executable inventories print: each group has a
// list of hosts, vars, and a list of children. It returns the hosts named, and
// whether their variables were there (_meta.hostvars).
func (l *loader) scripted(doc *yamlpos.Node) (hosts []*Host, complete bool) {
	for i, k := range doc.Keys {
		if k.Raw == "_meta" {
			continue
		}
		hosts = append(hosts, l.scriptedGroup(k, doc.Values[i])...)
	}
	meta := doc.Get("_meta").Get("hostvars")
	if meta == nil {
		return hosts, false
	}
	if !meta.IsNull() && meta.Kind != yamlpos.Mapping {
		l.fail(meta.Pos, "_meta.hostvars are %s", meta.What()).WithHint("a mapping of hosts, each with a mapping of variables, is wanted")
	}
	for i, k := range meta.Keys {
		if h := l.inv.hosts[k.Raw]; h != nil {
			h.own = append(h.own, l.vars(meta.Values[i], fmt.Sprintf("host %q", k.Raw)))
		}
	}
	return hosts, true
}

func (l *loader) scriptedGroup(key, body *yamlpos.Node) []*Host {
	g := l.named(key)
	if g == nil {
		return nil
	}
	hosts, vars := body, (*yamlpos.Node)(nil)
	if body.Kind == yamlpos.Mapping {
		hosts, vars = body.Get("hosts"), body.Get("vars")
		l.scriptedChildren(g, body.Get("children"))
		if hosts == nil && vars == nil && body.Get("children") == nil && len(body.Keys) > 0 {
			return l.simple(g, key, body)
		}
	}
	for name, v := range l.vars(vars, fmt.Sprintf("group %q", g.name)) {
		l.errs.Add(g.set(name, v))
	}
	var out []*Host
	for _, n := range l.list(hosts, fmt.Sprintf("hosts of group %q", g.name)) {
		if h := l.addHost(n.Raw, g, n.Pos); h != nil {
			out = append(out, h)
		}
	}
	return out
}

// simple reads Ansible's shortest form: a mapping of neither hosts, vars nor
// children is a host of its own name, with variables.
func (l *loader) simple(g *Group, key, body *yamlpos.Node) []*Host {
	for name, v := range l.vars(body, fmt.Sprintf("group %q", g.name)) {
		l.errs.Add(g.set(name, v))
	}
	if h := l.addHost(key.Raw, g, key.Pos); h != nil {
		return []*Host{h}
	}
	return nil
}

func (l *loader) scriptedChildren(g *Group, children *yamlpos.Node) {
	for _, n := range l.list(children, fmt.Sprintf("children of group %q", g.name)) {
		if c := l.named(n); c != nil {
			g.adopt(c, n.Pos)
		}
	}
}

// list returns the texts of a list, reporting what is none.
func (l *loader) list(n *yamlpos.Node, what string) []*yamlpos.Node {
	if n.IsNull() {
		return nil
	}
	if n.Kind != yamlpos.Sequence {
		l.fail(n.Pos, "%s are %s", what, n.What()).WithHint("a list of names is wanted")
		return nil
	}
	var out []*yamlpos.Node
	for _, item := range n.Items {
		if item.Kind == yamlpos.Scalar && item.Raw != "" {
			out = append(out, item)
		} else {
			l.fail(item.Pos, "%s hold %s", what, item.What()).WithHint("a list of names is wanted")
		}
	}
	return out
}
