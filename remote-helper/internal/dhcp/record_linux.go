package dhcp

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"time"

	"netrun/remote-helper/internal/process"
)

// Params are what a client is started with.
type Params struct {
	Netns    uint64 `json:"netns"` // inode of the network namespace
	Index    int    `json:"index"` // of the link
	Where    string `json:"where"` // the link for people: eth1 in docker:web
	Hostname string `json:"hostname,omitempty"`
	ClientID string `json:"client_id,omitempty"`
	// Identity is what the server knows the client by where there is no ClientID: see
	// IdentityOf. Without it, that is the link's MAC address.
	Identity []byte `json:"identity,omitempty"`
	// DefaultRoute: nil takes the default route if no other has its metric.
	DefaultRoute *bool      `json:"default_route,omitempty"`
	Metric       int        `json:"metric,omitempty"`
	Ask          netip.Addr `json:"ask,omitzero"` // the address that is asked for, if it is free
	// Broadcast has the server broadcast its answers: an ipvlan gets no others before it has an address.
	Broadcast bool `json:"broadcast,omitempty"`
	// With and Name are with what the client ends: the first process of a container, or
	// the file that a named network namespace is mounted on.
	With process.Process `json:"with,omitzero"`
	Name string          `json:"name,omitempty"`
}

// Same reports whether a client with p would do what this one does.
func (r Record) Same(p Params) bool {
	mine, others := r.Params, p
	mine.Ask, others.Ask = netip.Addr{}, netip.Addr{}
	return reflect.DeepEqual(mine, others)
}

// Lease is what a server gave.
type Lease struct {
	Address netip.Prefix `json:"address"`
	Routes  []Route      `json:"routes,omitempty"`
	Server  netip.Addr   `json:"server"`
	Renew   time.Time    `json:"renew"`  // T1: the server is asked again
	Rebind  time.Time    `json:"rebind"` // T2: any server is
	Until   time.Time    `json:"until"`
}

// Route is a route of a lease. Without a gateway, Dst is on the link.
type Route struct {
	Dst netip.Prefix `json:"dst"`
	Via netip.Addr   `json:"via,omitzero"`
}

// Gateway is that of the default route; "" without one.
func (l Lease) Gateway() string {
	for _, r := range l.Routes {
		if r.Dst.Bits() == 0 && r.Via.IsValid() {
			return r.Via.String()
		}
	}
	return ""
}

// Record is a client as it is written down.
type Record struct {
	Params
	Process process.Process `json:"process"`
	Lease   *Lease          `json:"lease,omitempty"` // nil while it asks
}

func (p Params) file(dir, ending string) string {
	return filepath.Join(dir, fmt.Sprintf("%d-%d%s", p.Netns, p.Index, ending))
}

// save replaces the record's file as a whole.
func (r Record) save(path string) error {
	raw, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := os.WriteFile(path+".new", raw, 0o600); err != nil {
		return fmt.Errorf("write record: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("write record: %w", err)
	}
	return nil
}

func load(path string) (Record, error) {
	var r Record
	raw, err := os.ReadFile(path)
	if err != nil {
		return r, fmt.Errorf("read record: %w", err)
	}
	if err := json.Unmarshal(raw, &r); err != nil {
		return r, fmt.Errorf("read record %s: %w", path, err)
	}
	return r, nil
}

// List gives the records in the folder, also of clients that have been killed. One
// that cannot be read, or has just gone, is left out.
func List(dir string) ([]Record, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list DHCP clients: %w", err)
	}
	var out []Record
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), recordEnding) {
			continue
		}
		if r, err := load(filepath.Join(dir, e.Name())); err == nil {
			out = append(out, r)
		}
	}
	return out, nil
}

// The files of a client.
const (
	recordEnding = ".json"
	logEnding    = ".log"
)
