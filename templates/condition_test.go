package templates

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func condition(t testing.TB, text string) *Condition {
	t.Helper()
	c, err := ParseCondition(text, Origin{})
	if err != nil {
		t.Fatalf("ParseCondition(%q): %v", text, err)
	}
	return c
}

func TestHolds(t *testing.T) {
	tests := []struct {
		text string
		want bool
	}{
		{"n == 3", true},
		{"n > 3 or name startsWith \"br\"", true},
		{"net.via == \"10.1.2.1\" and list[0] == 'b'", true},
		{"\"a\" in list and not (\"z\" in list)", true},
		{"defined(\"gone\") and gone", false},
		{"defined(gone.x)", false},
		{"defined(net.via) && defined(\"net.address\")", true},
		{"not defined(net.gone)", true},
		{"default(gone, 3) == n", true},
		{"(gone ?? 4) == 4", true},
		{"net?.gone ?? true", true},
		{"yes ? true : gone", true},
		{"all(numbers, # > 0) and any(list, # == \"a\") and len(list) == 3", true},
		{"len(filter(list, # == \"b\")) == 2", true},
		{"count([net], .via matches \"^10\") == 1", true},
		{"let x = n + 1; x == 4", true},
		{"bool(\"yes\") and not bool(0)", true},
		{"made == \"br0-3\"", true},
		{"$env.n == 3", true},
		{"1 in [1, 2] and n in 1..5", true},
		{"string(n) + name == \"3br0\"", true},
	}
	for _, tt := range tests {
		got, err := condition(t, tt.text).Holds(variables(t))
		if err != nil || got != tt.want {
			t.Errorf("%s: got %v, %v; want %v", tt.text, got, err, tt.want)
		}
	}
}

func TestUnknownParts(t *testing.T) {
	vars := NewScope(map[string]any{"hostvars": map[string]any{"h": map[string]any{"r": Unknown{"r"}}}, "list": []any{Unknown{"r"}}})
	for _, text := range []string{"{{ .hostvars.h.r.stdout }}", "{{ .hostvars.h.r }}", "{{ .hostvars.h }}", "{{ index .list 0 }}"} {
		parsed, err := Parse(text, Origin{})
		if err != nil {
			t.Fatal(err)
		}
		var unknown *UnknownError
		if got, err := parsed.Text(vars); !errors.As(err, &unknown) {
			t.Errorf("%s: got %q, %v; want that r is not known", text, got, err)
		}
	}
}

func TestConditionErrors(t *testing.T) {
	tests := []struct{ text, want string }{
		{"gone == 1", `1:1: variable "gone" is not defined`},
		{"n == 1 or net.vai == 1", `1:15: no "vai" in the map (did you mean "via"?)`},
		{"n", "the condition gives the number 3, not true or false"},
		{"name", "write bool(name)"},
		{"list[9] == 1", "index 9 of a list of 3"},
		{"under == 1", `depends on "out", which --check does not run`},
		{"bool(name)", "neither true nor false"},
		{"let l = 1..900000; all(l, all(l, true))", "too long"},
		{"len(1..100000000) > 1", "memory budget"},
		{"name matches name + \"(\"", "missing closing"},
		{"{{ n }} == 1", "1:1: a condition is an expression, without braces (write n == 1)"},
		{"x is defined", `1:3: unexpected "is" (write defined("x"))`},
		{"x.y is not defined", `(write not defined("x.y"))`},
		{"r is failed", "write r.failed"},
		{"n | length", "use len"},
		{`list contains "b"`, `a list where a text is wanted (whether a list holds it: "x" in list)`},
		{"n = 1", "== compares"},
		{"uper(n)", `unknown function "uper" (did you mean "upper"?)`},
		{"now()", `unknown function "now"`},
		{"_member(n, 1)", `unknown function "_member"`},
		{"n.foo()", "values have no methods"},
		{"n == ", "ends too early"},
		{"default(n)", "default takes 2 arguments, not 1"},
		{"defined(1)", "defined takes a variable's name"},
		{" ", "an empty condition"},
		{strings.Repeat("x", 20_000), "more than 16 KiB"},
		{strings.Repeat("(", 10_000), "ends too early"},
		{strings.Repeat("not ", 3_000) + "yes", "nope"},
	}
	for _, tt := range tests {
		origin := Origin{}
		origin.Pos.Line, origin.Pos.Col = 1, 1
		c, err := ParseCondition(tt.text, origin)
		if err == nil {
			_, err = c.Holds(variables(t))
		}
		if tt.want != "nope" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%.60s: got %v; want %s", tt.text, err, tt.want)
		}
	}
}

func TestConditionRefs(t *testing.T) {
	tests := []struct {
		text           string
		refs, required []string
	}{
		{"a.b == c[d]", []string{"a", "c", "d"}, []string{"a", "c", "d"}},
		{"defined(\"a\") and a.b and e", []string{"a", "e"}, []string{"e"}},
		{"default(a, b) == (c ?? d)", []string{"a", "b", "c", "d"}, []string{"b", "d"}},
		{"any(a, .b == #) and (let x = y; x)", []string{"a", "y"}, []string{"a", "y"}},
		{"$env.a", []string{"a"}, []string{"a"}},
	}
	for _, tt := range tests {
		c := condition(t, tt.text)
		var required []string
		for _, r := range c.Required() {
			required = append(required, r.Name)
		}
		if diff := cmp.Diff([2][]string{tt.refs, tt.required}, [2][]string{c.Refs(), required}); diff != "" {
			t.Errorf("%s: -want +got:\n%s", tt.text, diff)
		}
	}
}

func TestConditionRoundTrip(t *testing.T) {
	raw, err := json.Marshal(condition(t, "n == 3"))
	if err != nil {
		t.Fatal(err)
	}
	var c Condition
	if err := json.Unmarshal(raw, &c); err != nil {
		t.Fatal(err)
	}
	if got, err := c.Holds(variables(t)); err != nil || !got {
		t.Errorf("got %v, %v; want true", got, err)
	}
}
