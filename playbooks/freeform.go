package playbooks

import (
	"fmt"
	"strings"
)

// Pair is an argument written as key=value.
type Pair struct {
	Key, Value string
	Offset     int // of the value in the text, in bytes
}

// ParseArguments reads `key=value other="a b" third='x'`. Quotes may stand around
// a value or a part of it; a backslash takes the meaning of the character after it
// within double quotes. Actions of templates are kept whole, whatever is in them.
func ParseArguments(text string) ([]Pair, error) {
	var out []Pair
	for off := 0; ; {
		off += len(text[off:]) - len(strings.TrimLeft(text[off:], " \t\r\n"))
		if off == len(text) {
			return out, nil
		}
		eq := strings.IndexAny(text[off:], "= \t\r\n\"'")
		if eq <= 0 || text[off+eq] != '=' {
			return nil, fmt.Errorf("%q is not KEY=VALUE", firstWord(text[off:]))
		}
		p := Pair{Key: text[off : off+eq], Offset: off + eq + 1}
		if p.Offset < len(text) && (text[p.Offset] == '"' || text[p.Offset] == '\'') {
			p.Offset++
		}
		value, n, err := quotedValue(text[off+eq+1:])
		if err != nil {
			return nil, fmt.Errorf("argument %q: %w", p.Key, err)
		}
		p.Value = value
		out = append(out, p)
		off += eq + 1 + n
	}
}

func firstWord(s string) string {
	word, _, _ := strings.Cut(s, " ")
	if len(word) > 40 {
		word = word[:40]
	}
	return word
}

// quotedValue reads a value up to the next space outside quotes and actions, and
// says how long it was.
func quotedValue(s string) (string, int, error) {
	var b strings.Builder
	var quote byte
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case strings.HasPrefix(s[i:], "{{"):
			end := actionLen(s[i:])
			b.WriteString(s[i : i+end])
			i += end - 1
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case c == quote && quote != 0:
			quote = 0
		case quote == '"' && c == '\\' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		case quote == 0 && strings.IndexByte(" \t\r\n", c) >= 0:
			return b.String(), i, nil
		default:
			b.WriteByte(c)
		}
	}
	if quote != 0 {
		return "", 0, fmt.Errorf("a quote %c without its other end", quote)
	}
	return b.String(), len(s), nil
}

// actionLen is how long the action is that s begins with; }} within a text of the
// action does not end it.
func actionLen(s string) int {
	var quote byte
	for i := 2; i < len(s); i++ {
		c := s[i]
		switch {
		case quote != 0 && c == '\\' && quote != '`':
			i++
		case c == quote:
			quote = 0
		case quote != 0:
		case c == '"' || c == '`' || c == '\'':
			quote = c
		case strings.HasPrefix(s[i:], "}}"):
			return i + 2
		}
	}
	return len(s)
}

// maskActions gives the text with a character of its own in the place of each action.
func maskActions(s string) (masked string, actions []string) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if !strings.HasPrefix(s[i:], "{{") {
			b.WriteByte(s[i])
			continue
		}
		n := actionLen(s[i:])
		b.WriteRune(rune(placeholder + len(actions)))
		actions = append(actions, s[i:i+n])
		i += n - 1
	}
	return b.String(), actions
}

// placeholder is the first of the characters of Unicode's private use area, which
// stand for actions while a line is cut.
const placeholder = 0xF0000
