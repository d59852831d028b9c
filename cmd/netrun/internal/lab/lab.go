// Package lab makes throwaway Linux hosts on this machine: each one is a
// network, mount, pid and uts namespace with an overlay of the machine's own
// root, an sshd with its own host key, a management interface that the machine
// reaches and fabric interfaces on switches that hang on nothing.
//
// It knows namespaces, bridges, overlays and the files an SSH client and an
// inventory need. It does not know plays: what runs on the hosts is its user's
// business. Hosts share the machine's kernel and devices, so a lab rehearses a
// network, it does not jail anybody.
package lab

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"path/filepath"
	"strings"
)

// ErrUp is returned (wrapped) by Up when the lab is up already.
var ErrUp = errors.New("lab is up already")

// ErrNoLab is returned (wrapped) by Open where there is no lab.
var ErrNoLab = errors.New("no such lab")

// Config says what Up makes. The zero value of a field means its default.
type Config struct {
	Dir      string       // state directory; required, see DefaultDir
	Name     string       // what the lab is called; default: the last part of Dir
	Topology *Topology    // default: Flat(3, DefaultFabric)
	Subnet   netip.Prefix // management addresses; default: a free 10.x.y.0/24 (or /20)
	Replace  bool         // take down a running lab of the same name first
	Self     []string     // argv that ends in Init; default: this executable with "lab init"
	Rand     io.Reader    // for the lab's id and keys; default crypto/rand
	Log      *slog.Logger // debug messages; default: none
}

// ready returns the configuration with its defaults filled in.
func (c Config) ready() (Config, error) {
	if c.Dir == "" {
		return c, errors.New("lab without a state directory")
	}
	dir, err := filepath.Abs(c.Dir)
	if err != nil {
		return c, fmt.Errorf("find state directory %q: %w", c.Dir, err)
	}
	c.Dir = dir
	if c.Name == "" {
		c.Name = filepath.Base(dir)
	}
	if c.Topology == nil {
		c.Topology = Flat(3, DefaultFabric)
	}
	if c.Self == nil {
		c.Self = []string{"/proc/self/exe", "lab", "init"}
	}
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c, c.Topology.Check()
}

// DefaultDir returns the state directory of the lab called name: a folder of
// the user's cache directory. A name is formed like a host's.
func DefaultDir(cache, name string) (string, error) {
	if !hostName.MatchString(name) {
		return "", fmt.Errorf("lab name %q: want letters, digits, %q, %q and %q, at most 63", name, ".", "-", "_")
	}
	return filepath.Join(cache, "netrun", "lab", name), nil
}

// Lab is a lab that is up, or one that was. Its methods may be called from
// several goroutines; Down only once others are done.
type Lab struct {
	rec   *record
	log   *slog.Logger
	procs *children
}

// Host is one host of a lab.
type Host struct {
	Name       string      `json:"name"`
	Addr       netip.Addr  `json:"addr"`  // management address, on eth0
	Netns      string      `json:"netns"` // path of its named network namespace
	Pid        int         `json:"pid"`   // its first process as the machine sees it; 0 if it is down
	Up         bool        `json:"up"`
	Groups     []string    `json:"groups,omitempty"`
	Interfaces []Interface `json:"interfaces,omitempty"` // fabric interfaces
	Services   []string    `json:"services,omitempty"`
}

// Open returns the lab whose state directory is dir, up or not. Where there is
// none the error wraps ErrNoLab.
func Open(dir string) (*Lab, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("find state directory %q: %w", dir, err)
	}
	rec, err := readRecord(dir)
	if err != nil {
		return nil, err
	}
	return newLab(rec, slog.New(slog.DiscardHandler)), nil
}

func newLab(rec *record, log *slog.Logger) *Lab {
	return &Lab{rec: rec, log: log, procs: &children{}}
}

// Name returns what the lab is called.
func (l *Lab) Name() string { return l.rec.Name }

// ID returns the random prefix of everything that the lab made.
func (l *Lab) ID() string { return l.rec.ID }

// Dir returns the state directory.
func (l *Lab) Dir() string { return l.rec.Dir }

// Inventory returns the path of the inventory (Ansible's YAML form).
func (l *Lab) Inventory() string { return filepath.Join(l.rec.Dir, inventoryFile) }

// KnownHosts returns the path of a known_hosts file with every host's key.
func (l *Lab) KnownHosts() string { return filepath.Join(l.rec.Dir, knownHostsFile) }

// Identity returns the path of the private key that root's account accepts.
func (l *Lab) Identity() string { return filepath.Join(l.rec.Dir, identityFile) }

// SSHConfig returns the path of a file for ssh -F.
func (l *Lab) SSHConfig() string { return filepath.Join(l.rec.Dir, sshConfigFile) }

// Subnet returns the management subnet; the machine has its first address.
func (l *Lab) Subnet() netip.Prefix { return l.rec.Subnet }

// Hosts returns all hosts in the order of the topology.
func (l *Lab) Hosts() []Host {
	hosts := make([]Host, len(l.rec.Hosts))
	for i := range l.rec.Hosts {
		hosts[i] = l.host(&l.rec.Hosts[i])
	}
	return hosts
}

// Host returns the host called name.
func (l *Lab) Host(name string) (Host, error) {
	h, err := l.rec.host(name)
	if err != nil {
		return Host{}, err
	}
	return l.host(h), nil
}

func (l *Lab) host(h *hostRecord) Host {
	out := Host{Name: h.Name, Addr: h.Addr, Netns: netnsPath(h.Netns), Groups: h.Groups, Interfaces: h.Interfaces, Services: h.Services}
	if p, err := l.rec.process(h); err == nil && p.alive() {
		out.Pid, out.Up = p.Pid, true
	}
	return out
}

// Up makes the lab and returns when every sshd listens and every service answers. A killed predecessor
// of the same directory is cleaned away first; a live one is ErrUp, unless
// Config.Replace. When anything goes wrong, what was made is removed again.
func Up(ctx context.Context, cfg Config) (*Lab, error) {
	cfg, err := cfg.ready()
	if err != nil {
		return nil, err
	}
	return up(ctx, cfg)
}

// Down ends every process of the lab and removes its namespaces, links, mounts
// and files. It is idempotent.
func (l *Lab) Down(ctx context.Context) error {
	return down(ctx, l)
}

// Fabric returns the fabric interfaces on one line: "eth1 192.0.2.1/24 (sw1)".
func (h Host) Fabric() string {
	parts := make([]string, len(h.Interfaces))
	for i, intf := range h.Interfaces {
		parts[i] = intf.Name
		for _, a := range intf.Address {
			parts[i] += " " + a.String()
		}
		parts[i] += " (" + intf.Switch + ")"
	}
	return strings.Join(parts, ", ")
}
