package cli

import (
	"os"
	"path/filepath"
	"testing"

	"netrun/playbooks"
	"netrun/playbooks/deployment"
)

// TestSaveDeployed: the annotated file is its owner's alone where it holds variables.
func TestSaveDeployed(t *testing.T) {
	dir := t.TempDir()
	for text, mode := range map[string]os.FileMode{
		"Containers: [{Name: webb, Count: 1}]":                                          0o644,
		"Containers: [{Name: webb, Count: 1, Environment: [{Name: A, Value: secret}]}]": 0o600,
	} {
		d, _, err := deployment.Parse("d.yaml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		plan, err := d.Resolve(deployment.Options{Hosts: []string{"h"}})
		if err != nil {
			t.Fatal(err)
		}
		if err := saveDeployed(dir, &playbooks.Deployed{Save: "d.json", Plan: plan}); err != nil {
			t.Fatal(err)
		}
		found, err := os.Stat(filepath.Join(dir, "d.json"))
		if err != nil || found.Mode() != mode {
			t.Errorf("%s: got %v, error %v; want mode %v", text, found.Mode(), err, mode)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("got files %v, error %v; want the one that was written anew", left, err)
	}
}
