// Package store keeps, on the host, what playbooks want of it, so that it can be put
// back after a reboot or a container's restart, shown by status, and taken away
// when it is no longer wanted.
//
// A playbook is one file of JSON, replaced whole. It knows no kernel and no connection.
package store

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"netrun/tasks/state"
)

// version is that of the files' format.
const version = 1

// Item is one object that a playbook wants, with the scopes as people wrote them.
type Item struct {
	Object state.Object
	Play   string
	Task   string    // name or kind of the task
	At     string    // its place, file:line
	Run    string    // the run that wanted it last
	Since  time.Time // when a play last changed it
	Repair bool      // put back whenever something else changes it
	// Created says that netrun made the object; Before is what a change found
	// otherwise, and Fields what it changed. An object that was there already, just
	// as it is wanted, has neither.
	Created bool
	Before  state.Object
	Fields  []state.FieldDiff
}

// Book is what one playbook wants, in the order in which it came to be.
type Book struct {
	ID    string
	Items []Item
}

// Find is the index of the item with that key, -1 if there is none.
func (b *Book) Find(k state.Key) int {
	return slices.IndexFunc(b.Items, func(i Item) bool { return i.Object.Key() == k })
}

// Set replaces the item with the same key, or adds it at the end.
func (b *Book) Set(i Item) {
	if at := b.Find(i.Object.Key()); at >= 0 {
		b.Items[at] = i
		return
	}
	b.Items = append(b.Items, i)
}

// Drop takes the item with that key away.
func (b *Book) Drop(k state.Key) {
	b.Items = slices.DeleteFunc(b.Items, func(i Item) bool { return i.Object.Key() == k })
}

// Dir is the directory of the books.
type Dir struct{ path string }

// Open is the store below the state directory. Nothing is made before something is kept.
func Open(stateDir string) *Dir { return &Dir{filepath.Join(stateDir, "wanted")} }

// Path is the directory that the books are in.
func (d *Dir) Path() string { return d.path }

func (d *Dir) file(id string) string {
	sum := sha256.Sum256([]byte(id))
	return filepath.Join(d.path, hex.EncodeToString(sum[:8])+".json")
}

// Book reads what the playbook wants; nothing if it is not known.
func (d *Dir) Book(id string) (*Book, error) {
	b, err := read(d.file(id))
	if errors.Is(err, fs.ErrNotExist) {
		return &Book{ID: id}, nil
	}
	return b, err
}

// Books reads all, sorted by playbook. With an error it gives those that can be read:
// one damaged file must not keep the others' networks from coming back.
func (d *Dir) Books() ([]*Book, error) {
	entries, err := os.ReadDir(d.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list what is wanted: %w", err)
	}
	var out []*Book
	var errs []error
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".json") {
			continue
		}
		b, err := read(filepath.Join(d.path, e.Name()))
		if err != nil {
			errs = append(errs, fmt.Errorf("%w (if it cannot be mended, remove it on the host, and play again)", err))
			continue
		}
		out = append(out, b)
	}
	slices.SortFunc(out, func(a, b *Book) int { return strings.Compare(a.ID, b.ID) })
	return out, errors.Join(errs...)
}

// Save replaces the book's file, or removes it where nothing is wanted any more. It
// returns once the file would survive a power cut.
func (d *Dir) Save(b *Book) error {
	path := d.file(b.ID)
	if len(b.Items) == 0 {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("forget what %s wanted: %w", b.ID, err)
		}
		return nil
	}
	raw, err := encode(b)
	if err == nil {
		err = os.MkdirAll(d.path, 0o700)
	}
	if err == nil {
		err = replace(path, raw)
	}
	if err != nil {
		return fmt.Errorf("keep what %s wants: %w", b.ID, err)
	}
	return nil
}

// replace writes the file beside the old one, and puts it in its place.
func replace(path string, raw []byte) error {
	next := path + ".new"
	f, err := os.OpenFile(next, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(raw)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(next, path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(next))
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// file formats.
type bookFile struct {
	Version  int       `json:"version"`
	Playbook string    `json:"playbook"`
	Items    []Encoded `json:"items"`
}

// Encoded is an item as JSON.
type Encoded struct {
	Object  json.RawMessage   `json:"object"`
	Play    string            `json:"play,omitempty"`
	Task    string            `json:"task,omitempty"`
	At      string            `json:"at,omitempty"`
	Run     string            `json:"run"`
	Since   time.Time         `json:"since"`
	Repair  bool              `json:"repair,omitempty"`
	Created bool              `json:"created,omitempty"`
	Before  json.RawMessage   `json:"before,omitempty"`
	Fields  []state.FieldDiff `json:"fields,omitempty"`
}

// Encode is the item as JSON.
func Encode(i Item) (Encoded, error) {
	e := Encoded{Play: i.Play, Task: i.Task, At: i.At, Run: i.Run, Since: i.Since, Repair: i.Repair, Created: i.Created, Fields: i.Fields}
	var err error
	if e.Object, err = state.Encode(i.Object); err == nil && i.Before != nil {
		e.Before, err = state.Encode(i.Before)
	}
	return e, err
}

// Decode reads what Encode wrote.
func Decode(e Encoded) (Item, error) {
	i := Item{Play: e.Play, Task: e.Task, At: e.At, Run: e.Run, Since: e.Since, Repair: e.Repair, Created: e.Created, Fields: e.Fields}
	var err error
	if i.Object, err = state.Decode(e.Object); err != nil {
		return i, err
	}
	if i.Object == nil {
		return i, errors.New("an item without an object")
	}
	i.Before, err = state.Decode(e.Before)
	return i, err
}

func encode(b *Book) ([]byte, error) {
	f := bookFile{Version: version, Playbook: b.ID}
	for _, i := range b.Items {
		e, err := Encode(i)
		if err != nil {
			return nil, err
		}
		f.Items = append(f.Items, e)
	}
	return json.Marshal(f)
}

func read(path string) (*Book, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read what is wanted: %w", err)
	}
	var f bookFile
	if err := json.Unmarshal(raw, &f); err != nil {
		return nil, fmt.Errorf("read what is wanted: %s: %w", path, err)
	}
	if f.Version != version {
		return nil, fmt.Errorf("read what is wanted: %s: format %d is of another netrun version", path, f.Version)
	}
	b := &Book{ID: f.Playbook}
	for n, e := range f.Items {
		i, err := Decode(e)
		if err != nil {
			return nil, fmt.Errorf("read what is wanted: %s: item %d: %w", path, n, err)
		}
		b.Items = append(b.Items, i)
	}
	return b, nil
}

// Changed is when a book was written or removed last; the zero time if nothing is kept.
func (d *Dir) Changed() time.Time {
	info, err := os.Stat(d.path)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}
