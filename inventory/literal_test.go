package inventory

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLiteral(t *testing.T) {
	for in, want := range map[string]any{
		"5": 5, "-5": -5, "+5": 5, "- 5": -5, "0": 0, "00": 0, "0123": "0123", "0x1f": 31, "0o17": 15, "0b11": 3, "1_000": 1000, "1__0": "1__0",
		"1.5": 1.5, ".5": 0.5, "5.": 5.0, "1e3": 1000.0, "-1.5e-3": -0.0015, "01.5": 1.5, "1e999": "1e999", "1j": "1j",
		"True": true, "False": false, "None": nil, "true": "true", "yes": "yes", "-True": "-True", "--5": "--5",
		"10.0.0.1": "10.0.0.1", "52:54:00:12:34:56": "52:54:00:12:34:56", "fe80::1": "fe80::1", "1-2": "1-2", "": "",
		`"5"`: "5", `'a b'`: "a b", `'a' "b"`: "ab", `r'\n'`: `\n`, `b'x'`: "x", `"""x"y"""`: `x"y`, `'\x41\u00e9\101\q'`: `AéA\q`, `'\xq'`: `'\xq'`,
		"'open": "'open", "[1, 'a', True]": []any{1, "a", true}, "[]": []any{}, "[1,]": []any{1}, "[1": "[1", "[1] 2": "[1] 2",
		"80,443": []any{80, 443}, "(1,)": []any{1}, "(1)": 1, "()": []any{}, "80,": []any{80},
		"{'a': 1, 'b': [2]}": map[string]any{"a": 1, "b": []any{2}}, "{}": map[string]any{}, "{1, 2}": []any{1, 2}, "{1: 'x'}": map[string]any{"1": "x"},
		"{'a': 1, 2}": "{'a': 1, 2}", "5 # five": 5, "foo # c": "foo # c", "[1, x]": "[1, x]", "{{ x }}": "{{ x }}",
		"99999999999999999999": "99999999999999999999", strings.Repeat("[", 300): strings.Repeat("[", 300),
	} {
		if diff := cmp.Diff(want, literal(in)); diff != "" {
			t.Errorf("literal(%q) (-want +got):\n%s", in, diff)
		}
	}
}

func TestWords(t *testing.T) {
	for line, want := range map[string][]string{
		"a b\tc":                {"a", "b", "c"},
		`a x="b c" y='d "e"'`:   {"a", "x=b c", `y=d "e"`},
		`a\ b "c\"d" "\n" 'f\'`: {"a b", `c"d`, `\n`, `f\`},
		"a # comment":           {"a"},
		"a x=1#2":               {"a", "x=1"},
		`a "#"`:                 {"a", "#"},
		`""`:                    {""},
		"":                      nil,
	} {
		tokens, err := words(line, true)
		if err != nil {
			t.Errorf("words(%q): %v", line, err)
		}
		var got []string
		for _, tok := range tokens {
			got = append(got, tok.text)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("words(%q) (-want +got):\n%s", line, diff)
		}
	}
	for _, line := range []string{`a "b`, `a 'b`, `a \`} {
		if _, err := words(line, true); err == nil {
			t.Errorf("words(%q): no error", line)
		}
	}
}

func FuzzLiteral(f *testing.F) {
	for _, s := range []string{"5", "[1, 'a']", "{'a': (1,)}", `'\x41'`, "1.5e3", "r'\\'"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		literal(s)
		if tokens, err := words(s, true); err == nil && len(tokens) > len(s) {
			t.Errorf("%d words in %d bytes", len(tokens), len(s))
		}
	})
}
