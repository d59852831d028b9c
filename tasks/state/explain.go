package state

import (
	"strconv"
	"strings"
)

// Explain is the change as the commands of ip, sysctl, iptables, ovs-vsctl and the
// shell that a person would have typed, quoted for a shell. An implied change needs
// none. The content of a file is not part of it.
func Explain(c Change) []string {
	if c.Implied {
		return nil
	}
	var e explainer
	switch o := c.Object().(type) {
	case Netns:
		e.add("ip", "netns", verb(c.Op, "add", "add", "del"), o.Name)
	case Link:
		e.link(c, o)
	case Member:
		e.member(c, o)
	case Address:
		e.address(c, o)
	case Neighbour:
		e.neighbour(c, o)
	case Route:
		e.route(c, o)
	case Rule:
		e.rule(c, o)
	case Qdisc:
		e.qdisc(c, o)
	case PortVLAN:
		e.portVLAN(c, o)
	case Offload:
		e.in(o.Scope, "ethtool", "-K", o.Link, o.Feature, o.Value)
	case Lease:
		e.lease(c, o)
	case Sysctl:
		e.sysctl(o.Scope, o.Name, o.Value)
	case Chain:
		e.chain(c, o)
	case Jump:
		e.jump(c, o)
	case OVSBridge:
		e.ovsBridge(c, o)
	case OVSPort:
		e.ovsPort(c, o)
	case File:
		e.file(c, o)
	case JSONKey:
		e.jsonKey(c, o)
	case HostsLine:
		e.hostsLine(c, o)
	}
	return e.lines
}

// verb picks the word for the change.
func verb(op Op, create, update, del string) string {
	switch op {
	case Create:
		return create
	case Update:
		return update
	}
	return del
}

// explainer gathers command lines.
type explainer struct{ lines []string }

func (e *explainer) add(words ...string) {
	quoted := make([]string, 0, len(words))
	for _, w := range words {
		quoted = append(quoted, shellQuote(w))
	}
	e.lines = append(e.lines, strings.Join(quoted, " "))
}

// shellQuote is the word as a POSIX shell reads it back.
func shellQuote(word string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_-+=:,./@%^", r)
	}
	if word != "" && strings.IndexFunc(word, func(r rune) bool { return !plain(r) }) < 0 {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// ip adds an ip command; ip enters named namespaces by itself.
func (e *explainer) ip(scope Scope, words ...string) {
	switch sort, name := scope.Split(); sort {
	case "netns":
		e.add(append([]string{"ip", "-n", name}, words...)...)
	case "":
		e.add(append([]string{"ip"}, words...)...)
	default:
		e.in(scope, append([]string{"ip"}, words...)...)
	}
}

// in adds a command that runs in the scope.
func (e *explainer) in(scope Scope, words ...string) {
	switch sort, name := scope.Split(); sort {
	case "netns":
		words = append([]string{"ip", "netns", "exec", name}, words...)
	case "pid":
		words = append([]string{"nsenter", "-t", name, "-n"}, words...)
	case "docker", "podman":
		e.add(words...)
		last := len(e.lines) - 1
		e.lines[last] = "nsenter -t $(" + pidCommand(sort, name) + ") -n " + e.lines[last]
		return
	}
	e.add(words...)
}

// pidCommand prints the number of the container's first process.
func pidCommand(runtime, name string) string {
	command := runtime + " inspect -f '{{.State.Pid}}' "
	if user, bare, found := strings.Cut(name, "@"); found {
		return "runuser -u " + shellQuote(user) + " -- " + command + shellQuote(bare)
	}
	return command + shellQuote(name)
}

// sysctl writes a parameter as sysctl(8) names it: its dots and slashes change places.
func (e *explainer) sysctl(scope Scope, name, value string) {
	dotted := strings.Map(func(r rune) rune {
		switch r {
		case '/':
			return '.'
		case '.':
			return '/'
		}
		return r
	}, name)
	e.in(scope, "sysctl", "-w", dotted+"="+value)
}

func (e *explainer) member(c Change, m Member) {
	if c.Op == Delete {
		e.ip(m.Scope, "link", "set", m.Link, "nomaster")
		return
	}
	if c.Op == Create || changed(c, "bridge") {
		e.ip(m.Scope, "link", "set", m.Link, "master", m.Bridge)
	}
	if m.Isolated != nil && (c.Op == Create && *m.Isolated || changed(c, "isolated") || changed(c, "bridge")) {
		e.ip(m.Scope, "link", "set", m.Link, "type", "bridge_slave", "isolated", onOffWord(*m.Isolated))
	}
	if m.Hairpin != nil && (c.Op == Create && *m.Hairpin || changed(c, "hairpin") || changed(c, "bridge")) {
		e.ip(m.Scope, "link", "set", m.Link, "type", "bridge_slave", "hairpin", onOffWord(*m.Hairpin))
	}
}

func (e *explainer) address(c Change, a Address) {
	words := []string{"address", verb(c.Op, "add", "replace", "del"), a.Prefix.String()}
	if c.Op != Delete {
		words = option(words, "peer", a.Peer)
		words = option(words, "brd", a.Broadcast)
		words = option(words, "label", a.Label)
		words = option(words, "scope", a.AddrScope)
		words = number(words, "metric", a.Metric)
		words = flag(words, "noprefixroute", a.NoPrefixRoute)
		if a.NoDAD && a.Prefix.Addr().Is6() {
			words = append(words, "nodad")
		}
	}
	e.ip(a.Scope, append(words, "dev", a.Link)...)
	if c.Op == Create && a.Announce && a.Prefix.Addr().Is4() {
		e.in(a.Scope, "arping", "-c", "1", "-A", "-I", a.Link, a.Prefix.Addr().String())
	}
}

func (e *explainer) neighbour(c Change, n Neighbour) {
	if c.Op == Delete {
		e.ip(n.Scope, "neigh", "del", n.IP.String(), "dev", n.Link)
		return
	}
	e.ip(n.Scope, "neigh", "replace", n.IP.String(), "lladdr", n.MAC, "dev", n.Link, "nud", "permanent")
}

// option adds a word and its value, if there is one.
func option(words []string, word, value string) []string {
	if value == "" {
		return words
	}
	return append(words, word, value)
}

func number(words []string, word string, value int) []string {
	if value == 0 {
		return words
	}
	return append(words, word, strconv.Itoa(value))
}

func flag(words []string, word string, value *bool) []string {
	if value == nil || !*value {
		return words
	}
	return append(words, word)
}

func (e *explainer) route(c Change, r Route) {
	words := []string{"route", verb(c.Op, "add", "replace", "del")}
	if r.Dst.Addr().Is6() {
		words = append([]string{"-6"}, words...)
	}
	if r.Type != "" && r.Type != "unicast" {
		words = append(words, r.Type)
	}
	dst := r.Dst.String()
	if r.Dst.Bits() == 0 {
		dst = "default"
	}
	words = append(words, dst)
	words = option(words, "via", r.Via)
	words = option(words, "dev", r.Dev)
	words = option(words, "src", r.Src)
	words = number(words, "metric", r.Metric)
	if r.Table != 254 {
		words = number(words, "table", r.Table)
	}
	if c.Op != Delete {
		words = number(words, "mtu", r.MTU)
		words = flag(words, "onlink", r.OnLink)
		for _, hop := range r.Nexthops {
			words = append(append(words, "nexthop"), strings.Fields(hop)...)
		}
		words = number(words, "proto", r.Protocol)
	}
	e.ip(r.Scope, words...)
}

func (e *explainer) rule(c Change, r Rule) {
	words := []string{"rule", verb(c.Op, "add", "add", "del")}
	if r.Family == 6 {
		words = append([]string{"-6"}, words...)
	}
	words = number(words, "pref", r.Priority)
	words = option(words, "from", r.From)
	words = option(words, "to", r.To)
	words = option(words, "iif", r.IIF)
	words = option(words, "oif", r.OIF)
	words = option(words, "fwmark", r.FwMark)
	if r.Action != "" {
		words = append(words, r.Action)
	}
	words = number(words, "lookup", r.Table)
	if c.Op != Delete {
		words = number(words, "protocol", r.Protocol)
	}
	e.ip(r.Scope, words...)
}
