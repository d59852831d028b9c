package linuxhost

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"netrun/tasks/state"
)

// maxHosts bounds a hosts file.
const maxHosts = 1 << 20

// readHostsLines lists netrun's lines of the hosts file that the scope's programs see.
func (s *session) readHostsLines(q *query) ([]state.Object, error) {
	path, err := s.hostsFile(q.scope)
	if err != nil {
		return nil, err
	}
	text, err := readHosts(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []state.Object
	for _, line := range strings.Split(text, "\n") {
		if l, ours := state.ParseHostsLine(q.scope, line); ours {
			out = append(out, l)
		}
	}
	return out, nil
}

// hostsFile is where the scope's /etc/hosts is: of a container, the file that its
// runtime mounts there; of a named namespace, the one that ip netns exec mounts. The
// path is the runtime's own, never one inside the container, which could lead anywhere.
func (s *session) hostsFile(scope state.Scope) (string, error) {
	sort, name := scope.Split()
	if sort == "netns" && validName(name) {
		return filepath.Join(s.host.cfg.EtcNetnsDir, name, "hosts"), nil
	}
	asked, sought := scope.Sought()
	if !sought {
		return "", fmt.Errorf("%q has no hosts file of its own: give the name of a container or of a network namespace", scope)
	}
	objects, err := s.readContainers(&query{kind: state.KindContainer, names: []string{asked}})
	if err != nil {
		return "", err
	}
	known := state.New(objects...)
	if ok, why := scope.Live(known); !ok {
		return "", fmt.Errorf("%s: %w", why, errNoScope)
	}
	o, _ := known.Get(state.ContainerKey(asked))
	if path := o.(state.Container).HostsFile; path != "" {
		return path, errors.Join(checkPath(path), checkUsers(path, scope))
	}
	return "", fmt.Errorf("container %s has no hosts file of its own", scope.Bare())
}

// checkUsers wants the hosts file of a user's own container to be that user's: the
// folders that lead to it are, and could lead to another's.
func checkUsers(path string, scope state.Scope) error {
	name, _, rootless := strings.Cut(strings.TrimPrefix(string(scope), "podman:"), "@")
	if !rootless {
		return nil
	}
	u, err := user.Lookup(name)
	if err != nil {
		return err
	}
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return wrapPath("look at", path, err)
	}
	if strconv.FormatUint(uint64(st.Uid), 10) != u.Uid {
		return fmt.Errorf("hosts file %s of container %s is not %s's", path, scope.Bare(), name)
	}
	return nil
}

func readHosts(path string) (string, error) {
	file, err := openRegular(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	raw, err := io.ReadAll(io.LimitReader(file, maxHosts+1))
	if err == nil && len(raw) > maxHosts {
		err = fmt.Errorf("it is larger than %d bytes", maxHosts)
	}
	if err != nil {
		return "", fmt.Errorf("read %s: %w", path, err)
	}
	return string(raw), nil
}

// applyHostsLine adds, replaces or removes one line; every other byte stays.
func (s *session) applyHostsLine(c state.Change, l state.HostsLine) error {
	path, err := s.hostsFile(l.Scope)
	if err != nil {
		return err
	}
	text, err := readHosts(path)
	if errors.Is(err, fs.ErrNotExist) && c.Op == state.Create {
		text, err = s.newHosts(path)
	}
	if err != nil {
		return err
	}
	text, err = editHosts(text, c.Op, l)
	if err != nil {
		return err
	}
	if copied, err := hostsCopy(); err == nil && text == copied {
		return s.removeHosts(path)
	}
	return overwrite(path, text)
}

func editHosts(text string, op state.Op, l state.HostsLine) (string, error) {
	lines := strings.SplitAfter(text, "\n")
	at := slices.IndexFunc(lines, func(line string) bool {
		have, ours := state.ParseHostsLine(l.Scope, strings.TrimSuffix(line, "\n"))
		return ours && have.Key() == l.Key()
	})
	switch {
	case op == state.Delete && at >= 0:
		lines = slices.Delete(lines, at, at+1)
	case op == state.Delete:
		return "", fs.ErrNotExist
	case at >= 0:
		lines[at] = l.Text() + "\n"
	default:
		if last := len(lines) - 1; lines[last] != "" {
			lines[last] += "\n"
		}
		lines = append(lines, l.Text()+"\n")
	}
	return strings.Join(lines, ""), nil
}

// hostsCopy is what a network namespace without a hosts file of its own gets: what
// its programs have seen so far.
func hostsCopy() (string, error) {
	text, err := readHosts("/etc/hosts")
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	return "# netrun: made from /etc/hosts\n" + text, err
}

// newHosts makes the hosts file of a network namespace. A container's is its runtime's to make.
func (s *session) newHosts(path string) (string, error) {
	if !inside(s.host.cfg.EtcNetnsDir, path) {
		return "", fmt.Errorf("open %s: %w", path, fs.ErrNotExist)
	}
	text, err := hostsCopy()
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return "", err
	}
	return text, file.Close()
}

// removeHosts takes back what newHosts made, now that nothing else is in it.
func (s *session) removeHosts(path string) error {
	if !inside(s.host.cfg.EtcNetnsDir, path) {
		return nil
	}
	if err := os.Remove(path); err != nil {
		return err
	}
	for dir := filepath.Dir(path); inside(filepath.Dir(s.host.cfg.EtcNetnsDir), dir); dir = filepath.Dir(dir) {
		if os.Remove(dir) != nil {
			break // others have something there
		}
	}
	return nil
}

func inside(dir, path string) bool { return strings.HasPrefix(path, dir+"/") }

// overwrite gives the file another content and keeps it the same file: a mount
// shows the file that it was made from, not one that takes its name. What is longer
// is cut off after the write, so that no reader finds it empty.
func overwrite(path, text string) error {
	file, err := os.OpenFile(path, os.O_WRONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	_, err = file.WriteString(text)
	if err == nil {
		err = file.Truncate(int64(len(text)))
	}
	if err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}
