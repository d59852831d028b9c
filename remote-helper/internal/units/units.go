// Package units keeps the services of systemd that put networks back: one at boot,
// one that watches containers. It writes them when there is something to put back,
// and takes them away when there is not.
package units

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// The services' names.
const (
	Restore = "netrun-restore.service"
	Watch   = "netrun-watch.service"
)

// Config says where things are. Its zero values are those of a host.
type Config struct {
	Self    string // this program's path
	State   string // /var/lib/netrun
	UnitDir string // "" is /etc/systemd/system
	Running string // there if systemd runs; "" is /run/systemd/system
}

func (c Config) unitDir() string {
	if c.UnitDir != "" {
		return c.UnitDir
	}
	return "/etc/systemd/system"
}

func (c Config) systemd() bool {
	path := c.Running
	if path == "" {
		path = "/run/systemd/system"
	}
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// Ensure makes the services be there, or not. It gives a line for people where
// the host has no systemd, once a host.
func (c Config) Ensure(wanted bool) (string, error) {
	switch {
	case !c.systemd() && !wanted:
		return "", nil
	case !c.systemd():
		return c.tell()
	case !wanted:
		return "", c.remove()
	}
	program, err := c.keepSelf()
	if err != nil {
		return "", err
	}
	changed := false
	for _, unit := range [][2]string{{Restore, restoreUnit(program)}, {Watch, watchUnit(program)}} {
		wrote, err := writeIfOther(filepath.Join(c.unitDir(), unit[0]), unit[1])
		if err != nil {
			return "", fmt.Errorf("write %s: %w", unit[0], err)
		}
		changed = changed || wrote
	}
	if !changed {
		return "", nil
	}
	return "", c.start()
}

// start makes systemd run what was written. If it will not, the next play tries again.
func (c Config) start() error {
	for _, args := range [][]string{{"daemon-reload"}, {"enable", Restore, Watch}, {"restart", Watch}} {
		if err := systemctl(args...); err != nil {
			return errors.Join(err, os.Remove(filepath.Join(c.unitDir(), Watch)))
		}
	}
	return nil
}

// tell says once that nothing puts networks back on this host.
func (c Config) tell() (string, error) {
	mark := filepath.Join(c.State, "told-no-systemd")
	f, err := os.OpenFile(mark, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("note that there is no systemd: %w", err)
	}
	program, keepErr := c.keepSelf()
	return fmt.Sprintf("this host has no systemd: have its init run %q at boot and keep %q running, or play again after a restart (said once)",
		program+" restore", program+" watch"), errors.Join(f.Close(), keepErr)
}

// keepSelf puts this program where the services find it.
func (c Config) keepSelf() (path string, err error) {
	path = filepath.Join(c.State, "bin", filepath.Base(c.Self))
	if path == c.Self {
		return path, nil
	}
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", fmt.Errorf("keep helper: %w", err)
	}
	in, err := os.Open(c.Self)
	if err != nil {
		return "", fmt.Errorf("keep helper: %w", err)
	}
	defer in.Close()
	next := path + ".new"
	out, err := os.OpenFile(next, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o755)
	if err == nil {
		_, err = io.Copy(out, in)
		err = errors.Join(err, out.Sync(), out.Close())
	}
	if err == nil {
		err = os.Rename(next, path)
	}
	if err != nil {
		return "", errors.Join(fmt.Errorf("keep helper: %w", err), os.Remove(next))
	}
	return path, nil
}

func writeIfOther(path, text string) (wrote bool, err error) {
	old, err := os.ReadFile(path)
	if err == nil && bytes.Equal(old, []byte(text)) {
		return false, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	return true, os.WriteFile(path, []byte(text), 0o644)
}

// remove takes the services away, if they are there.
func (c Config) remove() error {
	var there []string
	for _, name := range []string{Watch, Restore} {
		if _, err := os.Stat(filepath.Join(c.unitDir(), name)); err == nil {
			there = append(there, name)
		}
	}
	if len(there) == 0 {
		return nil
	}
	errs := []error{systemctl(append([]string{"disable", "--now"}, there...)...)}
	for _, name := range there {
		errs = append(errs, os.Remove(filepath.Join(c.unitDir(), name)))
	}
	return errors.Join(append(errs, systemctl("daemon-reload"))...)
}

// Standing says how the services stand: "enabled" and "active" if all is well.
func (c Config) Standing() (restore, watch string) {
	if !c.systemd() {
		return "no systemd", "no systemd"
	}
	return word("is-enabled", Restore), word("is-active", Watch)
}

// patience bounds what systemctl may take.
const patience = 30 * time.Second

func word(verb, unit string) string {
	ctx, done := context.WithTimeout(context.Background(), patience)
	defer done()
	out, err := exec.CommandContext(ctx, "systemctl", verb, unit).Output()
	if text := strings.TrimSpace(string(out)); text != "" || err == nil {
		return text
	}
	return "not installed"
}

func systemctl(args ...string) error {
	ctx, done := context.WithTimeout(context.Background(), patience)
	defer done()
	out, err := exec.CommandContext(ctx, "systemctl", args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("systemctl %s: %w: %s", strings.Join(args, " "), err, bytes.TrimSpace(out))
	}
	return nil
}
