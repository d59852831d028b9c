package linuxhost

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"netrun/tasks/state"
)

// readUppers lists the links on top of those that are asked for by name. They may be
// in any namespace, also in one that has no name: the processes show those.
func (s *session) readUppers(q *query) ([]state.Object, error) {
	host, err := s.space(state.HostScope)
	if err != nil {
		return nil, err
	}
	table, err := host.dumpLinks()
	if err != nil {
		return nil, err
	}
	above := map[int][]string{}
	for _, sp := range append(s.namedSpaces(), s.strangers()...) {
		if err := sp.addUppers(host, above); err != nil {
			s.host.cfg.Warnf("look for links in %s: %v", sp, err) // it ended meanwhile, or hides
		}
		if sp.scope == strange {
			s.closeStranger(sp)
		}
	}
	var out []state.Object
	for _, info := range table.all {
		if slices.Contains(q.names, info.name) {
			slices.Sort(above[info.index])
			out = append(out, state.Uppers{Link: info.name, Above: strings.Join(above[info.index], "\n")})
		}
	}
	return out, nil
}

// addUppers notes the links of the space that are on top of one of the host's.
func (sp *space) addUppers(host *space, above map[int][]string) error {
	table, err := sp.dumpLinks()
	if err != nil {
		return err
	}
	home := -1
	if sp.ino != host.ino {
		if home, err = sp.idOf(host); err != nil || home < 0 {
			return err
		}
	}
	for _, info := range table.all {
		if info.parent != 0 && info.kind != "veth" && info.parentNS == home {
			above[info.parent] = append(above[info.parent], string(sp.scope)+" "+info.name)
		}
	}
	return nil
}

// strange is the scope of namespaces that the session has no name for.
const strange = state.Scope("?")

// namedSpaces opens the namespaces that the session has names for, each once.
func (s *session) namedSpaces() []*space {
	scopes := append([]state.Scope{state.HostScope}, s.scopes...)
	names, err := s.netnsNames()
	if err != nil {
		s.host.cfg.Warnf("%v", err)
	}
	for _, name := range names {
		scopes = append(scopes, state.NetnsScope(name))
	}
	var out []*space
	seen := map[uint64]bool{}
	for _, scope := range scopes {
		if sp, err := s.space(scope); err == nil && !seen[sp.ino] {
			seen[sp.ino] = true
			out = append(out, sp)
		}
	}
	return out
}

// strangers opens the other namespaces, as the processes show them. closeStranger ends each.
func (s *session) strangers() []*space {
	seen := map[uint64]bool{}
	for _, sp := range s.spaces {
		seen[sp.ino] = true
	}
	processes, err := filepath.Glob("/proc/[0-9]*/ns/net")
	if err != nil {
		return nil // never: the pattern is fixed
	}
	var out []*space
	for _, path := range processes {
		var st unix.Stat_t
		if unix.Stat(path, &st) != nil || seen[st.Ino] {
			continue
		}
		seen[st.Ino] = true
		sp, err := s.openStranger(path, st.Ino)
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, errNoScope) {
			continue // it ended meanwhile
		}
		if err != nil {
			s.host.cfg.Warnf("%v", err)
			continue
		}
		out = append(out, sp)
	}
	return out
}

func (s *session) openStranger(path string, ino uint64) (*space, error) {
	fd, err := openNamespace(path)
	if err != nil {
		return nil, err
	}
	sp := &space{scope: strange, fd: fd, ino: ino, index: map[string]int{}}
	if err := s.connect(sp); err != nil {
		sp.close(true)
		return nil, fmt.Errorf("look into %s: %w", path, err)
	}
	return sp, nil
}

func (s *session) closeStranger(sp *space) {
	if s.thread.at == sp {
		s.thread.stop()
		s.thread = startThread()
	}
	sp.close(true)
}
