package playbooks

import (
	"errors"
	"slices"
	"strings"

	"netrun/inventory/diag"
	"netrun/templates"
)

// problems collects the mistakes of a compilation. One that all hosts share is
// reported once; one of some hosts names them.
type problems struct {
	list  diag.List
	total int // hosts
	order []string
	byKey map[string]*problem
}

type problem struct {
	err   error
	hosts []string
}

func (p *problems) add(host string, err error) {
	key := err.Error()
	var d *diag.Error
	if errors.As(err, &d) { // hints may name what only some hosts have
		key = d.Pos.String() + "\n" + d.Msg
	}
	if known, ok := p.byKey[key]; ok {
		if !slices.Contains(known.hosts, host) {
			known.hosts = append(known.hosts, host)
		}
		return
	}
	if p.byKey == nil {
		p.byKey = map[string]*problem{}
	}
	p.order = append(p.order, key)
	p.byKey[key] = &problem{err, []string{host}}
}

func (p *problems) err() error {
	for _, key := range p.order {
		known := p.byKey[key]
		if len(known.hosts) == p.total {
			p.list.Add(plainDiag(known.err))
			continue
		}
		p.list.Add(forHosts(known.err, known.hosts))
	}
	p.order, p.byKey = nil, nil
	return p.list.Err()
}

// plainDiag is the place and message of an error, without its causes, so that a
// list of mistakes does not take it apart.
func plainDiag(err error) error {
	var e *templates.Error
	if errors.As(err, &e) {
		return e.At()
	}
	return err
}

const maxHostsShown = 3

func forHosts(err error, hosts []string) error {
	shown := hosts
	rest := ""
	if len(hosts) > maxHostsShown {
		shown, rest = hosts[:maxHostsShown], " and others"
	}
	suffix := " (on " + strings.Join(shown, ", ") + rest + ")"
	var d *diag.Error
	if errors.As(err, &d) {
		return &diag.Error{Pos: d.Pos, Msg: d.Msg + suffix, Hint: d.Hint}
	}
	return err
}
