package lab

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"

	"netrun/inventory/diag"
)

// Files of the state directory.
const (
	recordFile     = "lab.json"
	inventoryFile  = "inventory.yaml"
	knownHostsFile = "known_hosts"
	identityFile   = "id_ed25519"
	sshConfigFile  = "ssh_config"
	hostsDir       = "hosts"
	processFile    = "process.json"
	logFile        = "log"
)

// recordVersion is raised when an older netrun could misread a record.
const recordVersion = 1

// Phases of a lab. Only a lab in phaseUp was ever handed to a user.
const (
	phaseStarting = "starting"
	phaseUp       = "up"
)

// record is lab.json: everything the lab makes, by the names it gives. It is on
// disk before the first of them exists, so that a later process can clean up
// after one that was killed at any point.
type record struct {
	Version int            `json:"version"`
	Name    string         `json:"name"`
	ID      string         `json:"id"`    // "nrl" and six random hex digits
	Group   uint32         `json:"group"` // link group of what stands in the machine's own namespace
	Dir     string         `json:"dir"`
	BootID  string         `json:"boot_id"` // pids and links of another boot are gone
	Phase   string         `json:"phase"`
	Subnet  netip.Prefix   `json:"subnet"`
	Bridge  string         `json:"bridge"` // management bridge, in the machine's namespace
	Fabric  string         `json:"fabric"` // named network namespace of the switches
	Switch  []string       `json:"switches"`
	Hosts   []hostRecord   `json:"hosts"`
	Groups  []Group        `json:"groups,omitempty"`
	Vars    map[string]any `json:"-"` // in the inventory file only; JSON has no NaN
}

// hostRecord is one host as planned.
type hostRecord struct {
	Name       string         `json:"name"`
	Addr       netip.Addr     `json:"addr"`
	Netns      string         `json:"netns"` // name under /run/netns
	Veth       string         `json:"veth"`  // machine's end of eth0
	Interfaces []Interface    `json:"interfaces,omitempty"`
	Ports      []string       `json:"ports,omitempty"` // the fabric's end of each interface
	Groups     []string       `json:"groups,omitempty"`
	Vars       map[string]any `json:"-"` // in the inventory file only; JSON has no NaN
	Services   []string       `json:"services,omitempty"`
	HostKey    string         `json:"host_key"` // public, as in known_hosts

	spec *HostSpec
}

// plan names everything that the lab will make, except its subnet.
func plan(cfg Config, bootID string) (*record, error) {
	var id [3]byte
	if _, err := io.ReadFull(cfg.Rand, id[:]); err != nil {
		return nil, fmt.Errorf("draw an id: %w", err)
	}
	t := cfg.Topology
	r := &record{
		Version: recordVersion, Name: cfg.Name, Dir: cfg.Dir, BootID: bootID, Phase: phaseStarting,
		ID:    "nrl" + hex.EncodeToString(id[:]),
		Group: 0x4e<<24 | uint32(id[0])<<16 | uint32(id[1])<<8 | uint32(id[2]),
		// Slices and maps are the caller's; the record only reads them.
		Switch: t.Switches, Groups: t.Groups, Vars: t.Vars,
	}
	r.Bridge, r.Fabric = r.ID, r.ID+".fabric"
	for i := range t.Hosts {
		r.Hosts = append(r.Hosts, r.planHost(i, &t.Hosts[i]))
	}
	return r, nil
}

func (r *record) planHost(i int, spec *HostSpec) hostRecord {
	h := hostRecord{
		Name: spec.Name, Interfaces: spec.Interfaces, Groups: spec.Groups, Vars: spec.Vars, Services: spec.Services,
		Netns: r.ID + "-" + spec.Name, Veth: fmt.Sprintf("%s-%d", r.ID, i+1), spec: spec,
	}
	for _, intf := range spec.Interfaces {
		h.Ports = append(h.Ports, portName(i, spec.Name, intf.Name))
	}
	return h
}

// portName names the fabric's end of an interface: "node1.eth1", or by number
// where that exceeds the kernel's 15 bytes.
func portName(i int, host, intf string) string {
	if name := host + "." + intf; len(name) <= 15 {
		return name
	}
	if name := fmt.Sprintf("h%d.%s", i+1, intf); len(name) <= 15 {
		return name
	}
	return fmt.Sprintf("h%d.%08x", i+1, fnv32(intf))
}

// fnv32 is FNV-1a.
func fnv32(s string) uint32 {
	h := uint32(2166136261)
	for _, b := range []byte(s) {
		h = (h ^ uint32(b)) * 16777619
	}
	return h
}

// setSubnet gives the machine the first address and the hosts the next ones.
func (r *record) setSubnet(p netip.Prefix) error {
	r.Subnet = p.Masked()
	addr := r.gateway()
	for i := range r.Hosts {
		addr = addr.Next()
		if !p.Contains(addr) || !p.Contains(addr.Next()) {
			return fmt.Errorf("subnet %s has no room for %d hosts", p, len(r.Hosts))
		}
		r.Hosts[i].Addr = addr
	}
	return nil
}

// gateway is the machine's own address on the management network.
func (r *record) gateway() netip.Addr { return r.Subnet.Addr().Next() }

func (r *record) host(name string) (*hostRecord, error) {
	var names []string
	for i := range r.Hosts {
		if r.Hosts[i].Name == name {
			return &r.Hosts[i], nil
		}
		names = append(names, r.Hosts[i].Name)
	}
	return nil, fmt.Errorf("lab %q has no host %q (%s)", r.Name, name, diag.DidYouMean(name, names))
}

func (r *record) hostDir(h *hostRecord) string {
	return filepath.Join(r.Dir, hostsDir, h.Name)
}

// save replaces lab.json in one step.
func (r *record) save() error {
	return writeJSON(filepath.Join(r.Dir, recordFile), r)
}

// process returns what was written about a host's first process.
func (r *record) process(h *hostRecord) (process, error) {
	var p process
	err := readJSON(filepath.Join(r.hostDir(h), processFile), &p)
	if err == nil && p.BootID != r.BootID {
		err = errors.New("process of another boot")
	}
	return p, err
}

func readRecord(dir string) (*record, error) {
	r := &record{}
	err := readJSON(filepath.Join(dir, recordFile), r)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%w: %s", ErrNoLab, dir)
	case err != nil:
		return nil, err
	case r.Version != recordVersion:
		return nil, fmt.Errorf("read %s: version %d; this netrun writes %d", filepath.Join(dir, recordFile), r.Version, recordVersion)
	}
	r.Dir = dir
	return r, nil
}

func readJSON(path string, v any) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read lab state: %w", err)
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	return nil
}

func writeJSON(path string, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("encode %s: %w", path, err)
	}
	tmp := path + ".new"
	if err := os.WriteFile(tmp, append(data, '\n'), 0o600); err != nil {
		return fmt.Errorf("write lab state: %w", err)
	}
	if err := os.Rename(tmp, path); err != nil {
		return fmt.Errorf("write lab state: %w", err)
	}
	return nil
}
