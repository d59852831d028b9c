package inventory

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// tree writes files (a path ending in * is made executable) into a new directory.
func tree(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		mode := os.FileMode(0o644)
		if name[len(name)-1] == '*' {
			name, mode = name[:len(name)-1], 0o755
		}
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func load(t testing.TB, sources ...string) *Inventory {
	t.Helper()
	inv, err := Load(context.Background(), sources, Options{})
	if err != nil {
		t.Fatalf("load %q: %v", sources, err)
	}
	return inv
}

// loadText loads one source of that file name.
func loadText(t testing.TB, name, text string) *Inventory {
	t.Helper()
	return load(t, filepath.Join(tree(t, map[string]string{name: text}), name))
}

func values(h *Host) map[string]any {
	out := map[string]any{}
	for name, v := range h.Vars() {
		out[name] = v.Value
	}
	return out
}
