package templates

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/expr-lang/expr/checker"
	"github.com/expr-lang/expr/compiler"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/vm"

	"netrun/inventory/diag"
)

// maxCondition bounds a condition's text: its parser recurses.
const maxCondition = 16 << 10

// Condition is an expression of expr-lang/expr, as in when, parsed and compiled.
// It may be used by several goroutines.
type Condition struct {
	Source string
	Origin Origin

	program *vm.Program
	refs    refs
}

// ParseCondition reads an expression. The error is a *diag.Error with the place
// within the text, and a hint where the text looks like Jinja.
func ParseCondition(text string, origin Origin) (*Condition, error) {
	c := &Condition{Source: text, Origin: origin}
	if i := strings.Index(text, "{{"); i >= 0 {
		inner := strings.NewReplacer("{{", "", "}}", "").Replace(text)
		return nil, c.errorAt(i, "a condition is an expression, without braces").
			WithHint("write %s", strings.TrimLeft(strings.Join(strings.Fields(inner), " "), ". "))
	}
	if len(text) > maxCondition {
		return nil, c.errorAt(0, "a condition of more than 16 KiB")
	}
	if strings.TrimSpace(text) == "" {
		return nil, c.errorAt(0, "an empty condition")
	}
	config := newConfig()
	tree, err := parser.ParseWithConfig(text, config)
	if err != nil {
		return nil, c.syntaxError(err)
	}
	w := rewriter{c: c}
	tree.Node = w.node(tree.Node, false)
	if w.err != nil {
		return nil, w.err
	}
	if _, err := checker.Check(tree, config); err != nil {
		return nil, c.syntaxError(err)
	}
	if c.program, err = compiler.Compile(tree, config); err != nil {
		return nil, c.syntaxError(err)
	}
	return c, nil
}

// Refs lists the variables that the condition refers to, sorted.
func (c *Condition) Refs() []string { return c.refs.all() }

// Required lists those of Refs that must exist.
func (c *Condition) Required() []Ref { return c.refs.required() }

// Words lists the identifiers and texts in the condition.
func (c *Condition) Words() []string { return c.refs.sortedWords() }

func (c *Condition) errorAt(off int, format string, a ...any) *diag.Error {
	return diag.Errorf(c.Origin.at(c.Source, off), format, a...)
}

// offset turns expr's count of runes into one of bytes.
func (c *Condition) offset(runes int) int {
	for i := range c.Source {
		if runes == 0 {
			return i
		}
		runes--
	}
	return len(c.Source)
}

var (
	isDefinedTest = regexp.MustCompile(`\b([a-zA-Z_][\w.]*)\s+is\s+(not\s+)?(defined|undefined)\b`)
	resultTest    = regexp.MustCompile(`\b([a-zA-Z_][\w.]*)\s+is\s+(not\s+)?(\w+)`)
	filterUse     = regexp.MustCompile(`([a-zA-Z_][\w.]*)\s*\|\s*(\w+)`)
	singleEquals  = regexp.MustCompile(`[^=!<>]=[^=]`)
	conversion    = regexp.MustCompile(`^interface conversion: interface \{\} is (.+), not (.+)$`)
	tokenText     = regexp.MustCompile(`\((".*")\)$`)
)

func (c *Condition) syntaxError(err error) error {
	var at *file.Error
	if !errors.As(err, &at) {
		return c.errorAt(0, "%v", err)
	}
	msg := strings.NewReplacer("token ", "", "Operator(", "(", "Identifier(", "(", "Bracket(", "(", "Number(", "(", "String(", "(").Replace(at.Message)
	if strings.Contains(msg, "EOF") {
		msg = "the expression ends too early"
	}
	msg = tokenText.ReplaceAllString(msg, "$1")
	e := c.errorAt(c.offset(at.From), "%s", msg)
	if m := isDefinedTest.FindStringSubmatch(c.Source); m != nil {
		not := map[bool]string{true: "not "}[(m[2] != "") != (m[3] == "undefined")]
		return e.WithHint(`write %sdefined("%s")`, not, m[1])
	}
	if m := resultTest.FindStringSubmatch(c.Source); m != nil {
		return e.WithHint("write %s%s.%s", map[bool]string{true: "not "}[m[2] != ""], m[1], strings.NewReplacer("succeeded", "failed == false", "success", "failed == false").Replace(m[3]))
	}
	if m := filterUse.FindStringSubmatch(c.Source); m != nil {
		if hint, ok := conditionJinja[m[2]]; ok {
			return e.WithHint("%s", hint)
		}
		return e.WithHint("write %s(%s)", m[2], m[1])
	}
	if singleEquals.MatchString(c.Source) {
		return e.WithHint("== compares")
	}
	return e
}

// Eval gives the expression's value. The error is an *Error.
func (c *Condition) Eval(vars Vars) (any, error) {
	v, err := vm.Run(c.program, &evaluation{vars: vars, steps: maxSteps})
	if err == nil {
		return plain(v), nil
	}
	pos := c.Origin.at(c.Source, 0)
	var at *file.Error
	if errors.As(err, &at) {
		pos = c.Origin.at(c.Source, c.offset(at.From))
		err = at.Prev
		if err == nil || conversion.MatchString(err.Error()) {
			err = errors.New(operandText(cmp.Or(conversion.FindString(at.Message), at.Message)))
		}
	}
	return nil, located(pos, err)
}

// operandText says in our words what Go's runtime says of an operand of the wrong type.
func operandText(msg string) string {
	m := conversion.FindStringSubmatch(msg)
	if m == nil {
		return msg
	}
	names := map[string]string{"[]interface {}": "a list", "map[string]interface {}": "a map", "float64": "a number", "int": "a number",
		"bool": "true or false", "string": "a text", "nil": "null"}
	text := fmt.Sprintf("%s where %s is wanted", cmp.Or(names[m[1]], m[1]), cmp.Or(names[m[2]], m[2]))
	if m[1] == "[]interface {}" && m[2] == "string" {
		text += ` (whether a list holds it: "x" in list)`
	}
	return text
}

// Holds evaluates a condition, whose value must be true or false.
func (c *Condition) Holds(vars Vars) (bool, error) {
	v, err := c.Eval(vars)
	if err != nil {
		return false, err
	}
	if b, ok := v.(bool); ok {
		return b, nil
	}
	e := c.errorAt(0, "the condition gives %s, not true or false", what(v))
	switch v.(type) {
	case string:
		e.WithHint("write bool(%s) for texts such as yes and true", c.Source)
	case []any, map[string]any:
		e.WithHint("write len(%s) > 0", c.Source)
	}
	return false, &Error{Pos: e.Pos, Err: errors.New(e.Msg), at: e}
}

// plain turns what expr makes (typed slices, other integers) into values of playbooks.
func plain(v any) any {
	switch x := v.(type) {
	case []string:
		out := make([]any, len(x))
		for i, s := range x {
			out[i] = s
		}
		return out
	case []int:
		out := make([]any, len(x))
		for i, n := range x {
			out[i] = n
		}
		return out
	case int64:
		return int(x)
	case map[any]any:
		out := make(map[string]any, len(x))
		for k, e := range x {
			out[fmt.Sprint(k)] = e
		}
		return out
	}
	return v
}

// disabled are builtins of expr that would read a clock.
var disabled = []string{"now", "date", "timezone", "duration"}

func newConfig() *conf.Config {
	config := conf.CreateNew()
	for _, name := range disabled {
		delete(config.Builtins, name)
		config.Disabled[name] = true
	}
	for name, f := range conditionFunctions {
		config.Functions[name] = f
	}
	return config
}

type conditionJSON struct {
	Text   string   `json:"t"`
	Pos    diag.Pos `json:"p"`
	Indent int      `json:"i,omitempty"`
}

// MarshalJSON implements json.Marshaler.
func (c *Condition) MarshalJSON() ([]byte, error) {
	return json.Marshal(conditionJSON{c.Source, c.Origin.Pos, c.Origin.Indent})
}

// UnmarshalJSON implements json.Unmarshaler.
func (c *Condition) UnmarshalJSON(raw []byte) error {
	var j conditionJSON
	if err := json.Unmarshal(raw, &j); err != nil {
		return fmt.Errorf("decode condition: %w", err)
	}
	parsed, err := ParseCondition(j.Text, Origin{j.Pos, j.Indent})
	if err != nil {
		return err
	}
	*c = *parsed
	return nil
}
