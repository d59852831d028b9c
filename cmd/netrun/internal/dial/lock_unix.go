//go:build unix

package dial

import (
	"os"

	"golang.org/x/sys/unix"
)

// lockFile waits for the file's lock, which closing the file gives back.
func lockFile(f *os.File) error { return unix.Flock(int(f.Fd()), unix.LOCK_EX) }
