package store

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"netrun/tasks/state"
)

var prefixes = cmpopts.EquateComparable(netip.Prefix{})

func item(name, run string) Item {
	return Item{Object: state.Link{Name: name, Type: "bridge", State: "up"}, Play: "p", Task: "t", At: "site.yaml:3", Run: run, Since: time.Unix(100, 0).UTC(), Created: true}
}

func TestBooksComeBackAsTheyWere(t *testing.T) {
	d := Open(t.TempDir())
	changed := item("lbr0", "r1")
	changed.Created, changed.Before = false, state.Address{Link: "lbr0", Prefix: netip.MustParsePrefix("10.0.0.1/24")}
	changed.Fields = []state.FieldDiff{{Field: "mtu", From: "1500", To: "1400"}}
	want := &Book{ID: "infra/site.yaml", Items: []Item{item("br0", "r1"), changed}}
	if err := d.Save(want); err != nil {
		t.Fatal(err)
	}
	got, err := d.Books()
	if err != nil || len(got) != 1 {
		t.Fatalf("got %d books, error %v; want one", len(got), err)
	}
	if diff := cmp.Diff(want, got[0], prefixes); diff != "" {
		t.Error(diff)
	}
	files, err := filepath.Glob(filepath.Join(d.Path(), "*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("got files %v, error %v; want one", files, err)
	}
	if info, err := os.Stat(files[0]); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got mode %v, error %v; want 0600", info.Mode(), err)
	}
	if err := d.Save(&Book{ID: want.ID}); err != nil {
		t.Fatal(err)
	}
	if got, err = d.Books(); err != nil || len(got) != 0 {
		t.Errorf("after a book without items: got %v, error %v; want none", got, err)
	}
}

func TestADamagedBookIsAnError(t *testing.T) {
	d := Open(t.TempDir())
	for _, id := range []string{"a", "whole"} {
		if err := d.Save(&Book{ID: id, Items: []Item{item("br0", "r1")}}); err != nil {
			t.Fatal(err)
		}
	}
	for _, text := range []string{`{"version":1,"items":[{}]}`, `{"version":9}`, `{"version":1,"items":[{"object":{"kind":"nosuch"}}]}`, `{`} {
		if err := os.WriteFile(d.file("a"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := d.Books()
		if err == nil || len(got) != 1 || got[0].ID != "whole" {
			t.Errorf("%s: got %v, error %v; want the whole one, and an error", text, got, err)
		}
	}
}

func TestRevertGivesTheBookBackThatTheRunFound(t *testing.T) {
	d := Open(t.TempDir())
	before := &Book{ID: "a", Items: []Item{item("br0", "r1"), item("br1", "r1")}}
	after := &Book{ID: "a", Items: []Item{item("br0", "r2"), item("br2", "r2")}}
	after.Items[0].Object = state.Link{Name: "br0", Type: "bridge", State: "down"}
	kept, err := Difference(before, after)
	if err != nil || len(kept.Items) != 3 {
		t.Fatalf("got %v, error %v; want br0 changed, br2 new, br1 gone", kept, err)
	}
	if err := d.Save(after); err != nil {
		t.Fatal(err)
	}
	if err := d.Revert("r2", []Kept{kept}); err != nil {
		t.Fatal(err)
	}
	got, err := d.Book("a")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, got, prefixes); diff != "" {
		t.Error(diff)
	}
}

func TestRevertLeavesWhatALaterRunWants(t *testing.T) {
	d := Open(t.TempDir())
	kept, err := Difference(&Book{ID: "a"}, &Book{ID: "a", Items: []Item{item("br0", "r1")}})
	if err != nil {
		t.Fatal(err)
	}
	later := &Book{ID: "a", Items: []Item{item("br0", "r2")}}
	if err := d.Save(later); err != nil {
		t.Fatal(err)
	}
	if err := d.Revert("r1", []Kept{kept}); err != nil {
		t.Fatal(err)
	}
	if got, err := d.Book("a"); err != nil || len(got.Items) != 1 {
		t.Errorf("got %v, error %v; want what the later run wants", got, err)
	}
}
