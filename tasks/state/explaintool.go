package state

import (
	"fmt"
	"strings"
)

func iptablesWord(family int) string {
	if family == 6 {
		return "ip6tables"
	}
	return "iptables"
}

// chain makes, refills or removes a chain of netrun's.
func (e *explainer) chain(c Change, chain Chain) {
	run := func(words ...string) {
		e.in(chain.Scope, append([]string{iptablesWord(chain.Family), "-t", chain.Table}, words...)...)
	}
	switch c.Op {
	case Create:
		run("-N", chain.Name)
	default:
		run("-F", chain.Name)
	}
	if c.Op == Delete {
		run("-X", chain.Name)
		return
	}
	for _, rule := range chain.Rules {
		run(append([]string{"-A", chain.Name}, rule...)...)
	}
}

func (e *explainer) jump(c Change, j Jump) {
	words := []string{iptablesWord(j.Family), "-t", j.Table}
	switch {
	case c.Op == Delete:
		words = append(words, "-D", j.From)
	case j.First:
		words = append(words, "-I", j.From)
	default:
		words = append(words, "-A", j.From)
	}
	e.in(j.Scope, append(append(words, j.Match...), "-m", "comment", "--comment", "netrun", "-j", j.To)...)
}

// file says what is written where; what it is, the diff shows.
func (e *explainer) file(c Change, f File) {
	if c.Op == Delete {
		e.add(map[bool][]string{true: {"rmdir", f.Path}, false: {"rm", f.Path}}[f.Type == "directory"]...)
		return
	}
	changed := map[string]bool{}
	for _, d := range c.Fields {
		changed[d.Field] = true
	}
	made := c.Op == Create
	switch {
	case f.Type == "directory" && made:
		e.add("mkdir", f.Path)
	case f.Type == "link" && (made || changed["target"]):
		e.add("ln", "-sfn", f.Target, f.Path)
	case f.Type == "file" && (made || changed["sha256"]):
		what := fmt.Sprintf("%d bytes", len(f.Content))
		if len(f.Content) == 0 && f.SHA256 != Checksum(nil) {
			what = "sha256 " + f.SHA256
		}
		e.lines = append(e.lines, "cat > "+shellQuote(f.Path)+"  # "+what)
	}
	if f.Mode != "" && (made || changed["mode"]) {
		e.add("chmod", f.Mode, f.Path)
	}
	if owner := ownerWord(f, made, changed); owner != "" {
		e.add("chown", "-h", owner, f.Path)
	}
}

// ownerWord is chown's argument, "" where nobody's ownership changes.
func ownerWord(f File, made bool, changed map[string]bool) string {
	word := ""
	if made || changed["owner"] {
		word = f.Owner
	}
	if f.Group != "" && (made || changed["group"]) {
		word += ":" + f.Group
	}
	return word
}

// hostsLine says which line of which hosts file changes. It is edited in place: a
// container's is a mount, which sed -i would replace.
func (e *explainer) hostsLine(c Change, l HostsLine) {
	where := "  # the one of " + string(l.Scope)
	if c.Op == Create {
		e.lines = append(e.lines, "echo "+shellQuote(l.Text())+" >> /etc/hosts"+where)
		return
	}
	words := "-e " + shellQuote("/"+sedQuote(c.Before.(HostsLine).Text())+"/d")
	if c.Op == Update {
		words = "-e " + shellQuote("s/"+sedQuote(c.Before.(HostsLine).Text())+"/"+sedQuote(l.Text())+"/")
	}
	e.lines = append(e.lines, "printf '%s\\n' \"$(sed "+words+" /etc/hosts)\" > /etc/hosts"+where)
}

// sedQuote is the text as sed's expressions take it.
func sedQuote(text string) string {
	return strings.NewReplacer("/", `\/`, ".", `\.`, "\t", `\t`).Replace(text)
}
