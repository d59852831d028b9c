// Package inventory reads Ansible's inventories: which hosts there are, the
// groups they stand in, their variables, and the patterns that name some of
// them.
//
// It knows files, directories, lists and executables as sources, group_vars and
// host_vars, and where each value was written. It does not know playbooks, extra
// variables, templates (a value may be one; it is kept as text) or how a host is
// reached. Apart from reading files and running executable sources it is pure.
package inventory

import (
	"context"
	"sync"

	"netrun/inventory/diag"
)

// MaxHosts bounds an inventory, so that a mistyped range is a mistake and not an
// empty memory.
const MaxHosts = 1_000_000

// Options are what Load needs beside the sources. The zero value will do.
type Options struct {
	// PlaybookDir is the directory whose group_vars and host_vars win over
	// those beside the inventory; "" for none.
	PlaybookDir string
	// Sources remembers the texts read, to show mistakes in; may be nil.
	Sources *diag.Sources
	// Run runs an executable source and returns its standard output; nil runs
	// it as a process, with bounds on time and output. An error should hold
	// what the executable said.
	Run func(ctx context.Context, path string, args ...string) ([]byte, error)
}

// Var is a variable's value and where it comes from.
type Var struct {
	Value any      // string, int, float64, bool, nil, []any or map[string]any; not to be changed
	Pos   diag.Pos // where the value was written
	From  string   // whose it is: `host "web1"` or `group "web"`
}

// Inventory is the merged content of all sources. It does not change after Load
// and is safe for concurrent use.
type Inventory struct {
	hosts  map[string]*Host
	order  []*Host // as first named
	groups map[string]*Group
	named  []*Group // as first named; all and ungrouped lead
	all    *Group
	alone  *Group // the group ungrouped

	local  *Host // the implicit localhost
	mu     sync.Mutex
	shared map[string]map[string]Var // merged group variables by set of groups
}

func newInventory() *Inventory {
	inv := &Inventory{hosts: map[string]*Host{}, groups: map[string]*Group{}, shared: map[string]map[string]Var{}}
	inv.all, inv.alone = inv.group("all"), inv.group("ungrouped")
	inv.all.adopt(inv.alone, diag.Pos{})
	return inv
}

// Load reads and merges the sources, later ones winning over earlier ones. A
// source is a file (INI, YAML or JSON), a directory of sources, an executable
// that answers --list, or a list of hosts with a comma in it ("a,b" or "a,").
// The error joins all mistakes found, as *diag.Error where they have a place.
func Load(ctx context.Context, sources []string, opts Options) (*Inventory, error) {
	if opts.Run == nil {
		opts.Run = run
	}
	l := loader{ctx: ctx, opts: opts, inv: newInventory()}
	for _, s := range sources {
		l.source(s, 0)
	}
	l.inv.settle(&l.errs)
	l.varFiles()
	if err := l.errs.Err(); err != nil {
		return nil, err
	}
	l.inv.local = l.inv.implicitLocalhost()
	return l.inv, nil
}

// Hosts returns all hosts in inventory order: those in no group first, then
// group by group. The implicit localhost is not among them.
func (inv *Inventory) Hosts() []*Host { return inv.all.Hosts() }

// Host returns the host of that name, or nil. The implicit localhost is found by
// Match only.
func (inv *Inventory) Host(name string) *Host { return inv.hosts[name] }

// Groups returns all groups in the order they were first named, all and
// ungrouped first. The slice is not to be changed.
func (inv *Inventory) Groups() []*Group { return inv.named }

// Group returns the group of that name, or nil.
func (inv *Inventory) Group(name string) *Group { return inv.groups[name] }

// implicitLocalhost is what a pattern means by localhost where no source names
// it: this machine, without SSH.
func (inv *Inventory) implicitLocalhost() *Host {
	return &Host{
		inv: inv, name: "localhost", index: len(inv.order), direct: []*Group{inv.all},
		own: []map[string]Var{{"ansible_connection": {Value: "local", From: `implicit host "localhost"`}}},
	}
}
