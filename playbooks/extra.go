package playbooks

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"netrun/inventory/diag"
	"netrun/inventory/yamlpos"
	"netrun/templates"
)

// ExtraVars reads the values of -e: `name=value other="a b"`, a mapping in YAML or
// JSON, or @FILE with such a mapping. Later ones win. Values given as name=value
// are texts.
func ExtraVars(given []string, o Options) (map[string]any, error) {
	l := newLoader("command line", o)
	if o.ReadFile == nil {
		l.read = os.ReadFile
	}
	out := map[string]any{}
	for _, text := range given {
		for name, v := range l.extraVars(text) {
			out[name] = v
		}
	}
	return out, l.errs.Err()
}

func (l *loader) extraVars(text string) map[string]any {
	at := diag.Pos{File: "-e"}
	if path, ok := strings.CutPrefix(text, "@"); ok {
		return l.variablesFile(filepath.Clean(path), at)
	}
	if trimmed := strings.TrimSpace(text); strings.HasPrefix(trimmed, "{") && !strings.HasPrefix(trimmed, "{{") {
		n, err := yamlpos.Parse("-e", []byte(text))
		if err != nil {
			l.errs.Add(err)
			return nil
		}
		return l.variables(n)
	}
	pairs, err := ParseArguments(text)
	if err != nil {
		l.errs.Add(&diag.Error{Pos: at, Msg: fmt.Sprintf("extra variables: %v", err), Hint: "write -e name=value, -e '{\"name\": 1}' or -e @file.yaml"})
		return nil
	}
	out := map[string]any{}
	for _, p := range pairs {
		key := &yamlpos.Node{Kind: yamlpos.Scalar, Raw: p.Key, Pos: at}
		if !l.variableName(key) {
			continue
		}
		out[p.Key] = p.Value
		if maybeTemplate(p.Value) {
			t, err := templates.Parse(p.Value, templates.Origin{Pos: at, Indent: -1})
			if err != nil {
				l.errs.Add(err)
				continue
			}
			out[p.Key] = t
		}
	}
	return out
}
