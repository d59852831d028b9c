package playbooks

import (
	"path/filepath"
	"slices"
	"strings"

	"netrun/inventory/diag"
	"netrun/inventory/yamlpos"
)

// role is one use of a role.
type role struct {
	name   string
	dir    string
	parent *role // the role that includes this one or depends on it
	files  *roleFiles
}

// roleFiles are what a role's folder holds, read once.
type roleFiles struct {
	defaults, vars map[string]any
}

// findRole looks in the playbook's roles folder, beside the role that asks for it,
// and takes a path as it is.
func (l *loader) findRole(name string, from *role) (string, bool) {
	dirs := []string{filepath.Join(l.book.Dir, "roles", name), join(l.book.Dir, name)}
	if from != nil {
		dirs = append([]string{filepath.Join(filepath.Dir(from.dir), name)}, dirs...)
	}
	for _, dir := range dirs {
		for _, part := range []string{"tasks", "handlers", "defaults", "vars", "meta"} {
			if l.roleFile(dir, part, "main") != "" {
				return dir, true
			}
		}
	}
	return dirs[0], false
}

// roleFile is the path of a part of a role, "" if it has none.
func (l *loader) roleFile(dir, part, name string) string {
	if strings.HasSuffix(name, ".yml") || strings.HasSuffix(name, ".yaml") {
		if path := filepath.Join(dir, part, name); l.exists(path) {
			return path
		}
		return ""
	}
	for _, ending := range []string{".yml", ".yaml"} {
		if path := filepath.Join(dir, part, name+ending); l.exists(path) {
			return path
		}
	}
	return ""
}

func (l *loader) readRole(dir string) *roleFiles {
	if files, ok := l.roles[dir]; ok {
		return files
	}
	files := &roleFiles{}
	for part, vars := range map[string]*map[string]any{"defaults": &files.defaults, "vars": &files.vars} {
		if path := l.roleFile(dir, part, "main"); path != "" {
			*vars = l.variablesFile(path, diag.Pos{File: path})
		}
	}
	l.roles[dir] = files
	return files
}

func (l *loader) variablesFile(path string, from diag.Pos) map[string]any {
	root, err := l.yaml(path)
	if err != nil {
		l.errs.Add(place(err, from))
		return nil
	}
	return l.variables(root)
}

// playRoles unfolds roles: of a play.
func (l *loader) playRoles(n *yamlpos.Node, here *setting) []*Task {
	if n.Kind != yamlpos.Sequence {
		l.wrong(n, "- name_of_role", "roles are a list, and this is %s", n.What())
		return nil
	}
	var out []*Task
	for _, item := range n.Items {
		r, inner := l.roleEntry(item, here)
		if r == nil {
			continue
		}
		here.play.roles = append(here.play.roles, r)
		out = append(out, l.roleTasks(r, "main", item, inner)...)
	}
	return out
}

// roleEntry reads one element of roles: or of a role's dependencies: a name, or a
// mapping with the name, keywords and parameters.
func (l *loader) roleEntry(n *yamlpos.Node, here *setting) (*role, *setting) {
	inner := *here
	inner.depth++
	name := n
	if n.Kind == yamlpos.Mapping {
		in := &inner.inherited
		keywords := l.common(&Task{}, in)
		delete(keywords, "name")
		params := map[string]any{}
		name = nil
		for i, k := range n.Keys {
			switch read, known := keywords[k.Raw]; {
			case k.Raw == "role" || k.Raw == "name":
				name = n.Values[i]
			case known:
				read(n.Values[i])
			case l.variableName(k):
				params[k.Raw] = l.tree(n.Values[i])
			}
		}
		in.vars.fixed = prepend(params, in.vars.fixed)
	}
	if name == nil {
		l.wrong(n, "role: NAME", "a role without its name")
		return nil, nil
	}
	r := l.makeRole(name, &inner)
	return r, &inner
}

func (l *loader) makeRole(n *yamlpos.Node, here *setting) *role {
	name, ok := l.earlyText(n, here.earlyLayers(l.extra)...)
	if !ok {
		return nil
	}
	dir, found := l.findRole(name, here.role)
	if !found {
		l.wrong(n, diag.DidYouMean(name, l.roleNames()), "no role %q: %s holds no tasks/main.yml", name, dir)
		return nil
	}
	return &role{name: name, dir: dir, parent: here.role, files: l.readRole(dir)}
}

// roleTasks reads a role: its dependencies first, then its own tasks; its handlers join the play's.
func (l *loader) roleTasks(r *role, from string, at *yamlpos.Node, here *setting) []*Task {
	if here.depth > maxNesting {
		l.wrong(at, "", "roles depend on each other, or more than %d deep", maxNesting)
		return nil
	}
	inner := *here
	inner.role = r
	out := l.dependencies(r, &inner)
	if path := l.roleFile(r.dir, "tasks", from); path != "" {
		out = append(out, l.listFile(path, &inner)...)
	} else if from != "main" {
		l.wrong(at, "", "role %s has no tasks/%s", r.name, from)
	}
	if path := l.roleFile(r.dir, "handlers", "main"); path != "" && !here.play.handlersOf(r) {
		inner.file = path
		here.play.Handlers = append(here.play.Handlers, l.listFile(path, inner.forHandlers())...)
	}
	return out
}

// handlersOf reports whether the role's handlers are the play's already.
func (p *Play) handlersOf(r *role) bool {
	return slices.ContainsFunc(p.Handlers, func(t *Task) bool { return t.vars.role != nil && t.vars.role.dir == r.dir })
}

func (l *loader) listFile(path string, here *setting) []*Task {
	root, err := l.yaml(path)
	if err != nil {
		l.errs.Add(place(err, diag.Pos{File: path}))
		return nil
	}
	inner := *here
	inner.file = path
	return l.taskList(root, &inner)
}

// dependencies unfolds what meta/main.yml says the role depends on. A role that has
// run in the play already is not run again as a dependency.
func (l *loader) dependencies(r *role, here *setting) []*Task {
	path := l.roleFile(r.dir, "meta", "main")
	if path == "" {
		return nil
	}
	root, err := l.yaml(path)
	if err != nil {
		l.errs.Add(place(err, diag.Pos{File: path}))
		return nil
	}
	list := root.Get("dependencies")
	if list.IsNull() {
		return nil
	}
	var out []*Task
	for _, item := range oneOrMore(list) {
		dep, inner := l.roleEntry(item, here)
		if dep == nil || slices.ContainsFunc(here.play.roles, func(o *role) bool { return o.dir == dep.dir }) {
			continue
		}
		here.play.roles = append(here.play.roles, dep)
		out = append(out, l.roleTasks(dep, "main", item, inner)...)
	}
	return out
}

// includedRole unfolds include_role.
func (l *loader) includedRole(n *yamlpos.Node, here *setting) []*Task {
	name, from := n, "main"
	if n.Kind == yamlpos.Mapping {
		l.mapping(n, "include_role", table{"name": nil, "tasks_from": func(n *yamlpos.Node) { from, _ = l.plainText(n, "tasks_from") },
			"public": nil, "allow_duplicates": nil, "apply": nil})
		if name = n.Get("name"); name == nil {
			l.wrong(n, "name: NAME", "include_role without a name")
			return nil
		}
	}
	r := l.makeRole(name, here)
	if r == nil {
		return nil
	}
	return l.roleTasks(r, from, n, here)
}

// roleNames lists the roles beside the playbook, for hints.
func (l *loader) roleNames() []string {
	found, err := filepath.Glob(filepath.Join(l.book.Dir, "roles", "*"))
	if err != nil {
		return nil
	}
	for i, path := range found {
		found[i] = filepath.Base(path)
	}
	return found
}

// searchPath are the folders in which files of a task are looked for.
type searchPath struct{ file, role, book string }

func (c *setting) searchPath() searchPath {
	s := searchPath{file: filepath.Dir(c.file), book: c.play.book.Dir}
	if c.role != nil {
		s.role = c.role.dir
	}
	return s
}

// find looks for a file as Ansible does: in the role's folder of that sort (files,
// templates), in the role, then the same beside the tasks' file and the playbook.
func (f *files) find(s searchPath, sort, name string) (string, bool) {
	if filepath.IsAbs(name) {
		return filepath.Clean(name), f.exists(name)
	}
	var first string
	for _, dir := range []string{s.role, s.file, s.book} {
		if dir == "" {
			continue
		}
		for _, path := range []string{filepath.Join(dir, sort, name), filepath.Join(dir, name)} {
			if first == "" {
				first = path
			}
			if f.exists(path) {
				return path, true
			}
		}
	}
	return first, false
}
