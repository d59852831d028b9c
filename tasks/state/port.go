package state

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Port is a port of the host's that is taken: a socket listens on it, or a rule of
// another program leads it elsewhere. It is only ever observed.
type Port struct {
	Scope  Scope      `json:"scope,omitempty" state:"key"`
	Proto  string     `json:"proto" state:"key"` // tcp, udp or sctp
	IP     netip.Addr `json:"ip" state:"key"`    // 0.0.0.0 is all of IPv4, :: all of both families
	Number int        `json:"number" state:"key"`
	By     string     `json:"by,omitempty" state:"hint"` // a socket, or the chain that has the rule
}

// Key implements Object.
func (p Port) Key() Key {
	return Key{KindPort, p.Scope, p.Proto + " " + netip.AddrPortFrom(p.IP, uint16(p.Number)).String()}
}

// Needs implements Object.
func (p Port) Needs() []Key { return p.Scope.Needs() }

// The ports that are given out where a publication leaves the choice: geard's.
const (
	firstFreePort = 4000
	lastFreePort  = 59999
)

// Publication is one rule that leads a port of the host to a container.
type Publication struct {
	Chain    string
	Proto    string
	IP       netip.Addr // invalid: all addresses of the family
	HostPort string     // decimal, or a fact ${port ...}
	To       string     // address:port
	Comment  string
}

// Publications reads the rules of a chain that translate a port.
func Publications(c Chain) []Publication {
	var out []Publication
	for _, rule := range c.Rules {
		p := Publication{Chain: c.Name}
		for i := 0; i+1 < len(rule); i++ {
			value := rule[i+1]
			switch rule[i] {
			case "-p":
				p.Proto = value
			case "-d":
				p.IP, _ = netip.ParseAddr(strings.TrimSuffix(strings.TrimSuffix(value, "/32"), "/128"))
			case "--dport":
				p.HostPort = value
			case "--to-destination":
				p.To = value
			case "--comment":
				p.Comment = value
			}
		}
		if p.HostPort != "" && p.To != "" {
			out = append(out, p)
		}
	}
	return out
}

// allot chooses the ports that the rules leave open, the lowest free ones, and
// refuses those that are taken. A port that the chain, or the one of its name in the
// other family, gave out before stays. The rules come back in a slice of their own.
func (c Chain) allot(view View) ([][]string, error) {
	rules := make([][]string, len(c.Rules))
	for i, r := range c.Rules {
		rules[i] = slices.Clone(r)
	}
	if c.Of == "" || c.Table != "nat" {
		return rules, nil
	}
	a := newAllotment(view, c)
	for i, rule := range rules {
		found := Publications(Chain{Rules: [][]string{rule}})
		if len(found) == 0 {
			continue
		}
		number, err := a.choose(found[0])
		if err != nil {
			return nil, err
		}
		rules[i][slices.Index(rule, "--dport")+1] = number
	}
	return rules, nil
}

// allotment is the giving out of the ports of one chain.
type allotment struct {
	family int
	taken  []occupied
	before []Publication // what was given out last time
}

// occupied is a port that is taken, in one family or in both.
type occupied struct {
	Port
	both bool
}

func newAllotment(view View, c Chain) *allotment {
	a := &allotment{family: c.Family}
	defer a.remember(c) // what is there counts more
	for _, o := range view.All(KindPort, c.Scope) {
		p := o.(Port)
		a.taken = append(a.taken, occupied{p, p.IP == netip.IPv6Unspecified()})
	}
	for _, o := range view.All(KindChain, c.Scope) {
		other := o.(Chain)
		if other.Table != "nat" || !OwnChain(other.Name) {
			continue
		}
		if other.Name == c.Name {
			a.before = append(a.before, Publications(other)...)
			continue
		}
		for _, p := range Publications(other) {
			a.take(other.Family, p)
		}
	}
	return a
}

// remember adds what the chain gave out before the host forgot it.
func (a *allotment) remember(c Chain) {
	for _, g := range c.Given {
		if number, comment, ok := strings.Cut(g, " "); ok {
			a.before = append(a.before, Publication{HostPort: number, Comment: comment})
		}
	}
}

// Remembered is the want with what was given out for it, so that it is given out
// again where the host has forgotten everything, as after a reboot.
func Remembered(o Object, view View) Object {
	c, ok := o.(Chain)
	if !ok || c.Of == "" {
		return o
	}
	have, there := view.Get(c.Key())
	if !there {
		return o
	}
	c.Given = nil
	for _, p := range Publications(have.(Chain)) {
		c.Given = append(c.Given, p.HostPort+" "+p.Comment)
	}
	return c
}

// take notes that a chain of netrun's uses the port.
func (a *allotment) take(family int, p Publication) {
	n, err := strconv.ParseUint(p.HostPort, 10, 16)
	if err != nil {
		return // a range, which only a person's own chain has
	}
	if !p.IP.IsValid() {
		p.IP = unspecified(family)
	}
	a.taken = append(a.taken, occupied{Port: Port{Proto: p.Proto, IP: p.IP, Number: int(n), By: "chain " + p.Chain}})
}

func unspecified(family int) netip.Addr {
	if family == 6 {
		return netip.IPv6Unspecified()
	}
	return netip.IPv4Unspecified()
}

// choose is the port of the publication.
func (a *allotment) choose(p Publication) (string, error) {
	spec, open := strings.CutPrefix(p.HostPort, "${port")
	if !open {
		n, err := strconv.Atoi(p.HostPort)
		if err != nil {
			return "", fmt.Errorf("publish port %q: %w", p.HostPort, err)
		}
		if by := a.user(p, n, false); by != "" {
			return "", fmt.Errorf("publish %s: port %d/%s is already allocated: by %s", p.Comment, n, p.Proto, by)
		}
		a.take(a.family, p)
		return p.HostPort, nil
	}
	first, last, err := portBounds(strings.TrimSpace(strings.TrimSuffix(spec, "}")))
	if err != nil {
		return "", err
	}
	n := a.earlier(p, spec == "}", first, last)
	for try := first; n == 0 && try <= last; try++ {
		if a.user(p, try, true) == "" {
			n = try
		}
	}
	if n == 0 {
		return "", fmt.Errorf("publish %s: no port from %d to %d is free", p.Comment, first, last)
	}
	p.HostPort = strconv.Itoa(n)
	a.take(a.family, p)
	return p.HostPort, nil
}

func portBounds(text string) (first, last int, err error) {
	if text == "" {
		return firstFreePort, lastFreePort, nil
	}
	low, high, _ := strings.Cut(text, "-")
	if first, err = strconv.Atoi(low); err != nil {
		return 0, 0, fmt.Errorf("fact ${port %s}: want FIRST-LAST", text)
	}
	if last, err = strconv.Atoi(high); err != nil {
		return 0, 0, fmt.Errorf("fact ${port %s}: want FIRST-LAST", text)
	}
	return first, last, nil
}

// earlier is the port that the same publication had before, 0 if it had none or it
// cannot stay. Where any port will do, it may be one that was once asked for.
func (a *allotment) earlier(p Publication, anyPort bool, first, last int) int {
	for i, b := range a.before {
		n, err := strconv.Atoi(b.HostPort)
		if err != nil || b.Comment != p.Comment || !anyPort && (n < first || n > last) || a.user(p, n, false) != "" {
			continue
		}
		a.before = slices.Delete(a.before, i, i+1)
		return n
	}
	return 0
}

// user is who has the port already, "" if it is free. wide looks at both families
// and all addresses, so that a port that is given out is the same everywhere.
func (a *allotment) user(p Publication, n int, wide bool) string {
	for _, t := range a.taken {
		if t.Proto != p.Proto || t.Number != n {
			continue
		}
		if wide || t.both || t.IP.Is6() == (a.family == 6) && (!p.IP.IsValid() || t.IP.IsUnspecified() || t.IP == p.IP) {
			return t.By
		}
	}
	return ""
}
