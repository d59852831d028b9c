package tasks

import (
	"bytes"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"netrun/tasks/state"
)

// hostile are texts that end a line, a word or a command somewhere.
var hostile = []string{"", " ", "a b", "$(reboot)", "`id`", "; reboot", "a\nb", "a\x00b", "'", `"`, `\`, "--flush", "-j", "../../etc", "${src 10.0.0.1}", "${", "é", "\u2028", "a\tb"}

func addAll(f *testing.F, seeds ...string) {
	for _, s := range append(seeds, hostile...) {
		f.Add(s)
	}
}

func FuzzSplitWords(f *testing.F) {
	addAll(f, `ip -br 'link show' "a\"b" c\ d`, `'unclosed`, `\`)
	f.Fuzz(func(t *testing.T, line string) {
		words, err := SplitWords(line)
		if err != nil || !utf8.ValidString(line) {
			return
		}
		again, err := SplitWords(quoteWords(words))
		if err != nil || !cmp.Equal(words, again) {
			t.Errorf("SplitWords(%q) quoted and split again: got %q, %v; want %q", quoteWords(words), again, err, words)
		}
	})
}

func FuzzLinkText(f *testing.F) {
	addAll(f, "6379:10.16.138.4:50000", "127.0.0.2:8081:9.8.23.14:8080", "80::80", "6379:db:", "127.0.0.1:80:db:80:extra", "-1:10.0.0.1:2", "1:[::1]:2",
		"[fd00::1]:80:[2001:db8::2]:81/udp,53:db:53/udp", "80:node4/redisdb:6379", "localhost:80:localhost:80")
	f.Fuzz(func(t *testing.T, text string) {
		task := &Link{Container: "app", Links: []any{text}, State: present}
		if task.Check() != nil {
			return
		}
		specs, err := ParseLinks(text)
		if err != nil {
			t.Fatalf("link %q: Check takes it; got error %v", text, err)
		}
		for _, s := range specs {
			again, err := linkFromMap(s.asMap())
			if err != nil || again != s || s.FromPort < 1 || s.FromPort > 65535 || s.ToPort < 0 || s.ToPort > 65535 {
				t.Errorf("link %q as a map: got %+v, %v; want %+v", text, again, err, s)
			}
		}
		safeObjects(t, task.Want())
	})
}

// safeObjects wants no control character in what reaches names and rules.
func safeObjects(t *testing.T, wants []state.Want) {
	t.Helper()
	for _, w := range wants {
		c := state.Change{Op: state.Create, After: w.Object}
		for _, line := range append(state.Explain(c), w.Object.Key().String()) {
			if strings.ContainsFunc(line, unicode.IsControl) {
				t.Errorf("got %q; want no control characters", line)
			}
		}
	}
}

func FuzzSysctlName(f *testing.F) {
	addAll(f, "net.ipv4.ip_forward", "net.ipv4.conf.eth0/10.rp_filter", "net/ipv4/conf/eth0.10/rp_filter", "net..x", ".net", "net/../../etc/passwd", "/proc/sys/x")
	f.Fuzz(func(t *testing.T, name string) {
		path, err := sysctlPath(name)
		if err != nil {
			return
		}
		for _, element := range strings.Split(path, "/") {
			if element == "" || element == "." || element == ".." {
				t.Errorf("sysctlPath(%q): got %q; want no way out of /proc/sys", name, path)
			}
		}
		if strings.ContainsFunc(path, unicode.IsControl) {
			t.Errorf("sysctlPath(%q): got %q; want no control characters", name, path)
		}
	})
}

func FuzzRuleText(f *testing.F) {
	addAll(f, `-p tcp --dport 80 -j ACCEPT`, `-m comment --comment "a b"`, `-d ${addr4 eth0}/32 -j RETURN`, "-A INPUT", "--modprobe=/bin/sh", "-M /bin/sh")
	f.Fuzz(func(t *testing.T, text string) {
		task := &IPTables{Chain: "WEB", Table: "filter", Rules: []any{text}, State: present}
		if task.Check() != nil {
			return
		}
		safeObjects(t, task.Want())
	})
}

func FuzzLineInFile(f *testing.F) {
	f.Add("a\nb\n", "c", "^b", "", "", false, false, false)
	f.Add("a\nb", "x", "", "^a", "", false, false, false)
	f.Add("a\r\nb\r\n", "b", "^[ab]", "", "BOF", true, false, false)
	f.Add("x=1\nx=2\n", `\1y`, "^(x)=", "", "", false, true, false)
	f.Add("a\n\na\n", "a", "", "", "", false, false, true)
	f.Add("", "", "", "EOF", "", false, false, false)
	f.Fuzz(func(t *testing.T, text, line, re, after, before string, first, backrefs, gone bool) {
		task := &LineInFile{Path: "/f", Line: &line, Regexp: re, InsertAfter: after, InsertBefore: before, FirstMatch: first, Backrefs: backrefs, State: present}
		if gone {
			task.State = absent
		}
		if task.Check() != nil {
			return
		}
		once, err := task.edit([]byte(text))
		if err != nil {
			return
		}
		twice, err := task.edit(once)
		if err != nil || !bytes.Equal(once, twice) {
			t.Errorf("edit again: got %q, %v; want %q as after the first time", twice, err, once)
		}
	})
}

func FuzzIfName(f *testing.F) {
	addAll(f, "eth0", "eth0.10", "br-1234567890ab", "0123456789abcdef")
	f.Fuzz(func(t *testing.T, text string) {
		var name IfName
		if name.UnmarshalText([]byte(text)) == nil && (len(name) < 1 || len(name) > 15 || strings.ContainsAny(string(name), "/ \n\x00:")) {
			t.Errorf("got %q; want it refused", name)
		}
	})
}

func FuzzAddresses(f *testing.F) {
	addAll(f, "10.0.0.1/24", "10.0.0.1", "::1/64", "::ffff:1.2.3.4/100", "fe80::1%eth0/64", "default", "10.0.0.1/33")
	f.Fuzz(func(t *testing.T, text string) {
		var p Prefix
		if p.UnmarshalText([]byte(text)) == nil && (!p.IsValid() || p.Addr().Zone() != "" || p.Addr().Is4In6()) {
			t.Errorf("prefix %q: got %s; want it refused", text, p)
		}
		var n Net
		if n.UnmarshalText([]byte(text)) != nil {
			return
		}
		back, err := n.MarshalText()
		var again Net
		if err == nil {
			err = again.UnmarshalText(back)
		}
		if err != nil || again != n {
			t.Errorf("net %q marshalled and read again: got %v, %v; want %v", text, again, err, n)
		}
	})
}
