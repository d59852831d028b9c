package linuxhost

import (
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"netrun/tasks/state"
)

// ownerKey marks what is netrun's in external_ids.
const ownerKey = "netrun-owner"

// Bounds of one ovs-vsctl: it waits for ovs-vswitchd to do what the database says, for
// ever where none runs. To read, it waits for the database only; one that did not answer
// is asked again after as long a while.
const (
	ovsTimeout     = 20 * time.Second
	ovsReadTimeout = 5 * time.Second
	ovsSilence     = 10 * time.Second
)

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
	if time.Since(s.host.silent) < ovsSilence {
		return nil, errSilent
	}
	out, _, err := s.vsctlOutput(ovsReadTimeout, "--format=json",
		"--columns=name,datapath_type,stp_enable,rstp_enable,fail_mode,controller,external_ids,ports", "list", "Bridge",
		"--", "--columns=_uuid,name,tag,trunks,vlan_mode,protected,interfaces,external_ids,status,rstp_status", "list", "Port",
		"--", "--columns=_uuid,name,type,options,mtu_request,ofport", "list", "Interface",
		"--", "--columns=_uuid,target", "list", "Controller")
	if errors.Is(err, errAlarm) {
		s.host.silent, err = time.Now(), errSilent
	}
	if err != nil {
		return nil, err
	}
	db, err := parseOVS(out)
	if err != nil {
		return nil, fmt.Errorf("ovs-vsctl: %w", err)
	}
	s.ovs = db
	s.host.keepPorts(db)
	return db, nil
}

// vsctl runs ovs-vsctl in the host's own namespace.
func (s *session) vsctl(args ...string) (string, error) {
	out, _, err := s.vsctlChange(args...)
	return out, err
}

// switchPardon is how long an ovs-vswitchd that has hung is not waited for: the watch
// may live to see it well again.
const switchPardon = time.Minute

// vsctlChange gives what it complained of besides, though it succeeded.
func (s *session) vsctlChange(args ...string) (out, said string, err error) {
	if time.Since(s.host.switchHung) < switchPardon {
		args = append([]string{"--no-wait"}, args...) // an undo must at least put the database right
	}
	out, said, err = s.vsctlOutput(ovsTimeout, args...)
	if errors.Is(err, errAlarm) {
		s.host.switchHung = time.Now()
		err = fmt.Errorf("ovs-vswitchd does not do what the database says: ovs-vsctl has waited for %s", ovsTimeout)
	}
	return out, said, err
}

var (
	errAlarm  = errors.New("ovs-vsctl: no answer in time")
	errSilent = fmt.Errorf("ovsdb-server does not answer: ovs-vsctl has waited for %s", ovsReadTimeout)
)

func ovsSeconds(d time.Duration) string { return fmt.Sprintf("--timeout=%.0f", d.Seconds()) }

func (s *session) vsctlOutput(patience time.Duration, args ...string) (out, said string, err error) {
	host, err := s.space(state.HostScope)
	if err != nil {
		return "", "", err
	}
	options := []string{ovsSeconds(patience), "--no-syslog"}
	out, said, err = s.output(host, program{name: "ovs-vsctl", args: append(options, args...)})
	var exit *exec.ExitError
	switch {
	case isNotInstalled(err):
		return "", "", errors.New("ovs-vsctl is not installed: it comes with Open vSwitch")
	case errors.As(err, &exit) && alarmed(exit):
		return "", "", errAlarm
	}
	return out, said, err
}

// alarmed reports whether ovs-vsctl ended because its time was over.
func alarmed(exit *exec.ExitError) bool {
	status, ok := exit.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == unix.SIGALRM
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
	for ; n < len(changes) && (isOVS(changes[n]) || changes[n].Implied); n++ {
		if changes[n].Implied {
			continue
		}
		words, err := s.ovsCommands(changes[n])
		if err != nil {
			return 0, &state.ApplyError{Index: n, Err: describe(changes[n], err)}
		}
		args = append(args, words...)
		delete(s.host.ovsLinks, changes[n].Key().Name) // one that is deleted and made anew is opened anew
	}
	s.ovs = nil
	if len(args) == 0 {
		return n - i, nil
	}
	said, err := s.transact(args)
	if err == nil {
		err = setupError(changes[i:n], said)
	}
	if err == nil {
		err = s.reflood(changes[i:n])
	}
	if err != nil {
		at := i + blamed(changes[i:n], err)
		return 0, &state.ApplyError{Index: at, Err: describe(changes[at], err)}
	}
	s.afterOVS()
	return n - i, nil
}

// transact changes the database, if that answers: what was silent is asked anew before.
func (s *session) transact(args []string) (said string, err error) {
	if !s.host.silent.IsZero() {
		s.host.silent = time.Time{}
		if _, err := s.database(); err != nil {
			return "", err
		}
		s.ovs = nil
	}
	_, said, err = s.vsctlChange(args...)
	return said, err
}

// afterOVS forgets the host's links, some of which came or went.
func (s *session) afterOVS() {
	if host, ok := s.spaces[state.HostScope]; ok {
		host.forgetLinks()
		clear(host.index)
	}
}

// setupError is what ovs-vswitchd could not set up: the database has it all the same, and
// ovs-vsctl ends with 0. A patch port whose peer is still to come works once that is there.
func setupError(changes []state.Change, said string) error {
	for line := range strings.Lines(said) {
		_, about, found := strings.Cut(line, "Error detected while setting up '")
		name, cause, _ := strings.Cut(about, "': ")
		if !found || isPatch(changes, name) {
			continue
		}
		cause, _, _ = strings.Cut(cause, ".  See ")
		return fmt.Errorf("set up %q: %s", name, strings.TrimSpace(cause))
	}
	return nil
}

func isPatch(changes []state.Change, name string) bool {
	return slices.ContainsFunc(changes, func(c state.Change) bool {
		p, ok := c.Object().(state.OVSPort)
		return ok && p.Name == name && p.Type == "patch"
	})
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

// datapath is "system" where the kernel has its part of Open vSwitch. The database's
// datapath_types lists system also where it has not; generic netlink does not lie.
func (s *session) datapath() string {
	host, err := s.space(state.HostScope)
	if err == nil {
		err = s.thread.in(host, func() error {
			_, err := netlink.GenlFamilyGet("ovs_datapath")
			return err
		})
	}
	if err != nil {
		return "netdev"
	}
	return "system"
}
