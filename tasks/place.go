package tasks

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"unicode"

	"netrun/tasks/state"
)

// Netns is the name of a network namespace, as ip netns lists it.
type Netns string

// UnmarshalText implements encoding.TextUnmarshaler.
func (n *Netns) UnmarshalText(text []byte) error {
	if err := netnsError(string(text)); err != nil {
		return err
	}
	*n = Netns(text)
	return nil
}

func netnsError(name string) error {
	switch {
	case name == "" || name == "." || name == "..":
		return fmt.Errorf("%q is not the name of a network namespace", name)
	case len(name) > 255:
		return errors.New("the name of a network namespace has at most 255 characters")
	case name[0] == '-':
		return fmt.Errorf("%q begins with a dash", name)
	}
	for _, r := range name {
		if unicode.IsSpace(r) || r == '/' || r == ':' || !unicode.IsPrint(r) {
			return fmt.Errorf("%q holds %q, which the name of a network namespace cannot have", name, r)
		}
	}
	return nil
}

// Container says whose network namespace is meant: the name or id of a container
// of Docker or podman, project/service or project/service/2 of a compose project, the
// name of a network namespace, or "pid:N" for that of a process. "docker:NAME",
// "podman:NAME", "podman:USER@NAME" and "netns:NAME" leave no doubt.
type Container string

// UnmarshalText implements encoding.TextUnmarshaler.
func (c *Container) UnmarshalText(text []byte) error {
	sort, name, prefixed := strings.Cut(string(text), ":")
	if !prefixed {
		sort, name = "", sort
	}
	var err error
	switch sort {
	case "netns":
		err = netnsError(name)
	case "pid":
		if name == "" || len(name) > 10 || name[0] == '0' || strings.Trim(name, "0123456789") != "" {
			err = fmt.Errorf("%q: a process number is wanted after pid:, as in pid:1234", text)
		}
	case "podman":
		if user, rest, found := strings.Cut(name, "@"); found {
			name = rest
			if err = containerError(user); err != nil {
				break
			}
		}
		err = containerError(name)
	case "", "docker":
		err = containerError(name)
	default:
		err = fmt.Errorf("%q: containers of %s are not known: give a name, docker:NAME, podman:NAME, netns:NAME or pid:N", text, sort)
	}
	if err != nil {
		return err
	}
	*c = Container(text)
	return nil
}

// containerError wants what Docker, podman and compose take for names; slashes
// part a compose project from its service and number.
func containerError(name string) error {
	for i, part := range strings.Split(name, "/") {
		if i > 2 || part == "" || strings.Trim(part, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") != "" || strings.ContainsAny(part[:1], "-.") {
			return fmt.Errorf("%q is not the name of a container", name)
		}
	}
	if len(name) > 255 {
		return errors.New("the name of a container has at most 255 characters")
	}
	return nil
}

// place is where a task's objects live, as its netns and container arguments say.
type place struct {
	netns     Netns
	container Container
}

func (p place) given() bool { return p.netns != "" || p.container != "" }

func (p place) scope() state.Scope {
	switch {
	case p.netns != "":
		return state.NetnsScope(string(p.netns))
	case p.container == "":
		return state.HostScope
	}
	if strings.Contains(string(p.container), ":") {
		return state.Scope(p.container)
	}
	return state.ContainerScope(string(p.container))
}

func (p place) check() error { return p.checkAs("netns", "container") }

func (p place) checkAs(netns, container string) error {
	if p.netns != "" && p.container != "" {
		return Wrong(container, "%s and %s both say where: give one of them", netns, container)
	}
	return nil
}

// present and absent are the words of the state argument.
const (
	present = "present"
	absent  = "absent"
)

// wants asks for the objects as the state argument says: made in that order, or
// taken away in the opposite one.
func wants(word string, objects ...state.Object) []state.Want {
	if word != absent {
		return state.Present(objects...)
	}
	out := make([]state.Want, 0, len(objects))
	for i := len(objects) - 1; i >= 0; i-- {
		out = append(out, state.Want{Object: objects[i], Absent: true})
	}
	return out
}

// upDown is the administrative state that the up argument asks for.
func upDown(up bool) string {
	if up {
		return "up"
	}
	return "down"
}

// onOff gives the words of a Link's IPv6 field; "" where nothing was asked for.
func onOff(on *bool) string {
	switch {
	case on == nil:
		return ""
	case *on:
		return "on"
	}
	return "off"
}

// checkRange wants a number from low to high; 0 is one that was not given.
func checkRange(arg string, n, low, high int) error {
	if n == 0 || (n >= low && n <= high) {
		return nil
	}
	return Wrong(arg, "%d is not a number from %d to %d", n, low, high)
}

// checkMTU wants what the kernel takes: 68 bytes is the least that IPv4 can do with.
func checkMTU(mtu int) error { return checkRange("mtu", mtu, 68, 65535) }

// addressObjects are the prefixes as addresses of the link.
func addressObjects(scope state.Scope, link string, prefixes []Prefix, announce bool) []state.Object {
	out := make([]state.Object, 0, len(prefixes))
	for _, p := range prefixes {
		out = append(out, state.Address{Scope: scope, Link: link, Prefix: p.Prefix, Announce: announce})
	}
	return out
}

// checkAddresses wants each address to be usable and there once.
func checkAddresses(arg string, prefixes []Prefix) error {
	var errs []error
	seen := map[netip.Addr]bool{}
	for i, p := range prefixes {
		if err := checkUsable(arg, p.Prefix); err != nil {
			errs = append(errs, at(err, i))
		}
		if p.IsValid() && seen[p.Addr()] {
			errs = append(errs, at(Wrong(arg, "%s is there twice", p.Addr()), i))
		}
		seen[p.Addr()] = true
	}
	return errors.Join(errs...)
}

// at adds a step to the path of an *ArgError.
func at(err error, step any) error {
	var arg *ArgError
	if errors.As(err, &arg) {
		arg.Path = append(arg.Path, step)
	}
	return err
}
