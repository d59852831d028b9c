package templates

import (
	"fmt"
	"strings"

	"netrun/inventory/diag"
)

// UndefinedError says that there is no variable of that name.
type UndefinedError struct {
	Name  string
	Known func() []string // names that there are; asked only when the error is shown
}

// Error implements error.
func (e *UndefinedError) Error() string {
	if hint := e.Hint(); hint != "" {
		return fmt.Sprintf("%s (%s)", e.message(), hint)
	}
	return e.message()
}

func (e *UndefinedError) message() string { return fmt.Sprintf("variable %q is not defined", e.Name) }

// Hint is the nearest name, as a question.
func (e *UndefinedError) Hint() string {
	if e.Known == nil {
		return ""
	}
	return diag.DidYouMean(e.Name, e.Known())
}

// missingKeyError says that a map has no such key.
type missingKeyError struct {
	key   string
	known func() []string
}

// Error implements error.
func (e *missingKeyError) Error() string {
	if hint := e.Hint(); hint != "" {
		return fmt.Sprintf("%s (%s)", e.message(), hint)
	}
	return e.message()
}

func (e *missingKeyError) message() string { return fmt.Sprintf("no %q in the map", e.key) }

// Hint is the nearest key, as a question.
func (e *missingKeyError) Hint() string {
	if e.known == nil {
		return ""
	}
	return diag.DidYouMean(e.key, e.known())
}

// Unknown stands for the value of a variable that is not known: in --check, the
// result of a task that was not run.
type Unknown struct{ Name string }

// UnknownError says that a value depends on an Unknown.
type UnknownError struct{ Name string }

// Error implements error.
func (e *UnknownError) Error() string {
	return fmt.Sprintf("depends on %q, which --check does not run", e.Name)
}

// CycleError says that variables are made of each other.
type CycleError struct{ Names []string }

// Error implements error.
func (e *CycleError) Error() string {
	return "variables are made of each other: " + strings.Join(e.Names, " -> ")
}

// Error is a mistake that came to light when a template or condition was evaluated.
// Its text is made when somebody asks: default and defined pass over many.
type Error struct {
	Pos diag.Pos
	Err error // the cause

	at *diag.Error
}

// At is the mistake with its place and what would be right.
func (e *Error) At() *diag.Error {
	if e.at != nil {
		return e.at
	}
	e.at = &diag.Error{Pos: e.Pos}
	h, ok := e.Err.(interface {
		message() string
		Hint() string
	})
	if ok {
		e.at.Msg, e.at.Hint = h.message(), h.Hint()
	} else {
		e.at.Msg = e.Err.Error()
	}
	return e.at
}

// Error implements error.
func (e *Error) Error() string { return e.At().Error() }

// Unwrap gives the cause and the place.
func (e *Error) Unwrap() []error { return []error{e.At(), e.Err} }

// located gives err a place, unless it has one already.
func located(pos diag.Pos, err error) error {
	if e, ok := err.(*Error); ok {
		return e
	}
	return &Error{Pos: pos, Err: err}
}
