package linuxhost

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"netrun/tasks/state"
)

// applyFile makes, changes or deletes a file. What is there is kept in the blob
// store first. A file that is no longer what was observed is left alone: nobody
// could bring it back.
func (s *session) applyFile(c state.Change, f state.File) error {
	if err := checkPath(f.Path); err != nil {
		return err
	}
	if c.Op == state.Create {
		return s.createFile(f)
	}
	before := c.Before.(state.File)
	if c.Op == state.Delete || f.SHA256 != before.SHA256 {
		if err := s.keep(before); err != nil {
			return err
		}
	}
	if c.Op == state.Delete {
		return deleteFile(before)
	}
	return s.changeFile(before, f)
}

func (s *session) createFile(f state.File) error {
	if there, err := os.Lstat(f.Path); err == nil {
		return fmt.Errorf("there is a %s: %w", typeOf(there), fs.ErrExist)
	}
	switch f.Type {
	case "file":
		return s.writeFile(f, true)
	case "directory":
		return makeDirectory(f)
	case "link":
		return makeLink(f)
	}
	return fmt.Errorf("type %q: want file, directory or link", f.Type)
}

func typeOf(info fs.FileInfo) string {
	switch {
	case info.IsDir():
		return "directory"
	case info.Mode().IsRegular():
		return "file"
	case info.Mode()&fs.ModeSymlink != 0:
		return "link"
	}
	return "special file"
}

// changeFile writes new content by replacing the file, and sets the rest in place.
func (s *session) changeFile(before, after state.File) error {
	switch {
	case before.Type != after.Type:
		return fmt.Errorf("a %s cannot become a %s in place", before.Type, after.Type)
	case after.Type == "file" && after.SHA256 != before.SHA256 && after.SHA256 != "":
		return s.writeFile(after, false)
	case after.Type == "link" && after.Target != before.Target:
		return makeLink(after)
	}
	return setAttributes(before, after)
}

// setAttributes gives what is at the path, itself and not what it may lead to,
// another mode or owner.
func setAttributes(before, after state.File) error {
	uid, gid, err := owner(after)
	if err != nil {
		return err
	}
	if before.Owner != after.Owner || before.Group != after.Group {
		if err := os.Lchown(after.Path, uid, gid); err != nil {
			return err
		}
	}
	// A change of owner takes setuid and setgid away: the mode comes after it.
	if after.Type == "link" || after.Mode == "" {
		return nil
	}
	bits, err := mode(after)
	if err != nil {
		return err
	}
	file, err := os.OpenFile(after.Path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	return wrapPath("chmod", after.Path, unix.Fchmod(int(file.Fd()), bits))
}

// writeFile writes the content beside the path and renames it there: a reader
// sees the old file or the new one, and after a crash one of the two is there.
func (s *session) writeFile(f state.File, isNew bool) error {
	temp, err := os.CreateTemp(filepath.Dir(f.Path), ".netrun-*")
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name()) // gone already where all went well
	err = s.fill(temp, f)
	if closeErr := temp.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	if isNew {
		err = renameNew(temp.Name(), f.Path)
	} else {
		err = os.Rename(temp.Name(), f.Path)
	}
	if err != nil {
		return err
	}
	return syncDir(filepath.Dir(f.Path))
}

// fill writes content, owner and mode, and waits until the disk has them.
func (s *session) fill(temp *os.File, f state.File) error {
	if err := s.copyContent(temp, f); err != nil {
		return err
	}
	uid, gid, err := owner(f)
	if err != nil {
		return err
	}
	if err := temp.Chown(uid, gid); err != nil {
		return err
	}
	bits, err := mode(f)
	if err != nil {
		return err
	}
	if err := unix.Fchmod(int(temp.Fd()), bits); err != nil {
		return wrapPath("chmod", f.Path, err)
	}
	return temp.Sync()
}

// renameNew renames to a path at which nothing may be. Not every file system can
// promise that; where not, what came there in the last moment is lost.
func renameNew(from, to string) error {
	err := unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, unix.RENAME_NOREPLACE)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) {
		return os.Rename(from, to)
	}
	return wrapPath("rename to", to, err)
}

func makeDirectory(f state.File) error {
	bits, err := mode(f)
	if err != nil {
		return err
	}
	uid, gid, err := owner(f)
	if err != nil {
		return err
	}
	if err := unix.Mkdir(f.Path, 0o700); err != nil {
		return wrapPath("mkdir", f.Path, err)
	}
	if err := os.Lchown(f.Path, uid, gid); err != nil {
		return err
	}
	if err := unix.Chmod(f.Path, bits); err != nil {
		return wrapPath("chmod", f.Path, err)
	}
	return syncDir(filepath.Dir(f.Path))
}

// makeLink makes the link beside the path and renames it there.
func makeLink(f state.File) error {
	uid, gid, err := owner(f)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp(filepath.Dir(f.Path), ".netrun-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	temp := filepath.Join(dir, "link")
	if err := os.Symlink(f.Target, temp); err != nil {
		return err
	}
	if err := os.Lchown(temp, uid, gid); err != nil {
		return err
	}
	if err := os.Rename(temp, f.Path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(f.Path))
}

// deleteFile deletes what was observed; of a directory only an empty one.
func deleteFile(f state.File) error {
	remove := unix.Unlink
	switch f.Type {
	case "directory":
		remove = unix.Rmdir
	case "file", "link":
	default:
		return fmt.Errorf("%s is neither a file nor a directory nor a link", f.Path)
	}
	err := remove(f.Path)
	if errors.Is(err, unix.ENOTEMPTY) {
		return fmt.Errorf("the directory is not empty, and what is in it could not be brought back: %w", err)
	}
	if err != nil {
		return wrapPath("remove", f.Path, err)
	}
	return syncDir(filepath.Dir(f.Path))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	// Some file systems do not sync directories, and say so.
	if err := d.Sync(); err != nil && !errors.Is(err, unix.EINVAL) {
		return err
	}
	return nil
}
