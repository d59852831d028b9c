package linuxhost

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"netrun/tasks/state"
)

// keep copies a file that is about to be changed into the blob store.
func (s *session) keep(f state.File) error {
	if f.Type != "file" {
		return nil
	}
	file, err := openRegular(f.Path)
	if err != nil {
		return err
	}
	defer file.Close()
	temp, err := s.newBlob()
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name()) // gone already where all went well
	sum, err := copySum(temp, file)
	if err == nil {
		err = temp.Sync()
	}
	if closeErr := temp.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("keep %s: %w", f.Path, err)
	}
	if f.SHA256 != "" && sum != f.SHA256 {
		return fmt.Errorf("%s was changed by somebody else since it was looked at", f.Path)
	}
	if err := os.Rename(temp.Name(), s.blobPath(sum)); err != nil {
		return fmt.Errorf("keep %s: %w", f.Path, err)
	}
	return syncDir(s.host.cfg.BlobDir)
}

// newBlob is an empty file (0600) in the store, which is made if it is not there.
func (s *session) newBlob() (*os.File, error) {
	dir := s.host.cfg.BlobDir
	if dir == "" {
		return nil, errors.New("nowhere to keep what was in files")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make blob store: %w", err)
	}
	temp, err := os.CreateTemp(dir, ".new-*")
	if err != nil {
		return nil, fmt.Errorf("write to blob store: %w", err)
	}
	return temp, nil
}

func (s *session) blobPath(sum string) string { return filepath.Join(s.host.cfg.BlobDir, sum) }

// copyContent writes the content with the file's checksum: the one that it carries,
// or the one that the store has. An object that undo put together may carry the
// content that is to go and the checksum of the one that is to come back.
func (s *session) copyContent(to io.Writer, f state.File) error {
	if f.SHA256 == "" || f.SHA256 == state.Checksum(f.Content) {
		_, err := to.Write(f.Content)
		return err
	}
	if f.SHA256 == state.Checksum(nil) {
		return nil
	}
	if raw, err := hex.DecodeString(f.SHA256); err != nil || len(raw) != sha256.Size {
		return fmt.Errorf("checksum %q: want a hex SHA-256", f.SHA256)
	}
	blob, err := openRegular(s.blobPath(f.SHA256))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("its content (%s) was not kept: %w", f.SHA256, err)
	}
	if err != nil {
		return err
	}
	defer blob.Close()
	sum, err := copySum(to, blob)
	if err == nil && sum != f.SHA256 {
		err = fmt.Errorf("what was kept as %s is damaged", f.SHA256)
	}
	return err
}

// copySum copies and gives the hex SHA-256 of what it copied.
func copySum(to io.Writer, from io.Reader) (string, error) {
	sum := sha256.New()
	if _, err := io.Copy(io.MultiWriter(to, sum), from); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}
