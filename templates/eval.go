package templates

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
)

// The bounds of one evaluation.
const (
	MaxOutput = 16 << 20  // bytes of text
	maxSteps  = 4_000_000 // rounds, calls and elements gone through
	callSteps = 4         // for text/template to make a call, or a round
)

// Vars are the variables that a template may name.
type Vars interface {
	// Lookup gives a variable's value. The error is an *UndefinedError where there
	// is none, and an *UnknownError where its value is not known.
	Lookup(name string) (any, error)
}

// Eval gives the template's value: that of its action where it is one and nothing
// else, otherwise its text. The error is an *Error.
func (t *Template) Eval(vars Vars) (any, error) {
	r := &run{t: t, vars: vars, steps: maxSteps, native: t.single}
	if err := r.execute(); err != nil {
		return nil, err
	}
	if t.single {
		return r.value, nil
	}
	return string(r.out), nil
}

// Text gives the template's text. The error is an *Error.
func (t *Template) Text(vars Vars) (string, error) {
	r := &run{t: t, vars: vars, steps: maxSteps}
	if err := r.execute(); err != nil {
		return "", err
	}
	return string(r.out), nil
}

// run is one evaluation: the data that text/template is given, the writer that it
// writes to, and the first argument of every function that it calls.
type run struct {
	t      *Template
	vars   Vars
	steps  int
	native bool // the value of the single action is wanted, not its text
	value  any
	out    []byte
	place  int // of the last call, for errors of Write
}

var (
	errSteps  = fmt.Errorf("the template computes too long: more than %d steps", maxSteps)
	errOutput = fmt.Errorf("the template gives more than %d MiB of text", MaxOutput>>20)
	errAbsent = errors.New("the value is not defined")
)

func (r *run) execute() error {
	err := r.t.program.Execute(r, r)
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	m := execError.FindStringSubmatch(err.Error())
	if m == nil {
		return r.at(r.place, err)
	}
	line, _ := strconv.Atoi(m[1])
	col, _ := strconv.Atoi(m[2])
	return r.at(lineStart(r.t.Source, line)+col, errors.New(m[3]))
}

// execError is a complaint of text/template's own, with line and byte.
var execError = regexp.MustCompile(`(?s)^template: t:(\d+):(\d+): executing "t" at <.*>: (.*)$`)

// Write implements io.Writer.
func (r *run) Write(text []byte) (int, error) {
	if len(r.out)+len(text) > MaxOutput {
		return 0, errOutput
	}
	r.out = append(r.out, text...)
	return len(text), nil
}

// at gives err the place off, unless it has one already.
func (r *run) at(off int, err error) error {
	if e, ok := err.(*Error); ok {
		return e
	}
	return located(r.t.Origin.at(r.t.Source, off), err)
}

// spend counts n steps.
func (r *run) spend(n int) error {
	r.steps -= n
	if r.steps < 0 {
		return errSteps
	}
	return nil
}

// isUndefined reports whether the value asked for is not there: not one that it is made of.
func isUndefined(err error) bool {
	if e, ok := err.(*Error); ok {
		err = e.Err
	}
	switch err.(type) {
	case *UndefinedError, *missingKeyError:
		return true
	}
	return false
}
