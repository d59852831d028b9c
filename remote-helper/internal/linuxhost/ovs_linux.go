package linuxhost

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"

	"netrun/tasks/state"
)

// ownerKey marks what is netrun's in external_ids.
const ownerKey = "netrun-owner"

// ovsTimeout bounds one ovs-vsctl, in seconds: it waits for ovs-vswitchd to do
// what the database says, for ever where none runs.
const ovsTimeout = "--timeout=20"

// ovsdb is what the database says.
type ovsdb struct {
	bridges []state.OVSBridge
	ports   []state.OVSPort
}

// database reads bridges, ports and interfaces with one call, once a session.
func (s *session) database() (*ovsdb, error) {
	if s.ovs != nil {
		return s.ovs, nil
	}
	out, err := s.vsctl("--format=json",
		"--columns=name,datapath_type,stp_enable,rstp_enable,fail_mode,external_ids,ports", "list", "Bridge",
		"--", "--columns=_uuid,name,tag,interfaces,external_ids", "list", "Port",
		"--", "--columns=_uuid,name,type,options", "list", "Interface")
	if err != nil {
		return nil, err
	}
	db, err := parseOVS(out)
	if err != nil {
		return nil, fmt.Errorf("ovs-vsctl: %w", err)
	}
	s.ovs = db
	return db, nil
}

// vsctl runs ovs-vsctl in the host's own namespace.
func (s *session) vsctl(args ...string) (string, error) {
	host, err := s.space(state.HostScope)
	if err != nil {
		return "", err
	}
	out, err := s.run(host, program{name: "ovs-vsctl", args: append([]string{ovsTimeout, "--no-syslog"}, args...)})
	if isNotInstalled(err) {
		return "", errors.New("Open vSwitch is not installed (no ovs-vsctl)")
	}
	return out, err
}

// askedOVS is the database, or nil where nothing is asked for by name and there is none.
func (s *session) askedOVS(q *query) (*ovsdb, error) {
	db, err := s.database()
	if err != nil && len(q.names) == 0 && s.ctx.Err() == nil {
		return &ovsdb{}, nil
	}
	return db, err
}

func (s *session) readOVSBridges(q *query) ([]state.Object, error) {
	db, err := s.askedOVS(q)
	if err != nil {
		return nil, err
	}
	var out []state.Object
	for _, b := range db.bridges {
		out = append(out, b)
	}
	return out, nil
}

func (s *session) readOVSPorts(q *query) ([]state.Object, error) {
	db, err := s.askedOVS(q)
	if err != nil {
		return nil, err
	}
	var out []state.Object
	for _, p := range db.ports {
		out = append(out, p)
	}
	return out, nil
}

// applyOVS carries out, in one transaction of the database, the run of changes to
// bridges and ports that begins at i.
func (s *session) applyOVS(changes []state.Change, i int) (int, error) {
	var args []string
	n := i
	for ; n < len(changes) && isOVS(changes[n]); n++ {
		if changes[n].Implied {
			continue
		}
		words, err := s.ovsCommands(changes[n])
		if err != nil {
			return 0, &state.ApplyError{Index: n, Err: describe(changes[n], err)}
		}
		args = append(args, words...)
	}
	s.ovs = nil
	if len(args) == 0 {
		return n - i, nil
	}
	if _, err := s.vsctl(args...); err != nil {
		at := i + blamed(changes[i:n], err)
		return 0, &state.ApplyError{Index: at, Err: describe(changes[at], err)}
	}
	s.afterOVS()
	return n - i, nil
}

// afterOVS forgets the host's links, some of which came or went.
func (s *session) afterOVS() {
	if host, ok := s.spaces[state.HostScope]; ok {
		host.forgetLinks()
		clear(host.index)
	}
}

func isOVS(c state.Change) bool {
	k := c.Key().Kind
	return k == state.KindOVSBridge || k == state.KindOVSPort
}

// blamed is the first change whose object the error names, else the first.
func blamed(changes []state.Change, err error) int {
	words := strings.FieldsFunc(err.Error(), func(c rune) bool { return strings.ContainsRune(" ,;:\"'()", c) })
	first := -1
	for i, c := range changes {
		if c.Implied {
			continue
		}
		if first < 0 {
			first = i
		}
		if slices.Contains(words, c.Key().Name) {
			return i
		}
	}
	return max(first, 0)
}

// ovsCommands are the change as commands of ovs-vsctl, each begun by "--".
func (s *session) ovsCommands(c state.Change) ([]string, error) {
	switch o := c.Object().(type) {
	case state.OVSBridge:
		if err := checkOVSName(o.Name); err != nil {
			return nil, err
		}
		return s.bridgeCommands(c, o)
	case state.OVSPort:
		for _, name := range []string{o.Name, o.Bridge} {
			if err := checkOVSName(name); err != nil {
				return nil, err
			}
		}
		return portCommands(c, o)
	}
	return nil, nil
}

func (s *session) bridgeCommands(c state.Change, b state.OVSBridge) ([]string, error) {
	switch c.Op {
	case state.Delete:
		return []string{"--", "del-br", b.Name}, nil
	case state.Create:
		if b.Datapath == "" {
			b.Datapath = s.datapath()
		}
		words := []string{"--", "add-br", b.Name, "--", "set", "Bridge", b.Name}
		words = append(words, column("datapath_type", b.Datapath))
		words = append(words, bridgeColumns(b, state.OVSBridge{})...)
		return append(words, ownerColumn(b.Owner)...), nil
	}
	before := c.Before.(state.OVSBridge)
	words := setColumns("Bridge", b.Name, bridgeColumns(b, before))
	if b.FailMode == "" && before.FailMode != "" {
		words = append(words, "--", "clear", "Bridge", b.Name, "fail_mode")
	}
	return append(words, changeOwner("Bridge", b.Name, before.Owner, b.Owner)...), nil
}

// bridgeColumns are the settings in which b differs from before.
func bridgeColumns(b, before state.OVSBridge) []string {
	var out []string
	if b.STP != nil && (before.STP == nil || *before.STP != *b.STP) {
		out = append(out, fmt.Sprintf("stp_enable=%t", *b.STP))
	}
	if b.RSTP != nil && (before.RSTP == nil || *before.RSTP != *b.RSTP) {
		out = append(out, fmt.Sprintf("rstp_enable=%t", *b.RSTP))
	}
	if b.FailMode != "" && b.FailMode != before.FailMode {
		out = append(out, column("fail_mode", b.FailMode))
	}
	return out
}

func portCommands(c state.Change, p state.OVSPort) ([]string, error) {
	switch c.Op {
	case state.Delete:
		return []string{"--", "del-port", p.Bridge, p.Name}, nil
	case state.Create:
		words := []string{"--", "add-port", p.Bridge, p.Name}
		words = append(words, setColumns("Interface", p.Name, interfaceColumns(p, state.OVSPort{}))...)
		return append(words, setColumns("Port", p.Name, append(tagColumn(p, state.OVSPort{}), ownerColumn(p.Owner)...))...), nil
	}
	before := c.Before.(state.OVSPort)
	words := setColumns("Interface", p.Name, interfaceColumns(p, before))
	for _, name := range sortedKeys(before.Options) {
		if _, kept := p.Options[name]; !kept {
			words = append(words, "--", "remove", "Interface", p.Name, "options", ovsString(name))
		}
	}
	words = append(words, setColumns("Port", p.Name, tagColumn(p, before))...)
	if p.Tag == 0 && before.Tag != 0 {
		words = append(words, "--", "clear", "Port", p.Name, "tag")
	}
	return append(words, changeOwner("Port", p.Name, before.Owner, p.Owner)...), nil
}

func interfaceColumns(p, before state.OVSPort) []string {
	var out []string
	if p.Type != before.Type {
		out = append(out, column("type", p.Type))
	}
	for _, name := range sortedKeys(p.Options) {
		if had, ok := before.Options[name]; !ok || had != p.Options[name] {
			out = append(out, "options:"+ovsString(name)+"="+ovsString(p.Options[name]))
		}
	}
	return out
}

func tagColumn(p, before state.OVSPort) []string {
	if p.Tag == before.Tag || p.Tag == 0 {
		return nil
	}
	return []string{fmt.Sprintf("tag=%d", p.Tag)}
}

func ownerColumn(owner string) []string {
	if owner == "" {
		return nil
	}
	return []string{"external_ids:" + ownerKey + "=" + ovsString(owner)}
}

func changeOwner(table, record, before, after string) []string {
	switch {
	case before == after:
		return nil
	case after == "":
		return []string{"--", "remove", table, record, "external_ids", ownerKey}
	}
	return setColumns(table, record, ownerColumn(after))
}

func setColumns(table, record string, columns []string) []string {
	if len(columns) == 0 {
		return nil
	}
	return append([]string{"--", "set", table, record}, columns...)
}

func column(name, value string) string { return name + "=" + ovsString(value) }

// ovsString is a value that ovs-vsctl takes as one string, whatever is in it: its
// own syntax splits at commas, blanks and brackets outside of quotes.
func ovsString(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\t", `\t`, "\r", `\r`).Replace(text) + `"`
}

// checkOVSName refuses names that ovs-vsctl would take for an option, a command or a path.
func checkOVSName(name string) error {
	if name == "" || len(name) > 64 || !validWord(name) {
		return fmt.Errorf("%q: want a name of letters, digits and _ . -", name)
	}
	return nil
}

// datapath is "system" where the kernel has its part of Open vSwitch. The database's
// datapath_types lists system also where it has not; generic netlink does not lie.
func (s *session) datapath() string {
	if _, err := os.Stat("/sys/module/openvswitch"); err == nil {
		return "system"
	}
	host, err := s.space(state.HostScope)
	if err != nil {
		return "netdev"
	}
	found := "netdev"
	_ = s.thread.in(host, func() error {
		if _, err := netlink.GenlFamilyGet("ovs_datapath"); err == nil {
			found = "system"
		}
		return nil
	})
	return found
}
