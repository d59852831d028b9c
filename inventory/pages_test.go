package inventory

import (
	"os"
	"strings"
	"testing"
)

// TestGuideNamesEveryConnectionVariable holds the user's guide to what is read.
func TestGuideNamesEveryConnectionVariable(t *testing.T) {
	page, err := os.ReadFile("../docs/guide/inventory.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range connectionVars {
		for _, name := range strings.Fields(v.names) {
			if !strings.Contains(string(page), "`"+name+"`") {
				t.Errorf("variable %s: got no mention; want one", name)
			}
		}
	}
}
