package playbooks

import (
	"errors"
	"strings"

	"netrun/inventory/diag"
	"netrun/inventory/yamlpos"
	"netrun/templates"
)

// table says what to do with the keys of a mapping; a nil entry is allowed and not looked at.
type table map[string]func(*yamlpos.Node)

func (t table) keys() []string {
	out := make([]string, 0, len(t))
	for k := range t {
		out = append(out, k)
	}
	return out
}

// mapping goes through a mapping's keys in their order. Unknown ones are errors.
func (l *loader) mapping(n *yamlpos.Node, what string, t table) bool {
	if n.Kind != yamlpos.Mapping {
		l.wrong(n, "", "%s is a mapping of keywords, and this is %s", what, n.What())
		return false
	}
	for i, key := range n.Keys {
		read, ok := t[key.Raw]
		if !ok {
			l.wrong(key, diag.DidYouMean(key.Raw, t.keys()), "unknown keyword %q of %s", key.Raw, what)
			continue
		}
		if read != nil {
			read(n.Values[i])
		}
	}
	return true
}

// tree turns a value into one whose texts with actions are templates.
func (l *loader) tree(n *yamlpos.Node) any {
	switch n.Kind {
	case yamlpos.Mapping:
		m := make(map[string]any, len(n.Keys))
		for i, k := range n.Keys {
			m[k.Raw] = l.tree(n.Values[i])
		}
		return m
	case yamlpos.Sequence:
		s := make([]any, len(n.Items))
		for i, item := range n.Items {
			s[i] = l.tree(item)
		}
		return s
	}
	text, ok := n.Value.(string)
	if !ok || !maybeTemplate(text) {
		return n.Value
	}
	t, err := templates.Parse(text, l.origin(n))
	if err != nil {
		l.errs.Add(err)
		return text
	}
	return t
}

func maybeTemplate(text string) bool {
	return templates.HasActions(text) || strings.Contains(text, "{%")
}

// variables reads a mapping of variables.
func (l *loader) variables(n *yamlpos.Node) map[string]any {
	if n.IsNull() {
		return nil
	}
	if n.Kind != yamlpos.Mapping {
		l.wrong(n, "name: value", "variables are a mapping, and this is %s", n.What())
		return nil
	}
	out := make(map[string]any, len(n.Keys))
	for i, k := range n.Keys {
		if l.variableName(k) {
			out[k.Raw] = l.tree(n.Values[i])
		}
	}
	return out
}

// reserved are names that netrun itself gives.
var reserved = map[string]bool{"inventory_hostname": true, "inventory_hostname_short": true, "groups": true, "group_names": true,
	"hostvars": true, "play_hosts": true, "ansible_play_hosts": true, "playbook_dir": true, "role_path": true,
	"inventory_dir": true, "facts": true, "ansible_facts": true, "check_mode": true}

func (l *loader) variableName(k *yamlpos.Node) bool {
	switch {
	case !isName(k.Raw):
		l.wrong(k, "letters, digits and _, not beginning with a digit", "%q is not a variable's name", k.Raw)
	case reserved[k.Raw]:
		l.wrong(k, "choose another name", "variable %q is netrun's own", k.Raw)
	default:
		return true
	}
	return false
}

func isName(s string) bool {
	for i, r := range s {
		letter := r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return s != ""
}

// words reads a text of its own, or a list of texts.
func (l *loader) words(n *yamlpos.Node, what string) []string {
	var out []string
	for _, item := range oneOrMore(n) {
		if s, ok := l.plainText(item, what); ok {
			out = append(out, s)
		}
	}
	return out
}

func oneOrMore(n *yamlpos.Node) []*yamlpos.Node {
	if n.Kind == yamlpos.Sequence {
		return n.Items
	}
	return []*yamlpos.Node{n}
}

// plainText reads a scalar as text.
func (l *loader) plainText(n *yamlpos.Node, what string) (string, bool) {
	if n.Kind != yamlpos.Scalar || n.Value == nil {
		l.wrong(n, "", "%s is a text, and this is %s", what, n.What())
		return "", false
	}
	return n.Raw, true
}

// tags reads a list of tags, or texts of tags with commas.
func (l *loader) tags(n *yamlpos.Node) []string {
	var out []string
	for _, w := range l.words(n, "tags") {
		for _, t := range strings.Split(w, ",") {
			if t = strings.TrimSpace(t); t != "" {
				out = append(out, t)
			}
		}
	}
	return out
}

// boolean reads true or false.
func (l *loader) boolean(n *yamlpos.Node, what string) bool {
	if b, ok := n.Value.(bool); ok && n.Kind == yamlpos.Scalar {
		return b
	}
	hint := ""
	if n.Kind == yamlpos.Scalar && maybeTemplate(n.Raw) {
		hint = "a template is not known here: use when"
	}
	l.wrong(n, hint, "%s is true or false, and this is %s", what, n.What())
	return false
}

// conditions reads an expression, a list of them, or a plain true or false.
func (l *loader) conditions(n *yamlpos.Node, what string) []*templates.Condition {
	var out []*templates.Condition
	for _, item := range oneOrMore(n) {
		if item.Kind != yamlpos.Scalar || item.Value == nil {
			l.wrong(item, "", "%s is an expression, and this is %s", what, item.What())
			continue
		}
		text := item.Raw
		if b, ok := item.Value.(bool); ok {
			text = map[bool]string{true: "true", false: "false"}[b]
		}
		c, err := templates.ParseCondition(text, l.origin(item))
		if err != nil {
			l.errs.Add(err)
			continue
		}
		out = append(out, c)
	}
	return out
}

// earlyText renders a text with variables that are known while loading.
func (l *loader) earlyText(n *yamlpos.Node, layers ...map[string]any) (string, bool) {
	if _, ok := l.plainText(n, "a path"); !ok {
		return "", false
	}
	v, err := l.early(n, layers...)
	if err != nil {
		l.errs.Add(err)
		return "", false
	}
	s, ok := v.(string)
	if !ok {
		return n.Raw, true
	}
	return s, true
}

// early renders a value with variables that are known while loading.
func (l *loader) early(n *yamlpos.Node, layers ...map[string]any) (any, error) {
	tree := l.tree(n)
	scope := templates.NewScope(layers...)
	v, err := templates.Render(tree, scope)
	if err == nil {
		return v, nil
	}
	var undefined *templates.UndefinedError
	if !errors.As(err, &undefined) {
		return nil, plainDiag(err)
	}
	e := diag.Errorf(n.Pos, "this depends on %q, which is not known before the hosts are", undefined.Name)
	return nil, e.WithHint("write the cases out, each with its when; play variables, those of roles and -e may be used here")
}

// reason is an error's text without its place and hint.
func reason(err error) string {
	for {
		switch e := err.(type) {
		case *templates.Error:
			return e.At().Msg
		case *diag.Error:
			return e.Msg
		}
		return err.Error()
	}
}
