package playbooks

import (
	"maps"
	"os"
	"strings"
	"testing"

	"netrun/inventory/yamlpos"
)

// TestGuideNamesEveryKeyword holds the user's guide to what is read.
func TestGuideNamesEveryKeyword(t *testing.T) {
	page, err := os.ReadFile("../docs/guide/playbooks.md")
	if err != nil {
		t.Fatal(err)
	}
	l := newLoader("x", Options{})
	known := l.playTable(&Play{}, &setting{}, map[string]*yamlpos.Node{})
	maps.Copy(known, l.keywords(&Task{}, &inherited{}))
	for _, names := range [][]string{keywordNames, includeKeys, {"block", "rescue", "always"}} {
		for _, name := range names {
			known[name] = nil
		}
	}
	for name := range reserved {
		known[name] = nil
	}
	for name := range known {
		if strings.HasPrefix(name, "with_") && name != "with_items" {
			continue // the page says "with_dict and its like"
		}
		if !strings.Contains(string(page), "`"+name+"`") {
			t.Errorf("keyword or variable %q: got no mention; want one", name)
		}
	}
}
