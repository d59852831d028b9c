package playbooks

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"netrun/playbooks/script"
)

func FuzzLoad(f *testing.F) {
	sites, err := filepath.Glob("testdata/errors/*/site.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, site := range append(sites, "examples/seeds-link.yaml", "examples/seeds-routing.yaml") {
		text, err := os.ReadFile(site)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Add(twelve)
	inv := bigInventory(f, 2)
	f.Fuzz(func(t *testing.T, text string) {
		book, err := loadText(t, text)
		if err != nil {
			return
		}
		for _, p := range book.Plays {
			compiled, err := p.Compile(inv.Hosts(), CompileOptions{Inventory: inv})
			if err != nil {
				continue
			}
			for _, s := range compiled.Scripts {
				roundTrip(t, s)
			}
		}
	})
}

// roundTrip wants a script to be the same after it has been on the wire.
func roundTrip(t *testing.T, s *script.Script) {
	t.Helper()
	once, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var again script.Script
	if err := json.Unmarshal(once, &again); err != nil {
		t.Fatalf("%s: %v", once, err)
	}
	twice, err := json.Marshal(&again)
	if err != nil || string(once) != string(twice) {
		t.Errorf("got %s, then %s, error %v", once, twice, err)
	}
}

func FuzzArguments(f *testing.F) {
	for _, text := range []string{"", "a=1", `a="x y" b='z'`, "a={{ .x }} b", `a="`, "=", "a=\"\\", "{{ a=1", "a={{`}}`}}"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		pairs, err := ParseArguments(text)
		if err != nil {
			return
		}
		for _, p := range pairs {
			if p.Key == "" || strings.ContainsAny(p.Key, "= \t\n\"'") || p.Offset < 0 || p.Offset > len(text) {
				t.Errorf("%q: got %+v", text, p)
			}
		}
	})
}

func FuzzScript(f *testing.F) {
	f.Add([]byte(`{"host":"a","segments":[[{"id":1,"pos":{},"kind":"debug","args":{"msg":{"$t":"{{ .x }}","p":{}}},"when":[{"t":"x","p":{}}]}]]}`))
	f.Add([]byte(`{"segments":[[{"id":1,"kind":"","block":[{"kind":"meta","args":"end_play"}]}]],"vars":{"a":1.0}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var s script.Script
		if json.Unmarshal(raw, &s) == nil {
			roundTrip(t, &s)
		}
	})
}
