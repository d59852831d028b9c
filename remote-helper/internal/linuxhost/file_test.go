//go:build linux

package linuxhost

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"netrun/tasks/state"
)

func newFileHost(t *testing.T) (*rig, string) {
	r := &rig{T: t, host: New(Config{BlobDir: filepath.Join(t.TempDir(), "blobs")})}
	t.Cleanup(func() { r.host.Close() })
	return r, t.TempDir()
}

// undo takes an update back as an undo from a journal does: without content.
func (r *rig) undo(before state.Object) {
	r.Helper()
	now := r.get(before.Key())
	r.apply(state.Change{Op: state.Update, Before: now, After: state.With(now, before, state.DiffExact(before, now))})
}

func TestFiles(t *testing.T) {
	r, dir := newFileHost(t)
	for _, test := range []struct {
		name         string
		want, change state.File
	}{
		{"file", state.File{Type: "file", Mode: "0640"}.WithContent([]byte("one\n")), state.File{Type: "file", Mode: "0600"}.WithContent([]byte("two\n"))},
		{"empty", state.File{Type: "file"}.WithContent(nil), state.File{Type: "file"}.WithContent([]byte("not empty"))},
		{"mode", state.File{Type: "file", Mode: "0644"}.WithContent([]byte("x")), state.File{Type: "file", Mode: "4755", Owner: "65534", Group: "65534"}},
		{"directory", state.File{Type: "directory", Mode: "0711"}, state.File{Type: "directory", Mode: "1777"}},
		{"link", state.File{Type: "link", Target: "/etc/passwd"}, state.File{Type: "link", Target: "/nowhere"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := r.with(t)
			test.want.Path, test.change.Path = filepath.Join(dir, test.name), filepath.Join(dir, test.name)
			r.create(test.want)
			r.have(test.want)
			before := r.get(test.want.Key()).(state.File)
			r.update(test.change)
			if test.change.Owner == "" {
				r.have(test.change)
			} else if got := r.get(test.want.Key()).(state.File); got.Mode != "4755" || got.Owner != userName(65534) {
				t.Errorf("got %s %s; want 4755 %s", got.Mode, got.Owner, userName(65534))
			}
			before.Content = nil
			r.undo(before)
			if d := state.DiffExact(before, r.get(before.Key())); len(d) > 0 {
				t.Errorf("after undo differs in %v", d)
			}
			r.delete(r.get(before.Key()))
			r.lack(before.Key())
			r.apply(state.Change{Op: state.Create, After: before})
			if d := state.DiffExact(before, r.get(before.Key())); len(d) > 0 {
				t.Errorf("deleted and made again differs in %v", d)
			}
		})
	}
}

func TestFileIsLeftAlone(t *testing.T) {
	r, dir := newFileHost(t)
	path := func(name string) string { return filepath.Join(dir, name) }
	write := func(name, content string) state.File {
		if err := os.WriteFile(path(name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return state.File{Path: path(name), Type: "file"}.WithContent([]byte(content))
	}
	file := write("file", "mine")
	if err := os.Mkdir(path("full"), 0o700); err != nil {
		t.Fatal(err)
	}
	write("full/child", "x")
	if err := os.Symlink(path("file"), path("link")); err != nil {
		t.Fatal(err)
	}
	stale := file.WithContent([]byte("what was there once"))
	lost := state.File{Path: path("lost"), Type: "file", SHA256: strings.Repeat("ab", 32)}
	for _, test := range []struct {
		name   string
		change state.Change
		want   string
	}{
		{"exists", state.Change{Op: state.Create, After: file}, "there is a file"},
		{"changed meanwhile", state.Change{Op: state.Update, Before: stale, After: file}, "changed by somebody else"},
		{"deleted meanwhile changed", state.Change{Op: state.Delete, Before: stale}, "changed by somebody else"},
		{"not empty", state.Change{Op: state.Delete, Before: state.File{Path: path("full"), Type: "directory"}}, "not empty"},
		{"link in the way", state.Change{Op: state.Update, Before: state.File{Path: path("link"), Type: "file", SHA256: file.SHA256}, After: state.File{Path: path("link"), Type: "file"}.WithContent([]byte("evil"))}, "too many levels of symbolic links"},
		{"mode through link", state.Change{Op: state.Update, Before: state.File{Path: path("link"), Type: "file", Mode: "0600"}, After: state.File{Path: path("link"), Type: "file", Mode: "0666"}}, "too many levels of symbolic links"},
		{"not kept", state.Change{Op: state.Create, After: lost}, "was not kept"},
		{"path", state.Change{Op: state.Create, After: state.File{Path: dir + "/../x", Type: "file"}}, "want an absolute, clean path"},
		{"bad mode", state.Change{Op: state.Create, After: state.File{Path: path("m"), Type: "file", Mode: "999"}}, "want four octal digits"},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := r.host.Apply(context.Background(), []state.Change{test.change})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v; want %q", err, test.want)
			}
		})
	}
	r.have(file)
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 3 {
		t.Errorf("got %v, %v; want the 3 files that were there and no temporary ones", entries, err)
	}
}

func TestLargeFileComesBack(t *testing.T) {
	r, dir := newFileHost(t)
	path := filepath.Join(dir, "large")
	content := bytes.Repeat([]byte("0123456789abcdef"), maxContent/16+1)
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	before := r.get(state.File{Path: path}.Key()).(state.File)
	if before.Content != nil || before.SHA256 != state.Checksum(content) {
		t.Fatalf("got %d bytes of content and checksum %s; want none and that of the file", len(before.Content), before.SHA256)
	}
	r.delete(before)
	r.apply(state.Change{Op: state.Create, After: before})
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, content) {
		t.Errorf("got %d bytes, %v; want those that were there", len(got), err)
	}
}

func TestBlobsAreRootsOwn(t *testing.T) {
	r, dir := newFileHost(t)
	f := state.File{Path: filepath.Join(dir, "f"), Type: "file"}.WithContent([]byte("secret"))
	r.create(f)
	r.delete(f)
	store, err := os.Stat(r.host.cfg.BlobDir)
	if err != nil || store.Mode().Perm() != 0o700 {
		t.Errorf("got store %v, %v; want mode 0700", store, err)
	}
	blob, err := os.Stat(filepath.Join(r.host.cfg.BlobDir, f.SHA256))
	if err != nil || blob.Mode().Perm() != 0o600 {
		t.Errorf("got blob %v, %v; want mode 0600", blob, err)
	}
}
