package playbooks

import (
	"strings"

	"netrun/inventory/diag"
	"netrun/inventory/yamlpos"
	"netrun/tasks"
	"netrun/templates"
)

// arguments reads a task's arguments: a mapping, a text of key=value, or the
// text of the kind's free argument; args adds to them.
func (l *loader) arguments(t *Task, n, more *yamlpos.Node) {
	t.argsNode = n
	switch {
	case n.Kind == yamlpos.Scalar && n.Value != nil:
		t.args = l.freeForm(t, n)
	case n.Kind == yamlpos.Mapping:
		t.args = l.argumentTree(n)
	case n.IsNull():
		t.args = nil
	default:
		t.args = l.tree(n)
	}
	if more != nil {
		l.moreArguments(t, more)
	}
	l.commandWords(t, n)
	l.checkArguments(t)
}

// checkArguments finds what is wrong with arguments whatever the templates in them
// give, also where the play has no hosts. The rest is found for each host.
func (l *loader) checkArguments(t *Task) {
	if t.args == nil {
		return
	}
	known, whole := withUnknown(t.args)
	task, complete, err := t.kind.Decode(known)
	if err == nil && whole && complete && selfContained(task) {
		err = task.Check()
	}
	if err == nil {
		return
	}
	for _, e := range t.argumentErrors(err) {
		l.errs.Add(e)
	}
}

// selfContained reports whether the task can be checked by its arguments alone: no
// host of the inventory and no file of the controller stands for any of them.
func selfContained(t tasks.Task) bool {
	_, expander := t.(tasks.Expander)
	_, sourcer := t.(tasks.Sourcer)
	return !expander && !sourcer
}

// moreArguments adds those under args.
func (l *loader) moreArguments(t *Task, more *yamlpos.Node) {
	extra, ok := l.argumentTree(more).(map[string]any)
	if !ok {
		l.wrong(more, "args: {chdir: /tmp}", "args is a mapping, and this is %s", more.What())
		return
	}
	switch given := t.args.(type) {
	case nil:
		t.args, t.argsNode = extra, more
	case map[string]any:
		t.args = merged(given, extra)
	default:
		t.args = merged(map[string]any{t.kind.Free: given}, extra)
	}
}

// argumentTree is the tree of arguments. A number that begins with 0 stays the text
// that it was: mode: 0644 is not 420.
func (l *loader) argumentTree(n *yamlpos.Node) any {
	tree := l.tree(n)
	m, ok := tree.(map[string]any)
	if !ok {
		return tree
	}
	for i, k := range n.Keys {
		v := n.Values[i]
		if _, number := v.Value.(int); number && len(v.Raw) > 1 && v.Raw[0] == '0' && strings.Trim(v.Raw, "01234567") == "" {
			m[k.Raw] = v.Raw
		}
	}
	return m
}

// freeForm reads the text after the kind's name.
func (l *loader) freeForm(t *Task, n *yamlpos.Node) any {
	text, isText := n.Value.(string)
	if !isText {
		return n.Value
	}
	if t.kind.Free != "" && !looksLikeArguments(text, t.kind) {
		return l.tree(n)
	}
	pairs, err := ParseArguments(text)
	if err != nil {
		l.wrong(n, "write KEY=VALUE, with quotes around spaces", "arguments of %s: %v", t.kind.Name, err)
		return nil
	}
	origin := l.origin(n)
	m := make(map[string]any, len(pairs))
	for _, p := range pairs {
		if _, twice := m[p.Key]; twice {
			l.wrong(n, "", "argument %q is given twice", p.Key)
		}
		m[p.Key] = l.pairValue(p, origin, n)
	}
	return m
}

func (l *loader) pairValue(p Pair, origin templates.Origin, n *yamlpos.Node) any {
	if !maybeTemplate(p.Value) {
		return p.Value
	}
	if origin.Indent == 0 && origin.Pos.Col > 0 {
		origin.Pos.Col += len([]rune(n.Raw[:p.Offset]))
	}
	tmpl, err := templates.Parse(p.Value, origin)
	if err != nil {
		l.errs.Add(err)
		return p.Value
	}
	return tmpl
}

// looksLikeArguments reports whether the text of a kind with a free argument is
// key=value all the same: it begins with an argument's name.
func looksLikeArguments(text string, k *tasks.Kind) bool {
	name, _, ok := strings.Cut(strings.TrimSpace(text), "=")
	if !ok {
		return false
	}
	for _, a := range k.Arguments() {
		if a.Name == name {
			return true
		}
	}
	return false
}

// argumentPos finds where the value that an error is about stands.
func (t *Task) argumentPos(e *tasks.ArgError) diag.Pos {
	n := t.argsNode
	if n == nil {
		return t.Pos
	}
	pos := n.Pos
	for i, step := range e.Path {
		next, key := child(n, step)
		if next == nil {
			return pos
		}
		n, pos = next, next.Pos
		if e.Key && i == len(e.Path)-1 && key != nil {
			pos = key.Pos
		}
	}
	return pos
}

func child(n *yamlpos.Node, step any) (value, key *yamlpos.Node) {
	switch step := step.(type) {
	case string:
		for i, k := range n.Keys {
			if k.Raw == step {
				return n.Values[i], k
			}
		}
	case int:
		if step >= 0 && step < len(n.Items) {
			return n.Items[step], nil
		}
	}
	return nil, nil
}

// commandWords cuts a command line with templates into words before the templates
// are evaluated: a value never becomes two words, or an option of its own.
func (l *loader) commandWords(t *Task, n *yamlpos.Node) {
	if t.Kind != "command" {
		return
	}
	args, isMap := t.args.(map[string]any)
	line, ok := t.args.(*templates.Template)
	if isMap {
		line, ok = args["cmd"].(*templates.Template)
		if value := n.Get("cmd"); value != nil {
			n = value
		}
	}
	if !ok {
		return
	}
	words, err := splitTemplate(line)
	if err != nil {
		l.wrong(n, "give the words as argv: [PROGRAM, ...]", "a template of command spans several words: %v", reason(err))
		return
	}
	out := map[string]any{}
	for name, v := range args {
		out[name] = v
	}
	delete(out, "cmd")
	out["argv"] = words
	t.args = out
}

func splitTemplate(line *templates.Template) ([]any, error) {
	masked, actions := maskActions(line.Source)
	words, err := tasks.SplitWords(masked)
	if err != nil {
		return nil, err
	}
	out := make([]any, len(words))
	for i, w := range words {
		text := restore(w, actions)
		out[i] = text
		if text == w {
			continue
		}
		if out[i], err = templates.Parse(text, templates.Origin{Pos: line.Origin.Pos, Indent: -1}); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func restore(word string, actions []string) string {
	var b strings.Builder
	for _, r := range word {
		if i := int(r) - placeholder; i >= 0 && i < len(actions) {
			b.WriteString(actions[i])
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}
