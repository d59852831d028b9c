package playbooks

import (
	"strconv"
	"strings"

	"netrun/inventory/yamlpos"
)

func (l *loader) serial(n *yamlpos.Node) []string {
	sizes := l.words(n, "serial")
	for i, item := range oneOrMore(n) {
		if i >= len(sizes) {
			break
		}
		number, percent := strings.CutSuffix(sizes[i], "%")
		v, err := strconv.Atoi(number)
		if err != nil || v < 1 || percent && v > 100 {
			l.wrong(item, "write 2, 30% or a list of both", "serial %q is no size of a batch", sizes[i])
		}
	}
	return sizes
}

func (l *loader) percentage(n *yamlpos.Node) *float64 {
	v, err := strconv.ParseFloat(strings.TrimSuffix(n.Raw, "%"), 64)
	if n.Kind != yamlpos.Scalar || err != nil || !(v >= 0 && v <= 100) {
		l.wrong(n, "", "max_fail_percentage is a number from 0 to 100, and this is %s", shown(n))
		return nil
	}
	return &v
}

func (l *loader) confirm(n *yamlpos.Node) string {
	if n.Raw == "always" || n.Raw == "never" {
		return n.Raw
	}
	if _, ok := l.duration(n, "confirm"); !ok {
		return ""
	}
	return n.Raw
}

func (l *loader) probes(n *yamlpos.Node) []Probe {
	var out []Probe
	if n.Kind != yamlpos.Sequence {
		l.wrong(n, "- ping: 10.0.0.1", "probes is a list, and this is %s", n.What())
		return nil
	}
	for _, item := range n.Items {
		p := Probe{Pos: item.Pos}
		if !l.mapping(item, "a probe", table{
			"ping": func(n *yamlpos.Node) { p.Ping, _ = l.plainText(n, "ping") },
			"tcp":  func(n *yamlpos.Node) { p.TCP, _ = l.plainText(n, "tcp") },
		}) {
			continue
		}
		if (p.Ping == "") == (p.TCP == "") {
			l.wrong(item, "ping: ADDRESS or tcp: HOST:PORT", "a probe is either a ping or a tcp")
			continue
		}
		if i := strings.LastIndexByte(p.TCP, ':'); p.TCP != "" && i <= 0 {
			l.wrong(item, "tcp: 10.0.0.1:22", "tcp wants a host and a port")
		}
		out = append(out, p)
	}
	return out
}

func (l *loader) environment(n *yamlpos.Node) map[string]any {
	if n.Kind != yamlpos.Mapping {
		l.wrong(n, "NAME: value", "environment is a mapping, and this is %s", n.What())
		return nil
	}
	m, _ := l.tree(n).(map[string]any)
	return m
}
