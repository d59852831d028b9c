package dial

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"

	"netrun/cmd/netrun/internal/dial/sshdtest"
)

// summary is an endpoint in one line for each thing decided.
func summary(ep *endpoint) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s@%s entry=%s timeout=%v", ep.user, ep.addr, ep.entry, ep.timeout)
	for _, k := range ep.keys {
		fmt.Fprintf(&b, " key=%s", k.path)
	}
	if ep.only {
		b.WriteString(" only")
	}
	if len(ep.jump) > 0 {
		fmt.Fprintf(&b, " jump=%s", formatHops(ep.jump))
	}
	return b.String()
}

func TestPrecedence(t *testing.T) {
	const config = `
Host web
	HostName web.example.com
	User = www
	Port 2200
	IdentityFile ~/.ssh/%h-%r.key
	IdentityFile "%d/second key"
	IdentitiesOnly yes
	ProxyJump gate:22
	ConnectTimeout 7
Host	db	*.db !secret.db
	HostName %h.internal
	HostKeyAlias the-db
	ConnectTimeout none
Host plain
	ProxyCommand none
Match originalhost a,b
	Port 3000
Match all
	Port 4000
	User everybody
`
	dir := home(t)
	sshdtest.WriteFile(t, filepath.Join(dir, ".ssh/config"), config)
	d := dialer(t, dir, func(c *Config) { c.Timeout, c.Identities = 10*time.Second, []string{"/id"} })
	tests := []struct {
		target Target
		want   string
	}{
		{Target{Addr: "web"}, "www@web.example.com:2200 entry=web.example.com:2200 timeout=7s key=H/.ssh/web.example.com-www.key key=H/second key only jump=gate:22"},
		{Target{Addr: "web", User: "me", Port: 9, KeyFile: "/k", ProxyJump: "none", Timeout: time.Second},
			"me@web.example.com:9 entry=web.example.com:9 timeout=1s key=/k key=H/.ssh/web.example.com-me.key key=H/second key only"},
		{Target{Name: "db"}, "everybody@db.internal:4000 entry=the-db:22 timeout=10s key=/id"},
		{Target{Addr: "x.db"}, "everybody@x.db.internal:4000 entry=the-db:22 timeout=10s key=/id"},
		{Target{Addr: "secret.db"}, "everybody@secret.db:4000 entry=secret.db:4000 timeout=10s key=/id"},
		{Target{Addr: "B"}, "everybody@B:4000 entry=b:4000 timeout=10s key=/id"},
		{Target{Addr: "b"}, "everybody@b:3000 entry=b:3000 timeout=10s key=/id"},
		{Target{Addr: "plain"}, "everybody@plain:4000 entry=plain:4000 timeout=10s key=/id"},
		{Target{Addr: "fe80::1%eth0"}, "everybody@[fe80::1%eth0]:4000 entry=[fe80::1%eth0]:4000 timeout=10s key=/id"},
	}
	for _, tt := range tests {
		ep, err := d.resolve(tt.target)
		if err != nil {
			t.Errorf("%+v: %v", tt.target, err)
			continue
		}
		if got := strings.ReplaceAll(summary(ep), dir, "H"); got != tt.want {
			t.Errorf("%+v:\n got %s\nwant %s", tt.target, got, tt.want)
		}
	}
}

func TestIncludesAndMatch(t *testing.T) {
	dir := home(t)
	in := func(name, text string) { sshdtest.WriteFile(t, filepath.Join(dir, ".ssh", name), text) }
	in("config", "Include conf.d/*.conf # all\nHost inner\n  Include only-inner\n  Port 1\nMatch user me exec \"reboot\"\n  Port 2\n  ProxyCommand nc\nMatch final all\n Port 3\nHost *\n  Port 4\n")
	if err := os.Mkdir(filepath.Join(dir, ".ssh/conf.d"), 0o700); err != nil {
		t.Fatal(err)
	}
	in("conf.d/1.conf", "Host one\n  Port 11\nMatch canonical\n  Port 12\n")
	in("conf.d/2.conf", "Host one two\n  Port 22\n")
	in("only-inner", "User deep\nHost outer\n  User wrong\n")
	var said []string
	d := dialer(t, dir, func(c *Config) {
		c.Logf = func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) }
	})
	for alias, want := range map[string]string{"one": "tester@one:11", "two": "tester@two:22", "inner": "deep@inner:1", "outer": "tester@outer:4"} {
		ep, err := d.resolve(Target{Addr: alias})
		if err != nil {
			t.Fatal(err)
		}
		if got := ep.user + "@" + ep.addr; got != want {
			t.Errorf("%s: got %s; want %s", alias, got, want)
		}
	}
	got := strings.ReplaceAll(strings.Join(said, "\n"), dir, "H")
	want := `H/.ssh/config:5: block ignored: Match user me exec "reboot" is not supported, only all, host and originalhost alone
H/.ssh/config:8: block ignored: Match final all is not supported, only all, host and originalhost alone
H/.ssh/conf.d/1.conf:3: block ignored: Match canonical is not supported, only all, host and originalhost alone`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("notices (-want +got):\n%s", diff)
	}
}

func TestConfigMistakes(t *testing.T) {
	tests := map[string]string{
		"Port ssh":                   `config:1: Port "ssh": a port is 1 to 65535`,
		"\nProxyCommand nc %h %p":    `config:2: ProxyCommand "nc %h %p": not supported; say ProxyJump`,
		"ProxyJump a b":              `config:1: ProxyJump: jump host "a b"`,
		"ConnectTimeout soon":        `config:1: ConnectTimeout "soon": say a number of seconds`,
		"StrictHostKeyChecking off?": `config:1: StrictHostKeyChecking "off?"`,
		"HostName a;b":               `address "a;b": contains a character`,
		"Include config":             `includes nested deeper than 16`,
	}
	for config, want := range tests {
		dir := home(t)
		sshdtest.WriteFile(t, filepath.Join(dir, ".ssh/config"), config)
		wantError(t, dialer(t, dir, nil), Target{Addr: "x"}, BadConfig, want)
	}
	wantError(t, dialer(t, home(t), nil), Target{Name: "-x"}, BadConfig, "begins with a dash")
	wantError(t, dialer(t, home(t), nil), Target{}, BadConfig, "no address")
	wantError(t, dialer(t, home(t), nil), Target{Addr: "x", Port: 70000}, BadConfig, "a port is 1 to 65535")
	wantError(t, dialer(t, home(t), func(c *Config) { c.User = "" }), Target{Addr: "x"}, BadConfig, "no user")
}

func FuzzSSHConfig(f *testing.F) {
	for _, seed := range []string{"Host a\n Port 1", "Host", "Match all", "Match", "Include x", "Host=a\nUser=\"b", "=", "Host !*\n\"", "key"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		l := configLoader{home: "/nowhere", logf: func(string, ...any) {}}
		digested := l.digest("config", []byte(text))
		if a, b := strings.Count(text, "\n"), bytes.Count(digested, []byte("\n")); a != b {
			t.Errorf("digest(%q): got %d lines; want %d", text, b, a)
		}
		parsed, err := parseConfig(digested)
		if err == nil {
			(&sshConfig{files: []*configFile{{parsed: parsed}}}).lookup("a")
		}
	})
}

// FuzzKnownHosts: any file can be read, and a line of ours put behind it is found.
func FuzzKnownHosts(f *testing.F) {
	key := newSigner(f).PublicKey()
	line := string(ssh.MarshalAuthorizedKey(key))
	for _, seed := range []string{"", "# x", "h " + line, "|1|AAAA|BBBB " + line, "@cert-authority * " + line, "|1|", "@revoked", "a b c\r\n", "*,!h " + line} {
		f.Add(seed, "h:22", true)
		f.Add(seed, "[fe80::1]:2222", false)
	}
	f.Fuzz(func(t *testing.T, text, entry string, hash bool) {
		db := &knownDB{}
		if err := db.parse("f", []byte(text), func(string, ...any) {}); err != nil {
			return
		}
		db.algorithms("h:22")
		if checkHost(strings.Trim(strings.Split(entry, ":")[0], "[]")) != nil || strings.ContainsAny(entry, " ,*?!|#@\t\r\n\v\f\u0085\u00a0") || entry != strings.ToLower(entry) || strings.ContainsFunc(entry, func(r rune) bool { return r > 126 }) {
			return
		}
		ours, err := parseKnownLine(knownText(&UnknownKey{entry: entry, Key: key, hash: hash}))
		if err != nil {
			t.Fatalf("entry %q: %v", entry, err)
		}
		db.lines = append(db.lines[:0], ours)
		if got := db.about(entry, ""); len(got) != 1 {
			t.Errorf("entry %q: got %d lines; want the one written", entry, len(got))
		}
	})
}
