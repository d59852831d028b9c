package inventory

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"netrun/inventory/diag"
)

var (
	section   = regexp.MustCompile(`^\[([^:\]\s]+)(?::(\w+))?\]\s*(?:#.*)?$`)
	childName = regexp.MustCompile(`^([^:\]\s]+)\s*(?:#.*)?$`)
)

var sectionKinds = []string{"children", "hosts", "vars"}

// iniReader reads one INI source, line by line. As in Ansible the first lines
// stand in [ungrouped].
type iniReader struct {
	l    *loader
	file string
	line string // the current one, trimmed
	num  int
	lead int // columns trimmed off the left

	group *Group
	kind  string // of the section: hosts, children, vars; "" skips its lines

	known   map[string]bool // groups that a source before, or a section here, made
	waiting []waiting       // for a section that makes their group
}

// waiting is a group named before its section: as a child of parent, or, with
// no parent, by a section of variables.
type waiting struct {
	name   string
	parent *Group
	at     diag.Pos
}

func (l *loader) ini(file string, text []byte) {
	r := iniReader{l: l, file: file, group: l.inv.alone, kind: "hosts", known: map[string]bool{}}
	for _, g := range l.inv.named {
		r.known[g.name] = true
	}
	rest, more := strings.TrimPrefix(string(text), "\ufeff"), true
	for more {
		var line string
		line, rest, more = strings.Cut(rest, "\n")
		r.num++
		r.line = strings.TrimSpace(line)
		r.lead = utf8.RuneCountInString(line[:strings.Index(line, r.line)])
		if r.line != "" && r.line[0] != '#' && r.line[0] != ';' {
			r.read()
		}
	}
	r.unresolved()
}

// at returns the position of byte off of the current line.
func (r *iniReader) at(off int) diag.Pos {
	return diag.Pos{File: r.file, Line: r.num, Col: r.lead + utf8.RuneCountInString(r.line[:off]) + 1}
}

func (r *iniReader) fail(off int, format string, a ...any) *diag.Error {
	e := diag.Errorf(r.at(off), format, a...)
	r.l.errs.Add(e)
	return e
}

func (r *iniReader) read() {
	if !utf8.ValidString(r.line) {
		r.fail(0, "a byte that is not UTF-8").WithHint("save the file as UTF-8")
		return
	}
	if r.line[0] == '[' && r.header() {
		return
	}
	switch r.kind {
	case "hosts":
		r.host()
	case "vars":
		r.variable()
	case "children":
		r.child()
	}
}

// header reads a section's first line; it reports whether it was one, right or
// wrong. A host may begin with [ too: [fe80::1]:22.
func (r *iniReader) header() bool {
	m := section.FindStringSubmatch(r.line)
	if m == nil {
		switch {
		case strings.HasSuffix(r.line, "]"):
			r.fail(0, "section %s is none", r.line).WithHint("write [GROUP], [GROUP:vars] or [GROUP:children], without spaces")
		case !strings.Contains(r.line, "]"):
			r.fail(0, `a section without "]"`).WithHint("write %s]", r.line)
		default:
			return false
		}
		return true
	}
	name, kind := m[1], m[2]
	if kind == "" {
		kind = "hosts"
	}
	if !slices.Contains(sectionKinds, kind) {
		r.fail(len(name)+2, "section [%s:%s] has an unknown kind", name, kind).WithHint("%s", diag.DidYouMean(kind, sectionKinds))
		r.kind = "" // what its lines are is not known
		return true
	}
	if err := checkGroup(name, r.at(1)); err != nil {
		r.l.errs.Add(err)
		return true
	}
	r.open(name, kind)
	return true
}

func (r *iniReader) open(name, kind string) {
	r.group, r.kind = r.l.inv.group(name), kind
	if kind == "vars" {
		if !r.known[name] {
			r.waiting = append(r.waiting, waiting{name: name, at: r.at(1)})
		}
		return
	}
	r.known[name] = true
	still := r.waiting[:0]
	for _, w := range r.waiting {
		switch {
		case w.name != name:
			still = append(still, w)
		case w.parent != nil:
			w.parent.adopt(r.group, w.at)
		}
	}
	r.waiting = still
}

func (r *iniReader) child() {
	m := childName.FindStringSubmatch(r.line)
	if m == nil {
		r.fail(0, "a line that is no group name").WithHint("a line of [%s:children] is the name of a group, alone", r.group.name)
		return
	}
	if !r.known[m[1]] {
		r.waiting = append(r.waiting, waiting{m[1], r.group, r.at(0)})
		return
	}
	r.group.adopt(r.l.inv.group(m[1]), r.at(0))
}

func (r *iniReader) variable() {
	name, value, ok := strings.Cut(r.line, "=")
	if !ok {
		r.fail(0, "a line without \"=\" in [%s:vars]", r.group.name).WithHint("write NAME=VALUE")
		return
	}
	if name = strings.TrimSpace(name); name == "" {
		r.fail(0, "a variable without a name").WithHint("write NAME=VALUE")
		return
	}
	bare := strings.TrimSpace(value)
	off := len(r.line) - len(strings.TrimLeft(value, " \t"))
	r.l.errs.Add(r.group.set(name, Var{Value: literal(bare), Pos: r.at(off)}))
}

func (r *iniReader) host() {
	tokens, err := words(r.line, true)
	if err != nil {
		r.fail(0, "%v", err).WithHint(`close it, or write \' for a quote that is part of the text`)
		return
	}
	if len(tokens) == 0 {
		return
	}
	if tokens[0].text == "---" {
		r.fail(0, `"---" begins a YAML text`).WithHint("a YAML inventory has a name that ends in .yaml or .yml")
		r.kind = ""
		return
	}
	names, port, err := expand(tokens[0].text, r.at(tokens[0].off))
	if err != nil {
		r.l.errs.Add(err)
		return
	}
	vars := r.inline(tokens[1:])
	if port > 0 {
		if _, set := vars["ansible_port"]; !set {
			vars["ansible_port"] = Var{Value: port, Pos: r.at(tokens[0].off)}
		}
	}
	r.l.addHosts(names, r.group, vars, r.at(tokens[0].off))
}

func (r *iniReader) inline(tokens []token) map[string]Var {
	vars := map[string]Var{}
	for _, t := range tokens {
		name, value, ok := strings.Cut(t.text, "=")
		switch {
		case !ok, name == "":
			// Not shown: it may be a password. One mistake a line is enough, as
			// blanks around = make three words of each variable.
			r.fail(t.off, "a word after the host that is no variable").WithHint("write NAME=VALUE without blanks around =; quote a value that has blanks")
			return vars
		default:
			off := min(t.off+len(name)+1, len(r.line))
			vars[name] = Var{Value: literal(value), Pos: r.at(off)}
		}
	}
	return vars
}

// unresolved reports the groups that no section made.
func (r *iniReader) unresolved() {
	var names []string
	for name := range r.known {
		names = append(names, name)
	}
	for _, w := range r.waiting {
		e := diag.Errorf(w.at, "group %q is nowhere defined", w.name)
		if near := diag.Nearest(w.name, names); near != "" {
			e.WithHint("did you mean %q?", near)
		} else {
			e.WithHint("add a section [%s]", w.name)
		}
		r.l.errs.Add(e)
	}
}

// addHosts puts hosts into a group and gives them variables, which they share.
func (l *loader) addHosts(names []string, g *Group, vars map[string]Var, at diag.Pos) {
	for _, name := range names {
		h := l.addHost(name, g, at)
		if h == nil {
			return
		}
		if len(vars) > 0 {
			h.own = append(h.own, vars)
		}
	}
}
