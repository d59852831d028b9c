package state

import (
	"strings"
	"testing"
)

func TestTextDiff(t *testing.T) {
	file := func(content string) File { return File{Path: "/f", Type: "file"}.WithContent([]byte(content)) }
	secret := file("new\n")
	secret.Secret = true
	for _, test := range []struct {
		name   string
		change Change
		want   string
	}{
		{"new", Change{Op: Create, After: file("a\nb\n")}, "+a\n+b"},
		{"a line between", Change{Op: Update, Before: file("a\nc\n"), After: file("a\nb\nc\n")}, " a\n+b\n c"},
		{"another line", Change{Op: Update, Before: file("a\nb\nc\n"), After: file("a\nx\nc\n")}, " a\n-b\n+x\n c"},
		{"twice the same", Change{Op: Update, Before: file("a\na\n"), After: file("a\na\na\n")}, " a\n+a"},
		{"emptied", Change{Op: Update, Before: file("a\n"), After: file("")}, "-a"},
		{"another mode", Change{Op: Update, Before: file("a\n"), After: file("a\n")}, ""},
		{"secret", Change{Op: Update, Before: file("old\n"), After: secret}, ""},
		{"no text", Change{Op: Create, After: file("a\x00b")}, ""},
		{"no longer there", Change{Op: Delete, Before: file("a\n")}, ""},
		{"a link", Change{Op: Create, After: Link{Name: "br0"}}, ""},
	} {
		if got := strings.Join(TextDiff(test.change), "\n"); got != test.want {
			t.Errorf("%s: got %q; want %q", test.name, got, test.want)
		}
	}
	long := TextDiff(Change{Op: Create, After: file(strings.Repeat("x\n", 1000))})
	if len(long) != maxDiffLines+1 || long[maxDiffLines] != "+ ... 880 more lines" {
		t.Errorf("a long file: got %d lines, the last %q", len(long), long[len(long)-1])
	}
}
