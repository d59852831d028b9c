package templates

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"text/template"
)

func FuzzParseEval(f *testing.F) {
	for _, text := range []string{"", "{{ .n }}", "{{ n | default(1) }}", "{{ range $i, $e := .list }}{{ $e }}{{ end }}", "{{ .net.address | nthhost 5 }}",
		"{{ printf \"%5s\" .name }}", "{{ if eq .n 3 }}{{ else }}{{ end }}", "{% if %}", "{{ $x := 1 }}{{ $x }}", "{{ index . \"n\" }}", "{{ .a }}", "\xff{{", "{{ (index .deep.x 0) }}"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		tmpl, err := Parse(text, Origin{})
		if err != nil {
			return
		}
		for _, ref := range tmpl.Required() {
			if !strings.Contains(strings.Join(tmpl.Refs(), "\n"), ref.Name) {
				t.Errorf("%q: %s is required and not a reference", text, ref.Name)
			}
		}
		first, err := tmpl.Eval(variables(t))
		second, again := tmpl.Eval(variables(t))
		if (err == nil) != (again == nil) {
			t.Errorf("%q: got %v, then %v", text, err, again)
		}
		if err == nil && !strings.Contains(text, "NaN") {
			x, errX := json.Marshal(Value{first})
			y, errY := json.Marshal(Value{second})
			if !bytes.Equal(x, y) || (errX == nil) != (errY == nil) {
				t.Errorf("%q: got %s, then %s", text, x, y)
			}
		}
	})
}

// FuzzLikeGo compares with text/template on what both must read alike: texts,
// variables, range, with and if over texts, lists and maps of texts.
func FuzzLikeGo(f *testing.F) {
	for _, text := range []string{"a{{ .name }}b", "{{ range .list }}[{{ . }}]{{ end }}", "{{ with .net }}{{ .via }}{{ $.name }}{{ end }}", "{{ if .name }}x{{ else }}y{{ end }}",
		"{{ range $k, $v := .net }}{{ $k }}{{ $v }}{{ end }}", "{{- .name -}} x", "{{ $x := .name }}{{ $x }}", "{{ if and .name .list }}z{{ end }}", "{{ len .list }}"} {
		f.Add(text)
	}
	vars := map[string]any{"name": "br0", "list": []any{"a", "b"}, "net": map[string]any{"via": "x", "address": "y"}}
	f.Fuzz(func(t *testing.T, text string) {
		ours, err := Parse(text, Origin{})
		if err != nil {
			return
		}
		got, err := ours.Text(NewScope(vars))
		if err != nil {
			return
		}
		theirs, err := template.New("t").Option("missingkey=error").Parse(text)
		if err != nil {
			return // functions that Go does not have
		}
		for _, function := range []string{"print", "slice", "index", "html", "js", "urlquery", "call", "eq", "ne", "lt", "le", "gt", "ge"} {
			if strings.Contains(text, function) {
				return // read more strictly, or differently where documented
			}
		}
		var want strings.Builder
		if err := theirs.Execute(&want, vars); err != nil || strings.ContainsAny(want.String(), "[<") && !strings.ContainsAny(text, "[<") {
			return // lists as text are JSON here
		}
		if strings.Contains(want.String(), "map[") || strings.Contains(want.String(), "[a b]") || strings.Contains(want.String(), "<nil>") || strings.Contains(want.String(), "<no value>") || strings.ContainsAny(text, "0123456789'") {
			return
		}
		if got != want.String() {
			t.Errorf("%q: got %q; want %q", text, got, want.String())
		}
	})
}

func FuzzCondition(f *testing.F) {
	for _, text := range []string{"", "n == 3", "x is defined", "{{ n }}", "defined(\"a.b\") and a", "any(list, # == 'a')", "let x = n; x", "net?.gone ?? 1", "'a' + \"\\u00e9\"", "1..3", "l[1:2]", "\xff", "((((", "n | bool", "{\"a\": 1}.a", "#", ".a"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ParseCondition(text, Origin{})
		if err != nil {
			return
		}
		first, err := c.Holds(variables(t))
		second, again := c.Holds(variables(t))
		if first != second || (err == nil) != (again == nil) {
			t.Errorf("%q: got %v, %v, then %v, %v", text, first, err, second, again)
		}
	})
}

func FuzzValue(f *testing.F) {
	for _, text := range []string{"null", "1", "1.0", `"x"`, `{"$t":"{{ .n }}"}`, `{"$b":"eA=="}`, `{"$m":{"$t":1}}`, `{"$f":"NaN"}`, `{"$u":"x"}`, `[1,[2,{"a":null}]]`, "1e999", `{"$t":"{{"}`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var v Value
		if json.Unmarshal(raw, &v) != nil {
			return
		}
		once, err := json.Marshal(v)
		if err != nil {
			t.Fatalf("%s: %v", raw, err)
		}
		var again Value
		if err := json.Unmarshal(once, &again); err != nil {
			t.Fatalf("%s: %v", once, err)
		}
		twice, err := json.Marshal(again)
		if err != nil || !bytes.Equal(once, twice) {
			t.Errorf("got %s, then %s, error %v", once, twice, err)
		}
	})
}
