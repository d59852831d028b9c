package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"netrun/playbooks/script"
	"netrun/remote-helper/wire"
	"netrun/templates"
)

// saves opens the controller's files for fetched ones. What a host says of where
// its file goes is believed only as far as the playbook says so too.
type saves struct {
	dir     string // of the playbook
	fetched func(host, path string)
	dests   map[string]bool // that fetch tasks name
	free    bool            // a fetch task has a dest that only its host knows
}

// note takes the destinations of the script's fetch tasks.
func (s *saves) note(nodes []*script.Node) {
	for _, n := range nodes {
		s.note(n.Block)
		s.note(n.Rescue)
		s.note(n.Always)
		if n.Kind != "fetch" {
			continue
		}
		s.args(n.Args.V)
		for _, c := range n.Cases {
			s.args(c.Args.V)
		}
	}
}

func (s *saves) args(v any) {
	args, ok := v.(map[string]any)
	if !ok {
		s.free = s.free || v != nil
		return
	}
	switch dest := args["dest"].(type) {
	case string:
		s.dests[dest] = true
	case *templates.Template:
		s.free = true
	}
}

// open implements fleet.Config's Save.
func (s *saves) open(host string, f wire.File) (io.WriteCloser, error) {
	path, err := s.path(host, f)
	if err != nil {
		return nil, fmt.Errorf("save %s: %w", f.Source, err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("save %s: %w", f.Source, err)
	}
	part, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return nil, fmt.Errorf("save %s: %w", f.Source, err)
	}
	return &saved{File: part, path: path, done: func() { s.fetched(host, path) }}, nil
}

func (s *saves) path(host string, f wire.File) (string, error) {
	if !s.dests[f.Dest] && !(s.free && filepath.IsLocal(f.Dest)) {
		return "", fmt.Errorf("no fetch task of the playbook names %q as its dest", f.Dest)
	}
	dest := f.Dest
	if !filepath.IsAbs(dest) {
		dest = filepath.Join(s.dir, dest)
	}
	if f.Flat {
		return dest, nil
	}
	source := strings.TrimLeft(f.Source, "/")
	if !filepath.IsLocal(source) || !filepath.IsLocal(host) {
		return "", errors.New("the path leads out of the folder")
	}
	return filepath.Join(dest, host, source), nil
}

// saved is a file on its way; it gets its name when it is whole.
type saved struct {
	*os.File
	path string
	done func()
}

// Close implements io.Closer.
func (f *saved) Close() error {
	err := errors.Join(f.Chmod(0o600), f.File.Close())
	if err == nil {
		err = os.Rename(f.Name(), f.path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("save %s: %w", f.path, err), os.Remove(f.Name()))
	}
	f.done()
	return nil
}
