package tasks

import (
	"fmt"
	"strings"
)

// Assert wants expressions to be true.
type Assert struct {
	That       []string `arg:"that,required" doc:"expressions as in when, one or a list, of which each must be true"`
	FailMsg    string   `arg:"fail_msg" doc:"what is said if one is not"`
	SuccessMsg string   `arg:"success_msg" doc:"what is said if all are"`
}

func init() {
	Register(Kind{Name: "assert", Short: "want expressions to be true", Free: "that", New: func() Task { return new(Assert) }})
}

// Check implements Task.
func (a *Assert) Check() error {
	for i, expression := range a.That {
		if strings.TrimSpace(expression) == "" {
			return at(Wrong("that", "the expression is empty"), i)
		}
	}
	if len(a.That) == 0 {
		return Wrong("that", "the list is empty")
	}
	return nil
}

// Inline implements Inline.
func (a *Assert) Inline(vars Vars) (Outcome, error) {
	for _, expression := range a.That {
		value, err := vars.Eval(expression)
		if err != nil {
			return Outcome{}, fmt.Errorf("that %q: %w", expression, err)
		}
		holds, ok := value.(bool)
		if !ok {
			return Outcome{}, fmt.Errorf("that %q: the value is %s, not true or false", expression, valueText(value))
		}
		if !holds {
			return Outcome{}, &Failure{Msg: a.failure(expression), Data: map[string]any{"assertion": expression, "evaluated_to": false}}
		}
	}
	msg := a.SuccessMsg
	if msg == "" {
		msg = "all assertions hold"
	}
	return Outcome{Msg: msg, Data: map[string]any{"msg": msg}}, nil
}

func (a *Assert) failure(expression string) string {
	if a.FailMsg != "" {
		return a.FailMsg
	}
	return fmt.Sprintf("%s does not hold", expression)
}
