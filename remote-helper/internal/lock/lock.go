// Package lock lets one play at a time work on a host. The lock is a flock: the
// kernel lets go of it when its holder dies, however that happens.
package lock

import (
	"fmt"
	"os"
	"time"
)

// Holder says who has the lock.
type Holder struct {
	By    string    `json:"by"` // user@controller
	Play  string    `json:"play"`
	Pid   int       `json:"pid"` // of the helper on the host
	Since time.Time `json:"since"`
}

// Watch is the Holder.By of the host's own watch, which works for moments only.
const Watch = "netrun-watch"

// HeldError says that another play is at work on the host.
type HeldError struct{ Holder Holder }

// Error implements error.
func (e *HeldError) Error() string {
	h := e.Holder
	if h.Pid == 0 {
		return "another play is at work on this host"
	}
	return fmt.Sprintf("another play is at work on this host: %q by %s, since %s (pid %d there)",
		h.Play, h.By, h.Since.UTC().Format("2006-01-02 15:04:05 UTC"), h.Pid)
}

// Lock is a held lock.
type Lock struct {
	file *os.File
	path string
}

// File is the open file, to hand the lock on to a child process.
func (l *Lock) File() *os.File { return l.file }
