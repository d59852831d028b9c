package playbooks

import (
	"slices"
	"sort"

	"netrun/playbooks/script"
	"netrun/templates"
)

// need notes that the host needs these variables to evaluate something.
func (b *binding) need(names, words []string) {
	if b.needs == nil {
		b.needs, b.words = map[string]bool{}, map[string]bool{}
	}
	for _, w := range words {
		b.words[w] = true
	}
	for _, name := range names {
		if b.needs[name] || slices.Contains(b.loopVars, name) {
			continue
		}
		b.needs[name] = true
		raw, _ := b.scope.Raw(name)
		if !b.isRuntime(name, 0) {
			continue
		}
		templates.EachTemplate(raw, func(t *templates.Template) { b.need(t.Refs(), t.Words()) })
	}
}

// finish gives the node the variables that it needs.
func (b *binding) finish(n *script.Node) *script.Node {
	names := make([]string, 0, len(b.needs))
	for name := range b.needs {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		raw, ok := b.scope.Raw(name)
		if !ok {
			continue
		}
		var v any
		switch {
		case name == "hostvars":
			v = b.hostvars()
		case b.isRuntime(name, 0):
			v = b.value(raw)
		default:
			var err error
			if v, err = b.scope.Lookup(name); err != nil {
				b.failed(err, b.task.Pos)
				continue
			}
		}
		b.give(n, name, v)
	}
	return n
}

func (b *binding) give(n *script.Node, name string, v any) {
	if b.isFixed(name) {
		if n.Fixed == nil {
			n.Fixed = templates.Map{}
		}
		n.Fixed[name] = v
		return
	}
	for _, layer := range b.task.vars.local {
		if _, ok := layer[name]; ok {
			b.giveVar(&n.Vars, name, v)
			return
		}
	}
	vars := &b.host.script.Vars
	if given, ok := (*vars)[name]; ok && !sameValue(given, v) {
		vars = &n.Vars
	}
	b.giveVar(vars, name, v)
}

func (b *binding) giveVar(vars *templates.Map, name string, v any) {
	if *vars == nil {
		*vars = templates.Map{}
	}
	(*vars)[name] = v
}

// hostvars are those variables of other hosts whose names stand in what the host evaluates.
func (b *binding) hostvars() any {
	all := hostvars{b.compiler}
	out := map[string]any{}
	for _, name := range all.Keys() {
		v, _, _ := all.Get(name)
		vars := v.(hostScope)
		some := map[string]any{}
		for _, key := range vars.Keys() {
			if !b.words[key] {
				continue
			}
			value, ok, err := vars.Get(key)
			if err != nil {
				b.failed(err, b.task.Pos)
			}
			if ok {
				some[key] = plainValue(value)
			}
		}
		out[name] = some
	}
	return out
}

// plainValue is a value without anything that is made on demand.
func plainValue(v any) any {
	if _, lazy := v.(templates.Getter); lazy {
		return nil
	}
	return v
}
