package journal

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"netrun/tasks/reconcile"
	"netrun/tasks/state"
)

func testRecord() reconcile.Record {
	link := state.Link{Name: "br0", Type: "bridge", State: "up"}
	address := state.Address{Link: "br0", Prefix: netip.MustParsePrefix("10.0.0.1/24")}
	return reconcile.Record{
		Changes: []state.Change{
			{Op: state.Create, After: link, Task: 3},
			{Op: state.Delete, Before: address, Task: 4, Implied: true},
		},
		Collateral: []state.Object{state.Sysctl{Name: "net/ipv4/ip_forward", Value: "0"}},
	}
}

func TestJournalReadsBackWhatWasWritten(t *testing.T) {
	d := openDir(t)
	j := d.Begin(Header{Run: "r1", Play: 2, Name: "p", By: "me@here", Started: time.Unix(1, 0).UTC()})
	if j.Written() {
		t.Error("a new journal is written already")
	}
	if err := j.Write(testRecord()); err != nil {
		t.Fatal(err)
	}
	if err := j.Act("command reboot"); err != nil {
		t.Fatal(err)
	}
	open, err := d.Unfinished()
	if err != nil || len(open) != 1 {
		t.Fatalf("unfinished: got %v, %v; want one", open, err)
	}
	want := []reconcile.Record{testRecord()}
	if diff := cmp.Diff(want, open[0].Records, cmpopts.EquateComparable(netip.Prefix{})); diff != "" {
		t.Errorf("records differ (-want +got):\n%s", diff)
	}
	if open[0].Changes() != 1 || len(open[0].Acts) != 1 || open[0].Run != "r1" {
		t.Errorf("got %d changes, acts %v, run %q; want 1, one, r1", open[0].Changes(), open[0].Acts, open[0].Run)
	}
	if err := j.Commit(); err != nil {
		t.Fatal(err)
	}
	if open, err := d.Unfinished(); err != nil || len(open) != 0 {
		t.Errorf("after commit: got %v, %v; want none unfinished", open, err)
	}
}

func TestTornLastLineNeverBegan(t *testing.T) {
	d := openDir(t)
	j := d.Begin(Header{Run: "r1"})
	if err := j.Write(testRecord()); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(j.Path())
	if err != nil {
		t.Fatal(err)
	}
	second := len(whole)
	if err := j.Write(testRecord()); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(j.Path(), int64(second+10)); err != nil {
		t.Fatal(err)
	}
	e, err := Read(j.Path())
	if err != nil || len(e.Records) != 1 {
		t.Errorf("got %v records, %v; want 1", e, err)
	}
}

func TestDiscardLeavesNothing(t *testing.T) {
	d := openDir(t)
	j := d.Begin(Header{Run: "r1"})
	record := reconcile.Record{Changes: []state.Change{{Op: state.Delete, Before: state.File{Path: "/x", Type: "file", SHA256: "abc"}}}}
	if err := os.MkdirAll(d.Blobs(), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(d.Blobs(), "abc"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := j.Write(record); err != nil {
		t.Fatal(err)
	}
	if err := d.sweepBlobs(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(d.Blobs(), "abc")); err != nil {
		t.Errorf("a needed blob was swept: %v", err)
	}
	if err := j.Discard(); err != nil {
		t.Fatal(err)
	}
	left, err := filepath.Glob(filepath.Join(d.path, "*", "*"))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v; want nothing", left, err)
	}
}

func TestPruneKeepsTheNewest(t *testing.T) {
	d := openDir(t)
	for i := range Keep + 3 {
		j := d.Begin(Header{Run: time.Unix(int64(i), 0).UTC().Format("150405"), Started: time.Unix(int64(i), 0)})
		if err := j.Write(testRecord()); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			continue // stays open, and must stay
		}
		if err := j.Commit(); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Prune(); err != nil {
		t.Fatal(err)
	}
	all, err := d.List()
	if err != nil || len(all) != Keep+1 || !all[0].Open {
		t.Errorf("got %d journals, %v; want %d, the open one among them", len(all), err, Keep+1)
	}
}

func openDir(t *testing.T) *Dir {
	t.Helper()
	d, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("{\"header\":{\"version\":1}}\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		path := filepath.Join(t.TempDir(), "a.open")
		if err := os.WriteFile(path, in, 0o600); err != nil {
			t.Fatal(err)
		}
		if e, err := Read(path); err == nil && e == nil {
			t.Error("no entry and no error")
		}
	})
}

func TestAPlayMayBeBegunTwiceInARun(t *testing.T) {
	d := openDir(t)
	for range 2 {
		j := d.Begin(Header{Run: "r1", Play: 1})
		if err := j.Write(testRecord()); err != nil {
			t.Fatal(err)
		}
		if err := j.Commit(); err != nil {
			t.Fatal(err)
		}
	}
	if all, err := d.List(); err != nil || len(all) != 2 {
		t.Errorf("got %d journals, %v; want 2", len(all), err)
	}
}

func TestABrokenFinishedJournalIsListed(t *testing.T) {
	d := openDir(t)
	if err := os.WriteFile(filepath.Join(d.path, "x.done"), []byte("{torn\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if all, err := d.List(); err != nil || len(all) != 1 || all[0].Broken == nil {
		t.Errorf("got %v, %v; want it listed as broken", all, err)
	}
}
