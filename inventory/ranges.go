package inventory

import (
	"fmt"
	"strconv"
	"strings"

	"netrun/inventory/diag"
)

// letters are in the order that ranges such as [a:f] count in.
const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

// part is a piece of a host pattern: fixed text, then a range if step is set.
type part struct {
	text       string
	from, to   int
	step       int
	width      int // digits to pad to
	alphabetic bool
}

func (p part) count() int {
	if p.step == 0 {
		return 1
	}
	return (p.to-p.from)/p.step + 1
}

func (p part) item(i int) string {
	n := p.from + i*p.step
	if p.alphabetic {
		return letters[n : n+1]
	}
	return fmt.Sprintf("%0*d", p.width, n)
}

// expand returns the names that a host pattern stands for, and its port or 0:
// web[01:20]:22 is web01 to web20. The last range counts fastest.
func expand(pattern string, at diag.Pos) (names []string, port int, err error) {
	pattern, port, err = splitPort(pattern, at)
	if err != nil {
		return nil, 0, err
	}
	parts, err := parseRanges(pattern, at)
	if err != nil {
		return nil, 0, err
	}
	total := 1
	for _, p := range parts {
		if total *= p.count(); total > MaxHosts {
			return nil, 0, diag.Errorf(at, "range in %q makes more than %d hosts", pattern, MaxHosts)
		}
	}
	names = make([]string, 0, total)
	return combine(names, "", parts), port, nil
}

func combine(names []string, head string, parts []part) []string {
	if len(parts) == 0 {
		return append(names, head)
	}
	p := parts[0]
	if p.step == 0 {
		return combine(names, head+p.text, parts[1:])
	}
	for i := range p.count() {
		names = combine(names, head+p.text+p.item(i), parts[1:])
	}
	return names
}

func parseRanges(pattern string, at diag.Pos) ([]part, error) {
	var parts []part
	rest := pattern
	for {
		open := strings.IndexByte(rest, '[')
		if open < 0 {
			return append(parts, part{text: rest}), nil
		}
		end := strings.IndexByte(rest[open:], ']')
		if end < 0 {
			return nil, diag.Errorf(at, `range in %q has no "]"`, pattern)
		}
		p, err := parseRange(rest[open+1:open+end], at)
		if err != nil {
			return nil, err
		}
		p.text = rest[:open]
		parts = append(parts, p)
		rest = rest[open+end+1:]
	}
}

// parseRange reads what stands in the brackets: begin:end or begin:end:step.
func parseRange(s string, at diag.Pos) (part, error) {
	wrong := func(format string, a ...any) (part, error) {
		return part{}, diag.Errorf(at, "range [%s] "+format, append([]any{s}, a...)...).
			WithHint("a range is [begin:end] or [begin:end:step], as [01:20], [a:f] or [0:10:2]")
	}
	f := strings.Split(s, ":")
	if len(f) != 2 && len(f) != 3 {
		return wrong("has %d bounds", len(f))
	}
	p := part{step: 1}
	if len(f) == 3 {
		n, err := strconv.Atoi(f[2])
		if err != nil || n < 1 {
			return wrong("has the step %q, which is no number above 0", f[2])
		}
		p.step = n
	}
	if f[0] == "" {
		f[0] = "0"
	}
	if f[1] == "" {
		return wrong("has no end")
	}
	if problem := p.bounds(f[0], f[1]); problem != "" {
		return wrong("%s", problem)
	}
	return p, nil
}

// bounds sets from, to and width, or says what is wrong with them.
func (p *part) bounds(begin, end string) string {
	if len(begin) == 1 && len(end) == 1 && strings.Contains(letters, begin) && strings.Contains(letters, end) {
		p.alphabetic = true
		p.from, p.to = strings.Index(letters, begin), strings.Index(letters, end)
	} else {
		var ok, ok2 bool
		p.from, ok = digits(begin)
		p.to, ok2 = digits(end)
		if !ok || !ok2 {
			return "is neither of numbers nor of letters"
		}
	}
	if begin[0] == '0' && len(begin) > 1 {
		if len(begin) != len(end) {
			return fmt.Sprintf("pads %s with zeros, but %s has another length", begin, end)
		}
		p.width = len(begin)
	}
	if p.from > p.to {
		return "ends before it begins"
	}
	return ""
}

func digits(s string) (int, bool) {
	if s == "" || len(s) > 12 || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.Atoi(s)
	return n, err == nil
}
