// Package journal keeps, on the host, what each play changed and what was there
// before, so that it can be undone: at once, by the next play after a crash, or
// by `netrun undo`.
//
// A play's journal is one file of JSON lines, <run>-<play>.open, synced before the
// first write of each batch. Its end is a rename (to .done) or its removal (undone),
// neither of which needs space on the disk. It knows no connection and no task.
package journal

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"netrun/remote-helper/internal/store"
	"netrun/tasks/reconcile"
	"netrun/tasks/state"
)

// Keep is how many finished journals a host keeps for `netrun undo` and `netrun history`.
const Keep = 50

// Header says whose play a journal is of.
type Header struct {
	Version int       `json:"version"` // of this format, 1
	Run     string    `json:"run"`     // one `netrun play`; the same on all hosts
	Play    int       `json:"play"`    // index in the run
	Name    string    `json:"name"`    // of the play
	By      string    `json:"by"`      // user@controller
	Started time.Time `json:"started"`
}

// line is one line of a journal file; one field is set.
type line struct {
	Header *Header      `json:"header,omitempty"`
	Batch  *batch       `json:"batch,omitempty"`
	Act    string       `json:"act,omitempty"`
	Kept   []store.Kept `json:"kept,omitempty"`
}

type batch struct {
	Changes    []state.Change    `json:"changes"`
	Collateral []json.RawMessage `json:"collateral,omitempty"`
}

// Entry is a journal that was read back.
type Entry struct {
	Header
	Path    string
	Open    bool  // the play never came to its end
	Broken  error // why a finished journal could not be read
	Records []reconcile.Record
	Acts    []string     // what the journal cannot undo, as the play named it
	Kept    []store.Kept // what the play changed in what is kept for restarts
}

// Changes counts the changes that were carried out, implied ones left out.
func (e *Entry) Changes() int {
	n := 0
	for _, r := range e.Records {
		for _, c := range r.Changes {
			if !c.Implied {
				n++
			}
		}
	}
	return n
}

// Dir is a directory of journals.
type Dir struct{ path string }

// Open is the journal directory below the state directory, which is created (0700).
func Open(stateDir string) (*Dir, error) {
	path := filepath.Join(stateDir, "journal")
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("make journal directory: %w", err)
	}
	return &Dir{path}, nil
}

// Blobs is the directory in which the contents of replaced files are kept.
func (d *Dir) Blobs() string { return filepath.Join(d.path, "blobs") }

// Begin is a new journal. Nothing is written until there is a batch.
func (d *Dir) Begin(h Header) *Journal {
	h.Version = 1
	base := filepath.Join(d.path, fmt.Sprintf("%s-%03d", h.Run, h.Play))
	name := base
	// With serial, a host that others delegate to takes part in a play more than once.
	for n := 2; exists(name+".open") || exists(name+".done"); n++ {
		name = fmt.Sprintf("%s-%d", base, n)
	}
	return &Journal{dir: d, header: h, path: name + ".open"}
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// Journal is that of the running play. It implements reconcile.Journal.
type Journal struct {
	dir    *Dir
	header Header
	path   string
	file   *os.File // nil until something was written
	acts   []string // done before there was anything to undo
	torn   error    // why nothing more may be written
}

// Path is the journal's file, which exists once Written.
func (j *Journal) Path() string { return j.path }

// Written reports whether the play has changed anything that the journal knows of.
func (j *Journal) Written() bool { return j.file != nil }

// Write implements reconcile.Journal.
func (j *Journal) Write(r reconcile.Record) error {
	b := &batch{Changes: r.Changes}
	for _, o := range r.Collateral {
		raw, err := state.Encode(o)
		if err != nil {
			return err
		}
		b.Collateral = append(b.Collateral, raw)
	}
	if err := j.flushActs(); err != nil {
		return err
	}
	return j.append(line{Batch: b})
}

// Act notes that an act is about to be done, which a play that is cut off leaves as
// it is: how it is undone, if it can be, only its process knows. The name must hold
// no secret. A play of acts alone has nothing to undo and writes no journal.
func (j *Journal) Act(name string) error {
	j.acts = append(j.acts, name)
	if j.file == nil {
		return nil
	}
	return j.flushActs()
}

// Keep notes what the play is about to change in what is kept for restarts. A play
// that changed nothing else has nothing to undo, and notes nothing.
func (j *Journal) Keep(kept []store.Kept) error {
	if j.file == nil || len(kept) == 0 {
		return nil
	}
	return j.append(line{Kept: kept})
}

func (j *Journal) flushActs() error {
	for len(j.acts) > 0 {
		if err := j.append(line{Act: j.acts[0]}); err != nil {
			return err
		}
		j.acts = j.acts[1:]
	}
	return nil
}

// Open makes the journal's file, if it is not there yet.
func (j *Journal) Open() error {
	if j.file != nil {
		return nil
	}
	return j.create()
}

func (j *Journal) append(l line) error {
	if err := j.Open(); err != nil {
		return err
	}
	if j.torn != nil {
		return j.torn
	}
	raw, err := json.Marshal(l)
	if err != nil {
		return fmt.Errorf("encode journal line: %w", err)
	}
	whole, err := j.file.Seek(0, io.SeekEnd)
	if err == nil {
		_, err = j.file.Write(append(raw, '\n'))
	}
	if err == nil {
		err = j.file.Sync()
	}
	if err == nil {
		return nil
	}
	err = fmt.Errorf("write journal: %w", err)
	// A line that is cut off must stay the last one: take it away, or write no more.
	if cut := j.file.Truncate(whole); cut != nil {
		j.torn = err
	}
	return err
}

func (j *Journal) create() error {
	file, err := os.OpenFile(j.path, os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("create journal: %w", err)
	}
	raw, err := json.Marshal(line{Header: &j.header})
	if err == nil {
		_, err = file.Write(append(raw, '\n'))
	}
	if err == nil {
		err = syncDir(j.dir.path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("create journal: %w", err), file.Close(), os.Remove(j.path))
	}
	j.file = file
	return nil
}

// Commit ends the journal of a play that stands.
func (j *Journal) Commit() error {
	if j.file == nil {
		return nil
	}
	err := j.file.Close()
	j.file = nil
	if err == nil {
		err = j.dir.finish(j.path)
	}
	if err != nil {
		return fmt.Errorf("commit journal: %w", err)
	}
	return nil
}

// Discard ends the journal of a play that has been undone.
func (j *Journal) Discard() error {
	if j.file == nil {
		return nil
	}
	err := j.file.Close()
	j.file = nil
	return errors.Join(err, j.dir.Remove(j.path))
}

// finish marks the journal as that of a play that stands.
func (d *Dir) finish(path string) error {
	done := strings.TrimSuffix(path, ".open") + ".done"
	if err := os.Rename(path, done); err != nil {
		return err
	}
	return syncDir(d.path)
}

// Remove deletes a journal whose play has been undone, and the blobs that only it needed.
func (d *Dir) Remove(path string) error {
	err := os.Remove(path)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil // another undo was faster
	}
	if err != nil {
		return fmt.Errorf("remove journal: %w", err)
	}
	if err := d.sweepBlobs(); err != nil {
		return err
	}
	return syncDir(d.path)
}

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
