package containers

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"netrun/tasks/state"
)

// Finder asks the runtimes of this host. The zero value asks those of the process's
// own environment.
type Finder struct {
	DockerSocket string   // "" is DOCKER_HOST, if that is a unix:// one, else /var/run/docker.sock
	Environ      []string // of podman; nil is that of this process
	Brief        bool     // for one play: a runtime that hung is not asked again for a while

	runtimeDirs string                   // instead of /run/user
	tempDir     string                   // instead of /tmp
	home        func(user string) string // instead of what /etc/passwd says

	silences silences
}

// ErrDown is in the error of a runtime that is installed and is not running.
var ErrDown = state.ErrRuntimeDown

// errAbsent is a runtime that is not installed.
var errAbsent = errors.New("it is not installed")

// runtime is Docker, or podman as one user has it.
type runtime interface {
	who() (runtime, user string)
	// list gives at least those that could be wanted; all, if nothing in particular is.
	list(ctx context.Context, wants map[string]wanted) ([]summary, error)
	inspect(context.Context, []summary) ([]Container, error)
	// events calls on for what is from since on, first with Connected; it blocks.
	events(ctx context.Context, since time.Time, on func(Event)) error
}

// Find looks the names up: Docker is asked for each by its name, or for the list where
// one is of compose; podman for the list, and then for details of those that matched. A name is a container's own, the beginning of its id (four
// digits at least; a name wins over an id), PROJECT/SERVICE or
// PROJECT/SERVICE/NUMBER of compose, and any of these with docker:, podman: or
// podman:USER@ in front. The map has all that each name could mean: none, one or
// several. A runtime that is installed and does not answer is an error, unless no
// name could be one of its containers; of one that is not running (ErrDown), and of
// users' podman, only where a name is found nowhere else. The map is right for the
// other names all the same.
func (f *Finder) Find(ctx context.Context, names []string) (map[string][]Container, error) {
	wants := map[string]wanted{}
	var errs []error
	for _, name := range names {
		w, err := parseName(name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		wants[name] = w
	}
	runtimes, err := f.runtimes(wants)
	errs = append(errs, err)
	lists := ask(runtimes, func(r runtime) ([]summary, error) { return f.list(ctx, r, wants) })
	matches := map[string][]summary{}
	for name, w := range wants {
		for _, l := range lists {
			matches[name] = append(matches[name], l.value...)
		}
		matches[name] = w.match(matches[name])
	}
	errs = append(errs, weigh(runtimes, lists, wants, matches))
	details, err := inspect(ctx, runtimes, matches)
	return assemble(matches, details), errors.Join(append(errs, err)...)
}

// runtimes are those that one of the containers could be of.
func (f *Finder) runtimes(wants map[string]wanted) ([]runtime, error) {
	var out []runtime
	var users []string
	docker, podman := false, false
	for _, w := range wants {
		docker = docker || w.runtime != Podman
		podman = podman || w.runtime != Docker
		users = append(users, w.user)
	}
	if docker {
		out = append(out, f.docker())
	}
	if !podman {
		return out, nil
	}
	podmans, err := f.podmans(users)
	for _, p := range podmans {
		out = append(out, p)
	}
	return out, err
}

// answered is what a runtime gave, or why not.
type answered[T any] struct {
	value []T
	err   error
}

// ask asks all runtimes at once.
func ask[T any](runtimes []runtime, question func(runtime) ([]T, error)) []answered[T] {
	out := make([]answered[T], len(runtimes))
	var wg sync.WaitGroup
	for i, r := range runtimes {
		wg.Go(func() { out[i].value, out[i].err = question(r) })
	}
	wg.Wait()
	return out
}

// weigh gives the errors that matter for what is wanted.
func weigh(runtimes []runtime, lists []answered[summary], wants map[string]wanted, matches map[string][]summary) error {
	var errs []error
	for i, l := range lists {
		if l.err == nil || errors.Is(l.err, errAbsent) {
			continue
		}
		kind, user := runtimes[i].who()
		mild := errors.Is(l.err, ErrDown) || user != "" && os.Geteuid() == 0
		for name, w := range wants {
			if w.asks(kind, user) && (!mild || len(matches[name]) == 0) {
				errs = append(errs, l.err)
				break
			}
		}
	}
	return errors.Join(errs...)
}

// inspect asks for the details of the matches, each once, by runtime, user and id.
func inspect(ctx context.Context, runtimes []runtime, matches map[string][]summary) (map[[3]string]Container, error) {
	which := map[[2]string][]summary{}
	for _, found := range matches {
		for _, s := range found {
			of := [2]string{s.runtime, s.user}
			if !slices.ContainsFunc(which[of], func(t summary) bool { return t.id == s.id }) {
				which[of] = append(which[of], s)
			}
		}
	}
	answers := ask(runtimes, func(r runtime) ([]Container, error) {
		kind, user := r.who()
		if len(which[[2]string{kind, user}]) == 0 {
			return nil, nil
		}
		return r.inspect(ctx, which[[2]string{kind, user}])
	})
	details, errs := map[[3]string]Container{}, []error(nil)
	for _, a := range answers {
		errs = append(errs, a.err)
		for _, c := range a.value {
			details[[3]string{c.Runtime, c.User, c.ID}] = c
		}
	}
	return details, errors.Join(errs...)
}

// assemble leaves out what went away since it was listed.
func assemble(matches map[string][]summary, details map[[3]string]Container) map[string][]Container {
	out := map[string][]Container{}
	for name, found := range matches {
		out[name] = nil
		for _, s := range found {
			if c, ok := details[[3]string{s.runtime, s.user, s.id}]; ok {
				out[name] = append(out[name], c)
			}
		}
		slices.SortFunc(out[name], func(a, b Container) int { return strings.Compare(string(a.Scope()), string(b.Scope())) })
	}
	return out
}

// All lists the running containers with their details. It gives what it found also
// with an error, which names the runtimes that do not answer; one that is not
// running has no running containers.
func (f *Finder) All(ctx context.Context) ([]Container, error) {
	runtimes, err := f.runtimes(map[string]wanted{"": {}})
	errs := []error{err}
	answers := ask(runtimes, func(r runtime) ([]Container, error) {
		all, err := r.list(ctx, nil)
		running := pick(all, func(s summary) bool { return s.running })
		if err != nil || len(running) == 0 {
			return nil, err
		}
		return r.inspect(ctx, running)
	})
	var out []Container
	for _, a := range answers {
		out = append(out, a.value...)
		if !errors.Is(a.err, errAbsent) && !errors.Is(a.err, ErrDown) {
			errs = append(errs, a.err)
		}
	}
	slices.SortFunc(out, func(a, b Container) int { return strings.Compare(string(a.Scope()), string(b.Scope())) })
	return out, errors.Join(errs...)
}

func (f *Finder) environ() []string {
	if f.Environ != nil {
		return slices.Clone(f.Environ)
	}
	return os.Environ()
}

func (f *Finder) env(name string) string {
	value := ""
	for _, pair := range f.environ() {
		if k, v, ok := strings.Cut(pair, "="); ok && k == name {
			value = v
		}
	}
	return value
}

// programDirs are looked into after PATH, which over ssh often lacks sbin.
var programDirs = []string{"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"}

func (f *Finder) lookPath(program string) string {
	for _, dir := range append(filepath.SplitList(f.env("PATH")), programDirs...) {
		path := filepath.Join(dir, program)
		if info, err := os.Stat(path); filepath.IsAbs(path) && err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return path
		}
	}
	return ""
}
