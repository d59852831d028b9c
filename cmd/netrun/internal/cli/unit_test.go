package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"

	"netrun/cmd/netrun/internal/dial"
	"netrun/cmd/netrun/internal/fleet"
	"netrun/cmd/netrun/internal/lab"
	"netrun/cmd/netrun/internal/push"
	"netrun/cmd/netrun/internal/report"
	"netrun/inventory"
	"netrun/playbooks/script"
	"netrun/remote-helper/wire"
	"netrun/templates"
)

func TestExitCodes(t *testing.T) {
	cases := []struct {
		err  error
		want int
	}{
		{nil, 0},
		{errors.New("site.yaml:1:1: no"), 1},
		{usagef("no"), 1},
		{errMistakes, 1},
		{errFailed, 2},
		{errUnreachable, 4},
		{interrupted(errFailed), 130},
		{interrupted(nil), 130},
		{fmt.Errorf("dial: %w", context.Canceled), 130},
		{&lab.ExitError{Code: 7}, 7},
	}
	for _, c := range cases {
		if got := exitCode(c.err); got != c.want {
			t.Errorf("%v: got %d, want %d", c.err, got, c.want)
		}
	}
}

func TestRunIDSortsByTime(t *testing.T) {
	a := &app{Process: &Process{}}
	begin := time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)
	var last string
	for _, d := range []time.Duration{0, time.Millisecond, 999 * time.Millisecond, time.Second} {
		a.Now = func() time.Time { return begin.Add(d) }
		if id := a.runID(); id <= last || len(id) != len("20260102T150405-3fa9") {
			t.Errorf("after %s: got %s, want it after %s", d, id, last)
		} else {
			last = id
		}
	}
}

// hostWith is a host of an inventory with one line of variables.
func hostWith(t *testing.T, vars string) *inventory.Host {
	t.Helper()
	file := filepath.Join(t.TempDir(), "hosts.ini")
	if err := os.WriteFile(file, []byte("web1 "+vars+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	inv, err := inventory.Load(t.Context(), []string{file}, inventory.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return inv.Host("web1")
}

func TestTargets(t *testing.T) {
	cases := []struct {
		name, vars string
		options    connectOptions
		login      login
		extra      map[string]any
		want       fleet.Target
	}{
		{name: "nothing said", want: fleet.Target{Dial: dial.Target{Addr: "web1"}}},
		{name: "the inventory wins over the play, the play over flags", vars: "ansible_user=inv ansible_port=2200",
			options: connectOptions{User: "flag"}, login: login{user: "play", port: 23},
			want: fleet.Target{Dial: dial.Target{Addr: "web1", User: "inv", Port: 2200}}},
		{name: "the play over flags", options: connectOptions{User: "flag", PrivateKey: "~/k"}, login: login{user: "play"},
			want: fleet.Target{Dial: dial.Target{Addr: "web1", User: "play", KeyFile: "/home/me/k"}}},
		{name: "a template of other variables", vars: `ansible_host="{{ .net }}.5" net="{{ .base }}.0" base=10`,
			want: fleet.Target{Dial: dial.Target{Addr: "10.0.5"}}},
		{name: "extra variables", extra: map[string]any{"ansible_host": "x"}, want: fleet.Target{Dial: dial.Target{Addr: "x"}}},
		{name: "local by the play", login: login{connection: "local"}, want: fleet.Target{Dial: dial.Target{Addr: "web1", Local: true}}},
		{name: "but not against the inventory", vars: "ansible_connection=ssh", login: login{connection: "local"},
			want: fleet.Target{Dial: dial.Target{Addr: "web1"}}},
		{name: "a container", vars: "ansible_connection=docker ansible_host=kind-worker ansible_docker_extra_args=--context=lab",
			want: fleet.Target{Dial: dial.Target{Addr: "kind-worker", Runtime: "docker", RuntimeArgs: []string{"--context=lab"}}}},
		{name: "a container by the play, whose runtime makes root", login: login{connection: "podman", become: true},
			want: fleet.Target{Dial: dial.Target{Addr: "web1", Runtime: "podman", User: "root"}}},
		{name: "a container's user becomes root by sudo", vars: "ansible_connection=docker ansible_user=app", login: login{become: true},
			want: fleet.Target{Dial: dial.Target{Addr: "web1", Runtime: "docker", User: "app"}, Become: push.Become{Method: "sudo", User: "root", KeepLogin: true}}},
		{name: "become", vars: "ansible_user=me", login: login{become: true},
			want: fleet.Target{Dial: dial.Target{Addr: "web1", User: "me"}, Become: push.Become{Method: "sudo", User: "root", KeepLogin: true}}},
		{name: "become by flag", vars: "ansible_user=me", options: connectOptions{Become: true, BecomeUser: "app", BecomeMethod: "su"},
			want: fleet.Target{Dial: dial.Target{Addr: "web1", User: "me"}, Become: push.Become{Method: "su", User: "app"}}},
		{name: "root needs not become root", vars: "ansible_user=root", login: login{become: true},
			want: fleet.Target{Dial: dial.Target{Addr: "web1", User: "root"}}},
		{name: "no become by the inventory", vars: "ansible_become=false", login: login{become: true},
			want: fleet.Target{Dial: dial.Target{Addr: "web1"}}},
		{name: "options of ssh", vars: `ansible_ssh_common_args="-o UserKnownHostsFile=/k"`,
			want: fleet.Target{Dial: dial.Target{Addr: "web1", Options: []string{"UserKnownHostsFile=/k"}}}},
		{name: "host keys that are not to be checked are still remembered", vars: "ansible_host_key_checking=false",
			want: fleet.Target{Dial: dial.Target{Addr: "web1", Options: []string{"StrictHostKeyChecking=accept-new"}}}},
	}
	for _, c := range cases {
		c.want.Dial.Name = "web1"
		got, err := targets{&c.options, "/home/me", c.login, c.extra}.target(hostWith(t, c.vars))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

// TestSaves: a host may lie about where its file is to go.
func TestSaves(t *testing.T) {
	dir := t.TempDir()
	s := &saves{dir: dir, fetched: func(string, string) {}, dests: map[string]bool{}}
	s.note([]*script.Node{{Kind: "fetch", Args: templates.Value{V: map[string]any{"dest": "got"}}}})
	cases := []struct {
		host string
		file wire.File
		want string // "" is a refusal
	}{
		{"a", wire.File{Source: "/etc/hosts", Dest: "got"}, filepath.Join(dir, "got/a/etc/hosts")},
		{"a", wire.File{Source: "/etc/hosts", Dest: "got", Flat: true}, filepath.Join(dir, "got")},
		{"a", wire.File{Source: "/../../x", Dest: "got"}, ""},
		{"../a", wire.File{Source: "/x", Dest: "got"}, ""},
		{"a", wire.File{Source: "/x", Dest: "/etc"}, ""},
		{"a", wire.File{Source: "/x", Dest: "other"}, ""},
	}
	for _, c := range cases {
		got, err := s.path(c.host, c.file)
		if (err == nil) != (c.want != "") || got != c.want {
			t.Errorf("%s %+v: got %q, %v; want %q", c.host, c.file, got, err, c.want)
		}
	}
	s.free = true // a dest that only the host knows stays below the playbook
	if _, err := s.path("a", wire.File{Source: "/x", Dest: "../up"}); err == nil {
		t.Error("dest ../up: got no error")
	}
	if _, err := s.path("a", wire.File{Source: "/x", Dest: "by/host"}); err != nil {
		t.Errorf("dest by/host: %v", err)
	}
}

// fakeTerminal answers with prepared lines.
type fakeTerminal struct {
	bytes.Buffer
	in *strings.Reader
}

func (f *fakeTerminal) Read(b []byte) (int, error)                 { return f.in.Read(b) }
func (f *fakeTerminal) ReadSecret(context.Context) (string, error) { return "secret", nil }

func unknownKey(t *testing.T) *dial.UnknownKey {
	t.Helper()
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ7sLpFpBPTRBzBTNGNNQ8Hr1CqLcsIYo5bUcQvtb5Yy"))
	if err != nil {
		t.Fatal(err)
	}
	return &dial.UnknownKey{Host: "web1", Addr: "10.0.0.1:22", Key: key, Fingerprint: "SHA256:abc"}
}

func TestHostKeysAreAskedAboutOnce(t *testing.T) {
	for answer, want := range map[string]bool{"yes\n": true, "no\n": false, "\n": false, "": false} {
		term := &fakeTerminal{in: strings.NewReader(answer)}
		var out bytes.Buffer
		x := &reach{app: &app{Process: &Process{Terminal: term}}, report: report.New(report.Config{Out: &out, Now: time.Now})}
		if got := x.acceptKeys(t.Context(), []*dial.UnknownKey{unknownKey(t), unknownKey(t)}); got != want {
			t.Errorf("answer %q: got %v, want %v", answer, got, want)
		}
		if text := term.String(); strings.Count(text, "web1 (10.0.0.1:22) ssh-ed25519 SHA256:abc") != 2 || strings.Count(text, "[yes/no]") != 1 {
			t.Errorf("asked %q, want both keys and one question", text)
		}
	}
}

func TestHostKeysWithoutTerminal(t *testing.T) {
	var out bytes.Buffer
	x := &reach{app: &app{Process: &Process{}}, report: report.New(report.Config{Out: &out, Now: time.Now})}
	if x.acceptKeys(t.Context(), []*dial.UnknownKey{unknownKey(t)}) {
		t.Error("accepted without asking")
	}
	if !strings.Contains(out.String(), "--accept-new") {
		t.Errorf("got %q, want the flag that would do", out.String())
	}
}

func TestPasswordsWithoutTerminal(t *testing.T) {
	for flag, want := range map[string]string{"-K": "ansible_become_password", "-k": "ansible_password"} {
		var stderr bytes.Buffer
		p := &Process{Args: []string{"facts", "-i", "a,", flag, "a"}, Stdout: &stderr, Stderr: &stderr, Getenv: func(string) string { return "" }, Now: time.Now}
		if code := Main(t.Context(), p); code != 1 || !strings.Contains(stderr.String(), want) {
			t.Errorf("%s: exit code %d and %q, want 1 and %s", flag, code, stderr.String(), want)
		}
	}
}

func TestAdhocPlaybook(t *testing.T) {
	cases := []struct {
		args []string
		dash int
		want string
	}{
		{[]string{"all", "ping"}, -1, `  - "ping": {}`},
		{[]string{"all", "bridge", "br0", "mtu=1400"}, -1, "  - \"bridge\":\n      \"mtu\": \"1400\"\n      \"name\": \"br0\""},
		{[]string{"all", "command", "chdir=/", "echo", "a b"}, -1, "  - \"command\":\n      \"chdir\": \"/\"\n      argv: [\"echo\",\"a b\"]"},
		{[]string{"all", "shell", "chdir=/x"}, 2, "  - \"shell\":\n      \"cmd\": \"chdir=/x\""},
		{[]string{"all", "address", `address=["10.0.0.1/24"]`, "dev=x: y\n"}, -1,
			"  - \"address\":\n      \"address\": [\"10.0.0.1/24\"]\n      \"dev\": \"x: y\\n\""},
	}
	for _, c := range cases {
		d, err := adhocPlaybook(c.args, c.dash)
		if err != nil {
			t.Errorf("%q: %v", c.args, err)
			continue
		}
		if diff := cmp.Diff(c.want, strings.Join(d.text[3:], "\n")); diff != "" {
			t.Errorf("%q (-want +got):\n%s", c.args, diff)
		}
	}
}
