package tasks

import (
	"errors"
	"fmt"
	"sort"
	"strings"

	"netrun/tasks/state"
)

// Sysctl is kernel parameters.
type Sysctl struct {
	Name      string            `arg:"name" doc:"parameter as sysctl(8) writes it: net.ipv4.ip_forward; for a link with a dot in its name net.ipv4.conf.eth0/10.rp_filter"`
	Value     *string           `arg:"value" doc:"its value"`
	Settings  map[string]string `arg:"settings" doc:"several parameters and their values, instead of name and value"`
	Netns     Netns             `arg:"netns" doc:"network namespace to work in, as ip netns lists it; only net.* belongs to one"`
	Container Container         `arg:"container" doc:"the same, by the name of a container (as in static_ip), or pid:N"`
}

func init() {
	Register(Kind{Name: "sysctl", Short: "kernel parameters", New: func() Task { return new(Sysctl) }})
}

func (s *Sysctl) place() place { return place{s.Netns, s.Container} }

// Check implements Task.
func (s *Sysctl) Check() error {
	errs := []error{s.place().check()}
	switch {
	case s.Name == "" && s.Settings == nil:
		errs = append(errs, Wrong("name", "which parameter? give name and value, or settings"))
	case s.Name != "" && s.Value == nil:
		errs = append(errs, Wrong("value", "%s needs a value", s.Name))
	case s.Name == "" && s.Value != nil:
		errs = append(errs, Wrong("value", "a value needs the name of a parameter"))
	}
	for _, p := range s.pairs() {
		errs = append(errs, s.checkPair(p))
	}
	return errors.Join(errs...)
}

// pair is one parameter as written, with the path of the argument.
type pair struct {
	path        []any
	name, value string
}

// pairs lists the parameters, those of settings sorted.
func (s *Sysctl) pairs() []pair {
	var out []pair
	if s.Name != "" && s.Value != nil {
		out = append(out, pair{[]any{"name"}, s.Name, *s.Value})
	}
	names := make([]string, 0, len(s.Settings))
	for name := range s.Settings {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		out = append(out, pair{[]any{"settings", name}, name, s.Settings[name]})
	}
	return out
}

func (s *Sysctl) checkPair(p pair) error {
	path, err := sysctlPath(p.name)
	if err != nil {
		return &ArgError{Path: p.path, Msg: err.Error(), Hint: "write net.ipv4.ip_forward"}
	}
	if s.place().given() && !strings.HasPrefix(path, "net/") {
		return &ArgError{Path: p.path, Msg: fmt.Sprintf("%s is the whole host's: only net.* belongs to a network namespace", p.name)}
	}
	if r, bad := badRune(strings.ReplaceAll(p.value, "\t", " ")); bad || strings.TrimSpace(p.value) == "" {
		if !bad {
			return &ArgError{Path: p.path, Msg: fmt.Sprintf("%s needs a value", p.name)}
		}
		return &ArgError{Path: p.path, Msg: fmt.Sprintf("the value of %s holds the character %q", p.name, r)}
	}
	return nil
}

// sysctlPath is the path below /proc/sys of a parameter's name. As in sysctl(8),
// the separator that comes first is the separator, and the other one stands for a
// dot in an element: net.ipv4.conf.eth0/10.rp_filter, net/ipv4/conf/eth0.10/rp_filter.
func sysctlPath(name string) (string, error) {
	first := strings.IndexAny(name, "./")
	if first < 0 {
		return "", fmt.Errorf("%q is not the name of a parameter", name)
	}
	path := name
	if name[first] == '.' {
		path = strings.Map(swapSeparators, name)
	}
	for _, element := range strings.Split(path, "/") {
		if element == "" || element == "." || element == ".." {
			return "", fmt.Errorf("%q is not the name of a parameter", name)
		}
	}
	if _, bad := badRune(path); bad || strings.ContainsAny(path, " =\\*?[]") || len(path) > 255 {
		return "", fmt.Errorf("%q is not the name of a parameter", name)
	}
	return path, nil
}

func swapSeparators(r rune) rune {
	switch r {
	case '.':
		return '/'
	case '/':
		return '.'
	}
	return r
}

// Want implements Wanter. Values of several words are compared with single blanks.
func (s *Sysctl) Want() []state.Want {
	var objects []state.Object
	for _, p := range s.pairs() {
		path, err := sysctlPath(p.name)
		if err != nil {
			continue // Check refuses it
		}
		objects = append(objects, state.Sysctl{Scope: s.place().scope(), Name: path, Value: strings.Join(strings.Fields(p.value), " ")})
	}
	return state.Present(objects...)
}
