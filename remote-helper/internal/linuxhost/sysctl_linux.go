package linuxhost

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"netrun/tasks/state"
)

// procSys is where the kernel's parameters are. Below net/ a thread sees those of
// its own network namespace.
const procSys = "/proc/sys/"

// readSysctls reads the parameters that are asked for by name, and those that the
// kernel changes along with them. An unnamed key asks for nothing: there are thousands.
func (s *session) readSysctls(q *query) ([]state.Object, error) {
	sp, err := s.space(q.scope)
	if err != nil || len(q.names) == 0 {
		return nil, err
	}
	var out []state.Object
	err = s.thread.in(sp, func() error {
		seen := map[string]bool{}
		for _, asked := range q.names {
			if err := checkSysctl(asked); err != nil {
				return err
			}
			for _, name := range append([]string{asked}, companions(asked)...) {
				value, err := readSysctl(name)
				if seen[name] || errors.Is(err, os.ErrNotExist) {
					continue
				}
				if err != nil {
					return err
				}
				seen[name] = true
				out = append(out, state.Sysctl{Scope: q.scope, Name: name, Value: value})
			}
		}
		return nil
	})
	return out, err
}

// checkSysctl refuses names that lead out of /proc/sys.
func checkSysctl(name string) error {
	if name == "" || path.IsAbs(name) || path.Clean(name) != name || strings.HasPrefix(name, "..") || strings.ContainsRune(name, 0) {
		return fmt.Errorf("sysctl %q: want a path below /proc/sys, such as net/ipv4/ip_forward", name)
	}
	return nil
}

func readSysctl(name string) (string, error) {
	raw, err := os.ReadFile(procSys + name)
	if err != nil {
		// Some exist to be written only (net/ipv4/route/flush).
		if errors.Is(err, unix.EACCES) || errors.Is(err, unix.EPERM) {
			return "", fmt.Errorf("read sysctl %q: %w", name, os.ErrNotExist)
		}
		return "", fmt.Errorf("read sysctl: %w", err)
	}
	return sysctlText(string(raw)), nil
}

// sysctlText is a value with its fields separated by one space, as people write it.
func sysctlText(raw string) string {
	return strings.ReplaceAll(strings.TrimRight(raw, "\n"), "\t", " ")
}

// companions are the parameters that the kernel may change when name changes:
// forwarding of a family sets it on every link, and IPv4's also accept_redirects
// (inet_forward_change); conf/all/X of IPv6 sets X on every link.
func companions(name string) []string {
	dir, leaf := path.Split(name)
	family := "net/ipv4"
	switch {
	case name == "net/ipv4/ip_forward":
		dir, leaf = "net/ipv4/conf/all/", "forwarding"
	case dir == "net/ipv4/conf/all/":
	case dir == "net/ipv6/conf/all/":
		family = "net/ipv6"
	default:
		return nil
	}
	var out []string
	if family == "net/ipv4" && leaf == "forwarding" {
		out = append(out, "net/ipv4/ip_forward", "net/ipv4/conf/all/accept_redirects")
	}
	links, err := filepath.Glob(procSys + family + "/conf/*/" + leaf)
	if err != nil {
		return out // a name that is no pattern has no file either
	}
	for _, link := range links {
		out = append(out, strings.TrimPrefix(link, procSys))
	}
	return out
}

// applySysctl writes the value. A parameter can be neither made nor deleted.
func (s *session) applySysctl(c state.Change, v state.Sysctl) error {
	if c.Op == state.Delete {
		return errors.New("a kernel parameter has no absence")
	}
	sp, err := s.space(v.Scope)
	if err != nil {
		return err
	}
	return s.writeSysctl(sp, v.Name, v.Value)
}

// writeSysctl writes the parameter in the namespace of the space.
func (s *session) writeSysctl(sp *space, name, value string) error {
	if err := checkSysctl(name); err != nil {
		return err
	}
	return s.thread.in(sp, func() error {
		f, err := os.OpenFile(procSys+name, os.O_WRONLY, 0)
		if err != nil {
			return fmt.Errorf("write sysctl: %w", err)
		}
		defer f.Close()
		// One write: the kernel takes each as a value of its own.
		if _, err := f.WriteString(value + "\n"); err != nil {
			return fmt.Errorf("write sysctl %q: %w", value, err)
		}
		return nil
	})
}
