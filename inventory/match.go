package inventory

import (
	"fmt"
	"slices"
	"strings"

	"netrun/inventory/diag"
)

// Match returns the hosts that a pattern names, each once, in Ansible's order.
// A pattern is terms with "," or ":" between them: a host, a group, all, a glob
// (web*), a regular expression from the name's beginning (~web[0-9]+), each of
// these but the last with an index (web[0], web[-1], web[1:3], both ends
// included), or @FILE with a pattern a line. Terms add up; those with & before
// them keep only what they name, those with ! take it away.
//
// A term that names nothing is an error with the nearest known name; only after
// & and ! may a glob or an expression match nothing. localhost, 127.0.0.1 and
// ::1 name this machine where the inventory has no such host: the host returned
// has ansible_connection=local and the variables of all.
func (inv *Inventory) Match(pattern string) ([]*Host, error) {
	return inv.match(pattern, 0)
}

const maxLimitDepth = 4 // files that name files

func (inv *Inventory) match(pattern string, depth int) ([]*Host, error) {
	terms, err := parsePattern(pattern)
	if err != nil {
		return nil, err
	}
	out := &hostSet{in: make([]bool, len(inv.order)+1)}
	for i := range terms {
		hosts, err := inv.term(&terms[i], depth)
		if err != nil {
			return nil, err
		}
		switch terms[i].op {
		case '&':
			out.keep(hosts, true)
		case '!':
			out.keep(hosts, false)
		default:
			out.add(hosts)
		}
	}
	return out.list, nil
}

// hostSet is an ordered set of hosts.
type hostSet struct {
	in   []bool // by index; the last is the implicit localhost's
	list []*Host
}

func (s *hostSet) add(hosts []*Host) {
	for _, h := range hosts {
		if !s.in[h.index] {
			s.in[h.index] = true
			s.list = append(s.list, h)
		}
	}
}

// keep keeps the members that are, or are not, among hosts.
func (s *hostSet) keep(hosts []*Host, among bool) {
	named := make([]bool, len(s.in))
	for _, h := range hosts {
		named[h.index] = true
	}
	s.list = slices.DeleteFunc(s.list, func(h *Host) bool { return named[h.index] != among })
}

func (inv *Inventory) term(t *term, depth int) ([]*Host, error) {
	if file, ok := strings.CutPrefix(t.text, "@"); ok {
		return inv.limitFile(file, depth)
	}
	if h := inv.hosts[t.text]; h != nil {
		return []*Host{h}, nil
	}
	hosts, found := inv.enumerate(t)
	if !found && t.op != 0 && t.re != nil {
		return nil, nil
	}
	if !found {
		return nil, inv.unknown(t)
	}
	picked, ok := t.pick(hosts)
	if !ok {
		return nil, fmt.Errorf("host pattern %q: %q has %d hosts", t.text, t.expr, len(hosts))
	}
	return picked, nil
}

// enumerate returns the hosts of all groups that the term matches, and, if there
// are none or it is no plain name, all hosts that it matches. found is false if
// it matches neither a group nor a host.
func (inv *Inventory) enumerate(t *term) (hosts []*Host, found bool) {
	if t.re == nil {
		return inv.plain(t.expr)
	}
	set := hostSet{in: make([]bool, len(inv.order)+1)}
	for _, g := range inv.named {
		if t.re.MatchString(g.name) {
			found = true
			set.add(g.Hosts())
		}
	}
	for _, h := range inv.order {
		if t.re.MatchString(h.name) {
			found = true
			set.add([]*Host{h})
		}
	}
	return set.list, found
}

func (inv *Inventory) plain(name string) (hosts []*Host, found bool) {
	if g := inv.groups[name]; g != nil {
		return g.Hosts(), true
	}
	if h := inv.hosts[name]; h != nil {
		return []*Host{h}, true
	}
	if slices.Contains(toHost, name) {
		return []*Host{inv.local}, true
	}
	return nil, false
}

func (inv *Inventory) unknown(t *term) error {
	names := make([]string, 0, len(inv.named)+len(inv.order))
	for _, g := range inv.named {
		names = append(names, g.name)
	}
	for _, h := range inv.order {
		names = append(names, h.name)
	}
	what := "is no host and no group"
	if t.re != nil {
		what = "matches no host and no group"
	}
	return diag.Errorf(diag.Pos{}, "host pattern %q %s", t.text, what).WithHint("%s", diag.DidYouMean(t.expr, names))
}

// limitFile reads a file with a pattern a line, as --limit @FILE takes.
func (inv *Inventory) limitFile(file string, depth int) ([]*Host, error) {
	if depth == maxLimitDepth {
		return nil, fmt.Errorf("host pattern %q: files name each other", "@"+file)
	}
	text, err := readFile(file)
	if err != nil {
		return nil, err
	}
	var patterns []string
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			patterns = append(patterns, line)
		}
	}
	if len(patterns) == 0 {
		return nil, nil
	}
	return inv.match(strings.Join(patterns, ","), depth+1)
}
