package inventory

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The golden files are what Ansible's own ansible-inventory --list (2.14) makes
// of the inventories beside them; -update runs it again. Hosts, their order,
// groups, and variables with their types have to be the same.
func TestSameAsAnsible(t *testing.T) {
	for name, source := range map[string]string{"ini": "hosts", "yaml": "site.yaml", "vars": "hosts", "dir": ""} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join("testdata", "ansible", name)
			golden := dir + ".json"
			if *update {
				askAnsible(t, filepath.Join(dir, source), golden)
			}
			text, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if name == "dir" {
				needShell(t)
			}
			var want, got any
			if err := json.Unmarshal(text, &want); err != nil {
				t.Fatal(err)
			}
			text, err = json.Marshal(load(t, filepath.Join(dir, source)).List())
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(text, &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-Ansible +got):\n%s", diff)
			}
		})
	}
}

func askAnsible(t *testing.T, source, golden string) {
	out, err := exec.Command("ansible-inventory", "-i", source, "--list").Output()
	if err != nil {
		t.Fatalf("ansible-inventory: %v", err)
	}
	if err := os.WriteFile(golden, out, 0o644); err != nil {
		t.Fatal(err)
	}
}
