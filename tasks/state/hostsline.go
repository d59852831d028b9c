package state

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
)

// HostsLine is a line of the hosts file that a container sees: a name of another
// one. The mark at its end says that it is netrun's.
type HostsLine struct {
	Scope  Scope    `json:"scope" state:"key"`
	Family int      `json:"family" state:"key"` // 4 or 6
	Alias  string   `json:"alias" state:"key"`
	IP     string   `json:"ip"`
	Names  []string `json:"names,omitempty"` // after the alias
	// Of is the container that the line is about: IP and Names may name its facts.
	Of Scope `json:"of,omitempty" state:"hint"`
	// Optional wants nothing where that container has no use for the family.
	Optional bool `json:"optional,omitempty" state:"hint"`
}

// hostsMark ends the lines that are netrun's.
const hostsMark = "\t# netrun"

// Key implements Object.
func (l HostsLine) Key() Key {
	return Key{KindHostsLine, l.Scope, familyName(l.Family) + " " + l.Alias}
}

// Needs implements Object.
func (l HostsLine) Needs() []Key { return l.Scope.Needs() }

// Reads implements Late.
func (l HostsLine) Reads() []Key {
	if l.Of == "" {
		return nil
	}
	return append(containerKeys(l.Of), routingKeys(l.Scope)...)
}

// Resolve implements Late.
func (l HostsLine) Resolve(view View) (Object, error) {
	if l.Of == "" {
		return l, nil
	}
	if l.Optional && l.spared(view) {
		return nil, nil
	}
	known := facts{view, l.Scope, l.Of}
	ip, err := known.expand(l.IP)
	if err != nil {
		return nil, err
	}
	names, err := known.all(l.Names)
	if err != nil {
		return nil, err
	}
	l.IP, l.Names, l.Of, l.Optional = ip, nil, "", false
	for _, n := range names {
		if n != l.Alias && !slices.Contains(l.Names, n) {
			l.Names = append(l.Names, n)
		}
	}
	return l, nil
}

// spared reports whether the line is one too many: the container has no address of
// the family, or can be reached by IPv4 only.
func (l HostsLine) spared(view View) bool {
	_, err := Reached(view, l.Scope, l.Of, l.Family == 6)
	if none := (*noAddressError)(nil); errors.As(err, &none) {
		return true
	}
	_, err4 := Reached(view, l.Scope, l.Of, false)
	return err != nil && l.Family == 6 && err4 == nil
}

// Text is the line, as docker --link writes it, with the mark and without its end.
func (l HostsLine) Text() string {
	return l.IP + "\t" + strings.Join(append([]string{l.Alias}, l.Names...), " ") + hostsMark
}

// ParseHostsLine reads a line that carries the mark.
func ParseHostsLine(scope Scope, line string) (HostsLine, bool) {
	body, ours := strings.CutSuffix(line, hostsMark)
	words := strings.Fields(body)
	if !ours || len(words) < 2 {
		return HostsLine{}, false
	}
	ip, err := netip.ParseAddr(words[0])
	if err != nil {
		return HostsLine{}, false
	}
	l := HostsLine{Scope: scope, Family: 4, IP: words[0], Alias: words[1], Names: words[2:]}
	if ip.Is6() {
		l.Family = 6
	}
	if len(l.Names) == 0 {
		l.Names = nil
	}
	return l, true
}
