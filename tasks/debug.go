package tasks

import (
	"encoding/json"
	"fmt"
)

// Debug prints a text or the value of an expression.
type Debug struct {
	Msg any    `arg:"msg" doc:"what to print: a text, or a list or map"`
	Var string `arg:"var" doc:"instead of msg: an expression whose value is printed, such as the name of a variable"`
}

func init() {
	Register(Kind{Name: "debug", Short: "print a text or a variable", Free: "msg", New: func() Task { return new(Debug) }})
}

// Check implements Task.
func (d *Debug) Check() error {
	if d.Msg != nil && d.Var != "" {
		return Wrong("var", "give either msg or var")
	}
	return nil
}

// Inline implements Inline.
func (d *Debug) Inline(vars Vars) (Outcome, error) {
	if d.Var == "" {
		msg := d.Msg
		if msg == nil {
			msg = "Hello world!"
		}
		return Outcome{Msg: valueText(msg), Data: map[string]any{"msg": msg}}, nil
	}
	value, err := vars.Eval(d.Var)
	if err != nil {
		return Outcome{}, fmt.Errorf("var %q: %w", d.Var, err)
	}
	return Outcome{Msg: d.Var + " = " + valueText(value), Data: map[string]any{d.Var: value}}, nil
}

// valueText is a text as it is, and anything else as JSON, of which maps come out sorted.
func valueText(value any) string {
	if text, ok := value.(string); ok {
		return text
	}
	raw, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return string(raw)
}
