package diag

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func show(t testing.TB, text string, err error) string {
	var s Sources
	s.Add("f", []byte(text))
	var b strings.Builder
	if werr := s.Show(&b, err); werr != nil {
		t.Fatal(werr)
	}
	return b.String()
}

func TestShow(t *testing.T) {
	for name, tt := range map[string]struct {
		text string
		pos  Pos
		want string
	}{
		"word":      {"a:\n  gatway: 10.0.0.1\n", Pos{File: "f", Line: 2, Col: 3}, "f:2:3: m\n    2 |   gatway: 10.0.0.1\n      |   ^~~~~~\n  h\n"},
		"tab":       {"\tx\ty\n", Pos{File: "f", Line: 1, Col: 4}, "f:1:4: m\n    1 | \tx\ty\n      | \t \t^\n  h\n"},
		"quoted":    {`k: "a b"`, Pos{File: "f", Line: 1, Col: 4}, "f:1:4: m\n    1 | k: \"a b\"\n      |    ^~~~~\n  h\n"},
		"wide":      {"日本 x", Pos{File: "f", Line: 1, Col: 4}, "f:1:4: m\n    1 | 日本 x\n      |      ^\n  h\n"},
		"escape":    {"\x1b[2Jx\r\n", Pos{File: "f", Line: 1, Col: 5}, "f:1:5: m\n    1 | \\x1b[2Jx\n      |        ^\n  h\n"},
		"bytes":     {"\xff\xfe x", Pos{File: "f", Line: 1, Col: 4}, "f:1:4: m\n    1 | \\xff\\xfe x\n      |          ^\n  h\n"},
		"no col":    {"abc", Pos{File: "f", Line: 1, Col: 0}, "f:1: m\n    1 | abc\n  h\n"},
		"past end":  {"abc", Pos{File: "f", Line: 1, Col: 9}, "f:1:9: m\n    1 | abc\n      |    ^\n  h\n"},
		"no line":   {"abc", Pos{File: "f", Line: 5, Col: 1}, "f:5:1: m\n  h\n"},
		"no text":   {"abc", Pos{File: "g", Line: 1, Col: 1}, "g:1:1: m\n  h\n"},
		"private":   {"abc", Pos{File: "f", Line: 1, Col: 1, Private: true}, "f:1:1: m\n  h\n"},
		"secret":    {"ansible_password: hunter2 x", Pos{File: "f", Line: 1, Col: 1}, "f:1:1: m\n    1 | ansible_password: ********\n      | ^~~~~~~~~~~~~~~~\n  h\n"},
		"in secret": {"my_pass=hunter2 y=1", Pos{File: "f", Line: 1, Col: 17}, "f:1:17: m\n    1 | my_pass=******** y=1\n      |                  ^\n  h\n"},
		"json":      {`{"token": "a\"b", "y": 1}`, Pos{File: "f", Line: 1, Col: 20}, "f:1:20: m\n    1 | {\"token\": ********, \"y\": 1}\n      |                      ^\n  h\n"},
	} {
		got := show(t, tt.text, Errorf(tt.pos, "m").WithHint("h"))
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestShowCutsLongLines(t *testing.T) {
	text := strings.Repeat("a ", 5000) + "here" + strings.Repeat(" b", 5000)
	lines := strings.Split(show(t, text, Errorf(Pos{File: "f", Line: 1, Col: 10001}, "m")), "\n")
	if n := utf8.RuneCountInString(lines[1]); n > 120 {
		t.Errorf("line of %d columns; want at most 120", n)
	}
	caret := strings.Index(lines[2], "^~~~")
	if shown := []rune(lines[1]); caret < 0 || string(shown[caret:caret+4]) != "here" {
		t.Errorf("caret is not under the word:\n%s\n%s", lines[1], lines[2])
	}
}

func TestShowTakesJoinsApart(t *testing.T) {
	err := fmt.Errorf("load: %w", errors.Join(Errorf(Pos{File: "f", Line: 1, Col: 1}, "one"), errors.New("two\x07")))
	want := "f:1:1: one\n    1 | abc\n      | ^~~\ntwo\\x07\n"
	if diff := cmp.Diff(want, show(t, "abc", err)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestNilSources(t *testing.T) {
	var s *Sources
	s.Add("f", nil)
	var b strings.Builder
	if err := s.Show(&b, Errorf(Pos{File: "f", Line: 1, Col: 1}, "m")); err != nil || b.String() != "f:1:1: m\n" {
		t.Errorf("got %q, %v; want the headline alone", b.String(), err)
	}
}

func FuzzShow(f *testing.F) {
	f.Add("a: b\n", "msg", 1, 1)
	f.Add("\t\xff\x00pass: x", "m\n", 1, 30)
	f.Add(strings.Repeat("日", 9000), "", 1, 8000)
	f.Fuzz(func(t *testing.T, text, msg string, line, col int) {
		got := show(t, text, Errorf(Pos{File: "f", Line: line, Col: min(col, 1<<20)}, "%s", msg).WithHint("%s", msg))
		if !utf8.ValidString(got) {
			t.Errorf("not UTF-8: %q", got)
		}
		if i := strings.IndexFunc(got, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }); i >= 0 {
			t.Errorf("control character at %d of %q", i, got)
		}
		if n := strings.Count(got, "\n"); n > 4 {
			t.Errorf("%d lines; want at most 4: %q", n, got)
		}
	})
}
