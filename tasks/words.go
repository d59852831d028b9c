package tasks

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
)

// SplitWords splits a command line into words as a shell would, and does nothing
// else that a shell does: quotes and backslashes group, while $, `, *, ~, ;, |, &,
// < and > are characters like any other. Single quotes keep everything; in double
// quotes a backslash escapes only the double quote and itself.
func SplitWords(line string) ([]string, error) {
	s := splitter{runes: []rune(line)}
	for s.at < len(s.runes) {
		if err := s.step(); err != nil {
			return nil, err
		}
	}
	s.end()
	return s.words, nil
}

type splitter struct {
	runes []rune
	at    int
	words []string
	word  strings.Builder
	open  bool // a word has begun, be it an empty one in quotes
}

func (s *splitter) step() error {
	r := s.runes[s.at]
	s.at++
	switch {
	case r == '\'' || r == '"':
		s.open = true
		return s.quoted(r)
	case r == '\\':
		if s.at == len(s.runes) {
			return errors.New("a backslash at the end escapes nothing")
		}
		s.add(s.runes[s.at])
		s.at++
	case unicode.IsSpace(r):
		s.end()
	default:
		s.add(r)
	}
	return nil
}

func (s *splitter) quoted(quote rune) error {
	for start := s.at; s.at < len(s.runes); {
		r := s.runes[s.at]
		s.at++
		switch {
		case r == quote:
			return nil
		case r == '\\' && quote == '"' && s.at < len(s.runes) && (s.runes[s.at] == '"' || s.runes[s.at] == '\\'):
			r = s.runes[s.at]
			s.at++
		}
		s.add(r)
		if s.at == len(s.runes) {
			return fmt.Errorf("the quote %c before %q is not closed", quote, cut(string(s.runes[start:]), 20))
		}
	}
	return fmt.Errorf("the quote %c at the end is not closed", quote)
}

func (s *splitter) add(r rune) {
	s.word.WriteRune(r)
	s.open = true
}

func (s *splitter) end() {
	if s.open {
		s.words = append(s.words, s.word.String())
	}
	s.word.Reset()
	s.open = false
}

// cut shortens text to about n bytes.
func cut(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return strings.ToValidUTF8(text[:n], "") + "..."
}
