package rig

import (
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"syscall"
)

// Dir is where the labs of tests are: a folder that only depends on where the module
// is, so that a run finds and removes those of a killed predecessor.
func Dir(root, name string) string {
	sum := fnv.New32a()
	sum.Write([]byte(root))
	return filepath.Join(os.TempDir(), fmt.Sprintf("netrun-%s-%08x", name, sum.Sum32()))
}

// Lock makes a second run in the same folder wait for the first. Its file goes with
// it, so whoever has waited may hold one that is no longer there, and tries again.
func Lock(dir string) (unlock func() error, err error) {
	path := dir + ".lock"
	for {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return nil, err
		}
		if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
			return nil, errors.Join(err, f.Close())
		}
		held, err := f.Stat()
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
		if now, err := os.Stat(path); err == nil && os.SameFile(held, now) {
			return func() error { return errors.Join(os.Remove(path), f.Close()) }, nil
		}
		if err := f.Close(); err != nil {
			return nil, err
		}
	}
}
