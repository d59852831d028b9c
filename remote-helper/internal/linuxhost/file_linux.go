package linuxhost

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"netrun/tasks/state"
)

// maxContent bounds the content that is kept in an observed file; larger files
// are known by their checksum only.
const maxContent = 16 << 20

// readFiles looks at the files that are asked for by path.
func (s *session) readFiles(q *query) ([]state.Object, error) {
	var out []state.Object
	for _, path := range q.names {
		f, err := readFile(path)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	return out, nil
}

// readFile describes what is at the path; a symbolic link there is not followed.
func readFile(path string) (state.File, error) {
	var st unix.Stat_t
	if err := checkPath(path); err != nil {
		return state.File{}, err
	}
	if err := unix.Lstat(path, &st); err != nil {
		return state.File{}, wrapPath("look at", path, err)
	}
	f := state.File{Path: path, Mode: modeText(st.Mode), Owner: userName(st.Uid), Group: groupName(st.Gid)}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		f.Type = "directory"
	case unix.S_IFLNK:
		target, err := os.Readlink(path)
		f.Type, f.Target, f.Mode = "link", target, ""
		return f, err
	case unix.S_IFREG:
		f.Type = "file"
		return f, readContent(&f)
	default:
		f.Type = "special"
	}
	return f, nil
}

func readContent(f *state.File) error {
	file, err := openRegular(f.Path)
	if err != nil {
		return err
	}
	defer file.Close()
	sum := sha256.New()
	content, err := io.ReadAll(io.TeeReader(io.LimitReader(file, maxContent+1), sum))
	if err != nil {
		return fmt.Errorf("read %s: %w", f.Path, err)
	}
	if len(content) <= maxContent {
		f.Content = content
	} else if _, err := io.Copy(sum, file); err != nil {
		return fmt.Errorf("read %s: %w", f.Path, err)
	}
	f.SHA256 = hex.EncodeToString(sum.Sum(nil))
	return nil
}

// openRegular opens a file that is neither a symbolic link nor a device nor a pipe.
func openRegular(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no regular file", path)
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

func checkPath(path string) error {
	if !filepath.IsAbs(path) || filepath.Clean(path) != path || strings.ContainsRune(path, 0) {
		return fmt.Errorf("path %q: want an absolute, clean path", path)
	}
	return nil
}

func modeText(mode uint32) string { return fmt.Sprintf("%04o", mode&0o7777) }

func userName(id uint32) string {
	text := strconv.FormatUint(uint64(id), 10)
	if u, err := user.LookupId(text); err == nil {
		return u.Username
	}
	return text
}

func groupName(id uint32) string {
	text := strconv.FormatUint(uint64(id), 10)
	if g, err := user.LookupGroupId(text); err == nil {
		return g.Name
	}
	return text
}

// owner is the numbers of the file's owner and group; -1 leaves one as it is.
func owner(f state.File) (uid, gid int, err error) {
	uid, err = idOf(f.Owner, func(name string) (string, error) {
		u, err := user.Lookup(name)
		if err != nil {
			return "", err
		}
		return u.Uid, nil
	})
	if err != nil {
		return 0, 0, err
	}
	gid, err = idOf(f.Group, func(name string) (string, error) {
		g, err := user.LookupGroup(name)
		if err != nil {
			return "", err
		}
		return g.Gid, nil
	})
	return uid, gid, err
}

// idOf is the number of a user or a group, which may be written as one.
func idOf(name string, lookup func(string) (string, error)) (int, error) {
	if name == "" {
		return -1, nil
	}
	if !isDecimal(name) {
		id, err := lookup(name)
		if err != nil {
			return 0, err
		}
		name = id
	}
	return strconv.Atoi(name)
}

// mode is the file's permissions, or the usual ones.
func mode(f state.File) (uint32, error) {
	if f.Mode == "" {
		if f.Type == "directory" {
			return 0o755, nil
		}
		return 0o644, nil
	}
	m, err := strconv.ParseUint(f.Mode, 8, 32)
	if err != nil || m > 0o7777 {
		return 0, fmt.Errorf("mode %q: want four octal digits", f.Mode)
	}
	return uint32(m), nil
}
