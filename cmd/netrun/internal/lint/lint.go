// Package lint looks at the whole network that a playbook would make, on all hosts
// at once, for what cannot be right.
//
// It is pure: it knows the objects that each host's tasks want, as far as they are
// known before any host is contacted. It reads no host and no inventory.
package lint

import (
	"errors"
	"net/netip"

	"netrun/inventory/diag"
	"netrun/tasks/state"
)

// Host is what one host's tasks want, in the order of the tasks.
type Host struct {
	Name string
	// Addrs are addresses that the inventory gives the host, beside those that tasks want.
	Addrs []netip.Addr
	// Slices are the host's parts of the inventory's ranges (ipam).
	Slices []netip.Prefix
	Tasks  []Task
}

// Task is one task, or one item of its loop.
type Task struct {
	Name string
	Pos  diag.Pos
	Play int // of the playbook
	// Unsure is a task that may not be run: a condition that only the host can
	// decide, a handler, a rescue.
	Unsure bool
	Wants  []state.Want
}

// Finding is something that cannot be right, or, as a warning, is probably not meant.
type Finding struct {
	Warning bool
	Pos     diag.Pos
	Msg     string
	Hint    string
}

func (f Finding) diag() *diag.Error { return &diag.Error{Pos: f.Pos, Msg: f.Msg, Hint: f.Hint} }

// Errors is the findings that are no warnings as one error; nil if there are none.
func Errors(findings []Finding) error {
	var errs []error
	for _, f := range findings {
		if !f.Warning {
			errs = append(errs, f.diag())
		}
	}
	return errors.Join(errs...)
}

// Warnings is the findings that are warnings.
func Warnings(findings []Finding) []*diag.Error {
	var out []*diag.Error
	for _, f := range findings {
		if f.Warning {
			out = append(out, f.diag())
		}
	}
	return out
}
