package yamlpos

import (
	"bytes"
	"io"
	"regexp"
	"strings"
	"unicode/utf8"

	"netrun/inventory/diag"
)

// slow hands out one byte at a time and so knows how far the parser has read.
// The parser's own errors name a line only, often that where the block began.
type slow struct {
	text []byte
	off  int
}

func (s *slow) Read(p []byte) (int, error) {
	if s.off == len(s.text) || len(p) == 0 {
		return 0, io.EOF
	}
	p[0] = s.text[s.off]
	s.off++
	return 1, nil
}

// at says where in the text a kind of error is.
type at int

const (
	lineStart at = iota // the first text of the line found by walking back
	lineEnd             // the end of that line
	character           // four bytes before where the reading stopped, the scanner's lookahead
)

// plainer says the parser's errors in a user's words.
var plainer = []struct {
	lib, msg, hint string
	at             at
}{
	{"mapping values are not allowed", `a second "key:" on one line, or under a plain value`, `check the indentation; put quotes around text that holds ": "`, character},
	{"did not find expected key", "this line does not belong to the mapping above it", "keys of one mapping stand in one column; close quotes and brackets", lineStart},
	{"did not find expected '-' indicator", "this line does not belong to the list above it", `entries of one list begin with "- " in one column`, lineStart},
	{"could not find expected ':'", `a line without ":" among the keys of a mapping`, `write "key: value"`, lineStart},
	{"did not find expected ',' or ']'", `"," or "]" is missing`, "close the list that began with [", lineEnd},
	{"did not find expected ',' or '}'", `"," or "}" is missing`, `close the mapping that began with {; put quotes around a template: "{{ .x }}"`, lineEnd},
	{"cannot start any token", "a character that cannot begin a value", "indent with spaces, not tabs; put quotes around text that begins with @, ` or %", character},
	{"tab character", "a tab in the indentation", "indent with spaces", character},
	{"found unexpected end of stream", "a quoted text without an end", "close the quotes", lineStart},
	{"did not find expected <document start>", "text after the end of the document", "a file holds one mapping or list; check the indentation", lineStart},
	{"found unknown escape character", `an unknown escape after \`, `in "..." write \\ for a backslash, or use '...'`, character},
	{"control characters are not allowed", "a control character", `write it as "\x.." in quotes, or remove it`, character},
	{"a second document begins", "a second document", "write each document into a file of its own", lineStart},
	{"did not find expected node content", "a value is missing", "put quotes around text that begins with , ] } or %", lineStart},
	{"exceeded max depth", "nested too deeply", "at most 100 levels", character},
}

var (
	lineNumber    = regexp.MustCompile(`^line \d+: `)
	unknownAnchor = regexp.MustCompile(`unknown anchor '([^']*)'`)
)

func message(err error) string {
	return lineNumber.ReplaceAllString(strings.TrimPrefix(err.Error(), "yaml: "), "")
}

// syntaxError places the parser's error and says what would be right.
func syntaxError(file string, text []byte, err error) error {
	r := &slow{text: text}
	if _, again := decodeFrom(r); again != nil {
		err = again
	}
	msg := message(err)
	if m := unknownAnchor.FindStringSubmatch(msg); m != nil {
		off := max(0, bytes.LastIndex(text[:r.off], []byte("*"+m[1])))
		return diag.Errorf(position(file, text, off), "alias *%s has no anchor", m[1]).
			WithHint("write &%s before the value that it repeats, above", m[1])
	}
	for _, p := range plainer {
		if strings.Contains(msg, p.lib) {
			return diag.Errorf(position(file, text, locate(text, r.off, msg, p.at)), "%s", p.msg).WithHint("%s", p.hint)
		}
	}
	return diag.Errorf(position(file, text, locate(text, r.off, msg, lineStart)), "%s", msg)
}

// locate returns the offset of the mistake that stopped the parser at off.
func locate(text []byte, off int, msg string, where at) int {
	if strings.HasPrefix(msg, "control characters") {
		off += 3 // the reader's complaint, which looks ahead of nothing
	}
	if where == character {
		return visible(text, off-4)
	}
	line := walkBack(text, off, msg)
	if where == lineEnd {
		return visible(text, line.end-1)
	}
	rest := text[line.start:line.end]
	return line.start + len(rest) - len(bytes.TrimLeft(rest, " \t"))
}

const (
	near        = 32       // lines; beyond them a step back is by halves
	searchBytes = 16 << 20 // parsed at most in search of a mistake
)

type span struct{ start, end int }

// walkBack finds the line with which the error msg begins: the first line whose
// prefix of the text, and all longer ones up to off, give the same error. The lines
// just before off are tried first, then halves, as long as there is a budget.
func walkBack(text []byte, off int, msg string) span {
	lines := split(text[:off])
	budget := searchBytes
	same := func(n int) bool {
		end := lines[n-1].end
		if budget -= end; budget < 0 {
			return false
		}
		_, err := decodeFrom(bytes.NewReader(text[:end]))
		return err != nil && message(err) == msg
	}
	bad, good := len(lines), 0
	for step := 1; bad > 1; step *= 2 {
		if step > near {
			step = (bad + 1) / 2
		}
		if step = min(step, bad-1); !same(bad - step) {
			good = bad - step
			break
		}
		bad -= step
	}
	for bad-good > 1 {
		if mid := (bad + good) / 2; same(mid) {
			bad = mid
		} else {
			good = mid
		}
	}
	return lines[bad-1]
}

// split returns the lines of text that hold something, at least one.
func split(text []byte) []span {
	var out []span
	for start := 0; start < len(text); {
		end := len(text)
		if i := bytes.IndexByte(text[start:], '\n'); i >= 0 {
			end = start + i + 1
		}
		if len(bytes.TrimSpace(text[start:end])) > 0 {
			out = append(out, span{start, end})
		}
		start = end
	}
	if out == nil {
		return []span{{0, len(text)}}
	}
	return out
}

// visible steps back from off to a byte that shows.
func visible(text []byte, off int) int {
	off = min(off, len(text)-1)
	for off > 0 && strings.IndexByte(" \r\n", text[off]) >= 0 {
		off--
	}
	return max(0, off)
}

// position returns the place of the rune that byte off belongs to.
func position(file string, text []byte, off int) diag.Pos {
	off = min(off, len(text))
	for off > 0 && off < len(text) && !utf8.RuneStart(text[off]) {
		off--
	}
	before := text[:off]
	start := bytes.LastIndexByte(before, '\n') + 1
	return diag.Pos{
		File: file,
		Line: bytes.Count(before, []byte("\n")) + 1,
		Col:  utf8.RuneCount(before[start:]) + 1,
	}
}
