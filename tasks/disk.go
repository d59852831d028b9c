package tasks

import (
	"os"
	"path"
	"path/filepath"
)

// Disk is what acts ask of the host's file system. A Machine that is a Disk too is
// asked; the files of any other are those of this process.
type Disk interface {
	Exists(path string) bool    // file, directory or link
	Glob(pattern string) bool   // whether anything matches
	Find(program string) string // its path, "" if it is not there
}

func diskOf(m Machine) Disk {
	if d, ok := m.(Disk); ok {
		return d
	}
	return ownDisk{}
}

type ownDisk struct{}

func (ownDisk) Exists(p string) bool {
	_, err := os.Lstat(p)
	return err == nil
}

func (ownDisk) Glob(pattern string) bool {
	found, err := filepath.Glob(pattern)
	return err == nil && len(found) > 0
}

func (d ownDisk) Find(program string) string {
	// PATH over ssh often lacks sbin.
	for _, dir := range []string{"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"} {
		if p := path.Join(dir, program); d.Exists(p) {
			return p
		}
	}
	return ""
}
