package doc_test

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"netrun/tasks/doc"
	"netrun/tasks/laws"
	"netrun/tasks/state"
	"netrun/templates/stock"
)

// TestRouterConfig compares what the page shows of each vendor's syntax with what the
// example gives in it.
func TestRouterConfig(t *testing.T) {
	page, _ := doc.Page("router_config")
	example, _ := doc.Block(page, "yaml example")
	made := page
	for _, syntax := range stock.Names() {
		for info, word := range map[string]string{"text " + syntax: "present", "text " + syntax + " absent": "absent"} {
			if _, ok := doc.Block(page, info); !ok {
				t.Errorf("the page has no block %s", info)
			}
			args := strings.Replace(example, "syntax: ios", "syntax: "+syntax+"\n    state: "+word, 1)
			list, err := laws.Tasks(args, "")
			if err != nil {
				t.Fatal(err)
			}
			made = doc.Replace(made, info, string(laws.Wants(list)[0].Object.(state.File).Content))
		}
	}
	if *update && made != page {
		if err := os.WriteFile("router_config.md", []byte(made), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(page, made); diff != "" {
		t.Errorf("the page is stale: run go test ./tasks/doc -update (-page +code):\n%s", diff)
	}
}
