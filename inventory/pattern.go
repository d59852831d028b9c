package inventory

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// term is one part of a host pattern.
type term struct {
	text string         // as written, without ! or &
	op   byte           // '!', '&' or 0 for a union
	expr string         // without the index
	re   *regexp.Regexp // of a glob or ~regex; nil for a plain name
	from int            // index
	to   int
	cut  bool // an index was given
}

// maxPattern bounds a pattern: thousands of names may be listed.
const maxPattern = 1 << 20

var (
	index  = regexp.MustCompile(`^(.+)\[(?:(-?[0-9]{1,9})|([0-9]{1,9})[:-]([0-9]{0,9}))\]$`)
	glob   = "*?["
	toHost = []string{"localhost", "127.0.0.1", "::1"} // what this machine may be called
)

// parsePattern splits a pattern into its terms, in the order in which they work:
// unions, then &, then !. Without a union they work on all.
func parsePattern(pattern string) ([]term, error) {
	if len(pattern) > maxPattern {
		return nil, fmt.Errorf("host pattern longer than %d bytes", maxPattern)
	}
	var union, both, without []term
	for _, s := range splitPattern(pattern) {
		t, err := parseTerm(s)
		if err != nil {
			return nil, fmt.Errorf("host pattern %q: %w", s, err)
		}
		switch t.op {
		case '&':
			both = append(both, t)
		case '!':
			without = append(without, t)
		default:
			union = append(union, t)
		}
	}
	if len(union)+len(both)+len(without) == 0 {
		return nil, fmt.Errorf("host pattern %q names nothing", pattern)
	}
	if union == nil {
		union = []term{{text: "all", expr: "all"}}
	}
	return slices.Concat(union, both, without), nil
}

// splitPattern splits at commas, and at colons outside brackets but for those of
// an IPv6 address.
func splitPattern(pattern string) []string {
	var out []string
	for _, part := range strings.Split(pattern, ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		if part[0] == '@' || isAddress(strings.TrimLeft(part, "!&")) {
			out = append(out, part)
			continue
		}
		out = append(out, splitColons(part)...)
	}
	return out
}

func isAddress(s string) bool {
	_, err := netip.ParseAddr(s)
	return err == nil
}

func splitColons(s string) []string {
	var out []string
	depth, start := 0, 0
	for i, c := range s + ":" {
		switch c {
		case '[':
			depth++
		case ']':
			depth = max(0, depth-1)
		case ':':
			if depth > 0 && i < len(s) {
				continue
			}
			if t := strings.TrimSpace(s[start:i]); t != "" {
				out = append(out, t)
			}
			start = i + 1
		}
	}
	return out
}

func parseTerm(s string) (term, error) {
	t := term{}
	if s[0] == '!' || s[0] == '&' {
		t.op, s = s[0], strings.TrimSpace(s[1:])
	}
	t.text, t.expr = s, s
	if s == "" {
		return t, fmt.Errorf("a name is missing after %q", t.op)
	}
	if expr, ok := strings.CutPrefix(s, "~"); ok {
		re, err := regexp.Compile(`^(?:` + expr + `)`)
		t.re = re
		return t, err
	}
	if m := index.FindStringSubmatch(s); m != nil {
		t.expr, t.cut = m[1], true
		t.setIndex(m[2], m[3], m[4])
	}
	if strings.ContainsAny(t.expr, glob) {
		re, err := regexp.Compile(translate(t.expr))
		t.re = re
		return t, err
	}
	return t, nil
}

func (t *term) setIndex(one, from, to string) {
	if one != "" {
		t.from, _ = strconv.Atoi(one)
		t.to = t.from
		return
	}
	t.from, _ = strconv.Atoi(from)
	t.to = -1
	if to != "" {
		t.to, _ = strconv.Atoi(to)
	}
}

// pick returns the indexed hosts, or false if there are none at the index.
func (t *term) pick(hosts []*Host) ([]*Host, bool) {
	if !t.cut {
		return hosts, true
	}
	from, to := t.from, t.to
	if from < 0 {
		from += len(hosts)
	}
	if to < 0 {
		to += len(hosts)
	}
	to = min(to, len(hosts)-1)
	if from < 0 || from > to {
		return nil, false
	}
	return hosts[from : to+1], true
}

// translate makes a regular expression of a shell glob: * ? [abc] [!abc].
func translate(s string) string {
	var b strings.Builder
	b.WriteString("^(?s:")
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '*':
			b.WriteString(".*")
		case '?':
			b.WriteByte('.')
		case '[':
			set, n := charSet(s[i:])
			b.WriteString(set)
			i += n - 1
		default:
			b.WriteString(regexp.QuoteMeta(s[i : i+1]))
		}
	}
	b.WriteString(")$")
	return b.String()
}

// charSet translates the [set] that s begins with and returns its length there;
// a [ without an end is only itself.
func charSet(s string) (string, int) {
	from := 1
	if len(s) > 1 && s[1] == '!' {
		from = 2
	}
	end := strings.IndexByte(s[min(from+1, len(s)):], ']')
	if end < 0 {
		return `\[`, 1
	}
	end += from + 1
	set := strings.NewReplacer(`\`, `\\`, `[`, `\[`, `]`, `\]`, `^`, `\^`, `&`, `\&`, `~`, `\~`).Replace(s[from:end])
	if from == 2 {
		set = "^" + set
	}
	return "[" + set + "]", end + 1
}
