package tasks

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"

	"netrun/tasks/state"
)

// Link makes a port of somewhere else appear at a local address inside a
// container, by iptables rules: geard's link.
type Link struct {
	Container Container      `arg:"container" doc:"where the local address is: name of a container or of a network namespace, project/service of a compose project, docker:NAME, podman:NAME or pid:N; unset, the host itself"`
	Netns     Netns          `arg:"netns" doc:"the same, by the name of a network namespace only"`
	From      string         `arg:"from" doc:"one link: the local address and port, 127.0.0.1:6379, or the port alone"`
	To        string         `arg:"to" doc:"one link: the remote host and port, 10.16.138.4:50000, or HOST/CONTAINER:PORT"`
	Proto     string         `arg:"proto" default:"tcp" choices:"tcp,udp,sctp" doc:"one link: the protocol"`
	Interface IfName         `arg:"interface" doc:"one link: the link through which it leaves; unset, the one that the routes choose"`
	Source    Addr           `arg:"source" doc:"one link: the source address with which it leaves; unset, the one that the routes choose"`
	Links     []any          `arg:"links" doc:"all links of the container (of that name): texts [LOCAL_HOST:]LOCAL_PORT:REMOTE_HOST:REMOTE_PORT[/tcp|udp|sctp], with commas between several, or maps with from, from_port, to, to_port, proto, container, interface, source; an empty list removes them"`
	Ports     map[string]any `arg:"ports" doc:"what container_info registered, by host: for links to HOST/CONTAINER. Unset, those hosts are asked"`
	Name      string         `arg:"name" doc:"names the chains; unset, made from the container, and from the local address where it is one link by from and to. Two tasks with links of one name take turns in undoing each other"`
	Waits     bool           `arg:"waits" default:"true" doc:"keep links that cannot be made now, and make them when they can; false: that is an error"`
	State     string         `arg:"state" default:"present" choices:"present,absent" doc:"absent removes the rules; route_localnet and ip_forward stay"`
}

func init() {
	Register(Kind{Name: "link", Short: "a remote port at a local address, by iptables (geard)", New: func() Task { return new(Link) }})
}

func (l *Link) place() place { return place{l.Netns, l.Container} }

// single reports whether it is one link, by from and to.
func (l *Link) single() bool {
	return l.From != "" || l.To != "" || l.Interface != "" || l.Source.IsValid()
}

// list is the links in the form of links.
func (l *Link) list() linkList {
	if !l.single() {
		return linkList{items: &l.Links, ports: l.Ports, place: l.place(), name: l.Name, whole: true}
	}
	m := map[string]any{"from": l.From, "to": l.To, "proto": l.Proto}
	if l.Interface != "" {
		m["interface"] = string(l.Interface)
	}
	if l.Source.IsValid() {
		m["source"] = l.Source.String()
	}
	list := linkList{items: &[]any{m}, ports: l.Ports, place: l.place(), name: l.Name}
	if specs, err := list.specs(); l.Name == "" && err == nil {
		list.name = l.place().scope().Bare() + " " + specs[0].FromHost + specs[0].port()
	}
	return list
}

// port is the local port as it stands in a name.
func (s LinkSpec) port() string { return fmt.Sprintf(":%d/%s", s.FromPort, s.Proto) }

// Expand implements Expander: a host of the inventory in to becomes its address. Those
// in links have been expanded, see ExpandLinks.
func (l *Link) Expand(inv Inventory) error {
	if !l.single() {
		return nil
	}
	items, err := ExpandLinks(inv, *l.list().items)
	if err != nil {
		return under(bare(err), "to")
	}
	spec, err := linkFromMap(items[0].(map[string]any))
	switch {
	case err != nil: // Check reports it
	case spec.Container == "":
		l.To = joinHostPort(spec.ToHost, spec.ToPort)
	default: // a text has no room for both the host's name and its address
		l.Name = l.list().name
		l.Links, l.From, l.To, l.Interface, l.Source = items, "", "", "", Addr{}
	}
	return nil
}

// ExpandsInPart implements PartExpander: a port may be one that another host registers.
func (l *Link) ExpandsInPart() {}

// Check implements Task.
func (l *Link) Check() error {
	switch {
	case l.Links != nil && l.single():
		return Wrong("links", "give either links, or one link by from and to").WithHint("interface and source go into the maps of links")
	case l.State == absent && l.place().given() && !l.single():
		return errors.Join(l.place().check(), checkLine("name", l.Name))
	case l.Links == nil && (l.From == "" || l.To == ""):
		return Wrong("from", "which link? give from and to, or links").WithHint("from: 127.0.0.1:6379, to: 10.16.138.4:50000")
	case l.Links != nil && len(l.Links) == 0 && !l.place().given() && l.Name == "":
		return Wrong("links", "the list is empty, and no container is given whose links are to go")
	}
	err := l.list().check()
	if err != nil && l.single() {
		err = under(bare(err), "to")
	}
	return errors.Join(l.place().check(), checkLine("name", l.Name), err)
}

// bare is the error without the path to the list that a single link was made into.
func bare(err error) error {
	var arg *ArgError
	if errors.As(err, &arg) {
		return &ArgError{Msg: arg.Msg, Hint: arg.Hint}
	}
	return err
}

// Want implements Wanter.
func (l *Link) Want() []state.Want { return l.list().wants(l.State) }

// Impatient reports whether nothing may wait.
func (l *Link) Impatient() bool { return !l.Waits }

// Told implements Teller: the links that are made, and those that wait.
func (l *Link) Told(view state.View) map[string]any {
	return map[string]any{"links": l.list().made(view)}
}

// linkList is the links of one place, for the kinds that have them.
type linkList struct {
	items *[]any
	ports map[string]any // what container_info told, by host
	place place
	name  string // "" for the place's own
	whole bool   // what a family had before and has no longer goes
}

// specs reads the links in whichever form they were given.
func (l linkList) specs() ([]LinkSpec, error) {
	var specs []LinkSpec
	var errs []error
	for i, item := range *l.items {
		some, err := ParseLinkItem(item)
		if err != nil {
			errs = append(errs, under(err, "links", i))
		}
		specs = append(specs, some...)
	}
	return specs, errors.Join(errs...)
}

// check wants links that can be told apart and lead away from themselves.
func (l linkList) check() error {
	specs, err := l.specs()
	if err != nil {
		return err
	}
	var errs []error
	seen := map[string]bool{}
	for i, s := range specs {
		wrong := func(format string, a ...any) {
			errs = append(errs, under(&ArgError{Msg: fmt.Sprintf(format, a...)}, "links", min(i, len(*l.items)-1)))
		}
		key := s.FromHost + s.port()
		switch {
		case !s.asked(l.ports):
			wrong("link %s: host %s was not asked which port it publishes for container %s: that is done where the link stands in the playbook's own text; else give ports", s.NetLink, s.On, s.Container)
		case s.ToHost == s.FromHost && s.ToPort == s.FromPort && !s.loops():
			wrong("%s leads to itself", joinHostPort(s.FromHost, s.FromPort))
		case seen[key]:
			wrong("%s is linked twice", joinHostPort(s.FromHost, s.FromPort))
		}
		seen[key] = true
	}
	return errors.Join(errs...)
}

// asked reports whether it is known where the link leads to, as far as it can be.
func (s LinkSpec) asked(ports map[string]any) bool {
	_, told := s.published(ports)
	return s.Container == "" || told
}

// loops reports whether the local address is a loopback one, which as a remote address is the host.
func (s LinkSpec) loops() bool {
	ip, err := netip.ParseAddr(s.ToHost)
	return err == nil && ip.IsLoopback()
}

// chain is the name of the chains without their last letter.
func (l linkList) chain() string {
	name := l.name
	if name == "" {
		name = "links of " + l.place.scope().Bare()
	}
	sum := sha256.Sum256([]byte(name))
	return state.LinkChainPrefix + hex.EncodeToString(sum[:4])
}

// wants are the objects of the links.
func (l linkList) wants(word string) []state.Want {
	specs, err := l.specs()
	if err != nil {
		return nil // Check refuses it
	}
	byFamily := map[int][]state.NetLink{}
	for _, s := range specs {
		byFamily[s.family()] = append(byFamily[s.family()], s.resolve(l.ports))
	}
	var out []state.Want
	for _, family := range []int{4, 6} {
		links := byFamily[family]
		switch gone := word == absent || len(links) == 0; {
		case gone && (l.whole || len(links) > 0):
			out = append(out, wants(absent, l.objects(family, nil)...)...)
			continue
		case gone:
			continue
		}
		chains := l.objects(family, links)
		out = append(out, state.Present(linkable(l.place.scope(), family)...)...)
		out = append(out, state.Present(chains...)...)
	}
	return out
}

// linkable are the parameters and the table that links of the family need.
func linkable(scope state.Scope, family int) []state.Object {
	out := forwarding(scope, family == 4, family == 6, nil)
	if family == 4 {
		out = append([]state.Object{state.Sysctl{Scope: scope, Name: "net/ipv4/conf/all/route_localnet", Value: "1"}}, out...)
	}
	return append(out, state.Table{Scope: scope, Family: family, Name: "nat"})
}

// objects are the chains of a family and the jumps to them.
func (l linkList) objects(family int, links []state.NetLink) []state.Object {
	scope := l.place.scope()
	to := state.Links{Scope: scope, Family: family, Name: l.chain(), Links: links}
	source := to
	source.Source = true
	jump := func(from, letter string) state.Jump {
		return state.Jump{Scope: scope, Family: family, Table: "nat", From: from, To: l.chain() + letter, First: true}
	}
	return []state.Object{to, source, jump("PREROUTING", "-D"), jump("OUTPUT", "-D"), jump("POSTROUTING", "-S")}
}

// made lists the links that stand in the view: FROM -> TO.
func (l linkList) made(view state.View) []any {
	out := []any{}
	for _, family := range []int{4, 6} {
		scope, err := l.place.scope().Locate(view)
		if err != nil {
			continue // the plan has said so
		}
		c := state.Chain{Scope: scope, Family: family, Table: "nat", Name: l.chain() + "-D"}
		if o, there := view.Get(c.Key()); there {
			for _, made := range state.LinksOf(o.(state.Chain)) {
				out = append(out, made.String())
			}
		}
	}
	return out
}
