// Package diag reports mistakes in text that a user wrote: where they stand,
// what is wrong and what would be right.
//
// It knows positions, lists of mistakes, near names and how to show a line with
// a caret under it. It does not know what the text means: inventories,
// playbooks and variable files all use it.
package diag

import (
	"cmp"
	"fmt"
	"strings"
)

// Pos is a place in a text. Line and Col are 1-based and Col counts runes (an
// invalid byte counts as one); zero means unknown. The line of a Private place is
// not shown: it holds a secret that no name tells.
type Pos struct {
	File    string `json:"file,omitempty"`
	Line    int    `json:"line,omitempty"`
	Col     int    `json:"col,omitempty"`
	Private bool   `json:"-"`
}

// String returns "file:line:col", leaving out what is unknown.
func (p Pos) String() string {
	parts := make([]string, 0, 3)
	if p.File != "" {
		parts = append(parts, printable(p.File))
	}
	if p.Line > 0 {
		parts = append(parts, fmt.Sprint(p.Line))
		if p.Col > 0 {
			parts = append(parts, fmt.Sprint(p.Col))
		}
	}
	return strings.Join(parts, ":")
}

// compare orders positions by file, line and column.
func (p Pos) compare(q Pos) int {
	return cmp.Or(cmp.Compare(p.File, q.File), cmp.Compare(p.Line, q.Line), cmp.Compare(p.Col, q.Col))
}

// Error is one mistake at one place.
type Error struct {
	Pos  Pos    `json:"pos"`
	Msg  string `json:"msg"`            // what is wrong, lower case, no full stop
	Hint string `json:"hint,omitempty"` // what would be right: `did you mean "gateway"?`
}

// Errorf makes an Error without a hint. It does not wrap its arguments: a cause
// is part of the text.
func Errorf(pos Pos, format string, a ...any) *Error {
	return &Error{Pos: pos, Msg: fmt.Sprintf(format, a...)}
}

// WithHint sets what would be right and returns e.
func (e *Error) WithHint(format string, a ...any) *Error {
	e.Hint = fmt.Sprintf(format, a...)
	return e
}

// Error returns "file:line:col: msg (hint)" on one line.
func (e *Error) Error() string {
	s := e.headline()
	if e.Hint != "" {
		s += " (" + printable(e.Hint) + ")"
	}
	return s
}

func (e *Error) headline() string {
	msg := printable(e.Msg)
	if at := e.Pos.String(); at != "" {
		return at + ": " + msg
	}
	return msg
}
