package templates

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// parsed is a template that must be right.
func parsed(t testing.TB, text string) *Template {
	t.Helper()
	tmpl, err := Parse(text, Origin{})
	if err != nil {
		t.Fatalf("Parse(%q): %v", text, err)
	}
	return tmpl
}

// variables are those that the tests of this package refer to.
func variables(t testing.TB) *Scope {
	return NewScope(map[string]any{
		"n": 3, "name": "br0", "yes": true, "nothing": nil, "pi": 3.5, "count": "12",
		"list": []any{"b", "a", "b"}, "numbers": []any{3, 1, 2.5},
		"net":  map[string]any{"address": "10.1.2.3/24", "via": "10.1.2.1"},
		"made": parsed(t, "{{ .name }}-{{ .n }}"), "deep": map[string]any{"x": []any{parsed(t, "{{ .made }}!"), 1}},
		"a": parsed(t, "{{ .b }}"), "b": parsed(t, "{{ .a }}"), "broken": parsed(t, "{{ .gone }}"),
		"hidden": Unknown{"out"}, "under": parsed(t, "{{ .hidden }}"), "empty": "",
	})
}

var evalTests = []struct {
	text string
	want any
}{
	{"plain", "plain"},
	{"{{ .n }}", 3},
	{"{{ .n }} ", "3 "},
	{"{{ .yes }}", true},
	{"{{ .list }}", []any{"b", "a", "b"}},
	{"x{{ .list }}", `x["b", "a", "b"]`},
	{"{{ .made }}", "br0-3"},
	{"{{ .deep.x }}", []any{"br0-3!", 1}},
	{"{{ index .deep.x 0 }}", "br0-3!"},
	{"{{ index .list -1 }}{{ first .list }}{{ last .list }}", "bbb"},
	{"{{ .gone | default 1 }}", 1},
	{"{{ .net.gone | default 1 }}", 1},
	{"{{ default \"x\" .empty }}", "x"},
	{"{{ default \"x\" .nothing }}", "x"},
	{"{{ .n | required \"say n\" }}", 3},
	{"{{ if defined \"gone\" }}y{{ else }}n{{ end }}", "n"},
	{"{{ if defined \"net.via\" }}y{{ end }}", "y"},
	{"{{ range $i, $e := .list }}{{ $i }}{{ $e }}{{ . }}{{ $.n }};{{ end }}", "0bb3;1aa3;2bb3;"},
	{"{{ range $k, $v := .net }}{{ $k }}={{ $v }} {{ end }}", "address=10.1.2.3/24 via=10.1.2.1 "},
	{"{{ range 3 }}{{ . }}{{ end }}", "012"},
	{"{{ range list }}x{{ else }}none{{ end }}", "none"},
	{"{{ range .list }}{{ if eq . \"a\" }}{{ continue }}{{ end }}{{ . }}{{ break }}{{ end }}", "b"},
	{"{{ with .net }}{{ .via }}{{ else }}no{{ end }}", "10.1.2.1"},
	{"{{ with .empty }}x{{ else with .name }}{{ . }}{{ end }}", "br0"},
	{"{{ $x := 1 }}{{ range .list }}{{ $x = add $x 1 }}{{ end }}{{ $x }}", "4"},
	{"a {{- .n -}} b", "a3b"},
	{"{{/* nothing */}}x", "x"},
	{"{{ and .yes .n }} {{ or .empty .name }} {{ not .yes }}", "3 br0 false"},
	{"{{ or .yes .gone }}", true},
	{"{{ eq .n 1 3 }} {{ ne .n 3 }} {{ lt .n 3.5 }} {{ ge \"b\" \"a\" }}", "true false true true"},
	{"{{ eq .nothing nil }}", true},
	{"{{ add .count 1 }} {{ sub 5 .n }} {{ mul 2 3 4 }} {{ div 7 2 }} {{ mod 7 2 }} {{ div 7.0 2 }}", "13 2 24 3 1 3.5"},
	{"{{ upper .name | lower | trim }}", "br0"},
	{"{{ .name | replace \"br\" \"lbr\" }}", "lbr0"},
	{"{{ split \",\" \"a,b\" | join \"-\" }}", "a-b"},
	{"{{ sort .list | uniq }}", []any{"a", "b"}},
	{"{{ sort .numbers }}", []any{1, 2.5, 3}},
	{"{{ keys .net }}", []any{"address", "via"}},
	{"{{ get .net \"via\" }} {{ get .net \"gone\" \"d\" }} {{ get . \"name\" }}", "10.1.2.1 d br0"},
	{"{{ dict \"a\" 1 \"b\" .list | toJSON }}", `{"a": 1, "b": ["b", "a", "b"]}`},
	{"{{ fromJSON \"{\\\"a\\\": [1, 2.0]}\" }}", map[string]any{"a": []any{1, 2.0}}},
	{"{{ b64enc .name }} {{ b64enc .name | b64dec }}", "YnIw br0"},
	{"{{ quote \"it's $HOME\" }} {{ quote .name }} {{ quote \"\" }}", `'it'"'"'s $HOME' br0 ''`},
	{"{{ \"a\\n\\nb\" | indent 2 }}", "  a\n\n  b"},
	{"{{ regexMatch \"^br[0-9]\" .name }} {{ regexReplace \"br(.)\" \"x$1\" .name }}", "true x0"},
	{"{{ printf \"%s/%d %05.1f %v\" .name .n .pi .list }}", `br0/3 003.5 ["b", "a", "b"]`},
	{`{{ netmask .net.address }} {{ netmask "10.0.0.1" }} {{ netmask "0.0.0.0/0" }} {{ netmask "10.0.0.0/9" }}`, "255.255.255.0 255.255.255.255 0.0.0.0 255.128.0.0"},
	{"{{ host .net.address }} {{ network .net.address }} {{ prefixlen .net.address }}", "10.1.2.3 10.1.2.0/24 24"},
	{"{{ .net.address | nthhost 5 }} {{ nthhost -1 .net.address }} {{ nthhost 1 \"fd00::/64\" }}", "10.1.2.5 10.1.2.255 fd00::1"},
	{"{{ subnet 8 3 \"10.0.0.0/16\" }} {{ \"fd00::/48\" | subnet 16 255 }}", "10.0.3.0/24 fd00:0:0:ff::/64"},
	{"{{ nthhost -1 \"fd00::/64\" }} {{ nthhost -2 \"::/0\" }} {{ nthhost 0 \"10.0.0.9\" }}", "fd00::ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe 10.0.0.9"},
	{"{{ subnet 64 1 \"fd00::/16\" }} {{ subnet 0 0 \"10.0.0.1/32\" }} {{ nthhost 4294967295 \"0.0.0.0/0\" }}", "fd00::1:0:0:0/80 10.0.0.1/32 255.255.255.255"},
	{"{{ slice .list 1 }} {{ slice .name 0 2 }} {{ len .list }}", `["a", "b"] br 3`},
	{"{{ hasPrefix \"br\" .name }} {{ print .n .name }}", "true 3br0"},
}

func TestEval(t *testing.T) {
	for _, tt := range evalTests {
		got, err := parsed(t, tt.text).Eval(variables(t))
		if err != nil {
			t.Errorf("%s: got error %v", tt.text, err)
			continue
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s: -want +got:\n%s", tt.text, diff)
		}
	}
}

func TestEvalErrors(t *testing.T) {
	tests := []struct{ text, want string }{
		{"{{ .gone }}", `1:4: variable "gone" is not defined (known: a, b,`},
		{"ab\n  {{ .net.adress }}", `2:10: no "adress" in the map (did you mean "address"?)`},
		{"{{ .n.x }}", "1:6: the number 3 has no .x"},
		{"{{ .a }}", `1:3: variables are made of each other: a -> b -> a`},
		{"{{ .broken | default 1 }}", `variable "broken": 1:3: variable "gone" is not defined`},
		{"{{ .under }}", `depends on "out", which --check does not run`},
		{"{{ .gone | required \"set gone\" }}", "1:12: required: set gone"},
		{"{{ index .list 7 }}", "index 7 of a list of 3"},
		{"{{ eq .n \"3\" }}", `the number 3 and the text "3" are not comparable`},
		{"{{ add .name 1 }}", `the text "br0" is not a number`},
		{"{{ add 9223372036854775807 1 }}", "beyond 64 bits"},
		{"{{ div 1 0 }}", "division by 0"},
		{"{{ range .name }}{{ end }}", `the text "br0" is not a list or a map`},
		{"{{ nthhost 300 \"10.0.0.0/24\" }}", "has no host number 300"},
		{"{{ subnet 8 256 \"10.0.0.0/16\" }}", "has no subnet number 256"},
		{"{{ host \"no\" }}", "is not an address"},
		{"{{ fromJSON \"{\" }}", "unexpected EOF"},
		{"{{ regexMatch \"(\" .name }}", "missing closing )"},
	}
	for _, tt := range tests {
		origin := Origin{}
		origin.Pos.Line, origin.Pos.Col = 1, 1
		tmpl, err := Parse(tt.text, origin)
		if err != nil {
			t.Errorf("%s: got %v", tt.text, err)
			continue
		}
		_, err = tmpl.Eval(variables(t))
		var at *Error
		if !errors.As(err, &at) {
			t.Errorf("%s: got %v; want an *Error", tt.text, err)
			continue
		}
		if !strings.Contains(relaxed(err), relaxed(errors.New(tt.want))) {
			t.Errorf("%s: got %v; want %s", tt.text, err, tt.want)
		}
	}
}

// relaxed leaves out the columns of nested variables, which have no file.
func relaxed(err error) string {
	return strings.NewReplacer("1:3: ", "", "1:4: ", "").Replace(err.Error())
}

func TestParseErrors(t *testing.T) {
	tests := []struct{ text, want string }{
		{"{{ n }}", "1:4: a variable is written with a dot (write {{ .n }})"},
		{"x {{ upper n }}", "1:12: a variable is written with a dot (write .n)"},
		{"{{ list[0] }}", "(write {{ index .list 0 }})"},
		{"{{ map['a'] }}", `(write {{ .map.a }}, or {{ index .map "a" }})`},
		{"{{ n | default(1) }}", `(write {{ .n | default 1 }})`},
		{"{{ .m['x'] }}", `write {{ .m.x }}, or {{ index .m "x" }}`},
		{"{{ .n == 1 }}", "a value has functions, not operators"},
		{"{% for x in y %}", `1:1: "{% for" is Jinja`},
		{"{{ uper .n }}", `unknown function "uper" (did you mean "upper"?)`},
		{"{{ .n | int }}", "numbers need no conversion here"},
		{"{{ upper }}", "upper takes 1 argument, not 0"},
		{"{{ replace .n }}", "replace takes 3 arguments, not 1"},
		{"{{ . }}", "is all variables at once"},
		{"{{ range .l }}{{ $ }}{{ end }}", "is all variables at once"},
		{"{{ .n", "unclosed action"},
		{"a\nb {{ .x }} {{ end }}", "2:"},
		{"{{ define \"x\" }}{{ end }}", "define and block are not known here"},
		{"{{ template \"x\" }}", "template is not known here"},
		{"{{ .f 1 }}", ".f is not a function"},
		{"{{ defined .x }}", "defined takes a variable's name as a text"},
		{"{{ $x }}", "undefined variable"},
		{strings.Repeat("(", 2000), "nope"},
		{"{{ " + strings.Repeat("(", 2000) + " }}", "too many parentheses"},
		{strings.Repeat("{{ if true }}", 30_000), "too many parentheses or blocks"},
	}
	for _, tt := range tests {
		origin := Origin{}
		origin.Pos.Line, origin.Pos.Col = 1, 1
		_, err := Parse(tt.text, origin)
		if tt.want == "nope" {
			continue // parentheses outside actions are text; that it ends is what is tested
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%.60s: got %v; want %s", tt.text, err, tt.want)
		}
	}
}

// TestBombs evaluates templates that would compute or write without end.
func TestBombs(t *testing.T) {
	tests := []string{
		"{{ range 1000000000 }}{{ end }}",
		"{{ range 100000 }}{{ range 100000 }}{{ end }}{{ end }}",
		"{{ range 1000000 }}{{ range 1000 }}0123456789{{ end }}{{ end }}",
		"{{ $x := \"aaaaaaaaaaaaaaaa\" }}{{ range 100 }}{{ $x = replace \"a\" \"aa\" $x }}{{ end }}{{ $x }}",
		"{{ $x := list 1 }}{{ range 100 }}{{ $x = list $x $x }}{{ end }}{{ $x }}",
		"{{ $x := list 1 }}{{ range 100 }}{{ $x = list $x $x }}{{ end }}{{ eq $x $x }}",
		"{{ $x := list 1 }}{{ range 100 }}{{ $x = list $x $x }}{{ end }}{{ toJSON $x | len }}",
		"{{ $x := list 1 }}{{ range 100 }}{{ $x = list $x $x }}{{ end }}{{ uniq $x | len }}",
		"{{ $x := \"a\" }}{{ range 100 }}{{ $x = print $x $x }}{{ end }}",
		"{{ $x := \"a\" }}{{ range 100 }}{{ $x = printf \"%s%s%[1]q\" $x $x }}{{ end }}",
		"{{ printf \"%999999d\" 1 }}",
		"{{ printf \"%*d\" 999999999 1 }}",
		"{{ $x := \"a\" }}{{ range 100 }}{{ $x = indent 100 (print $x \"\\n\" $x) }}{{ end }}",
		"{{ $x := \"a\" }}{{ range 60 }}{{ $x = regexReplace \"a\" \"$0$0$0$0\" $x }}{{ end }}",
		"{{ $x := \"a,\" }}{{ range 30 }}{{ $x = join $x (split \"\" $x) }}{{ end }}",
	}
	for _, text := range tests {
		if _, err := parsed(t, text).Eval(variables(t)); err == nil {
			t.Errorf("%s: got no error", text)
		}
	}
}

func TestRefs(t *testing.T) {
	tests := []struct {
		text           string
		refs, required []string
	}{
		{"{{ .a.b }} {{ $.c }}", []string{"a", "c"}, []string{"a", "c"}},
		{"{{ range .l }}{{ .x }}{{ $.y }}{{ else }}{{ .z }}{{ end }}", []string{"l", "y", "z"}, []string{"l", "y", "z"}},
		{"{{ with .w }}{{ .x }}{{ end }}{{ .v }}", []string{"v", "w"}, []string{"w", "v"}},
		{"{{ .a | default .b }} {{ default .c .d }}", []string{"a", "b", "c", "d"}, []string{"b", "c"}},
		{"{{ if defined \"a.b\" }}{{ .a.b }}{{ end }}", []string{"a"}, nil},
		{"{{ index . \"a\" }} {{ get $ \"b\" 1 }}", []string{"a", "b"}, []string{"a"}},
		{"{{ (index .a 0).b }} {{ upper (print .c) }}", []string{"a", "c"}, []string{"a", "c"}},
	}
	for _, tt := range tests {
		tmpl := parsed(t, tt.text)
		var required []string
		for _, r := range tmpl.Required() {
			required = append(required, r.Name)
		}
		if diff := cmp.Diff([2][]string{tt.refs, tt.required}, [2][]string{tmpl.Refs(), required}); diff != "" {
			t.Errorf("%s: -want +got:\n%s", tt.text, diff)
		}
	}
}

func TestValueRoundTrip(t *testing.T) {
	values := []any{nil, true, 0, -5, 1 << 60, 1.0, 1.5, 1e300, "", "text", "\xff\x00binary", "{{ no template }}", []any{}, map[string]any{},
		map[string]any{"$t": "not a template", "p": 1}, map[string]any{"$m": map[string]any{"$b": "x"}}, []any{map[string]any{"a": []any{1, "b"}}}, Unknown{"x"}}
	for _, v := range values {
		raw, err := json.Marshal(Value{v})
		if err != nil {
			t.Errorf("%v: %v", v, err)
			continue
		}
		var got Value
		if err := json.Unmarshal(raw, &got); err != nil {
			t.Errorf("%s: %v", raw, err)
			continue
		}
		if diff := cmp.Diff(v, got.V); diff != "" {
			t.Errorf("%s: -want +got:\n%s", raw, diff)
		}
	}
	raw, err := json.Marshal(Value{[]any{parsed(t, "{{ .n }}")}})
	if err != nil {
		t.Fatal(err)
	}
	var got Value
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatal(err)
	}
	if v, err := Render(got.V, variables(t)); err != nil || !cmp.Equal(v, []any{3}) {
		t.Errorf("got %v, %v; want [3]", v, err)
	}
}

func TestRenderCopiesOnlyWhatChanges(t *testing.T) {
	list := []any{1, map[string]any{"a": "b"}}
	got, err := Render(list, variables(t))
	if err != nil || &got.([]any)[0] != &list[0] {
		t.Errorf("got a copy, error %v; want the list itself", err)
	}
	tree := []any{parsed(t, "{{ .n }}")}
	if _, err := Render(tree, variables(t)); err != nil || tree[0] == 3 {
		t.Errorf("got %v, error %v; want the tree unchanged", tree, err)
	}
}

func TestScopeForget(t *testing.T) {
	layer := map[string]any{"x": 1, "y": parsed(t, "{{ .x }}")}
	s := NewScope(layer)
	for _, want := range []int{1, 2} {
		layer["x"] = want
		s.Forget()
		if got, err := s.Lookup("y"); err != nil || got != want {
			t.Errorf("got %v, %v; want %d", got, err, want)
		}
	}
	over := s.Over(map[string]any{"x": 9})
	if got, err := over.Lookup("y"); err != nil || got != 9 {
		t.Errorf("got %v, %v; want 9: a variable is evaluated where it is used", got, err)
	}
}
