package lock

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestSecondIsToldWhoHoldsIt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	first, err := Acquire(path, Holder{By: "ann@desk", Play: "site", Pid: 7, Since: time.Unix(0, 0)})
	if err != nil {
		t.Fatal(err)
	}
	_, err = Acquire(path, Holder{By: "bob@desk"})
	var held *HeldError
	if !errors.As(err, &held) || held.Holder.By != "ann@desk" {
		t.Fatalf("got %v, want that ann@desk holds it", err)
	}
	if err := first.Release(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("the file is still there: %v", err)
	}
	second, err := Acquire(path, Holder{By: "bob@desk"})
	if err != nil {
		t.Fatal(err)
	}
	if err := second.Release(); err != nil {
		t.Fatal(err)
	}
}

func TestAStaleFileIsNoLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	if err := os.WriteFile(path, []byte(`{"by":"dead@host","pid":1}`), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := Acquire(path, Holder{By: "me"})
	if err != nil {
		t.Fatalf("got %v, want the lock: its holder is dead", err)
	}
	if err := l.Release(); err != nil {
		t.Fatal(err)
	}
}
