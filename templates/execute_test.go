package templates

import (
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestExecuted is what text/template alone would read in another way, or refuse.
func TestExecuted(t *testing.T) {
	vars := NewScope(map[string]any{"n": 3, "nothing": nil, "made": onDemand{"b": 2, "a": []any{nil}}, "maps": []any{map[string]any{"x": 1}, map[string]any{}}})
	tests := []struct {
		text string
		want any
	}{
		{"{{ nil }}", nil},
		{"[{{ nil }}{{ .nothing }}]", "[]"},
		{"{{ 1e3 }}", 1000},
		{"{{ 18446744073709551615 }}", 18446744073709551615.0},
		{"{{ range $i, $e := 2 }}{{ $i }}{{ $e }};{{ end }}", "00;11;"},
		{"{{ range $k, $v := .made }}{{ $k }}={{ $v }};{{ end }}", "a=[null];b=2;"},
		{"{{ range .made.a }}[{{ . }}]{{ end }}", "[]"},
		{"{{ range .maps }}{{ .x | default 7 }}{{ end }}", "17"},
		{"{{ range $m := .maps }}{{ $m.x | default 7 }}{{ end }}", "17"},
		{"{{ (index .maps 1).x | default 7 }}", 7},
		{"{{ upper .gone | default 7 }}", 7},
		{"{{ upper (print .gone .n) | default 7 }}", 7},
		{"{{ default 7 (or .gone .nothing) }}", 7},
		{"{{ and nil .gone }}", nil},
		{"{{ .n | and .nothing }}", nil},
		{"{{ .n | or .nothing }}", 3},
	}
	for _, tt := range tests {
		got, err := parsed(t, tt.text).Eval(vars)
		if err != nil {
			t.Errorf("%s: got error %v", tt.text, err)
			continue
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s: -want +got:\n%s", tt.text, diff)
		}
	}
}

func TestNotExecuted(t *testing.T) {
	tests := []struct{ text, want string }{
		{"{{ $ := .n }}", "1:4: $ stands for the variables (give the local variable a name: $x)"},
		{"{{ range $i, $ := .n }}{{ end }}", "$ stands for the variables"},
		{"{{ print 1i }}", "1:10: 1i is not a value"},
		{"x\n  {{ range $x = 2 }}{{ end }}", "2:12: undefined variable: $x"},
		{"{{ .made.Get }}", `no "Get" in the map`},
		{"{{ $.Write }}", `variable "Write" is not defined`},
		{"{{ _emit 1 }}", `unknown function "_emit"`},
		{"{{ html .n }}", `unknown function "html"`},
		{"{{ range $i := 3 }}{{ .Write }}{{ end }}", "the number 0 has no .Write"},
	}
	vars := NewScope(map[string]any{"n": 3, "made": onDemand{"a": 1}})
	for _, tt := range tests {
		origin := Origin{}
		origin.Pos.Line, origin.Pos.Col = 1, 1
		tmpl, err := Parse(tt.text, origin)
		if err == nil {
			_, err = tmpl.Eval(vars)
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v; want %s", tt.text, err, tt.want)
		}
	}
}

// onDemand is a Getter.
type onDemand map[string]any

func (m onDemand) Get(key string) (any, bool, error) {
	v, ok := m[key]
	return v, ok, nil
}

func (m onDemand) Keys() []string { return sortedKeys(m) }

func TestExecutedAtOnce(t *testing.T) {
	tmpl := parsed(t, "{{ range .list }}{{ . }}{{ end }}{{ .n }}")
	var wg sync.WaitGroup
	for n := range 8 {
		wg.Go(func() {
			got, err := tmpl.Eval(NewScope(map[string]any{"list": []any{n}, "n": n}))
			if want := strings.Repeat(string(rune('0'+n)), 2); err != nil || got != want {
				t.Errorf("got %v, %v; want %s", got, err, want)
			}
		})
	}
	wg.Wait()
}
