package containers

import (
	"fmt"
	"strconv"
	"strings"
)

// wanted is a container as a person names it.
type wanted struct {
	runtime string // "" for any
	user    string // rootless podman's
	name    string // a name or the beginning of an id
	project string // or a service of a compose project
	service string
	replica string // decimal, "" for the only one
}

// parseName reads NAME, docker:NAME, podman:NAME and podman:USER@NAME, where NAME
// may be PROJECT/SERVICE or PROJECT/SERVICE/NUMBER of compose.
func parseName(text string) (wanted, error) {
	var w wanted
	w.name = text
	if runtime, rest, ok := strings.Cut(text, ":"); ok {
		if runtime != Docker && runtime != Podman {
			return w, fmt.Errorf("container %q: %q is no runtime: want docker or podman", text, runtime)
		}
		w.runtime, w.name = runtime, rest
	}
	if user, rest, ok := strings.Cut(w.name, "@"); ok && w.runtime == Podman {
		w.user, w.name = user, rest
	}
	parts := strings.Split(w.name, "/")
	for _, p := range parts {
		if p == "" {
			return w, fmt.Errorf("container %q: a name is missing", text)
		}
	}
	switch len(parts) {
	case 1:
		return w, nil
	case 3:
		if _, err := strconv.ParseUint(parts[2], 10, 31); err != nil {
			return w, fmt.Errorf("container %q: %q is not the number of a replica", text, parts[2])
		}
		w.replica = parts[2]
	case 2:
	default:
		return w, fmt.Errorf("container %q: want PROJECT/SERVICE or PROJECT/SERVICE/NUMBER", text)
	}
	w.project, w.service = parts[0], parts[1]
	return w, nil
}

// asks says whether the container could be one of that runtime's.
func (w wanted) asks(runtime, user string) bool {
	if w.runtime != "" && w.runtime != runtime {
		return false
	}
	return w.user == "" || w.user == user || w.user == "root" && user == ""
}

// match lists those that the name means: the ones of exactly that name, else those
// of which the id begins so, as Docker has it. podman:NAME is root's if root has one.
func (w wanted) match(all []summary) []summary {
	all = pick(all, func(s summary) bool { return w.asks(s.runtime, s.user) })
	var found []summary
	if w.service != "" {
		found = pick(all, w.isReplica)
	} else if found = pick(all, func(s summary) bool { return s.name == w.name }); len(found) == 0 && isIDPrefix(w.name) {
		found = pick(all, func(s summary) bool { return strings.HasPrefix(s.id, w.name) })
	}
	if w.runtime == Podman && w.user == "" {
		if roots := pick(found, func(s summary) bool { return s.user == "" }); len(roots) > 0 {
			return roots
		}
	}
	return found
}

// isReplica goes by the labels of docker compose, which podman-compose writes too;
// its own are asked for versions that do not. What `compose run` started is no replica.
func (w wanted) isReplica(s summary) bool {
	label := func(name string) string {
		if v := s.labels["com.docker.compose."+name]; v != "" {
			return v
		}
		return s.labels["io.podman.compose."+name]
	}
	return label("project") == w.project && label("service") == w.service &&
		(w.replica == "" || label("container-number") == w.replica) && !strings.EqualFold(label("oneoff"), "true")
}

// isIDPrefix wants at least four digits, so that a name like "db" never is an id.
func isIDPrefix(text string) bool {
	return len(text) >= 4 && len(text) <= 64 && strings.Trim(text, "0123456789abcdef") == ""
}

func pick(all []summary, keep func(summary) bool) []summary {
	var out []summary
	for _, s := range all {
		if keep(s) {
			out = append(out, s)
		}
	}
	return out
}
