package playbooks

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"netrun/inventory"
	"netrun/inventory/diag"
)

// TestErrors loads and compiles the wrong playbooks of testdata/errors, and
// compares what a person is told.
func TestErrors(t *testing.T) {
	sites, err := filepath.Glob("testdata/errors/*/site.yaml")
	if err != nil || len(sites) < 30 {
		t.Fatalf("got %d playbooks, error %v; want at least 30", len(sites), err)
	}
	for _, site := range sites {
		dir := filepath.Dir(site)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			got := mistakes(t, dir)
			want := filepath.Join(dir, "want")
			if *update {
				if err := os.WriteFile(want, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			raw, err := os.ReadFile(want)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(raw), got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// kindsKnown is the list of task kinds, which grows.
var kindsKnown = regexp.MustCompile(`known: address, .* and \d+ more`)

// mistakes is what is shown of a playbook's mistakes; it must have some.
func mistakes(t *testing.T, dir string) string {
	t.Helper()
	sources := &diag.Sources{}
	err := tryPlaybook(t, dir, sources)
	if err == nil {
		t.Fatal("got no error")
	}
	var out strings.Builder
	if err := sources.Show(&out, err); err != nil {
		t.Fatal(err)
	}
	return kindsKnown.ReplaceAllString(strings.ReplaceAll(out.String(), dir+"/", ""), "known: address, and more")
}

func tryPlaybook(t *testing.T, dir string, sources *diag.Sources) error {
	t.Helper()
	source := "web1,web2"
	if path := filepath.Join(dir, "inventory.ini"); fileExists(path) {
		source = path
	}
	inv, err := inventory.Load(t.Context(), []string{source}, inventory.Options{Sources: sources})
	if err != nil {
		t.Fatal(err)
	}
	book, err := Load(filepath.Join(dir, "site.yaml"), Options{Sources: sources})
	if err != nil {
		return err
	}
	var list diag.List
	for _, p := range book.Plays {
		hosts, err := p.Match(inv, "")
		list.Add(err)
		if err == nil {
			_, err = p.Compile(hosts, CompileOptions{Inventory: inv})
			list.Add(err)
		}
	}
	return list.Err()
}

func fileExists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
