package templates

import (
	"os"
	"strings"
	"testing"
)

// TestGuideNamesEveryFunction holds the user's guide to what there is.
func TestGuideNamesEveryFunction(t *testing.T) {
	raw, err := os.ReadFile("../docs/guide/templates.md")
	if err != nil {
		t.Fatal(err)
	}
	tables, conditions, ok := strings.Cut(string(raw), "\n## Conditions\n")
	if !ok {
		t.Fatal("the page has no section Conditions")
	}
	for _, f := range Functions() {
		if !strings.Contains(tables, "`"+f[0]+"`") {
			t.Errorf("function %s of templates: got no row; want %s", f[0], f[1])
		}
	}
	named := map[string]bool{}
	for _, word := range strings.FieldsFunc(conditions, func(r rune) bool { return strings.ContainsRune(" \n`,.;()", r) }) {
		named[word] = true
	}
	for _, name := range conditionFunctionNames() {
		if !named[name] {
			t.Errorf("function %s of conditions: got no mention; want one", name)
		}
	}
}
