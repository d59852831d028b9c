package dial

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"netrun/cmd/netrun/internal/dial/sshdtest"
)

func TestJumpHostsAreShared(t *testing.T) {
	first, second := newFakeHost(t).serve(t), newFakeHost(t).serve(t)
	var known []string
	var hosts []*fakeHost
	for range 5 {
		h := newFakeHost(t).serve(t)
		hosts, known = append(hosts, h), append(known, h.knows())
	}
	dir := home(t, append(known, first.knows(), second.knows())...)
	sshdtest.WriteFile(t, filepath.Join(dir, ".ssh/config"), fmt.Sprintf("Host gate\n  HostName 127.0.0.1\n  Port %d\n", first.addr.Port))
	d := dialer(t, dir, func(c *Config) { c.Forks = 1 })
	var wg sync.WaitGroup
	for _, h := range hosts {
		wg.Go(func() {
			target := h.target("n")
			target.ProxyJump = fmt.Sprintf("gate,tester@127.0.0.1:%d", second.addr.Port)
			conn, err := d.Dial(t.Context(), target)
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			if out, err := output(t, conn, "hello"); out != "hello" || err != nil {
				t.Errorf("through two hops: got %q, %v; want hello", out, err)
			}
		})
	}
	wg.Wait()
	if a, b := first.conns.Load(), second.conns.Load(); a != 1 || b != 1 {
		t.Errorf("connections to the jump hosts: got %d and %d; want 1 and 1", a, b)
	}
}

func TestJumpHostDies(t *testing.T) {
	jump, host := newFakeHost(t).serve(t), newFakeHost(t).serve(t)
	d := dialer(t, home(t, jump.knows(), host.knows()), nil)
	target := host.target("node1")
	target.ProxyJump = jump.addr.String()
	conn := mustDial(t, d, target)
	s, err := conn.Start(t.Context(), "hang")
	if err != nil {
		t.Fatal(err)
	}
	jump.cut()
	want := fmt.Sprintf(`connection to "node1" lost: jump host %q: EOF`, jump.addr)
	if err := s.Wait(); err == nil || err.Error() != want {
		t.Errorf("wait: got %v; want %s", err, want)
	}
	mustDial(t, d, target) // over a new connection to the jump host
	if n := jump.conns.Load(); n != 2 {
		t.Errorf("connections to the jump host: got %d; want 2", n)
	}
}

func TestJumpTroubleIsTold(t *testing.T) {
	jump := newFakeHost(t).serve(t)
	d := dialer(t, home(t, jump.knows()), nil)
	closed := Target{Name: "n", Addr: "127.0.0.1", Port: sshdtest.FreePort(t), ProxyJump: jump.addr.String()}
	wantError(t, d, closed, Unreachable, fmt.Sprintf("through jump host %q: ssh: rejected: connect failed", jump.addr))
	wantError(t, dialer(t, home(t), nil), closed, HostKey, fmt.Sprintf("dial ssh %q (%s): host key is unknown", jump.addr, jump.addr))
	closed.ProxyJump = "a b"
	wantError(t, d, closed, BadConfig, `jump host "a b"`)

	dir := home(t)
	sshdtest.WriteFile(t, filepath.Join(dir, ".ssh/config"), "Host a\n  ProxyJump b\nHost b\n  ProxyJump a\n")
	wantError(t, dialer(t, dir, nil), Target{Addr: "a"}, Unreachable, "lead back to")
}

func TestClosedDialerDialsNoMore(t *testing.T) {
	jump, host := newFakeHost(t).serve(t), newFakeHost(t).serve(t)
	d := dialer(t, home(t, jump.knows(), host.knows()), nil)
	d.Close()
	target := host.target("n")
	target.ProxyJump = jump.addr.String()
	wantError(t, d, target, Unreachable, "dialer is closed")
	wantError(t, d, host.target("n"), Unreachable, "dialer is closed")
}

func TestParseJump(t *testing.T) {
	tests := map[string]struct {
		want []Hop
		err  string
	}{
		"":                               {},
		"none":                           {},
		"gate":                           {want: []Hop{{Host: "gate"}}},
		"me@gate:2222":                   {want: []Hop{{User: "me", Host: "gate", Port: 2222}}},
		"a, b@c":                         {want: []Hop{{Host: "a"}, {User: "b", Host: "c"}}},
		"u@[fe80::1%eth0]:22":            {want: []Hop{{User: "u", Host: "fe80::1%eth0", Port: 22}}},
		"[::1]":                          {want: []Hop{{Host: "::1"}}},
		"2001:db8::1":                    {want: []Hop{{Host: "2001:db8::1"}}},
		"ssh://u@h:22/":                  {want: []Hop{{User: "u", Host: "h", Port: 22}}},
		"me@corp@gate":                   {want: []Hop{{User: "me@corp", Host: "gate"}}},
		"a,,b":                           {err: `jump host "": no address`},
		"@gate":                          {err: "no user before @"},
		"gate:0":                         {err: "a port is 1 to 65535"},
		"gate:":                          {err: "no port after the colon"},
		"gate:ssh":                       {err: "a port is 1 to 65535"},
		"-oProxyCommand=x":               {err: "begins with a dash"},
		"[::1":                           {err: "missing ']'"},
		"a]b":                            {err: "misplaced bracket"},
		"$(x)":                           {err: "contains a character that no host name has"},
		"u\n@gate":                       {err: "contains a space or control character"},
		"gate;" + strings.Repeat("x", 9): {err: "contains a character"},
	}
	for in, tt := range tests {
		got, err := ParseJump(in)
		if tt.err != "" {
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("ParseJump(%q): got %v, %v; want an error with %q", in, got, err, tt.err)
			}
			continue
		}
		if diff := cmp.Diff(tt.want, got); err != nil || diff != "" {
			t.Errorf("ParseJump(%q): got %v, %v; want %v", in, got, err, tt.want)
		}
	}
}

// FuzzParseJump: what parses can be written and parsed again to the same.
func FuzzParseJump(f *testing.F) {
	for _, seed := range []string{"gate", "me@gate:2222,b", "[::1]:22", "u@2001:db8::1", "none", "ssh://x@y:1/", "a@b@c", "%", "[a]:1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		hops, err := ParseJump(in)
		if err != nil {
			return
		}
		again, err := ParseJump(formatHops(hops))
		if diff := cmp.Diff(hops, again); err != nil || diff != "" {
			t.Errorf("ParseJump(%q) written %q: got %v, %v; want %v", in, formatHops(hops), again, err, hops)
		}
		for _, h := range hops {
			if h.Host == "" || strings.ContainsAny(h.Host, " \n,'\"$;`\\") || strings.ContainsAny(h.User, "\n,") {
				t.Errorf("ParseJump(%q): got %+v; want no host like this", in, h)
			}
		}
	})
}
