package linuxhost

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"netrun/remote-helper/internal/process"
	"netrun/tasks/state"
)

// located is a container that was found, and how to tell that it still is the same.
type located struct {
	container state.Container
	born      string // start time of its process, of which numbers are used again
}

// readContainers finds the containers that are asked for by name. Runtimes that do
// not answer are a property of what was looked for: a network namespace of that
// name may do as well.
func (s *session) readContainers(q *query) ([]state.Object, error) {
	var ask []string
	out := make([]state.Object, 0, len(q.names))
	for _, name := range q.names {
		if l, ok := s.host.found[name]; ok && l.lives() {
			out = append(out, l.container)
		} else if !slices.Contains(ask, name) {
			ask = append(ask, name)
		}
	}
	if len(ask) == 0 || s.host.cfg.Find == nil {
		return out, nil
	}
	again, ask := s.again(ask)
	out = append(out, again...)
	if len(ask) == 0 {
		return out, nil
	}
	found, err := s.host.cfg.Find(s.ctx, ask)
	for _, name := range ask {
		if c := s.host.locate(name, found[name], err); c.Scope != "" || c.Problem != "" || len(c.Candidates) > 0 {
			out = append(out, c)
		}
	}
	return out, nil
}

// again looks for containers that have run before where they were: what has started
// anew is found without asking every runtime. It gives those that run, and the names
// that are left.
func (s *session) again(names []string) (found []state.Object, left []string) {
	where := map[string]string{}
	var ask []string
	for _, name := range names {
		if l, ok := s.host.found[name]; ok {
			where[name] = string(l.container.Scope)
			ask = append(ask, where[name])
		}
	}
	if len(ask) == 0 {
		return nil, names
	}
	slices.Sort(ask)
	answers, err := s.host.cfg.Find(s.ctx, slices.Compact(ask))
	for _, name := range names {
		list := answers[where[name]]
		if where[name] == "" || err != nil || len(list) != 1 || list[0].Pid == "" {
			left = append(left, name)
			continue
		}
		found = append(found, s.host.locate(name, list, nil))
	}
	return found, left
}

// locate makes one container of what has the name, and remembers it if it runs.
func (h *Host) locate(name string, candidates []state.Container, problem error) state.Container {
	c := state.Container{Name: name}
	delete(h.found, name)
	switch {
	case len(candidates) == 1:
		c = candidates[0]
		c.Name = name
	case len(candidates) > 1:
		for _, o := range candidates {
			c.Candidates = append(c.Candidates, string(o.Scope))
		}
		slices.Sort(c.Candidates)
	case problem != nil:
		c.Problem, c.Silent = strings.ReplaceAll(problem.Error(), "\n", "; "), silent(problem)
	}
	if c.Pid == "" {
		return c
	}
	born := process.Born(c.Pid)
	if born == "" {
		c.Pid = "" // it has ended meanwhile
		return c
	}
	h.found[name] = located{c, born}
	own := c
	own.Name = string(c.Scope)
	h.found[own.Name] = located{own, born}
	return c
}

// silent reports whether one of the errors is not of a runtime that does not run.
func silent(err error) bool {
	if several, ok := err.(interface{ Unwrap() []error }); ok {
		list := several.Unwrap()
		return !slices.Contains(list, state.ErrRuntimeDown) && slices.ContainsFunc(list, silent)
	}
	return err != nil && !errors.Is(err, state.ErrRuntimeDown)
}

func (l located) lives() bool { return process.Born(l.container.Pid) == l.born }

// openContainer opens the network namespace of a container's first process.
func (s *session) openContainer(scope state.Scope) (int, error) {
	name, sought := scope.Sought()
	if !sought {
		return -1, fmt.Errorf("scope %q: want netns:NAME, pid:NUMBER, docker:NAME or podman:NAME", scope)
	}
	objects, err := s.readContainers(&query{kind: state.KindContainer, names: []string{name}})
	if err != nil {
		return -1, err
	}
	known := state.New(objects...)
	names, err := s.netnsNames()
	if err != nil {
		return -1, err
	}
	for _, n := range names {
		known.Put(state.Netns{Name: n})
	}
	at, err := scope.Locate(known)
	if err != nil {
		return -1, err
	}
	if sort, netns := at.Split(); sort == "netns" {
		return openNamespace(s.netnsPath(netns))
	}
	if ok, why := scope.Live(known); !ok {
		return -1, fmt.Errorf("%s: %w", why, errNoScope)
	}
	o, _ := known.Get(state.ContainerKey(name))
	pid := o.(state.Container).Pid
	fd, err := openNamespace("/proc/" + pid + "/ns/net")
	if err == nil && s.host.found[name].born != process.Born(pid) {
		unix.Close(fd)
		return -1, fmt.Errorf("container %s has ended: %w", scope.Bare(), errNoScope)
	}
	return fd, err
}
