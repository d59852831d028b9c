package deployment

import (
	"fmt"
	"strconv"
	"strings"

	"netrun/inventory/diag"
)

// The limits of a variable, in bytes.
const (
	maxVariableName  = 1024
	maxVariableValue = 8 << 10
)

const (
	errNoName    message = "Name may not be empty"
	errLongName  message = "Name must be shorter than 1024 characters."
	errLongValue message = "Value must be less than 8KB."
)

const blanks = " \t"

// ParseEnvLine reads "NAME=value". A value that is a quoted string of Go loses its quotes, so
// 'B' does and 'BC' does not; blanks around it go. A line without "=" is no variable, and no
// error; "#" begins no comment.
func ParseEnvLine(line string) (v Variable, match bool, err error) {
	name, value, ok := strings.Cut(line, "=")
	if !ok {
		return Variable{}, false, nil
	}
	name = strings.TrimLeft(name, blanks)
	if strings.ContainsAny(name, blanks) {
		return Variable{}, false, fmt.Errorf("variable '%s' has white spaces", name)
	}
	if plain, err := strconv.Unquote(value); err == nil {
		value = plain
	}
	return Variable{Name: name, Value: strings.TrimSpace(value)}, true, nil
}

// ParseEnv reads a file of variables, in order of their first lines; of lines with one name
// the last counts. As in geard, a line that cannot be a variable or is beyond the limits is
// skipped; skipped says which and why, but for lines without "=".
func ParseEnv(file string, text []byte) (vars []Variable, skipped []*diag.Error) {
	at := map[string]int{}
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		v, match, err := ParseEnvLine(strings.TrimRight(line, "\r\n"))
		if err == nil && match {
			err = v.check()
		}
		switch {
		case err != nil:
			skipped = append(skipped, diag.Errorf(diag.Pos{File: file, Line: number}, "%v", err))
		case match:
			vars = put(vars, at, v)
		}
	}
	return vars, skipped
}

// put sets a variable where one of its name stands, or else at the end.
func put(vars []Variable, at map[string]int, v Variable) []Variable {
	if i, ok := at[v.Name]; ok {
		vars[i] = v
		return vars
	}
	at[v.Name] = len(vars)
	return append(vars, v)
}

func (v Variable) check() error {
	switch {
	case strings.TrimSpace(v.Name) == "":
		return errNoName
	case len(v.Name) > maxVariableName:
		return errLongName
	case len(v.Value) > maxVariableValue:
		return errLongValue
	}
	return nil
}

// sameVariables reports whether two environments are the same for a process: the order does
// not matter, and the last variable of a name counts.
func sameVariables(a, b []Variable) bool {
	x, y := effective(a), effective(b)
	if len(x) != len(y) {
		return false
	}
	for name, value := range x {
		if other, ok := y[name]; !ok || other != value {
			return false
		}
	}
	return true
}

func effective(vars []Variable) map[string]string {
	m := make(map[string]string, len(vars))
	for _, v := range vars {
		m[v.Name] = v.Value
	}
	return m
}
