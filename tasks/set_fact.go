package tasks

import (
	"fmt"
	"strings"
)

// SetFact sets variables of the host, from here to the end of the run.
type SetFact struct {
	Facts map[string]any `arg:",rest" doc:"each argument is a variable and its value"`
}

func init() {
	Register(Kind{Name: "set_fact", Short: "set variables of the host", Open: true, New: func() Task { return new(SetFact) }})
}

// Check implements Task.
func (s *SetFact) Check() error {
	if len(s.Facts) == 0 {
		return &ArgError{Msg: "which variable? give a name and a value"}
	}
	for _, name := range sortedKeys(s.Facts) {
		if !variableName(name) {
			return &ArgError{Path: []any{name}, Key: true, Msg: fmt.Sprintf("%q is not the name of a variable", name), Hint: "letters, digits and _, and no digit first"}
		}
	}
	return nil
}

func variableName(name string) bool {
	for i, r := range name {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '_'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return name != ""
}

// Inline implements Inline.
func (s *SetFact) Inline(Vars) (Outcome, error) {
	return Outcome{Msg: strings.Join(sortedKeys(s.Facts), ", "), Facts: s.Facts, Data: map[string]any{"facts": s.Facts}}, nil
}
