package containers

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// podmans lists podman as it has to be asked: root's, and that of each user who has
// containers or is named. Without root's rights there is only one's own.
func (f *Finder) podmans(named []string) ([]podman, error) {
	program := f.lookPath("podman")
	if program == "" {
		return nil, nil
	}
	own := podman{program: program, env: append(f.environ(), "LC_ALL=C")}
	if os.Geteuid() != 0 {
		u, err := user.Current()
		if err != nil {
			return nil, fmt.Errorf("ask podman: %w", err)
		}
		own.user = u.Username
		return []podman{own}, nil
	}
	out, errs := []podman{own}, []error(nil)
	for _, name := range f.podmanUsers(named) {
		p, err := f.rootless(program, name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		out = append(out, p)
	}
	return out, errors.Join(errs...)
}

// podmanUsers are the named ones and those in whose runtime folder podman keeps something.
func (f *Finder) podmanUsers(named []string) []string {
	users := slices.Clone(named)
	for _, path := range f.usedDirs() {
		if u, err := user.LookupId(owner(filepath.Dir(path))); err == nil && u.Uid != "0" {
			users = append(users, u.Username)
		}
	}
	users = slices.DeleteFunc(users, func(name string) bool { return name == "" || name == "root" })
	slices.Sort(users)
	return slices.Compact(users)
}

func (f *Finder) runtimeDir(uid string) string {
	if f.runtimeDirs != "" {
		return filepath.Join(f.runtimeDirs, uid)
	}
	return filepath.Join("/run/user", uid)
}

// usedDirs are podman's in the users' runtime folders, and in those that it makes by
// itself below /tmp (storage-run: from version 5 on) for who has none of a login.
func (f *Finder) usedDirs() []string {
	temp := f.tempDir
	if temp == "" {
		temp = "/tmp"
	}
	var out []string
	for _, pattern := range []string{f.runtimeDir("*"), filepath.Join(temp, "podman-run-*"), filepath.Join(temp, "storage-run-*")} {
		found, _ := filepath.Glob(filepath.Join(pattern, "libpod"))
		out = append(out, found...)
	}
	return out
}

// owner is the number of the folder's owner: what is called after a user need not be theirs.
func owner(path string) string {
	var st syscall.Stat_t
	if syscall.Lstat(path, &st) != nil || st.Mode&syscall.S_IFMT != syscall.S_IFDIR {
		return ""
	}
	return strconv.FormatUint(uint64(st.Uid), 10)
}

// rootless is podman as the user runs it: with none of our own environment.
func (f *Finder) rootless(program, name string) (podman, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return podman{}, fmt.Errorf("ask podman of %s: %w", name, err)
	}
	uid, uidErr := strconv.ParseUint(u.Uid, 10, 32)
	gid, gidErr := strconv.ParseUint(u.Gid, 10, 32)
	if err := errors.Join(uidErr, gidErr); err != nil {
		return podman{}, fmt.Errorf("ask podman of %s: %w", name, err)
	}
	p := podman{program: program, user: name, credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid), Groups: groupsOf(u)}}
	home := u.HomeDir
	if f.home != nil {
		home = f.home(name)
	}
	p.env = []string{"PATH=" + strings.Join(programDirs, ":"), "HOME=" + home, "USER=" + name, "LOGNAME=" + name, "LC_ALL=C"}
	if dir := f.runtimeDir(u.Uid); isDir(dir) {
		p.env = append(p.env, "XDG_RUNTIME_DIR="+dir)
	}
	return p, nil
}

func groupsOf(u *user.User) []uint32 {
	ids, err := u.GroupIds()
	if err != nil {
		return nil
	}
	var out []uint32
	for _, id := range ids {
		if n, err := strconv.ParseUint(id, 10, 32); err == nil {
			out = append(out, uint32(n))
		}
	}
	return out
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
