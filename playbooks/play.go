package playbooks

import (
	"slices"
	"strconv"
	"strings"

	"netrun/inventory/diag"
	"netrun/inventory/yamlpos"
)

// Play is one play: which hosts, and what they do.
type Play struct {
	Name  string
	Pos   diag.Pos
	Hosts Text // the pattern

	Tasks    []*Task // roles unfolded, in the order in which they run
	Handlers []*Task

	GatherFacts       bool
	Connection        string // "", ssh, local, docker or podman
	RemoteUser        string
	Port              int
	Become            *bool
	BecomeUser        string
	BecomeMethod      string
	Serial            []string // sizes of batches: "2", "30%"; empty is all at once
	Order             string   // inventory, sorted, reverse_inventory, reverse_sorted; shuffle is not known
	AnyErrorsFatal    bool
	MaxFailPercentage *float64
	ForceHandlers     bool
	IgnoreUnreachable bool
	CheckMode         *bool
	Confirm           string // "", always, never or a duration
	Probes            []Probe

	vars      map[string]any
	varsFiles []Text
	roles     []*role
	before    []string // names registered by earlier plays
	later     []*Play  // which may read, through hostvars, what this one registers
	book      *Playbook
}

// Text is a text of a playbook and its place.
type Text struct {
	Value string
	Pos   diag.Pos
	tree  any // with templates
}

// Probe is what must still answer after the play, if it did before.
type Probe struct {
	Ping string // an address
	TCP  string // host:port
	Pos  diag.Pos
}

func (l *loader) play(file string, n *yamlpos.Node) *Play {
	if n.Kind != yamlpos.Mapping {
		l.wrong(n, "- hosts: all", "a play is a mapping of keywords, and this is %s", n.What())
		return nil
	}
	p := &Play{Pos: n.Pos, GatherFacts: false, book: l.book}
	here := &setting{file: file, play: p}
	parts := map[string]*yamlpos.Node{}
	t := l.playTable(p, here, parts)
	l.mapping(n, "a play", t)
	if n.Get("hosts") == nil {
		hint := "hosts: all"
		if kind := kindKey(n); kind != "" {
			hint = "tasks belong under tasks:"
		}
		l.wrong(n, hint, "a play without hosts")
	}
	if p.Name == "" {
		p.Name = p.Hosts.Value
	}
	l.playTasks(p, here, parts)
	return p
}

// playTable lists the keywords of a play. Those of tasks are read later, when the rest is known.
func (l *loader) playTable(p *Play, here *setting, parts map[string]*yamlpos.Node) table {
	in := &here.inherited
	t := table{
		"name":  func(n *yamlpos.Node) { p.Name, _ = l.plainText(n, "name") },
		"hosts": func(n *yamlpos.Node) { p.Hosts = l.pattern(n) },
		"vars":  func(n *yamlpos.Node) { p.vars = l.variables(n) },
		"vars_files": func(n *yamlpos.Node) {
			for _, item := range oneOrMore(n) {
				p.varsFiles = append(p.varsFiles, l.templated(item, "a file"))
			}
		},
		"vars_prompt": func(n *yamlpos.Node) {
			l.wrong(n, "use -e name=value", "vars_prompt is not known: plays ask no questions")
		},
		"gather_facts":  func(n *yamlpos.Node) { p.GatherFacts = l.boolean(n, "gather_facts") },
		"become":        func(n *yamlpos.Node) { b := l.boolean(n, "become"); p.Become, in.become = &b, &b },
		"become_user":   func(n *yamlpos.Node) { in.becomeUser = l.tree(n); p.BecomeUser, _ = l.plainText(n, "become_user") },
		"become_method": func(n *yamlpos.Node) { p.BecomeMethod = l.choice(n, "become_method", "sudo", "su", "doas") },
		"serial":        func(n *yamlpos.Node) { p.Serial = l.serial(n) },
		"order": func(n *yamlpos.Node) {
			p.Order = l.choice(n, "order", "inventory", "sorted", "reverse_inventory", "reverse_sorted")
		},
		"any_errors_fatal":    func(n *yamlpos.Node) { p.AnyErrorsFatal = l.boolean(n, "any_errors_fatal") },
		"max_fail_percentage": func(n *yamlpos.Node) { p.MaxFailPercentage = l.percentage(n) },
		"ignore_errors":       func(n *yamlpos.Node) { b := l.boolean(n, "ignore_errors"); in.ignoreErrors = &b },
		"ignore_unreachable":  func(n *yamlpos.Node) { p.IgnoreUnreachable = l.boolean(n, "ignore_unreachable") },
		"force_handlers":      func(n *yamlpos.Node) { p.ForceHandlers = l.boolean(n, "force_handlers") },
		"tags":                func(n *yamlpos.Node) { in.tags = append(in.tags, l.tags(n)...) },
		"connection":          func(n *yamlpos.Node) { p.Connection = l.choice(n, "connection", "ssh", "local", "docker", "podman") },
		"remote_user":         func(n *yamlpos.Node) { p.RemoteUser, _ = l.plainText(n, "remote_user") },
		"port":                func(n *yamlpos.Node) { p.Port, _ = l.integer(n, "port", 1, 65535) },
		"environment":         func(n *yamlpos.Node) { in.environment = l.environment(n) },
		"check_mode":          func(n *yamlpos.Node) { b := l.boolean(n, "check_mode"); p.CheckMode = &b },
		"no_log":              func(n *yamlpos.Node) { b := l.boolean(n, "no_log"); in.noLog = &b },
		"persist":             func(n *yamlpos.Node) { b := l.boolean(n, "persist"); in.persist = &b },
		"repair":              func(n *yamlpos.Node) { b := l.boolean(n, "repair"); in.repair = &b },
		"confirm":             func(n *yamlpos.Node) { p.Confirm = l.confirm(n) },
		"probes":              func(n *yamlpos.Node) { p.Probes = l.probes(n) },
		"strategy": func(n *yamlpos.Node) {
			l.wrong(n, "take it out", "strategy is not known: hosts run their tasks by themselves")
		},
	}
	for _, key := range []string{"roles", "pre_tasks", "tasks", "post_tasks", "handlers"} {
		t[key] = func(n *yamlpos.Node) { parts[key] = n }
	}
	return t
}

// playTasks reads the tasks in the order in which they run, handlers last.
func (l *loader) playTasks(p *Play, here *setting, parts map[string]*yamlpos.Node) {
	flush := func(at *yamlpos.Node) {
		p.Tasks = append(p.Tasks, l.newMeta(at.Pos, here, "flush_handlers"))
	}
	if n := parts["pre_tasks"]; !n.IsNull() {
		p.Tasks = append(p.Tasks, l.taskList(n, here)...)
		flush(n)
	}
	if n := parts["roles"]; !n.IsNull() {
		p.Tasks = append(p.Tasks, l.playRoles(n, here)...)
	}
	if n := parts["tasks"]; !n.IsNull() {
		p.Tasks = append(p.Tasks, l.taskList(n, here)...)
	}
	if n := parts["post_tasks"]; !n.IsNull() {
		flush(n)
		p.Tasks = append(p.Tasks, l.taskList(n, here)...)
	}
	if n := parts["handlers"]; !n.IsNull() {
		handlers := here.forHandlers()
		p.Handlers = append(p.Handlers, l.taskList(n, handlers)...)
	}
	l.checkNotify(p)
}

// inherit gives the play's tasks what the statement that imported it says.
func (p *Play) inherit(common inherited) {
	for _, t := range slices.Concat(p.Tasks, p.Handlers) {
		t.walk(func(t *Task) {
			t.Tags = union(common.tags, t.Tags)
			t.when = append(slices.Clone(common.when), t.when...)
			t.vars.fixed = append(slices.Clone(t.vars.fixed), common.fixed...)
		})
	}
}

// pattern reads hosts: a pattern, or a list of patterns.
func (l *loader) pattern(n *yamlpos.Node) Text {
	var parts []string
	text := Text{Pos: n.Pos}
	for _, item := range oneOrMore(n) {
		v, ok := l.earlyText(item, l.extra)
		if ok {
			parts = append(parts, v)
		}
	}
	text.Value = strings.Join(parts, ",")
	if text.Value == "" && n.IsNull() {
		l.wrong(n, "hosts: all", "hosts names no hosts")
	}
	return text
}

func (l *loader) templated(n *yamlpos.Node, what string) Text {
	s, _ := l.plainText(n, what)
	return Text{Value: s, Pos: n.Pos, tree: l.tree(n)}
}

func (l *loader) choice(n *yamlpos.Node, what string, known ...string) string {
	s, ok := l.plainText(n, what)
	if ok && !slices.Contains(known, s) {
		l.wrong(n, diag.DidYouMean(s, known), "%q is no %s", s, what)
	}
	return s
}

func (l *loader) integer(n *yamlpos.Node, what string, from, to int) (int, bool) {
	i, err := strconv.Atoi(n.Raw)
	if n.Kind != yamlpos.Scalar || err != nil || i < from || i > to {
		l.wrong(n, "", "%s is an integer from %d to %d, and this is %s", what, from, to, shown(n))
		return 0, false
	}
	return i, true
}

// shown is a value for a message: itself if it is a scalar.
func shown(n *yamlpos.Node) string {
	if n.Kind == yamlpos.Scalar && n.Value != nil {
		return strconv.Quote(n.Raw)
	}
	return n.What()
}

// registers lists the variables that the play's tasks set.
func (p *Play) registers() []string {
	var names []string
	for _, t := range slices.Concat(p.Tasks, p.Handlers) {
		t.walk(func(t *Task) { names = append(names, t.sets()...) })
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func union(a, b []string) []string {
	out := slices.Clone(a)
	for _, s := range b {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}
