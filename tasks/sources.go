package tasks

import (
	"errors"
	"path"
	"strings"
)

// Source is a file on the controller that a task needs.
type Source struct {
	Path     string // as written: relative to the role's or playbook's folder
	Arg      string // the argument that names it
	Template bool   // to be rendered as a template, with the variables of the host
	Secret   bool   // keep it out of logs and diffs
}

// Sourcer is a task that needs files of the controller. Whoever runs it asks for
// Sources and calls Fill for each, before Want.
type Sourcer interface {
	Task
	Sources() []Source
	Fill(i int, content []byte)
}

// readsOnly is implemented by acts of which only some change nothing (command with probe).
type readsOnly interface{ readsOnly() bool }

// ReadsOnly reports whether the task is an act that changes nothing, and so runs in --check too.
func ReadsOnly(t Task) bool {
	if r, ok := t.(readsOnly); ok {
		return r.readsOnly()
	}
	_, ok := t.(Reader)
	return ok
}

// Observer is an act that changes nothing on the host, and that --check does not do
// all the same, since what it looks or waits for may be what the play is to make.
type Observer interface {
	Act
	Observes()
}

// ChangesNothing reports whether the task is an act that leaves the host as it is:
// there is nothing to undo, and --check foresees no change.
func ChangesNothing(t Task) bool {
	_, observes := t.(Observer)
	return observes || ReadsOnly(t)
}

// FileMode is permission bits as four octal digits.
type FileMode string

// UnmarshalText implements encoding.TextUnmarshaler.
func (m *FileMode) UnmarshalText(text []byte) error {
	digits := strings.TrimPrefix(string(text), "0o")
	if len(digits) < 3 || len(digits) > 4 || strings.Trim(digits, "01234567") != "" {
		return errors.New(strings.TrimSpace(describe(string(text)) + " is not a file mode: write '0644', in quotes"))
	}
	*m = FileMode(strings.Repeat("0", 4-len(digits)) + digits)
	return nil
}

// FilePath is an absolute path on the host, cleaned; a slash at the end is kept.
type FilePath string

// UnmarshalText implements encoding.TextUnmarshaler.
func (p *FilePath) UnmarshalText(text []byte) error {
	raw := string(text)
	if !path.IsAbs(raw) {
		return errors.New(describe(raw) + " is not an absolute path: begin it with /")
	}
	if _, bad := badRune(raw); bad {
		return errors.New(describe(raw) + " holds a control character")
	}
	clean := path.Clean(raw)
	if strings.HasSuffix(raw, "/") && clean != "/" {
		clean += "/"
	}
	*p = FilePath(clean)
	return nil
}

// checkAccount wants the name or number of a user or group.
func checkAccount(arg, name string) error {
	if name == "" {
		return nil
	}
	ok := name[0] != '-' && len(name) < 64
	for _, r := range name {
		ok = ok && (r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_-.$@\\", r))
	}
	if !ok {
		return Wrong(arg, "%q is not the name or number of an account", name)
	}
	return nil
}

// target is the path of a file that a task writes: dest, or base in the directory dest.
func target(dest FilePath, base string) (string, error) {
	if !strings.HasSuffix(string(dest), "/") {
		if dest == "/" {
			return "", Wrong("dest", "/ is a directory")
		}
		return string(dest), nil
	}
	if base == "" {
		return "", Wrong("dest", "%s is a directory: name the file", dest)
	}
	return path.Join(string(dest), path.Base(strings.ReplaceAll(base, "\\", "/"))), nil
}
