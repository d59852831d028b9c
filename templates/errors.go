package templates

import (
	"fmt"
	"strings"

	"netrun/inventory/diag"
)

// UndefinedError says that there is no variable of that name.
type UndefinedError struct {
	Name string
	Hint string // the nearest name
}

// Error implements error.
func (e *UndefinedError) Error() string {
	if e.Hint == "" {
		return fmt.Sprintf("variable %q is not defined", e.Name)
	}
	return fmt.Sprintf("variable %q is not defined (%s)", e.Name, e.Hint)
}

// Undefined is the error for a name that is none of the known ones.
func Undefined(name string, known []string) *UndefinedError {
	return &UndefinedError{name, diag.DidYouMean(name, known)}
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
type Error struct {
	At  *diag.Error
	Err error // the cause
}

// Error implements error.
func (e *Error) Error() string { return e.At.Error() }

// Unwrap gives the cause and the place.
func (e *Error) Unwrap() []error { return []error{e.At, e.Err} }

// located gives err a place, unless it has one already.
func located(pos diag.Pos, err error) error {
	if d, ok := err.(*Error); ok {
		return d
	}
	at := &diag.Error{Pos: pos, Msg: err.Error()}
	if u, ok := err.(*UndefinedError); ok {
		at.Msg, at.Hint = (&UndefinedError{Name: u.Name}).Error(), u.Hint
	}
	return &Error{At: at, Err: err}
}
