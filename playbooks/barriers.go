package playbooks

import (
	"slices"

	"netrun/inventory/diag"
)

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
		if m := c.mentioned(t); m.refs["hostvars"] || t.delegate != nil {
			c.export(set, m)
		}
	})
	for _, p := range c.play.later {
		reader := &compiler{play: p}
		for _, t := range slices.Concat(p.Tasks, p.Handlers) {
			if m := reader.mentioned(t); m.refs["hostvars"] {
				c.export(set, m)
			}
		}
	}
}

// export notes those of the names that are mentioned.
func (c *compiler) export(names map[string]bool, m mentions) {
	for name := range names {
		if m.words[name] {
			c.exports[name] = true
		}
	}
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
