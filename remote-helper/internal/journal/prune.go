package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"netrun/tasks/state"
)

// Prune removes the oldest finished journals beyond Keep, and the blobs that no
// journal needs any more. Unfinished ones stay, whatever their age.
func (d *Dir) Prune() error {
	names, err := d.names()
	if err != nil {
		return err
	}
	var done []string
	for _, n := range names {
		if strings.HasSuffix(n, ".done") {
			done = append(done, n)
		}
	}
	if len(done) <= Keep {
		return nil
	}
	sort.Slice(done, func(i, j int) bool { return d.modified(done[i]) < d.modified(done[j]) })
	for _, n := range done[:len(done)-Keep] {
		if err := os.Remove(filepath.Join(d.path, n)); err != nil {
			return fmt.Errorf("prune journal: %w", err)
		}
	}
	return d.sweepBlobs()
}

func (d *Dir) modified(name string) int64 {
	info, err := os.Stat(filepath.Join(d.path, name))
	if err != nil {
		return 0
	}
	return info.ModTime().UnixNano()
}

// sweepBlobs removes the kept contents that no journal names.
func (d *Dir) sweepBlobs() error {
	blobs, err := os.ReadDir(d.Blobs())
	if errors.Is(err, fs.ErrNotExist) || len(blobs) == 0 {
		return nil
	}
	if err != nil {
		return fmt.Errorf("list kept files: %w", err)
	}
	entries, err := d.List()
	if err != nil {
		return err
	}
	needed := map[string]bool{}
	for _, e := range entries {
		for _, r := range e.Records {
			for _, c := range r.Changes {
				if f, ok := c.Before.(state.File); ok {
					needed[f.SHA256] = true
				}
			}
		}
	}
	for _, b := range blobs {
		if !needed[b.Name()] {
			if err := os.Remove(filepath.Join(d.Blobs(), b.Name())); err != nil {
				return fmt.Errorf("remove kept file: %w", err)
			}
		}
	}
	return nil
}
