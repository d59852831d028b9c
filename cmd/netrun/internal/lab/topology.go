package lab

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// DefaultFabric holds the fabric addresses of a lab without a topology file. It
// is the range that RFC 2544 sets apart for tests of devices.
var DefaultFabric = netip.MustParsePrefix("198.18.0.0/16")

// DefaultSwitch is the switch of a host whose topology names none.
const DefaultSwitch = "fabric"

// maxHosts is what a /20 of management addresses holds.
const maxHosts = 4000

// Topology is what a lab consists of. Order is kept: it decides addresses.
type Topology struct {
	Hosts    []HostSpec
	Switches []string
	Groups   []Group
	Vars     map[string]any // variables of every host
}

// HostSpec is one wanted host; a router is a host with several interfaces.
type HostSpec struct {
	Name       string
	Interfaces []Interface
	Groups     []string
	Vars       map[string]any
	Shell      string            // root's login shell; default /bin/bash
	Busybox    bool              // no commands but busybox and sshd
	TmpfsRoot  string            // size limit ("64m") of a root kept in memory; default: on disk, no limit
	NoSFTP     bool              // sshd offers no sftp subsystem
	Services   []string          // of Services()
	SSHD       map[string]string // sshd_config keywords that override the lab's own
}

// Interface is one fabric interface of a host.
type Interface struct {
	Name    string         `json:"name"`
	Switch  string         `json:"switch"`
	Address []netip.Prefix `json:"address,omitempty"`
	Gateway []netip.Addr   `json:"gateway,omitempty"` // default routes, one a family
	MTU     int            `json:"mtu,omitempty"`
}

// Group is an inventory group beyond the membership that hosts name.
type Group struct {
	Name     string         `json:"name"`
	Children []string       `json:"children,omitempty"`
	Vars     map[string]any `json:"-"`
}

// Flat returns n hosts, node1 to node<n>, in group nodes, each with eth1 on one
// switch. The invalid prefix gives eth1 no address; one without room for n hosts
// is found by Check.
func Flat(n int, fabric netip.Prefix) *Topology {
	t := &Topology{}
	for i := 1; i <= n; i++ {
		t.Hosts = append(t.Hosts, HostSpec{Name: fmt.Sprintf("node%d", i), Groups: []string{"nodes"}})
	}
	t.wire(fabric)
	return t
}

// wire gives every host eth1 on the default switch, with the next address.
func (t *Topology) wire(fabric netip.Prefix) {
	t.Switches = []string{DefaultSwitch}
	addr := fabric.Masked().Addr()
	for i := range t.Hosts {
		eth1 := Interface{Name: "eth1", Switch: DefaultSwitch}
		if fabric.IsValid() {
			addr = addr.Next()
			eth1.Address = []netip.Prefix{netip.PrefixFrom(addr, fabric.Bits())}
		}
		t.Hosts[i].Interfaces = []Interface{eth1}
	}
}

var (
	hostName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)
	linkName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,14}$`)
	sizeName = regexp.MustCompile(`^[0-9]+[kKmMgG]?$`)
	keyword  = regexp.MustCompile(`^[A-Za-z0-9]+$`)
)

// Check reports the first thing that makes a lab of t impossible. Files are
// checked when they are read, with places; this is for topologies made in Go.
func (t *Topology) Check() error {
	if len(t.Hosts) == 0 || len(t.Hosts) > maxHosts {
		return fmt.Errorf("lab of %d hosts: want 1 to %d", len(t.Hosts), maxHosts)
	}
	seen := map[string]bool{}
	for _, h := range t.Hosts {
		if seen[h.Name] {
			return fmt.Errorf("host %q stands in the topology twice", h.Name)
		}
		seen[h.Name] = true
		if err := h.check(t.Switches); err != nil {
			return fmt.Errorf("host %q: %w", h.Name, err)
		}
	}
	return nil
}

func (h HostSpec) check(switches []string) error {
	if !hostName.MatchString(h.Name) {
		return fmt.Errorf("want a name of letters, digits, %q, %q and %q, at most 63 long", ".", "-", "_")
	}
	for _, i := range h.Interfaces {
		if err := checkLinkName(i.Name); err != nil {
			return err
		}
		if !slices.Contains(switches, i.Switch) {
			return fmt.Errorf("interface %q: no switch %q", i.Name, i.Switch)
		}
		if err := i.check(); err != nil {
			return fmt.Errorf("interface %q: %w", i.Name, err)
		}
	}
	if err := checkServices(h.Services); err != nil {
		return err
	}
	if h.Busybox && len(h.Services) > 0 {
		return fmt.Errorf("services %s need more commands than busybox", strings.Join(h.Services, ", "))
	}
	if h.TmpfsRoot != "" && !sizeName.MatchString(h.TmpfsRoot) {
		return fmt.Errorf("tmpfs_root %q: want a size such as 64m", h.TmpfsRoot)
	}
	return nil
}

// check looks for addresses that counting up from a subnet's first has led
// beyond its last.
func (i Interface) check() error {
	for _, a := range i.Address {
		last := a.Addr().Next()
		if !a.IsValid() || (a.Addr().Is4() && a.Bits() < 31 && !a.Masked().Contains(last)) {
			return fmt.Errorf("address %s is its subnet's last: choose a larger subnet", a)
		}
	}
	return nil
}

func checkLinkName(name string) error {
	switch {
	case name == "eth0" || name == "lo":
		return fmt.Errorf("interface %q is the lab's own: use eth1 and up", name)
	case !linkName.MatchString(name):
		return fmt.Errorf("interface %q: want at most 15 letters, digits, %q, %q or %q", name, ".", "-", "_")
	}
	return nil
}
