package playbooks

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"netrun/inventory"
)

func TestParseArguments(t *testing.T) {
	tests := []struct {
		text string
		want []Pair
		err  string
	}{
		{text: "", want: nil},
		{text: "a=1 b=x,y", want: []Pair{{"a", "1", 2}, {"b", "x,y", 6}}},
		{text: `a="x y" b='it"s' c=p"q r"s`, want: []Pair{{"a", "x y", 3}, {"b", `it"s`, 11}, {"c", "pq rs", 19}}},
		{text: `a="\"\\" b=\x`, want: []Pair{{"a", `"\`, 3}, {"b", `\x`, 11}}},
		{text: `a={{ .x | default "}} y" }}z b=1`, want: []Pair{{"a", `{{ .x | default "}} y" }}z`, 2}, {"b", "1", 31}}},
		{text: "a=", want: []Pair{{"a", "", 2}}},
		{text: "a=x=y", want: []Pair{{"a", "x=y", 2}}},
		{text: "a b=1", err: `"a" is not KEY=VALUE`},
		{text: "=1", err: `"=1" is not KEY=VALUE`},
		{text: `a="x`, err: `argument "a": a quote " without its other end`},
	}
	for _, tt := range tests {
		got, err := ParseArguments(tt.text)
		if fmt.Sprint(err) != tt.err && !(err == nil && tt.err == "") {
			t.Errorf("%s: got error %v; want %s", tt.text, err, tt.err)
		}
		if diff := cmp.Diff(tt.want, got); err == nil && diff != "" {
			t.Errorf("%s: -want +got:\n%s", tt.text, diff)
		}
	}
}

func TestExtraVars(t *testing.T) {
	file := filepath.Join(t.TempDir(), "vars.yaml")
	if err := os.WriteFile(file, []byte("a: 1\nb: [x]\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	got, err := ExtraVars([]string{`n=1 name="a b"`, `{"n": 2, "list": [1, "x"]}`, "@" + file, "b=late"}, Options{})
	want := map[string]any{"n": 2, "name": "a b", "list": []any{1, "x"}, "a": 1, "b": "late"}
	if err != nil || !cmp.Equal(want, got) {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
	for given, want := range map[string]string{
		"novalue": "write -e name=value", "{bad": `is missing`, "@/nosuch.yaml": "no such file", "groups=x": "netrun's own", "a-b=1": "is not a variable's name", "x={{ y }}": "write {{ .y }}",
	} {
		if _, err := ExtraVars([]string{given}, Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v; want %s", given, err, want)
		}
	}
}

func TestChosen(t *testing.T) {
	tests := []struct {
		tags, only, skip []string
		want             bool
	}{
		{nil, nil, nil, true},
		{[]string{"a"}, nil, nil, true},
		{[]string{"never"}, nil, nil, false},
		{[]string{"never", "a"}, []string{"a"}, nil, true},
		{nil, []string{"a"}, nil, false},
		{[]string{"a", "b"}, []string{"b"}, nil, true},
		{[]string{"always"}, []string{"b"}, nil, true},
		{[]string{"always"}, nil, []string{"always"}, false},
		{[]string{"a"}, nil, []string{"a"}, false},
		{[]string{"a"}, []string{"tagged"}, nil, true},
		{nil, []string{"tagged"}, nil, false},
		{nil, []string{"untagged"}, nil, true},
		{[]string{"a"}, []string{"untagged"}, nil, false},
		{[]string{"a"}, nil, []string{"tagged"}, false},
		{[]string{"a"}, nil, []string{"all"}, false},
		{[]string{"always"}, nil, []string{"all"}, true},
	}
	for _, tt := range tests {
		if got := chosen(tt.tags, tt.only, tt.skip); got != tt.want {
			t.Errorf("tags %v, --tags %v, --skip-tags %v: got %v", tt.tags, tt.only, tt.skip, got)
		}
	}
}

func TestBatches(t *testing.T) {
	tests := []struct {
		serial []string
		hosts  int
		want   []int
	}{
		{nil, 5, []int{5}}, {[]string{"2"}, 5, []int{2, 2, 1}}, {[]string{"1", "50%"}, 6, []int{1, 3, 2}},
		{[]string{"10%"}, 5, []int{1, 1, 1, 1, 1}}, {[]string{"9"}, 5, []int{5}}, {[]string{"9"}, 0, nil},
	}
	inv := bigInventory(t, 10)
	for _, tt := range tests {
		p := &Play{Serial: tt.serial}
		var got []int
		for _, b := range p.Batches(inv.Hosts()[:tt.hosts]) {
			got = append(got, len(b))
		}
		if !slices.Equal(tt.want, got) {
			t.Errorf("serial %v of %d: got %v; want %v", tt.serial, tt.hosts, got, tt.want)
		}
	}
}

func TestOrder(t *testing.T) {
	inv, err := inventory.Load(t.Context(), []string{"b,a,c"}, inventory.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for order, want := range map[string]string{"": "b a c", "sorted": "a b c", "reverse_sorted": "c b a", "reverse_inventory": "c a b"} {
		p := &Play{Hosts: Text{Value: "all"}, Order: order}
		hosts, err := p.Match(inv, "")
		if got := strings.Join(hostNames(hosts), " "); err != nil || got != want {
			t.Errorf("%s: got %s, %v; want %s", order, got, err, want)
		}
	}
	p := &Play{Hosts: Text{Value: "all"}}
	hosts, err := p.Match(inv, "c:a")
	if got := strings.Join(hostNames(hosts), " "); err != nil || got != "a c" {
		t.Errorf("limit: got %s, %v; want a c", got, err)
	}
}

func TestListAndStart(t *testing.T) {
	book, err := loadText(t, "- hosts: a\n  tasks: [{debug: {msg: x}, name: first, tags: t}]\n- hosts: all\n  tasks:\n"+
		"    - {debug: {msg: x}, name: second task}\n    - block: [{debug: {msg: y}, name: inner, tags: [u, t]}]\n      always: [{debug: {msg: z}}]\n")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := book.StartAt("sec*"); err != nil || got != 1 {
		t.Errorf("got play %d, %v; want 1", got, err)
	}
	if _, err := book.StartAt("secondtask"); err == nil || !strings.Contains(err.Error(), `did you mean "second task"?`) {
		t.Errorf("got %v; want the nearest name", err)
	}
	want := []Listed{{"inner", []string{"u", "t"}}, {"debug", nil}}
	if diff := cmp.Diff(want, book.Plays[1].List(CompileOptions{StartAt: "inner"})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got := book.Plays[1].AllTags(); !slices.Equal(got, []string{"t", "u"}) {
		t.Errorf("got tags %v; want t u", got)
	}
	if got := book.UnknownTags([]string{"t", "all", "uu"}); len(got) != 1 || !strings.Contains(got[0], `did you mean "u"?`) {
		t.Errorf("got %q; want one line about uu", got)
	}
}

// TestBounds loads what is too big, too deep or made of itself: each ends soon, with
// an error or without.
func TestBounds(t *testing.T) {
	many := strings.Repeat("    - debug: {msg: hello}\n", 100_001)
	comment := "# " + strings.Repeat("x", 10<<20) + "\n- hosts: all\n  tasks: []\n"
	blocks := "- hosts: all\n  tasks:\n"
	for i := range 60 {
		blocks += strings.Repeat("  ", i+2) + "- block:\n"
	}
	tests := []struct{ name, text, want string }{
		{"ten MiB", comment, ""},
		{"too many tasks", "- hosts: all\n  tasks:\n" + many, "more than"},
		{"bomb", "a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\n" +
			"e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\ng: [*f,*f,*f,*f,*f,*f,*f,*f,*f,*f]\n", "alias"},
		{"deep blocks", blocks, "levels deep"},
		{"long loop", "- hosts: all\n  tasks:\n    - debug: {msg: x}\n      loop: [" + strings.Repeat("a,", 100_001) + "a]\n", "a loop over 100002 items: at most 100000"},
		{"template bomb", "- hosts: all\n  tasks:\n    - debug: {msg: '{{ range 999999999 }}{{ range 99999 }}x{{ end }}{{ end }}'}\n", "more than"},
		{"not UTF-8", "- hosts: \xff\xfe\n", "UTF-8"},
		{"binary", "\x00\x01\x02", ""},
		{"empty", "", "a playbook is a list of plays"},
	}
	inv := bigInventory(t, 1)
	for _, tt := range tests {
		start := time.Now()
		book, err := loadText(t, tt.text)
		if err == nil {
			_, err = book.Plays[0].Compile(inv.Hosts(), CompileOptions{Inventory: inv})
		}
		if tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: got %.300v; want %s", tt.name, err, tt.want)
		}
		t.Logf("%s: %v, %.100v", tt.name, time.Since(start).Round(time.Millisecond), err)
	}
}

func TestImportPlaybook(t *testing.T) {
	files := map[string]string{
		"site.yaml":      "- import_playbook: sub/more.yaml\n  tags: imported\n  vars: {v: 1}\n  when: v == 1\n- hosts: all\n  tasks: []\n",
		"sub/more.yaml":  "- hosts: all\n  tasks: [{debug: {msg: '{{ .v }}'}, tags: own}]\n- import_playbook: again.yaml\n",
		"sub/again.yaml": "- hosts: all\n  tasks: [{debug: {msg: '{{ .v }}'}}]\n",
		"loop.yaml":      "- import_playbook: loop.yaml\n",
	}
	read := func(path string) ([]byte, error) {
		if text, ok := files[path]; ok {
			return []byte(text), nil
		}
		return nil, &os.PathError{Op: "open", Path: path, Err: os.ErrNotExist}
	}
	book, err := Load("site.yaml", Options{ReadFile: read})
	if err != nil || len(book.Plays) != 3 {
		t.Fatalf("got %v, %v; want three plays", book, err)
	}
	if got := book.Plays[0].Tasks[0].Tags; !slices.Equal(got, []string{"imported", "own"}) {
		t.Errorf("got tags %v; want imported own", got)
	}
	inv := bigInventory(t, 2)
	for _, p := range book.Plays {
		if _, err := p.Compile(inv.Hosts(), CompileOptions{Inventory: inv}); err != nil {
			t.Error(err)
		}
	}
	if _, err := Load("loop.yaml", Options{ReadFile: read}); err == nil || !strings.Contains(err.Error(), "playbooks import each other") {
		t.Errorf("got %v; want an error about the cycle", err)
	}
	if _, err := Load("nosuch.yaml", Options{ReadFile: read}); err == nil || errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v; want an error with a place", err)
	}
}

// TestShare wants hosts with equal nodes to share them.
func TestShare(t *testing.T) {
	book, err := loadText(t, twelve)
	if err != nil {
		t.Fatal(err)
	}
	inv := bigInventory(t, 3)
	c, err := book.Plays[0].Compile(inv.Hosts(), CompileOptions{Inventory: inv})
	if err != nil {
		t.Fatal(err)
	}
	one, two := c.Scripts["host1"].Segments[0], c.Scripts["host2"].Segments[0]
	if one[0] != two[0] || one[1] == two[1] {
		t.Errorf("got shared %v and %v; want the bridge shared and the address not", one[0] == two[0], one[1] == two[1])
	}
	if one[8].Skip == "" || two[8].Skip != "" {
		t.Errorf("got skip %q and %q; want the first host's alone", one[8].Skip, two[8].Skip)
	}
	if got := len(c.Wants("host1")); got != 10 {
		t.Errorf("got wants of %d tasks; want 10", got)
	}
}
