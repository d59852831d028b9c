package inventory

import (
	"errors"
	"strings"
)

// token is a word of a line: its text without quotes, and where it stood.
type token struct {
	text string
	off  int // in bytes
}

var (
	errQuote  = errors.New("a quote without an end")
	errEscape = errors.New(`a \ at the end of the line`)
)

// words splits a line as a POSIX shell and Python's shlex do: blanks separate,
// quotes and backslashes are taken off, and # begins a comment, with comments
// set, even inside a word.
func words(line string, comments bool) ([]token, error) {
	w := wordReader{line: line, start: -1}
	for w.off < len(line) {
		c := line[w.off]
		switch {
		case c == '#' && comments:
			w.off = len(line)
			continue
		case strings.IndexByte(" \t\r\n", c) >= 0:
			w.finish()
			w.off++
			continue
		}
		w.begin()
		if err := w.char(c); err != nil {
			return nil, err
		}
	}
	w.finish()
	return w.out, nil
}

type wordReader struct {
	line  string
	off   int
	start int // of the word being read, -1 between words
	text  strings.Builder
	out   []token
}

func (w *wordReader) begin() {
	if w.start < 0 {
		w.start = w.off
	}
}

func (w *wordReader) finish() {
	if w.start >= 0 {
		w.out = append(w.out, token{w.text.String(), w.start})
	}
	w.start = -1
	w.text.Reset()
}

func (w *wordReader) char(c byte) error {
	w.off++
	switch c {
	case '\'', '"':
		return w.quoted(c)
	case '\\':
		if w.off == len(w.line) {
			return errEscape
		}
		c = w.line[w.off]
		w.off++
	}
	w.text.WriteByte(c)
	return nil
}

func (w *wordReader) quoted(q byte) error {
	for ; w.off < len(w.line); w.off++ {
		c := w.line[w.off]
		if c == q {
			w.off++
			return nil
		}
		if c == '\\' && q == '"' && w.off+1 < len(w.line) && strings.IndexByte(`"\`, w.line[w.off+1]) >= 0 {
			w.off++
			c = w.line[w.off]
		}
		w.text.WriteByte(c)
	}
	return errQuote
}
