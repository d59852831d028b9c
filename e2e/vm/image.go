package vm

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

//go:embed image.sh
var recipe []byte

// Image is a disk to start machines from, its kernel and its keys: the files in a
// folder that image.sh made.
type Image string

func (i Image) file(name string) string { return filepath.Join(string(i), name) }

// Cache is the folder of all images and of the machines' own disks, outside the
// repository: netrun/vm in the user's cache.
func Cache() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find cache: %w", err)
	}
	return filepath.Join(dir, "netrun", "vm"), nil
}

// Build returns the image, made anew, and said so to log, if none of this recipe is in
// the cache.
func Build(ctx context.Context, log io.Writer) (image Image, err error) {
	cache, err := Cache()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(recipe)
	dir := filepath.Join(cache, hex.EncodeToString(sum[:8]))
	unlock, err := lock(dir + ".lock")
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	if _, err := os.Stat(dir); err == nil {
		return Image(dir), nil
	}
	fmt.Fprintf(log, "vm: no image of this recipe in %s: making one\n", cache)
	if err := build(ctx, dir, log); err != nil {
		return "", err
	}
	return Image(dir), nil
}

// build makes the image beside its place first: what stands there is whole.
func build(ctx context.Context, dir string, log io.Writer) error {
	partial := dir + ".partial"
	if err := os.RemoveAll(partial); err != nil {
		return err
	}
	if err := os.MkdirAll(partial, 0o700); err != nil {
		return err
	}
	script := filepath.Join(partial, "recipe")
	if err := os.WriteFile(script, recipe, 0o700); err != nil {
		return err
	}
	began := time.Now()
	out, err := exec.CommandContext(ctx, "bash", script, partial).CombinedOutput()
	if err != nil {
		return fmt.Errorf("make image: %w\n%s", errors.Join(err, os.RemoveAll(partial)), tail(string(out), 40))
	}
	fmt.Fprintf(log, "vm: made in %.0fs\n", time.Since(began).Seconds())
	return os.Rename(partial, dir)
}

// lock makes a second run wait for the first.
func lock(path string) (unlock func() error, err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f.Close, nil
}
