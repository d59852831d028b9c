package playbooks

import (
	"maps"
	"path"
	"slices"

	"netrun/inventory/diag"
	"netrun/templates"
)

// selectTasks chooses what is run, and where barriers stand.
func (c *compiler) selectTasks() {
	started := c.options.StartAt == ""
	for _, t := range c.play.Tasks {
		if !started && t.starts(c.options.StartAt) {
			started = true
		}
		if started {
			c.choose(t)
		}
	}
	for _, t := range c.play.Handlers {
		t.walk(func(t *Task) {
			c.selected[t] = true
			if t.runOnce || t.delegate != nil {
				c.problems.list.Add(diag.Errorf(t.Pos, "a handler is run by its own host: no run_once and delegate_to"))
			}
		})
	}
	c.findExports()
	c.findBarriers()
}

// starts reports whether --start-at-task names the task, or one in it.
func (t *Task) starts(pattern string) bool {
	found := false
	t.walk(func(t *Task) {
		matched, err := path.Match(pattern, t.Name)
		found = found || t.Name == pattern || matched && err == nil || t.Role != "" && t.Role+" : "+t.Name == pattern
	})
	return found && t.Kind != "meta"
}

// choose applies --tags and --skip-tags. A block is chosen with the first of its tasks.
func (c *compiler) choose(t *Task) bool {
	if t.Kind != "" {
		c.selected[t] = chosen(t.Tags, c.options.Tags, c.options.SkipTags)
		return c.selected[t]
	}
	any := false
	for _, inner := range slices.Concat(t.Block, t.Rescue, t.Always) {
		any = c.choose(inner) || any
	}
	c.selected[t] = any
	return any
}

// chosen is Ansible's reading of tags.
func chosen(tags, only, skip []string) bool {
	has := func(list []string, tag string) bool { return slices.Contains(list, tag) }
	meets := func(list []string) bool {
		return slices.ContainsFunc(tags, func(t string) bool { return has(list, t) })
	}
	if len(only) == 0 {
		only = []string{"all"}
	}
	never := has(tags, "never")
	run := has(tags, "always") || meets(only) ||
		has(only, "all") && !never || has(only, "tagged") && len(tags) > 0 && !never || has(only, "untagged") && len(tags) == 0
	switch {
	case !run || meets(skip):
		return false
	case has(skip, "all"):
		return has(tags, "always")
	case has(skip, "tagged"):
		return len(tags) == 0
	}
	return true
}

// mentions is what stands in the texts of a task.
type mentions struct {
	refs, words map[string]bool
}

func (m *mentions) add(refs, words []string) {
	for _, r := range refs {
		m.refs[r] = true
	}
	for _, w := range words {
		m.words[w] = true
	}
}

// mentioned lists the variables and words in a task's texts, and in those of the
// variables that they lead to.
func (c *compiler) mentioned(t *Task) mentions {
	m := mentions{map[string]bool{}, map[string]bool{}}
	t.walk(func(t *Task) { t.eachText(m.add) })
	layers := slices.Concat(t.vars.fixed, t.vars.local, []map[string]any{c.play.book.extra, c.play.vars})
	for _, r := range rolesFor(t.vars.role, c.play.roles) {
		layers = append(layers, r.files.vars, r.files.defaults)
	}
	for range 5 {
		before := len(m.refs)
		for _, name := range slices.Sorted(maps.Keys(m.refs)) {
			for _, layer := range layers {
				templates.EachTemplate(layer[name], func(t *templates.Template) { m.add(t.Refs(), t.Words()) })
			}
		}
		if len(m.refs) == before {
			break
		}
	}
	return m
}

// eachText calls f for each template and condition of the task itself.
func (t *Task) eachText(f func(refs, words []string)) {
	trees := []any{t.args, t.name, t.environment}
	if t.loop != nil {
		trees = append(trees, t.loop.items, t.loop.label)
	}
	for _, tree := range trees {
		templates.EachTemplate(tree, func(t *templates.Template) { f(t.Refs(), t.Words()) })
	}
	for _, c := range slices.Concat(t.when, t.changedWhen, t.failedWhen, t.until) {
		f(c.Refs(), c.Words())
	}
	if name, ok := expressionArguments[t.Kind]; ok {
		t.eachExpression(name, f)
	}
}

func (t *Task) eachExpression(name string, f func(refs, words []string)) {
	args := namedArguments(t.kind, t.args)
	list, ok := args[name].([]any)
	if !ok {
		list = []any{args[name]}
	}
	for _, e := range list {
		text, _ := e.(string)
		if c, err := templates.ParseCondition(text, templates.Origin{Indent: -1}); err == nil {
			f(c.Refs(), c.Words())
		}
	}
}
