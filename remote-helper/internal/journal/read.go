package journal

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"

	"netrun/tasks/reconcile"
	"netrun/tasks/state"
)

// List reads all journals, oldest first. An unfinished one that cannot be read is an
// error, since something may have to be undone that nobody would know of; a finished
// one is listed by its name alone, as Broken.
func (d *Dir) List() ([]*Entry, error) {
	names, err := d.names()
	if err != nil {
		return nil, err
	}
	entries := make([]*Entry, 0, len(names))
	for _, name := range names {
		e, err := Read(filepath.Join(d.path, name))
		if err != nil && strings.HasSuffix(name, ".done") {
			e, err = &Entry{Path: filepath.Join(d.path, name), Header: Header{Name: "(unreadable) " + name}, Broken: err}, nil
		}
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	sort.SliceStable(entries, func(i, j int) bool {
		if entries[i].Run == entries[j].Run {
			return entries[i].Play < entries[j].Play
		}
		return entries[i].Started.Before(entries[j].Started)
	})
	return entries, nil
}

// Unfinished reads the journals of plays that never came to their end, oldest first.
func (d *Dir) Unfinished() ([]*Entry, error) {
	names, err := d.names()
	if err != nil {
		return nil, err
	}
	var open []*Entry
	for _, name := range names {
		if !strings.HasSuffix(name, ".open") {
			continue
		}
		e, err := Read(filepath.Join(d.path, name))
		if err != nil {
			return nil, err
		}
		open = append(open, e)
	}
	slices.SortStableFunc(open, func(a, b *Entry) int { return a.Started.Compare(b.Started) })
	return open, nil
}

func (d *Dir) names() ([]string, error) {
	dir, err := os.ReadDir(d.path)
	if err != nil {
		return nil, fmt.Errorf("list journals: %w", err)
	}
	var names []string
	for _, f := range dir {
		if ext := filepath.Ext(f.Name()); ext == ".open" || ext == ".done" {
			names = append(names, f.Name())
		}
	}
	return names, nil
}

// Read reads one journal. A torn last line is left out: a batch's line is complete
// and synced before its first write, so what is torn never began.
func Read(path string) (*Entry, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	defer file.Close()
	e := &Entry{Path: path, Open: strings.HasSuffix(path, ".open")}
	r := bufio.NewReaderSize(file, 256<<10)
	for n := 1; ; n++ {
		raw, err := r.ReadBytes('\n')
		if err == io.EOF {
			return e, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read journal %s: %w", path, err)
		}
		if err := e.add(raw); err != nil {
			return nil, fmt.Errorf("read journal %s:%d: %w", path, n, err)
		}
	}
}

func (e *Entry) add(raw []byte) error {
	var l line
	if err := json.Unmarshal(raw, &l); err != nil {
		return err
	}
	switch {
	case l.Header != nil:
		if l.Header.Version != 1 {
			return fmt.Errorf("format %d is of another netrun version", l.Header.Version)
		}
		e.Header = *l.Header
	case l.Batch != nil:
		r := reconcile.Record{Changes: l.Batch.Changes}
		for _, c := range l.Batch.Collateral {
			o, err := state.Decode(c)
			if err != nil {
				return err
			}
			r.Collateral = append(r.Collateral, o)
		}
		e.Records = append(e.Records, r)
	case len(l.Kept) > 0:
		e.Kept = append(e.Kept, l.Kept...)
	case l.Act != "":
		e.Acts = append(e.Acts, l.Act)
	}
	return nil
}
