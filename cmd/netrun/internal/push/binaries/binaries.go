// Package binaries holds the helper built for each architecture, compressed, in
// the controller itself. It does not know how they reach a host.
package binaries

import (
	"bytes"
	"compress/gzip"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"sync"
)

//go:embed dist
var dist embed.FS

// Set is the helpers of one build.
type Set struct {
	files  fs.FS
	hashes map[string]string

	mu  sync.Mutex
	raw map[string][]byte // unpacked once
}

// Embedded returns the helpers that were built into this program. It is empty
// in a program that was built without them.
func Embedded() (*Set, error) {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		return nil, err
	}
	return New(files)
}

// New reads helpers from a file system: for each architecture
// helper-linux-<arch>.gz, and beside it the sha256 of the unpacked binary as
// helper-linux-<arch>.sha256.
func New(files fs.FS) (*Set, error) {
	s := &Set{files: files, hashes: map[string]string{}, raw: map[string][]byte{}}
	names, err := fs.Glob(files, "helper-linux-*.sha256")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, fmt.Errorf("read helper hash: %w", err)
		}
		hash, _, _ := strings.Cut(strings.TrimSpace(string(text)), " ")
		if len(hash) != 64 || strings.Trim(hash, "0123456789abcdef") != "" {
			return nil, fmt.Errorf("read helper hash: %s: %q is not a sha256", name, hash)
		}
		s.hashes[strings.TrimSuffix(strings.TrimPrefix(path.Base(name), "helper-linux-"), ".sha256")] = hash
	}
	return s, nil
}

// Hashes maps each architecture, by its Go name, to the sha256 of its helper in hex.
func (s *Set) Hashes() map[string]string { return s.hashes }

// Binary returns the helper for an architecture, gzipped or unpacked. The bytes
// are shared: they are not to be changed.
func (s *Set) Binary(arch string, gzipped bool) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if raw := s.raw[arch]; raw != nil && !gzipped {
		return raw, nil
	}
	packed, err := fs.ReadFile(s.files, "helper-linux-"+arch+".gz")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("no helper for linux/%s in this build", arch)
	}
	if err != nil || gzipped {
		return packed, err
	}
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err == nil {
		s.raw[arch], err = io.ReadAll(r)
	}
	if err != nil {
		return nil, fmt.Errorf("unpack helper for linux/%s: %w", arch, err)
	}
	return s.raw[arch], nil
}
