package diag

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestErrorText(t *testing.T) {
	at := Pos{File: "site.yaml", Line: 7, Col: 3}
	for _, tt := range []struct {
		err  error
		want string
	}{
		{Errorf(at, "unknown argument %q", "gatway").WithHint("did you mean %q?", "gateway"), `site.yaml:7:3: unknown argument "gatway" (did you mean "gateway"?)`},
		{Errorf(Pos{File: "hosts", Line: 2}, "no name"), "hosts:2: no name"},
		{Errorf(Pos{File: "hosts"}, "is empty"), "hosts: is empty"},
		{Errorf(Pos{}, "no place"), "no place"},
		{Errorf(Pos{File: "a\x1b[31m"}, "two\nlines\xff"), `a\x1b[31m: two\nlines\xff`},
		{Errorf(Pos{File: "a"}, "turned \u202e around"), `a: turned \u202e around`},
	} {
		if got := tt.err.Error(); got != tt.want {
			t.Errorf("got %q; want %q", got, tt.want)
		}
	}
}

func TestListSortsAndDeduplicates(t *testing.T) {
	var l List
	if err := l.Err(); err != nil {
		t.Fatalf("empty list: got %v; want nil", err)
	}
	l.Add(nil)
	l.Add(Errorf(Pos{File: "b", Line: 1, Col: 1}, "four"))
	l.Add(fmt.Errorf("load: %w", errors.Join(Errorf(Pos{File: "a", Line: 2, Col: 1}, "three"), Errorf(Pos{File: "a", Line: 1, Col: 9}, "two"))))
	l.Add(Errorf(Pos{File: "a", Line: 1, Col: 9}, "two"))
	l.Add(errors.New("one"))
	want := "one\na:1:9: two\na:2:1: three\nb:1:1: four"
	if got := l.Err().Error(); got != want {
		t.Errorf("got %q; want %q", got, want)
	}
	if l.Len() != 4 {
		t.Errorf("len: got %d; want 4", l.Len())
	}
}

func TestListIsBounded(t *testing.T) {
	var l List
	for i := range 250 {
		l.Add(Errorf(Pos{File: "a", Line: i + 1, Col: 1}, "wrong"))
	}
	lines := strings.Split(l.Err().Error(), "\n")
	if got, want := lines[len(lines)-1], "and 150 more"; got != want || len(lines) != 101 {
		t.Errorf("got %d lines ending in %q; want 101 ending in %q", len(lines), got, want)
	}
	if l.Len() != 250 {
		t.Errorf("len: got %d; want 250", l.Len())
	}
}

func TestLeavesKeepSentences(t *testing.T) {
	cause := errors.New("denied")
	sentence := fmt.Errorf("%w while opening: %w", cause, cause)
	var l List
	l.Add(sentence)
	if got, want := l.Err().Error(), "denied while opening: denied"; got != want {
		t.Errorf("got %q; want %q", got, want)
	}
}

func TestNearest(t *testing.T) {
	known := []string{"gateway", "mtu", "mac", "interface", "container", "address"}
	for name, want := range map[string]string{
		"gatway": "gateway", "gatewya": "gateway", "GATEWAY": "gateway", "mut": "mtu", "ma": "mac",
		"interfaec": "interface", "contaner": "container", "xyz": "", "q": "", "": "", "addres": "address",
		"intreface_nme": "", strings.Repeat("a", 500): "",
	} {
		if got := Nearest(name, known); got != want {
			t.Errorf("Nearest(%q): got %q; want %q", name, got, want)
		}
	}
}

func TestNearestTieIsAlphabetical(t *testing.T) {
	if got := Nearest("web3", []string{"web2", "web1", "web9"}); got != "web1" {
		t.Errorf("got %q; want %q", got, "web1")
	}
}

func TestDidYouMean(t *testing.T) {
	many := make([]string, 30)
	for i := range many {
		many[i] = fmt.Sprintf("name%02d", i)
	}
	for _, tt := range []struct {
		name  string
		known []string
		want  string
	}{
		{"mut", []string{"mtu"}, `did you mean "mtu"?`},
		{"other", []string{"b", "a", "b"}, "known: a, b"},
		{"other", nil, ""},
		{"zzz", many, "known: " + strings.Join(many[:12], ", ") + " and 18 more"},
	} {
		if diff := cmp.Diff(tt.want, DidYouMean(tt.name, tt.known)); diff != "" {
			t.Errorf("DidYouMean(%q) (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestSecret(t *testing.T) {
	for name, want := range map[string]bool{
		"ansible_password": true, "ansible_ssh_pass": true, "Become-Password": true, "vault_token": true, "pass": true,
		"db_secret_key": true, "ansible_ssh_private_key_file": false, "bypass": false, "passive": false, "user": false,
	} {
		if got := Secret(name); got != want {
			t.Errorf("Secret(%q): got %v; want %v", name, got, want)
		}
	}
}
