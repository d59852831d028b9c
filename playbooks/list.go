package playbooks

import (
	"fmt"
	"slices"
	"sort"

	"netrun/inventory/diag"
)

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
