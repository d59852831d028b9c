package playbooks

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"sort"

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

// findExports finds the registered variables that leave their host: those that
// somebody reads through hostvars, and those that a delegated task reads.
func (c *compiler) findExports() {
	set := map[string]bool{}
	c.eachSelected(func(t *Task) {
		for _, name := range t.sets() {
			set[name] = true
		}
	})
	for _, name := range c.play.before {
		set[name] = true
	}
	c.eachSelected(func(t *Task) {
		m := c.mentioned(t)
		if !m.refs["hostvars"] && t.delegate == nil {
			return
		}
		for name := range set {
			if m.words[name] {
				c.exports[name] = true
			}
		}
	})
}

func (c *compiler) eachSelected(f func(*Task)) {
	for _, t := range slices.Concat(c.play.Tasks, c.play.Handlers) {
		t.walk(func(t *Task) {
			if c.selected[t] {
				f(t)
			}
		})
	}
}

// findBarriers cuts the play into segments: a task that another host runs, or that
// only one host runs, is one by itself, and one that reads what others exported
// begins one.
func (c *compiler) findBarriers() {
	c.readers = map[*Task]bool{}
	registered := map[string]bool{}
	for _, name := range c.play.before {
		registered[name] = true
	}
	segment := []*Task{}
	cut := func() {
		if len(segment) > 0 {
			c.segments = append(c.segments, segment)
		}
		segment = nil
	}
	for _, t := range c.play.Tasks {
		if !c.selected[t] {
			segment = append(segment, t) // its names are taken note of
			continue
		}
		c.noInnerBarrier(t, registered)
		alone := t.runOnce || t.delegate != nil
		if alone || c.reads(t, registered) {
			cut()
		}
		segment = append(segment, t)
		if alone {
			cut()
		}
		t.walk(func(t *Task) {
			for _, name := range t.sets() {
				registered[name] = true
			}
		})
	}
	cut()
}

// reads reports whether a task reads what hosts exported before.
func (c *compiler) reads(t *Task, registered map[string]bool) bool {
	m := c.mentioned(t)
	if !m.refs["hostvars"] {
		return false
	}
	for name := range registered {
		if m.words[name] && c.exports[name] {
			t.walk(func(t *Task) { c.readers[t] = true })
			return true
		}
	}
	return false
}

// noInnerBarrier refuses barriers within a block that has a rescue or always: all of
// it runs on the host at once.
func (c *compiler) noInnerBarrier(t *Task, registered map[string]bool) {
	if t.Kind != "" {
		return
	}
	t.walk(func(inner *Task) {
		if inner.Kind == "" || !c.selected[inner] {
			return
		}
		what := ""
		switch {
		case inner.runOnce:
			what = "run_once"
		case inner.delegate != nil:
			what = "delegate_to"
		}
		if what != "" {
			c.problems.list.Add(diag.Errorf(inner.Pos, "%s in a block with rescue or always", what).
				WithHint("put the task before or after the block"))
		}
	})
}

// StartAt finds the play that holds the task that --start-at-task names: a name, or a glob.
func (b *Playbook) StartAt(pattern string) (int, error) {
	var names []string
	for i, p := range b.Plays {
		for _, t := range p.Tasks {
			if t.starts(pattern) {
				return i, nil
			}
			t.walk(func(t *Task) { names = append(names, t.Name) })
		}
	}
	err := fmt.Errorf("no task %q to start at", pattern)
	if hint := diag.DidYouMean(pattern, names); hint != "" {
		err = fmt.Errorf("%w (%s)", err, hint)
	}
	return 0, err
}

// specialTags always are known.
var specialTags = []string{"all", "always", "never", "tagged", "untagged"}

// UnknownTags says which of the tags no task has, each as a line with the nearest one.
func (b *Playbook) UnknownTags(tags []string) []string {
	known := slices.Clone(specialTags)
	for _, p := range b.Plays {
		known = append(known, p.AllTags()...)
	}
	var out []string
	for _, tag := range tags {
		if slices.Contains(known, tag) {
			continue
		}
		line := fmt.Sprintf("no task has the tag %q", tag)
		if hint := diag.DidYouMean(tag, known[len(specialTags):]); hint != "" {
			line += " (" + hint + ")"
		}
		out = append(out, line)
	}
	return out
}

// AllTags lists the tags of the play's tasks, sorted.
func (p *Play) AllTags() []string {
	var tags []string
	for _, t := range p.Tasks {
		if t.Kind != "meta" {
			t.walk(func(t *Task) { tags = append(tags, t.Tags...) })
		}
	}
	sort.Strings(tags)
	return slices.Compact(tags)
}

// Listed is a task as --list-tasks shows it.
type Listed struct {
	Name string // "role : name" in a role
	Tags []string
}

// List lists the play's tasks that --tags and --skip-tags choose, blocks unfolded.
func (p *Play) List(o CompileOptions) []Listed {
	var out []Listed
	started := o.StartAt == ""
	for _, t := range p.Tasks {
		started = started || t.starts(o.StartAt)
		if !started || t.Kind == "meta" {
			continue
		}
		t.walk(func(t *Task) {
			if t.Kind == "" || !chosen(t.Tags, o.Tags, o.SkipTags) {
				return
			}
			name := t.Name
			if t.Role != "" {
				name = t.Role + " : " + name
			}
			out = append(out, Listed{name, t.Tags})
		})
	}
	return out
}
