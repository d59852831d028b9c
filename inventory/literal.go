package inventory

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// literal returns the value of an INI variable as Ansible's reader does: a Python
// literal (number, True, False, None, quoted text, list, tuple, dict) has its
// type, all else is text. Tuples and sets become lists.
func literal(s string) any {
	p := pyParser{rest: strings.TrimLeft(s, " \t")}
	v, ok := p.tuple("")
	p.space()
	if !ok || p.rest != "" && p.rest[0] != '#' {
		return s
	}
	return v
}

const maxLiteralDepth = 100

// pyParser reads Python's literals; each method reports whether there was one.
type pyParser struct {
	rest  string
	depth int
}

func (p *pyParser) space() { p.rest = strings.TrimLeft(p.rest, " \t") }

func (p *pyParser) take(token string) bool {
	p.space()
	rest, ok := strings.CutPrefix(p.rest, token)
	if ok {
		p.rest = rest
	}
	return ok
}

// tuple reads one value, or several with commas between them, up to the end
// token, which is left in place.
func (p *pyParser) tuple(end string) (any, bool) {
	v, ok := p.value()
	if !ok {
		return nil, false
	}
	if !p.take(",") {
		return v, true
	}
	items := []any{v}
	for {
		p.space()
		if p.rest == "" || end != "" && strings.HasPrefix(p.rest, end) || p.rest[0] == '#' {
			return items, true
		}
		v, ok := p.value()
		if !ok {
			return nil, false
		}
		items = append(items, v)
		if !p.take(",") {
			return items, true
		}
	}
}

func (p *pyParser) value() (any, bool) {
	if p.depth++; p.depth > maxLiteralDepth {
		return nil, false
	}
	defer func() { p.depth-- }()
	p.space()
	switch {
	case p.rest == "":
		return nil, false
	case p.take("("):
		return p.parens()
	case p.take("["):
		return p.list()
	case p.take("{"):
		return p.braces()
	case pyQuote.MatchString(p.rest):
		return p.text()
	}
	return p.word()
}

func (p *pyParser) parens() (any, bool) {
	if p.take(")") {
		return []any{}, true
	}
	v, ok := p.tuple(")")
	return v, ok && p.take(")")
}

func (p *pyParser) list() (any, bool) {
	items := []any{}
	for !p.take("]") {
		v, ok := p.value()
		if !ok {
			return nil, false
		}
		items = append(items, v)
		if !p.take(",") {
			return items, p.take("]")
		}
	}
	return items, true
}

// braces reads a dict, or a set as a list.
func (p *pyParser) braces() (any, bool) {
	dict, set := map[string]any{}, []any{}
	for !p.take("}") {
		k, ok := p.value()
		if !ok {
			return nil, false
		}
		if p.take(":") {
			v, ok := p.value()
			if !ok {
				return nil, false
			}
			dict[keyText(k)] = v
		} else {
			set = append(set, k)
		}
		if !p.take(",") {
			if !p.take("}") {
				return nil, false
			}
			break
		}
	}
	if len(set) > 0 {
		return set, len(dict) == 0
	}
	return dict, true
}

// keyText is a dict's key as text: 1 and "1" are one key, as in JSON.
func keyText(k any) string {
	if s, ok := k.(string); ok {
		return s
	}
	return fmt.Sprint(k)
}

var (
	pyWord   = regexp.MustCompile(`^(?:[0-9_.]+[eE][-+][0-9_]+|[A-Za-z0-9_.]+)`)
	pyInt    = regexp.MustCompile(`^[-+]?(?:0(?:_?0)*|[1-9](?:_?[0-9])*|0[xX](?:_?[0-9a-fA-F])+|0[oO](?:_?[0-7])+|0[bB](?:_?[01])+)$`)
	pyFloat  = regexp.MustCompile(`^[-+]?(?:[0-9](?:_?[0-9])*\.?(?:[0-9](?:_?[0-9])*)?|\.[0-9](?:_?[0-9])*)(?:[eE][-+]?[0-9](?:_?[0-9])*)?$`)
	pyDigits = regexp.MustCompile(`^[-+]?[0-9_]+$`)
)

func (p *pyParser) word() (any, bool) {
	sign := ""
	if p.rest[0] == '-' || p.rest[0] == '+' {
		sign, p.rest = p.rest[:1], strings.TrimLeft(p.rest[1:], " \t")
	}
	w := pyWord.FindString(p.rest)
	if w == "" {
		return nil, false
	}
	p.rest = p.rest[len(w):]
	switch {
	case sign == "" && w == "True":
		return true, true
	case sign == "" && w == "False":
		return false, true
	case sign == "" && w == "None":
		return nil, true
	case pyInt.MatchString(w):
		n, err := strconv.ParseInt(sign+w, 0, 64)
		if pyDigits.MatchString(w) {
			n, err = strconv.ParseInt(sign+strings.ReplaceAll(w, "_", ""), 10, 64)
		}
		return int(n), err == nil
	case pyFloat.MatchString(w) && !pyDigits.MatchString(w):
		f, err := strconv.ParseFloat(sign+strings.ReplaceAll(w, "_", ""), 64)
		return f, err == nil && !math.IsInf(f, 0)
	}
	return nil, false
}

var pyQuote = regexp.MustCompile(`^(?:[rR]|[uU]|[bB][rR]?|[rR][bB])?["']`)

// text reads one or more quoted texts that stand side by side.
func (p *pyParser) text() (any, bool) {
	var b strings.Builder
	for pyQuote.MatchString(p.rest) {
		if !p.quoted(&b) {
			return nil, false
		}
		p.space()
	}
	return b.String(), utf8.ValidString(b.String())
}

func (p *pyParser) quoted(b *strings.Builder) bool {
	raw := false
	for p.rest[0] != '"' && p.rest[0] != '\'' {
		raw = raw || p.rest[0] == 'r' || p.rest[0] == 'R'
		p.rest = p.rest[1:]
	}
	q := p.rest[:1]
	if strings.HasPrefix(p.rest, q+q+q) {
		q = q + q + q
	}
	p.rest = p.rest[len(q):]
	for !strings.HasPrefix(p.rest, q) {
		switch {
		case p.rest == "":
			return false
		case p.rest[0] != '\\' || len(p.rest) == 1:
			b.WriteByte(p.rest[0])
			p.rest = p.rest[1:]
		case raw:
			b.WriteString(p.rest[:2])
			p.rest = p.rest[2:]
		default:
			if !p.escape(b) {
				return false
			}
		}
	}
	p.rest = p.rest[len(q):]
	return true
}

// pyEscapes are the escapes of one letter; others are numeric, or no escape.
var pyEscapes = map[byte]string{
	'\\': `\`, '\'': `'`, '"': `"`, 'a': "\a", 'b': "\b", 'f': "\f", 'n': "\n", 'r': "\r", 't': "\t", 'v': "\v", '\n': "",
}

var pyNumeric = regexp.MustCompile(`^\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{1,3}))`)

// escape reads an escape. As in Python, a backslash before any other letter is a
// backslash, and a numeric escape that is too short is a mistake.
func (p *pyParser) escape(b *strings.Builder) bool {
	c := p.rest[1]
	if s, ok := pyEscapes[c]; ok {
		b.WriteString(s)
		p.rest = p.rest[2:]
		return true
	}
	if m := pyNumeric.FindStringSubmatch(p.rest); m != nil {
		base := 16
		if m[4] != "" {
			base = 8
		}
		n, err := strconv.ParseUint(m[1]+m[2]+m[3]+m[4], base, 32)
		b.WriteRune(rune(n))
		p.rest = p.rest[len(m[0]):]
		return err == nil && n <= utf8.MaxRune
	}
	if strings.IndexByte("xuUN", c) >= 0 {
		return false
	}
	b.WriteString(p.rest[:2])
	p.rest = p.rest[2:]
	return true
}
