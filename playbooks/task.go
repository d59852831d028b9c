package playbooks

import (
	"slices"
	"time"

	"netrun/inventory/diag"
	"netrun/inventory/yamlpos"
	"netrun/tasks"
	"netrun/templates"
)

// Task is a task, a handler or a block, with all that it inherits.
type Task struct {
	ID   int
	Pos  diag.Pos
	Name string // as written; Kind if it has none
	Role string
	Kind string // "" is a block, "meta" a meta task
	Tags []string

	Block, Rescue, Always []*Task

	name     any // with templates
	kind     *tasks.Kind
	args     any           // with templates
	argsNode *yamlpos.Node // where args stand; nil for arguments written as key=value
	when     []*templates.Condition
	vars     frame
	dirs     searchPath

	loop                             *loop
	register                         string
	changedWhen, failedWhen, until   []*templates.Condition
	retries                          int
	delay, timeout                   time.Duration
	ignoreErrors, noLog, runOnce     bool
	fleeting, repair                 bool
	anyErrorsFatal, become, checking *bool
	becomeUser, delegate             any
	exported                         bool // its register leaves the host, whoever reads it
	environment                      map[string]any
	notify                           []Text
	listen                           []string
}

type loop struct {
	items           any
	pos             diag.Pos
	variable, index string
	label           any
	pause           time.Duration
}

// setting is where a list of tasks stands.
type setting struct {
	inherited
	file    string // that is being read
	play    *Play
	role    *role
	depth   int // of includes
	handler bool
}

// inherited is what tasks get from the play, blocks, roles and includes around them.
type inherited struct {
	tags           []string
	when           []*templates.Condition
	vars           frame
	fixed          []map[string]any
	environment    map[string]any
	become         *bool
	becomeUser     any
	ignoreErrors   *bool
	noLog          *bool
	persist        *bool
	repair         *bool
	runOnce        *bool
	anyErrorsFatal *bool
	checkMode      *bool
	delegate       any
	notify         []Text
}

// frame is the variables that stand around a task: those of includes and role
// parameters, which win over registered results, and those of tasks and blocks,
// which do not. The strongest come first.
type frame struct {
	fixed, local []map[string]any
	role         *role
}

// forHandlers is the context for handlers, which conditions and tags do not concern.
func (c *setting) forHandlers() *setting {
	h := *c
	h.handler, h.tags, h.when = true, nil, nil
	return &h
}

// walk calls f for the task and all that stands in it.
func (t *Task) walk(f func(*Task)) {
	f(t)
	for _, part := range [][]*Task{t.Block, t.Rescue, t.Always} {
		for _, inner := range part {
			inner.walk(f)
		}
	}
}

// sets lists the variables that the task sets.
func (t *Task) sets() []string {
	var names []string
	if t.register != "" {
		names = append(names, t.register)
	}
	if t.kind != nil && t.kind.Open {
		args, _ := t.args.(map[string]any)
		for name := range args {
			names = append(names, name)
		}
		slices.Sort(names)
	}
	if len(t.Rescue) > 0 {
		names = append(names, "ansible_failed_result")
	}
	return names
}

// taskList reads a list of tasks, blocks and includes.
func (l *loader) taskList(n *yamlpos.Node, here *setting) []*Task {
	if n.IsNull() {
		return nil
	}
	if n.Kind != yamlpos.Sequence {
		l.wrong(n, "begin each task with a dash", "tasks are a list, and this is %s", n.What())
		return nil
	}
	var out []*Task
	for _, item := range n.Items {
		if l.tasks >= maxTasks {
			l.wrong(item, "", "more than %d tasks", maxTasks)
			return out
		}
		out = append(out, l.entry(item, here)...)
	}
	return out
}

// entry reads one element of a list of tasks.
func (l *loader) entry(n *yamlpos.Node, here *setting) []*Task {
	if n.Kind != yamlpos.Mapping {
		l.wrong(n, "- name: what it does", "a task is a mapping of keywords, and this is %s", n.What())
		return nil
	}
	if n.Get("block") != nil || n.Get("rescue") != nil || n.Get("always") != nil {
		return l.block(n, here)
	}
	if key := includeKey(n); key != "" {
		return l.include(n, key, here)
	}
	t := l.task(n, here)
	if t == nil {
		return nil
	}
	if t.Kind == "deploy" && !told(t) {
		return l.deploy(t, here)
	}
	return append(l.linkTargets(t, here), t)
}

func (l *loader) newTask(pos diag.Pos, here *setting) *Task {
	l.tasks++
	t := &Task{ID: l.tasks, Pos: pos, retries: 3, delay: 5 * time.Second, dirs: here.searchPath()}
	if here.role != nil {
		t.Role = here.role.name
	}
	return t
}

func (l *loader) newMeta(pos diag.Pos, here *setting, what string) *Task {
	t := l.newTask(pos, here)
	t.Kind, t.Name, t.args, t.Tags = "meta", what, what, []string{"always"}
	t.vars = here.frame()
	return t
}

// task reads a task of a kind.
func (l *loader) task(n *yamlpos.Node, here *setting) *Task {
	t := l.newTask(n.Pos, here)
	in := here.inherited
	key, value := l.kindOf(n)
	if key == nil {
		return nil
	}
	var extraArgs *yamlpos.Node
	keywords := l.keywords(t, &in)
	keywords[key.Raw] = nil
	keywords["args"] = func(n *yamlpos.Node) { extraArgs = n }
	keywords["action"], keywords["local_action"] = nil, nil
	l.mapping(n, "a task", keywords)
	t.Kind = key.Raw
	if key.Raw == "meta" {
		l.meta(t, value)
	} else {
		t.kind, _ = tasks.Lookup(key.Raw)
		l.arguments(t, value, extraArgs)
	}
	t.settle(here, in)
	if t.Name == "" {
		t.Name = t.Kind
	}
	return t
}

// settle gives the task what it inherits and its own keywords have not changed.
func (t *Task) settle(here *setting, in inherited) {
	t.Tags, t.when, t.vars = in.tags, in.when, here.frame()
	t.vars.local, t.vars.fixed = in.vars.local, in.vars.fixed
	t.environment, t.become, t.becomeUser = in.environment, in.become, in.becomeUser
	t.ignoreErrors, t.noLog, t.runOnce = isTrue(in.ignoreErrors), isTrue(in.noLog), isTrue(in.runOnce)
	t.fleeting, t.repair = in.persist != nil && !*in.persist, isTrue(in.repair)
	t.anyErrorsFatal, t.checking, t.delegate, t.notify = in.anyErrorsFatal, in.checkMode, in.delegate, in.notify
}

func isTrue(b *bool) bool { return b != nil && *b }

func (c *setting) frame() frame {
	return frame{fixed: c.vars.fixed, local: c.vars.local, role: c.role}
}

// meta reads what a meta task does.
func (l *loader) meta(t *Task, n *yamlpos.Node) {
	what := l.choice(n, "meta task", "flush_handlers", "end_play", "end_host", "noop")
	t.args = what
	if t.Name == "" {
		t.Name = what
	}
}

// block reads a block. One without rescue and always is its tasks.
func (l *loader) block(n *yamlpos.Node, here *setting) []*Task {
	t := l.newTask(n.Pos, here)
	in := here.inherited
	parts := map[string]*yamlpos.Node{}
	keywords := l.common(t, &in)
	for _, key := range []string{"block", "rescue", "always"} {
		keywords[key] = func(n *yamlpos.Node) { parts[key] = n }
	}
	l.mapping(n, "a block", keywords)
	if parts["block"].IsNull() {
		l.wrong(n, "block: a list of tasks", "rescue and always belong to a block")
		return nil
	}
	inner := *here
	inner.inherited = in
	if inner.depth++; inner.depth > maxNesting {
		l.wrong(n, "", "blocks and includes more than %d deep", maxNesting)
		return nil
	}
	body := l.taskList(parts["block"], &inner)
	if parts["rescue"].IsNull() && parts["always"].IsNull() {
		return body
	}
	t.settle(here, in)
	t.Block = body
	t.Rescue = l.taskList(orNull(parts["rescue"]), &inner)
	t.Always = l.taskList(orNull(parts["always"]), &inner)
	return []*Task{t}
}

// orNull is the node, or an empty value where there is none.
func orNull(n *yamlpos.Node) *yamlpos.Node {
	if n == nil {
		return &yamlpos.Node{Kind: yamlpos.Scalar}
	}
	return n
}
