package doc_test

import (
	"encoding/json"
	"fmt"
	"sort"
	"strings"
	"testing"
	"unicode"

	"go.yaml.in/yaml/v3"

	"netrun/tasks"
	"netrun/tasks/doc"
	"netrun/tasks/laws"
	"netrun/tasks/state"
)

// hostile are texts that end a line, a word or a command somewhere.
var hostile = []string{"", " ", "a\nb", "x\x00y", "$(reboot)", "`id`", "a; reboot", `a"b`, "a'b", "--flush", "-j", "../../etc/passwd", "a\rb", "\x1b[2J", "a|b", "${x", "a\tb"}

// TestHostileArguments puts each hostile text into each text of each example. The
// task either refuses it, or wants objects that hold no control character.
func TestHostileArguments(t *testing.T) {
	for _, kind := range doc.Kinds() {
		k, _ := tasks.Lookup(kind)
		if _, ok := k.New().(tasks.Wanter); !ok {
			continue
		}
		page, _ := doc.Page(kind)
		text, _ := doc.Block(page, "yaml example")
		var entries []map[string]any
		if err := yaml.Unmarshal([]byte(text), &entries); err != nil {
			t.Fatal(err)
		}
		for _, entry := range entries {
			for _, evil := range hostile {
				for n := 0; ; n++ {
					left := n
					args := replace(entry[kind], evil, &left)
					if left >= 0 {
						break // there are no more texts
					}
					try(t, k, args, fmt.Sprintf("%s: text %d is %q", kind, n, evil))
				}
			}
		}
	}
}

// replace is value with its text number *left replaced; *left is negative once that is done.
func replace(value any, evil string, left *int) any {
	switch v := value.(type) {
	case string:
		if *left--; *left == -1 {
			return evil
		}
		return v
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = replace(v[i], evil, left)
		}
		return out
	case map[string]any:
		out := map[string]any{}
		for _, name := range sorted(v) {
			out[name] = replace(v[name], evil, left)
		}
		return out
	}
	return value
}

func try(t *testing.T, k *tasks.Kind, args any, what string) {
	t.Helper()
	task, _, err := k.Decode(args)
	if err != nil {
		return
	}
	if x, ok := task.(tasks.Expander); ok && x.Expand(laws.Inventory()) != nil {
		return
	}
	if task.Check() != nil {
		return
	}
	for _, w := range task.(tasks.Wanter).Want() {
		raw, err := json.Marshal(w.Object.Key())
		if err == nil {
			if _, edit := w.Object.(state.Edit); !edit {
				raw, err = state.Encode(w.Object)
			}
		}
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		var value any
		if err := json.Unmarshal(raw, &value); err != nil {
			t.Fatal(err)
		}
		if bad := control(value); bad != "" {
			t.Errorf("%s: got %q in %s; want it refused", what, bad, w.Object.Key())
		}
	}
}

// control finds a text with a control character.
func control(value any) string {
	switch v := value.(type) {
	case string:
		if strings.ContainsFunc(v, unicode.IsControl) {
			return v
		}
	case []any:
		for _, e := range v {
			if bad := control(e); bad != "" {
				return bad
			}
		}
	case map[string]any:
		for _, e := range v {
			if bad := control(e); bad != "" {
				return bad
			}
		}
	}
	return ""
}

func sorted(m map[string]any) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}
