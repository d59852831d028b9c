package state

import (
	"fmt"
	"sort"
	"strconv"
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

func (e *explainer) ovsBridge(c Change, b OVSBridge) {
	if c.Op == Delete {
		e.add("ovs-vsctl", "del-br", b.Name)
		return
	}
	var settings []string
	if c.Op == Create {
		settings = setting(settings, "datapath_type", b.Datapath)
	}
	if b.STP != nil {
		settings = append(settings, "stp_enable="+strconv.FormatBool(*b.STP))
	}
	if b.RSTP != nil {
		settings = append(settings, "rstp_enable="+strconv.FormatBool(*b.RSTP))
	}
	settings = setting(settings, "fail_mode", b.FailMode)
	if c.Op == Create {
		settings = setting(settings, "external_ids:netrun-owner", b.Owner)
	}
	e.ovs(c.Op, []string{"add-br", b.Name}, "bridge", b.Name, settings)
}

func setting(settings []string, name, value string) []string {
	if value == "" {
		return settings
	}
	return append(settings, name+"="+value)
}

// ovs is one transaction: the command that adds, if anything is added, and what is set.
func (e *explainer) ovs(op Op, add []string, table, name string, settings []string) {
	words := []string{"ovs-vsctl"}
	if op == Create {
		words = append(words, add...)
		if len(settings) > 0 {
			words = append(words, "--")
		}
	}
	if len(settings) > 0 {
		words = append(append(words, "set", table, name), settings...)
	}
	e.add(words...)
}

func (e *explainer) ovsPort(c Change, p OVSPort) {
	if c.Op == Delete {
		e.add("ovs-vsctl", "del-port", p.Bridge, p.Name)
		return
	}
	add := []string{"add-port", p.Bridge, p.Name}
	if p.Tag != 0 && c.Op == Create {
		add = append(add, "tag="+strconv.Itoa(p.Tag))
	}
	if c.Op == Create {
		add = setting(add, "external_ids:netrun-owner", p.Owner)
	}
	settings := setting(nil, "type", p.Type)
	names := make([]string, 0, len(p.Options))
	for name := range p.Options {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		settings = append(settings, "options:"+name+"="+p.Options[name])
	}
	if c.Op == Create {
		e.ovs(Create, add, "interface", p.Name, settings)
		return
	}
	for _, f := range c.Fields {
		switch {
		case f.Field == "options" && len(settings) > 0:
			e.ovs(Update, nil, "interface", p.Name, settings)
		case f.Field == "tag" && p.Tag == 0:
			e.add("ovs-vsctl", "clear", "port", p.Name, "tag")
		case f.Field == "tag":
			e.add("ovs-vsctl", "set", "port", p.Name, "tag="+strconv.Itoa(p.Tag))
		}
	}
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
