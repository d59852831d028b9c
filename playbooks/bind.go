package playbooks

import (
	"cmp"
	"fmt"

	"netrun/inventory/diag"
	"netrun/playbooks/script"
	"netrun/tasks"
	"netrun/templates"
)

// keywords gives the node what the task's keywords say.
func (b *binding) keywords(n *script.Node) {
	t := b.task
	n.ChangedWhen = b.conditions(t.changedWhen, t)
	n.FailedWhen = b.conditions(t.failedWhen, t)
	n.Until = b.conditions(t.until, t)
	for _, name := range t.notify {
		n.Notify = append(n.Notify, b.text(name.tree, name.Value, name.Pos, "notify"))
	}
	n.Listen = t.listen
	if t.Role != "" {
		n.Listen = append(append([]string{}, t.listen...), t.Role+" : "+t.Name)
	}
	if t.become != nil && *t.become {
		n.Become = true
		n.RunAs = b.text(t.becomeUser, "", t.Pos, "become_user")
	}
	if t.delegate != nil {
		n.Delegate = b.text(t.delegate, "", t.Pos, "delegate_to")
		b.checkDelegate(n.Delegate)
	}
	if t.environment != nil {
		n.Env.V = b.value(t.environment)
	}
	if t.checking != nil && t.kind != nil {
		if _, object := t.kind.New().(tasks.Wanter); object {
			b.failed(diag.Errorf(t.Pos, "check_mode is for acts: %s is planned with the tasks around it", t.Kind), t.Pos)
		}
	}
}

// conditions are about the task's result, so its register is known to them.
func (b *binding) conditions(list []*templates.Condition, t *Task) []*templates.Condition {
	loopVars := b.loopVars
	if t.register != "" {
		b.loopVars = append(b.loopVars, t.register)
	}
	if t.loop != nil {
		b.loopVars = append(b.loopVars, t.loop.names()...)
	}
	for _, c := range list {
		b.checkRefs(c.Required())
		b.need(c.Refs(), c.Words())
	}
	b.loopVars = loopVars
	return list
}

func (l *loop) names() []string {
	if l.index == "" {
		return []string{l.variable}
	}
	return []string{l.variable, l.index}
}

// text renders a keyword whose value must be known beforehand.
func (b *binding) text(tree any, written string, pos diag.Pos, what string) string {
	t, ok := tree.(*templates.Template)
	if !ok {
		if tree != nil {
			return fmt.Sprint(tree)
		}
		return written
	}
	if b.runtimeRefs(t.Refs()) {
		b.failed(diag.Errorf(t.Origin.Pos, "%s must be known before the host is contacted", what).
			WithHint("use a variable of the inventory"), pos)
		return written
	}
	v, err := t.Text(b.scope)
	if err != nil {
		b.failed(err, pos)
	}
	return v
}

func (b *binding) checkDelegate(name string) {
	inv := b.options.Inventory
	if inv == nil || name == "" || name == "localhost" || inv.Host(name) != nil {
		return
	}
	e := diag.Errorf(b.task.Pos, "delegate_to: no host %q in the inventory", name)
	e.Hint = diag.DidYouMean(name, hostNames(inv.Hosts()))
	b.failed(e, b.task.Pos)
}

// loop compiles a task with a loop: round by round, where the items are known.
func (b *binding) loop(n *script.Node) {
	l := b.task.loop
	n.Loop = &script.Loop{Var: l.variable, IndexVar: l.index, Pause: l.pause}
	items := b.value(l.items)
	if _, whole := withUnknown(items); !whole {
		b.loopOnHost(n, items)
		return
	}
	list, err := script.LoopItems(items)
	if err != nil {
		b.failed(err, l.pos)
		return
	}
	if len(list) == 0 {
		n.Skip = "nothing to loop over"
		return
	}
	n.When = nil
	n.Cases = make([]script.Case, len(list))
	outer := b.scope
	for i, item := range list {
		vars := map[string]any{l.variable: item}
		if l.index != "" {
			vars[l.index] = i
		}
		b.scope = outer.Over(vars)
		n.Cases[i] = b.round(n, item)
	}
	b.scope = outer
	if l.label != nil {
		b.loopVars = l.names()
		n.Loop.Label.V = b.value(l.label)
		b.loopVars = nil
	}
}

// loopOnHost compiles a loop whose items only the host knows.
func (b *binding) loopOnHost(n *script.Node, items any) {
	l := b.task.loop
	n.Loop.Items.V = items
	b.loopVars = l.names()
	n.Args.V, n.Fills = b.arguments("")
	if l.label != nil {
		n.Loop.Label.V = b.value(l.label)
	}
	b.loopVars = nil
}

// round compiles one round of a loop.
func (b *binding) round(n *script.Node, item any) script.Case {
	c := script.Case{Item: templates.Value{V: plainValue(item)}}
	probe := &script.Node{}
	if b.decided(probe) {
		c.Skip = cmp.Or(probe.Skip, "when")
		return c
	}
	if n.When == nil {
		n.When = probe.When
	}
	c.Args.V, c.Fills = b.arguments(fmt.Sprint(item))
	return c
}

// arguments compiles the arguments of a task or round: rendered as far as they are
// known, checked, expanded, and the files that they name read.
func (b *binding) arguments(item string) (any, []templates.Value) {
	t := b.task
	if t.kind == nil {
		return t.args, nil
	}
	args := b.value(t.args)
	b.expressions(args)
	args = b.expandLinks(args)
	task, complete := b.decode(args)
	if task == nil {
		return args, nil
	}
	_, partly := task.(tasks.PartExpander)
	if e, ok := task.(tasks.Expander); ok && (complete || partly) {
		if err := e.Expand(expansion{b}); err != nil {
			b.argumentErrors(err)
			return args, nil
		}
		if complete {
			args = b.expandedArgs(task, args)
		} else {
			args = b.partlyExpandedArgs(task, args)
		}
	}
	fills, known := b.fills(task, args)
	if complete && known {
		b.checked(task, item)
	}
	return args, fills
}

// checked asks the task itself for mistakes, and keeps what it wants.
func (b *binding) checked(task tasks.Task, item string) {
	if err := task.Check(); err != nil {
		b.argumentErrors(err)
		return
	}
	switch w := task.(type) {
	case tasks.Wanter:
		b.wanted = append(b.wanted, Wanted{Item: item, Wants: w.Want()})
	case tasks.Wirer:
		b.wanted = append(b.wanted, Wanted{Item: item, Wants: w.Wires()})
	}
}

// expressionArguments are arguments that hold conditions, by kind.
var expressionArguments = map[string]string{"assert": "that", "debug": "var"}

// expressions checks the conditions among the arguments, and notes what they need.
func (b *binding) expressions(args any) {
	name, ok := expressionArguments[b.task.Kind]
	if !ok {
		return
	}
	m := namedArguments(b.task.kind, args)
	list, isList := m[name].([]any)
	if !isList {
		list = []any{m[name]}
	}
	for i, e := range list {
		text, ok := e.(string)
		if !ok {
			continue
		}
		path := &tasks.ArgError{Path: []any{name, i}}
		if !isList {
			path.Path = path.Path[:1]
		}
		c, err := templates.ParseCondition(text, templates.Origin{Pos: b.task.argumentPos(path)})
		if err != nil {
			b.failed(err, b.task.Pos)
			continue
		}
		b.checkRefs(c.Required())
		b.need(c.Refs(), c.Words())
	}
}
