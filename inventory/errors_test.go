package inventory

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"netrun/inventory/diag"
)

// Each file of testdata/errors is an inventory with mistakes; FILE.want is what
// a person is shown for it.
func TestErrorsAsShown(t *testing.T) {
	var files []string
	for _, ext := range []string{"*.ini", "*.yaml"} {
		found, err := filepath.Glob(filepath.Join("testdata", "errors", ext))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	if len(files) < 15 {
		t.Fatalf("found %d wrong inventories; want at least 15", len(files))
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) { shownError(t, file) })
	}
}

func shownError(t *testing.T, file string) {
	var sources diag.Sources
	_, err := Load(context.Background(), []string{file}, Options{Sources: &sources})
	if err == nil {
		t.Fatal("no error")
	}
	var d *diag.Error
	if !errors.As(err, &d) || d.Pos.Line == 0 || d.Pos.Col == 0 {
		t.Errorf("error without a place: %v", err)
	}
	var b bytes.Buffer
	if err := sources.Show(&b, err); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String()+err.Error(), "hunter2") {
		t.Errorf("a password is shown:\n%s\n%v", b.String(), err)
	}
	if *update {
		if err := os.WriteFile(file+".want", b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file + ".want")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
