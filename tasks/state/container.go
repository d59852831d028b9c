package state

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// Container is what a runtime of the host, or ip netns, knows by a name. It is
// only ever observed: the objects in it live in Scope.
type Container struct {
	Name string `json:"name" state:"key"` // as it was asked for: web, shop/web/2, docker:web
	// Scope is where the container's objects live: docker:NAME, podman:NAME or
	// podman:USER@NAME, by the runtime's own name for it. "" if it is not known, or not one.
	Scope Scope  `json:"scope,omitempty"`
	Pid   string `json:"pid,omitempty"` // of its first process, decimal; "" while it does not run
	ID    string `json:"id,omitempty"`
	// Candidates are the scopes of all that have the name, where that is more than one.
	Candidates []string `json:"candidates,omitempty"`
	Problem    string   `json:"problem,omitempty"` // why a runtime could not be asked
	Silent     bool     `json:"silent,omitempty"`  // that runtime is at work, so the container may run

	Hostname  string   `json:"hostname,omitempty"`
	Addresses []string `json:"addresses,omitempty"` // given by the runtime, with prefix length, IPv4 first
	Exposed   []string `json:"exposed,omitempty"`   // 6379/tcp, by number
	Published []string `json:"published,omitempty"` // by the runtime itself, beyond the loopback: HOST_PORT:PORT/PROTO
	HostsFile string   `json:"hosts_file,omitempty"`
	// Env is the environment that it was started with. It may hold secrets, so it is never written down.
	Env []string `json:"-" state:"hint"`
}

// ErrRuntimeDown is in the error of a runtime that is installed and is not running.
var ErrRuntimeDown = errors.New("it is not running")

// ContainerKey is the key of the container asked for by that name.
func ContainerKey(name string) Key { return Key{Kind: KindContainer, Name: name} }

// Key implements Object.
func (c Container) Key() Key { return ContainerKey(c.Name) }

// Needs implements Object.
func (c Container) Needs() []Key { return nil }

// ContainerScope is the scope of the container that a person calls name; what it
// is (a runtime's container or a named network namespace) the host finds out.
func ContainerScope(name string) Scope { return Scope("container:" + name) }

// Sought reports whether the scope is that of a container, for which the host
// has to be asked, and by which name.
func (s Scope) Sought() (name string, ok bool) {
	switch sort, rest := s.Split(); sort {
	case "container":
		return rest, true
	case "docker", "podman":
		return string(s), true
	}
	return "", false
}

// Bare is the container's name without what says where to look for it: the same
// for "netns:web", "docker:web", "container:web" and "podman:ann@web".
func (s Scope) Bare() string {
	sort, name := s.Split()
	if sort == "pid" || sort == "" {
		return string(s)
	}
	for {
		before, rest, found := strings.Cut(name, ":")
		if !found || before != "docker" && before != "podman" && before != "netns" {
			break
		}
		name = rest
	}
	if _, bare, found := strings.Cut(name, "@"); found {
		name = bare
	}
	return name
}

// Live says whether the scope's namespace is there, and if not, why.
func (s Scope) Live(view View) (ok bool, why string) {
	name, sought := s.Sought()
	if !sought {
		return true, ""
	}
	o, found := view.Get(ContainerKey(name))
	if !found {
		return false, "there is no container " + s.Bare() + " yet"
	}
	c := o.(Container)
	switch {
	case c.Problem != "":
		return false, c.Problem
	case c.Scope == "":
		return false, "there is no container " + s.Bare() + " yet"
	case c.Pid == "":
		return false, "container " + s.Bare() + " does not run"
	}
	return true, ""
}

// AmbiguousError says that a name means several containers.
type AmbiguousError struct {
	Name       string
	Candidates []string
}

// Error implements error.
func (e *AmbiguousError) Error() string {
	return fmt.Sprintf("container %q is ambiguous: give one of %s", e.Name, strings.Join(e.Candidates, ", "))
}

// Locate is the scope by which the container's objects are known: that of a named
// network namespace, or by its runtime's own name. It stays as it is if the view knows neither.
func (s Scope) Locate(view View) (Scope, error) {
	name, sought := s.Sought()
	if !sought {
		return s, nil
	}
	var c Container
	if o, ok := view.Get(ContainerKey(name)); ok {
		c = o.(Container)
	}
	candidates := c.Candidates
	if len(candidates) == 0 && c.Scope != "" {
		candidates = []string{string(c.Scope)}
	}
	if sort, _ := s.Split(); sort == "container" {
		if _, ok := view.Get(Key{Kind: KindNetns, Name: name}); ok {
			candidates = append([]string{string(NetnsScope(name))}, candidates...)
		}
	}
	switch len(candidates) {
	case 0:
		return s, nil
	case 1:
		return Scope(candidates[0]), nil
	}
	return s, &AmbiguousError{Name: name, Candidates: candidates}
}

// Scopes lists the scopes that the object's fields name, in the struct's order.
func Scopes(o Object) []Scope {
	var out []Scope
	v := reflect.ValueOf(o)
	for _, f := range fieldsOf(v.Type()) {
		if s, ok := v.Field(f.index).Interface().(Scope); ok && s != HostScope {
			out = append(out, s)
		}
	}
	return out
}

// Move is the object with each of its scopes replaced.
func Move(o Object, to func(Scope) Scope) Object {
	out := reflect.New(reflect.TypeOf(o)).Elem()
	out.Set(reflect.ValueOf(o))
	for _, f := range fieldsOf(out.Type()) {
		if s, ok := out.Field(f.index).Interface().(Scope); ok && s != HostScope {
			out.Field(f.index).SetString(string(to(s)))
		}
	}
	return out.Interface().(Object)
}
