package yamlpos

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"netrun/inventory/diag"
)

func parse(t *testing.T, text string) *Node {
	t.Helper()
	n, err := Parse("f", []byte(text))
	if err != nil {
		t.Fatalf("parse %q: %v", text, err)
	}
	return n
}

func TestPlain(t *testing.T) {
	for in, want := range map[string]any{
		"": nil, "~": nil, "null": nil, "yes": true, "Off": false, "on": true, "y": "y", "n": "n", "true": true,
		"0": 0, "-12": -12, "1_000": 1000, "0644": 420, "0o644": 420, "0x1f": 31, "0b101": 5, "089": "089", "+7": 7,
		"1.5": 1.5, ".5": 0.5, "1e3": 1000.0, "1.": 1.0, ".": ".", "-": "-", "1.2.3": "1.2.3", "10.0.0.1": "10.0.0.1",
		"52:54:00:12:34:56": "52:54:00:12:34:56", "12:30": "12:30", "2001-12-14": "2001-12-14", "fe80::1": "fe80::1",
		"9223372036854775807": math.MaxInt64, "9223372036854775808": "9223372036854775808", "-.inf": math.Inf(-1), "0x": "0x",
	} {
		if diff := cmp.Diff(want, Plain(in)); diff != "" {
			t.Errorf("Plain(%q) (-want +got):\n%s", in, diff)
		}
	}
}

func TestParseAny(t *testing.T) {
	for text, want := range map[string]any{
		"":                              nil,
		"# nothing\n":                   nil,
		"---\na: 1\n...\n":              map[string]any{"a": 1},
		"a: 'yes'\nb: yes\nc: !!str 12": map[string]any{"a": "yes", "b": true, "c": "12"},
		"- 1\n- [a, {b: 2.5}]\n":        []any{1, []any{"a", map[string]any{"b": 2.5}}},
		"1: a\nyes: b":                  map[string]any{"1": "a", "yes": "b"},
		"x: &a {p: 1, q: 2}\ny: {<<: *a, q: 3}": map[string]any{
			"x": map[string]any{"p": 1, "q": 2}, "y": map[string]any{"p": 1, "q": 3}},
		"x: &a {p: 1}\nz: &b {p: 2, r: 4}\ny:\n  <<: [*a, *b]": map[string]any{
			"x": map[string]any{"p": 1}, "z": map[string]any{"p": 2, "r": 4}, "y": map[string]any{"p": 1, "r": 4}},
		`{"a": "\ud83d\ude00", "b": [true, null, -1.5e3]}`: map[string]any{"a": "😀", "b": []any{true, nil, -1500.0}},
		"a: |\n  12\n":    map[string]any{"a": "12\n"},
		"a: !!float 3":    map[string]any{"a": 3.0},
		"\ufeffa: 1":      map[string]any{"a": 1},
		"a: &x 5\n*x : 6": map[string]any{"a": 5, "5": 6},
	} {
		if diff := cmp.Diff(want, parse(t, text).Any()); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
}

func TestPositions(t *testing.T) {
	n := parse(t, "all:\n  hosts:\n    wéb: {port: 22}\n")
	host := n.Get("all").Get("hosts")
	for what, tt := range map[string]struct{ got, want diag.Pos }{
		"key":   {host.Keys[0].Pos, diag.Pos{File: "f", Line: 3, Col: 5}},
		"value": {host.Values[0].Get("port").Pos, diag.Pos{File: "f", Line: 3, Col: 17}},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: got %v; want %v", what, tt.got, tt.want)
		}
	}
	if n.Get("none") != nil || n.Get("none").Get("x") != nil || !n.Get("none").IsNull() {
		t.Error("an absent key: want nil, and null")
	}
}

func TestParseErrors(t *testing.T) {
	for name, tt := range map[string]struct{ text, want string }{
		"duplicate":   {"a: 1\nb: 2\na: 3\n", `f:3:1: key "a" a second time (the first is in line 1)`},
		"two":         {"a: 1\na: 3\nb: 2\nb: 2\n", "f:2:1: key \"a\" a second time (the first is in line 1)\nf:4:1: key \"b\" a second time (the first is in line 3)"},
		"vault":       {"p: !vault |\n  $ANSIBLE\n", "f:1:4: tag !vault: Ansible's encrypted values are not read (keep the secret in a file of its own and give it with -e @FILE)"},
		"tag":         {"p: !!itn 3\n", `f:1:4: unknown tag !!itn (did you mean "!!int"?)`},
		"no int":      {"p: !!int x\n", "f:1:4: a value that is no int"},
		"template":    {"p: {{ name }}\n", `f:1:5: a mapping as the key of a mapping (put quotes around a template: "{{ .name }}")`},
		"indent":      {"a:\n  b: 1\n c: 2\n", "f:3:2: this line does not belong to the mapping above it (keys of one mapping stand in one column; close quotes and brackets)"},
		"second ':'":  {"a: 1\nb: c: d\n", `f:2:5: a second "key:" on one line, or under a plain value (check the indentation; put quotes around text that holds ": ")`},
		"no ':'":      {"a: 1\nb\nc: 2\n", `f:2:1: a line without ":" among the keys of a mapping (write "key: value")`},
		"tab":         {"a:\n\tb: 1\n", "f:2:1: a character that cannot begin a value (indent with spaces, not tabs; put quotes around text that begins with @, ` or %)"},
		"open list":   {"a: [1, 2\nb: 3\n", `f:1:8: "," or "]" is missing (close the list that began with [)`},
		"open quote":  {"a: \"x\nb: 1\n", "f:1:1: a quoted text without an end (close the quotes)"},
		"escape":      {"a: \"\\q\"\n", `f:1:5: an unknown escape after \ (in "..." write \\ for a backslash, or use '...')`},
		"control":     {"a: b\n\x01cdef", `f:2:1: a control character (write it as "\x.." in quotes, or remove it)`},
		"late quote":  {"a: 1\nb: 'it\nc: 2\nd: 3\ne: 4\n", "f:2:1: a quoted text without an end (close the quotes)"},
		"anchor":      {"a: 1\nb: *none\n", "f:2:4: alias *none has no anchor (write &none before the value that it repeats, above)"},
		"cycle":       {"a: &x [1, *x]\n", "f:1:11: alias *x stands inside the value that it repeats"},
		"second doc":  {"a: 1\n---\nb: 1\n", "f:2:1: a second document (write each document into a file of its own)"},
		"not UTF-8":   {"a: 1\nb: é\xff\n", "f:2:5: a byte that is not UTF-8 (save the file as UTF-8)"},
		"merge":       {"<<: 3\n", "f:1:5: merge key << takes a mapping or a list of mappings, not a number"},
		"deep":        {strings.Repeat("[", 200) + strings.Repeat("]", 200), "f:1:102: nested more than 100 levels deep"},
		"empty key":   {"?\n: 3\n", "f:1:2: a key without a name"},
		"complex key": {"? - a\n: 3\n", "f:1:3: a key that is not text"},
	} {
		_, err := Parse("f", []byte(tt.text))
		if err == nil {
			t.Errorf("%s: no error; want %s", name, tt.want)
			continue
		}
		if diff := cmp.Diff(tt.want, err.Error()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestBombs(t *testing.T) {
	laughs := "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	for i := 1; i < 20; i++ {
		p, q := string(rune('a'+i-1))+"0", string(rune('a'+i))+"0"
		laughs += q + ": &" + q + " [" + strings.TrimSuffix(strings.Repeat("*"+p+", ", 10), ", ") + "]\n"
	}
	merges := strings.ReplaceAll(strings.ReplaceAll(laughs, "[", "{<<: ["), "]", "]}")
	for name, text := range map[string]string{"laughs": laughs, "merges": strings.Replace(merges, "{<<: [x, x, x, x, x, x, x, x, x, x]}", "{k: v}", 1)} {
		n, err := Parse("f", []byte(text))
		if err == nil && n.size > 2*MaxExpanded {
			t.Errorf("%s: %d nodes; want an error", name, n.size)
		}
		var d *diag.Error
		if name == "laughs" && (!errors.As(err, &d) || !strings.Contains(d.Msg, "aliases expand")) {
			t.Errorf("%s: got %v; want an error about aliases", name, err)
		}
	}
}

func TestBounds(t *testing.T) {
	for name, text := range map[string][]byte{
		"is larger than 64 MiB":         make([]byte, MaxSize+1),
		"may hold more than 3000000 va": []byte(strings.Repeat("- a\n", MaxNodes+1)),
	} {
		if _, err := Parse("f", text); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("got %v; want %q", err, name)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"a: 1\n", "- [x, {y: z}]", "a: &x [*x]", "<<: {a: b}", "? a\n: b", "a:\n\t- b", "{\"a\": \"\\ud83d\\ude00\"}", "a: !!int 0x1f", "# c\n\n  # d\na:\n  # e\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		n, err := Parse("f", text)
		if (n == nil) == (err == nil) {
			t.Fatalf("got %v, %v; want either", n, err)
		}
		if err == nil {
			n.Any()
			return
		}
		var d *diag.Error
		if !errors.As(err, &d) || d.Pos.File != "f" {
			t.Errorf("error without a place: %v", err)
		}
	})
}
