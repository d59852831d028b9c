package playbooks

import (
	"slices"
	"strings"
	"time"

	"netrun/inventory/diag"
	"netrun/inventory/yamlpos"
	"netrun/tasks"
)

// common lists the keywords that tasks, blocks and includes have.
func (l *loader) common(t *Task, in *inherited) table {
	return table{
		"name":             func(n *yamlpos.Node) { t.Name, _ = l.plainText(n, "name"); t.name = l.tree(n) },
		"when":             func(n *yamlpos.Node) { in.when = slices.Concat(in.when, l.conditions(n, "when")) },
		"tags":             func(n *yamlpos.Node) { in.tags = union(in.tags, l.tags(n)) },
		"vars":             func(n *yamlpos.Node) { in.vars.local = prepend(l.variables(n), in.vars.local) },
		"become":           func(n *yamlpos.Node) { b := l.boolean(n, "become"); in.become = &b },
		"become_user":      func(n *yamlpos.Node) { in.becomeUser = l.tree(n) },
		"become_method":    func(n *yamlpos.Node) { l.wrong(n, "set it on the play", "become_method is the play's") },
		"ignore_errors":    func(n *yamlpos.Node) { b := l.boolean(n, "ignore_errors"); in.ignoreErrors = &b },
		"any_errors_fatal": func(n *yamlpos.Node) { b := l.boolean(n, "any_errors_fatal"); in.anyErrorsFatal = &b },
		"run_once":         func(n *yamlpos.Node) { b := l.boolean(n, "run_once"); in.runOnce = &b },
		"no_log":           func(n *yamlpos.Node) { b := l.boolean(n, "no_log"); in.noLog = &b },
		"check_mode":       func(n *yamlpos.Node) { b := l.boolean(n, "check_mode"); in.checkMode = &b },
		"persist":          func(n *yamlpos.Node) { b := l.boolean(n, "persist"); in.persist = &b },
		"repair":           func(n *yamlpos.Node) { b := l.boolean(n, "repair"); in.repair = &b },
		"delegate_to":      func(n *yamlpos.Node) { in.delegate = l.tree(n) },
		"environment":      func(n *yamlpos.Node) { in.environment = merged(in.environment, l.environment(n)) },
		"notify":           func(n *yamlpos.Node) { in.notify = slices.Concat(in.notify, l.notified(n)) },
	}
}

// keywords lists the keywords of a task, but for its kind.
func (l *loader) keywords(t *Task, in *inherited) table {
	own := table{
		"loop":           func(n *yamlpos.Node) { l.loopOver(t, n) },
		"with_items":     func(n *yamlpos.Node) { l.loopOver(t, n) },
		"loop_control":   func(n *yamlpos.Node) { l.loopControl(t, n) },
		"register":       func(n *yamlpos.Node) { t.register = l.registered(n) },
		"changed_when":   func(n *yamlpos.Node) { t.changedWhen = l.conditions(n, "changed_when") },
		"failed_when":    func(n *yamlpos.Node) { t.failedWhen = l.conditions(n, "failed_when") },
		"until":          func(n *yamlpos.Node) { t.until = l.conditions(n, "until") },
		"retries":        func(n *yamlpos.Node) { t.retries, _ = l.integer(n, "retries", 0, 100_000) },
		"delay":          func(n *yamlpos.Node) { t.delay, _ = l.duration(n, "delay") },
		"timeout":        func(n *yamlpos.Node) { t.timeout, _ = l.duration(n, "timeout") },
		"listen":         func(n *yamlpos.Node) { t.listen = l.words(n, "listen") },
		"async":          func(n *yamlpos.Node) { l.wrong(n, "use timeout", "async is not known") },
		"poll":           func(n *yamlpos.Node) { l.wrong(n, "use timeout", "poll is not known") },
		"throttle":       func(n *yamlpos.Node) { l.wrong(n, "use serial on the play", "throttle is not known") },
		"delegate_facts": func(n *yamlpos.Node) { l.wrong(n, "take it out", "delegate_facts is not known") },
	}
	for _, with := range []string{"with_dict", "with_fileglob", "with_sequence", "with_subelements", "with_together", "with_nested", "with_list"} {
		own[with] = func(n *yamlpos.Node) {
			l.wrong(n, "use loop with a template that gives a list", "%s is not known", with)
		}
	}
	for key, read := range l.common(t, in) {
		own[key] = read
	}
	return own
}

func prepend(m map[string]any, layers []map[string]any) []map[string]any {
	if len(m) == 0 {
		return layers
	}
	return append([]map[string]any{m}, layers...)
}

func merged(a, b map[string]any) map[string]any {
	out := make(map[string]any, len(a)+len(b))
	for _, m := range []map[string]any{a, b} {
		for k, v := range m {
			out[k] = v
		}
	}
	return out
}

func (l *loader) notified(n *yamlpos.Node) []Text {
	var out []Text
	for _, item := range oneOrMore(n) {
		out = append(out, l.templated(item, "notify"))
	}
	return out
}

func (l *loader) registered(n *yamlpos.Node) string {
	name, ok := l.plainText(n, "register")
	if ok {
		l.variableName(n)
	}
	return name
}

func (t *Task) looping() *loop {
	if t.loop == nil {
		t.loop = &loop{variable: "item"}
	}
	return t.loop
}

func (l *loader) loopOver(t *Task, n *yamlpos.Node) {
	if t.looping().pos.Line != 0 {
		l.wrong(n, "", "two loops on one task")
	}
	t.loop.pos = n.Pos
	t.loop.items = l.tree(n)
	_, template := n.Value.(string)
	if n.Kind != yamlpos.Sequence && !(template && maybeTemplate(n.Raw)) {
		l.wrong(n, "a list, or a template that gives one: {{ .names }}", "loop wants a list, and this is %s", shown(n))
	}
}

func (l *loader) loopControl(t *Task, n *yamlpos.Node) {
	c := t.looping()
	l.mapping(n, "loop_control", table{
		"loop_var":  func(n *yamlpos.Node) { c.variable = l.registered(n) },
		"index_var": func(n *yamlpos.Node) { c.index = l.registered(n) },
		"label":     func(n *yamlpos.Node) { c.label = l.tree(n) },
		"pause":     func(n *yamlpos.Node) { c.pause, _ = l.duration(n, "pause") },
	})
}

// duration reads a number of seconds, or a text such as 2m.
func (l *loader) duration(n *yamlpos.Node, what string) (time.Duration, bool) {
	text := n.Raw
	if text != "" && strings.Trim(text, "0123456789.") == "" {
		text += "s"
	}
	d, err := time.ParseDuration(text)
	if n.Kind != yamlpos.Scalar || err != nil || d < 0 {
		l.wrong(n, "write 30, 30s or 2m", "%s is a duration, and this is %s", what, shown(n))
		return 0, false
	}
	return d, true
}

// kindKey is the key of a mapping that names a kind.
func kindKey(n *yamlpos.Node) string {
	for _, k := range n.Keys {
		if _, ok := tasks.Lookup(k.Raw); ok {
			return k.Raw
		}
	}
	return ""
}

// kindOf finds the key that names the task's kind, and its value.
func (l *loader) kindOf(n *yamlpos.Node) (key, value *yamlpos.Node) {
	known := l.keywords(&Task{}, &inherited{})
	var strange []*yamlpos.Node
	for i, k := range n.Keys {
		if _, ok := tasks.Lookup(k.Raw); ok || k.Raw == "meta" {
			if key != nil {
				l.wrong(k, "write two tasks", "a task has one kind, and this has %s and %s", key.Raw, k.Raw)
				return nil, nil
			}
			key, value = k, n.Values[i]
			continue
		}
		if _, ok := known[k.Raw]; !ok && k.Raw != "args" {
			strange = append(strange, k)
		}
	}
	if key != nil {
		return key, value
	}
	if len(strange) == 0 {
		l.wrong(n, "known: "+strings.Join(tasks.Names(), ", "), "a task without a kind")
		return nil, nil
	}
	for _, k := range strange {
		l.unknownKind(k, n.Get(k.Raw))
	}
	return nil, nil
}

func (l *loader) unknownKind(k, value *yamlpos.Node) {
	hint := ansibleHint(k.Raw, value)
	if hint == "" {
		hint = diag.DidYouMean(k.Raw, append(tasks.Names(), keywordNames...))
	}
	l.wrong(k, hint, "unknown kind of task %q", k.Raw)
}

// keywordNames are those of tasks, for hints.
var keywordNames = []string{"name", "when", "loop", "loop_control", "register", "changed_when", "failed_when", "until", "retries",
	"delay", "tags", "become", "become_user", "ignore_errors", "run_once", "delegate_to", "vars", "notify", "no_log", "check_mode", "persist", "repair",
	"environment", "args", "timeout", "listen", "block", "include_tasks", "import_tasks", "include_role", "import_role"}
