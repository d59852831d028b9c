package playbooks

import (
	"path/filepath"
	"slices"
	"strings"

	"netrun/inventory/yamlpos"
	"netrun/playbooks/script"
)

// includeKeys are the statements that put other tasks in their place. import and
// include are the same: both are unfolded before any host is contacted.
var includeKeys = []string{"include_tasks", "import_tasks", "include_role", "import_role"}

func includeKey(n *yamlpos.Node) string {
	for _, k := range n.Keys {
		if slices.Contains(includeKeys, strings.TrimPrefix(k.Raw, "ansible.builtin.")) {
			return k.Raw
		}
	}
	return ""
}

// include unfolds an include. Its variables win over registered results.
func (l *loader) include(n *yamlpos.Node, key string, here *setting) []*Task {
	if here.depth >= maxNesting {
		l.wrong(n, "", "tasks and roles include each other, or more than %d deep", maxNesting)
		return nil
	}
	t := &Task{}
	in := here.inherited
	in.vars.local = nil
	keywords := l.common(t, &in)
	keywords[key] = nil
	keywords["loop"] = func(n *yamlpos.Node) { l.loopOver(t, n) }
	keywords["with_items"] = keywords["loop"]
	keywords["loop_control"] = func(n *yamlpos.Node) { l.loopControl(t, n) }
	keywords["apply"] = nil
	l.mapping(n, key, keywords)
	given := in.vars.local
	in.vars.local = here.vars.local
	in.vars.fixed = slices.Concat(given, here.vars.fixed)
	inner := *here
	inner.inherited = in
	inner.depth++
	rounds := l.includeRounds(n, t, &inner)
	var out []*Task
	for _, round := range rounds {
		out = append(out, l.included(key, n.Get(key), round)...)
		if l.tasks >= maxTasks {
			break
		}
	}
	return out
}

// includeRounds is one context, or one for each item of the include's loop.
func (l *loader) includeRounds(n *yamlpos.Node, t *Task, here *setting) []*setting {
	if t.loop == nil {
		return []*setting{here}
	}
	items := n.Get("loop")
	if items == nil {
		items = n.Get("with_items")
	}
	if items == nil {
		return nil
	}
	v, err := l.early(items, here.earlyLayers(l.extra)...)
	if err != nil {
		l.errs.Add(err)
		return nil
	}
	list, err := script.LoopItems(v)
	if err != nil {
		l.wrong(items, "", "%v", err)
		return nil
	}
	out := make([]*setting, len(list))
	for i, item := range list {
		c := *here
		vars := map[string]any{t.loop.variable: item}
		if t.loop.index != "" {
			vars[t.loop.index] = i
		}
		c.vars.fixed = prepend(vars, here.vars.fixed)
		out[i] = &c
	}
	return out
}

func (l *loader) included(key string, n *yamlpos.Node, here *setting) []*Task {
	if strings.HasSuffix(key, "role") {
		return l.includedRole(n, here)
	}
	path := n
	if n.Kind == yamlpos.Mapping {
		l.mapping(n, key, table{"file": nil, "apply": nil})
		if path = n.Get("file"); path == nil {
			l.wrong(n, "file: tasks.yaml", "%s without a file", key)
			return nil
		}
	}
	name, ok := l.earlyText(path, here.earlyLayers(l.extra)...)
	if !ok {
		return nil
	}
	file := l.findTasks(name, here)
	root, err := l.yaml(file)
	if err != nil {
		l.errs.Add(place(err, path.Pos))
		return nil
	}
	inner := *here
	inner.file = file
	return l.taskList(root, &inner)
}

// findTasks looks beside the including file, in the role, and beside the playbook.
func (l *loader) findTasks(name string, here *setting) string {
	beside := join(filepath.Dir(here.file), name)
	candidates := []string{beside}
	if here.role != nil {
		candidates = append(candidates, filepath.Join(here.role.dir, "tasks", name))
	}
	candidates = append(candidates, join(l.book.Dir, name))
	for _, c := range candidates {
		if l.exists(c) {
			return c
		}
	}
	return beside
}

// earlyLayers are the variables that are known while loading, the strongest first.
func (c *setting) earlyLayers(extra map[string]any) []map[string]any {
	layers := []map[string]any{extra}
	layers = append(layers, c.vars.fixed...)
	layers = append(layers, c.vars.local...)
	magic := map[string]any{}
	for r := c.role; r != nil; r = r.parent {
		layers = append(layers, r.files.vars)
	}
	if c.role != nil {
		magic["role_path"] = c.role.dir
	}
	if c.play != nil {
		magic["playbook_dir"] = c.play.book.Dir
		layers = append(layers, c.play.vars)
	}
	for r := c.role; r != nil; r = r.parent {
		layers = append(layers, r.files.defaults)
	}
	return append(layers, magic)
}
