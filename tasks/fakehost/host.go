package fakehost

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"netrun/tasks/state"
)

// Errors that the kernel gives too, under these words.
var (
	ErrExists      = errors.New("file exists")
	ErrNoDevice    = errors.New("no such device")
	ErrNotFound    = errors.New("no such file or directory")
	ErrUnreachable = errors.New("network is unreachable")
	ErrDown        = errors.New("network is down")
	ErrBusy        = errors.New("device or resource busy")
	ErrInvalid     = errors.New("invalid argument")
	ErrDenied      = errors.New("permission denied")
	ErrNotEmpty    = errors.New("directory not empty")
	ErrUnsupported = errors.New("operation not supported")
)

// ErrInjected is the cause of the failure that Fail asked for.
var ErrInjected = errors.New("injected failure")

// Host is a machine in memory. It is not safe for concurrent use.
type Host struct {
	objects *state.State
	blobs   map[string][]byte // content by checksum, of all files that ever were
	links   int               // made so far, for their MAC addresses
	writes  int
	failAt  int
}

var _ state.Host = (*Host)(nil)

// New is a host with a loopback link and the objects, which are put there as they
// are: also what Apply would refuse to make, such as hardware, processes and the
// chains of other programs. Namespaces and links come before what is in them.
func New(objects ...state.Object) *Host {
	h := &Host{objects: state.New(), blobs: map[string][]byte{}}
	h.openScope(state.HostScope)
	h.put(state.Link{Name: "lo", Type: "loopback", State: "up"})
	for _, o := range objects {
		h.put(o)
	}
	return h
}

// Fail makes the nth write from now go wrong, once; 0 makes none.
func (h *Host) Fail(n int) {
	h.failAt = 0
	if n > 0 {
		h.failAt = h.writes + n
	}
}

// Writes is the number of writes that have been tried so far.
func (h *Host) Writes() int { return h.writes }

// Snapshot is everything there is, a line each, sorted. Two hosts with the same
// snapshot are in the same state.
func (h *Host) Snapshot() string {
	var b strings.Builder
	for _, o := range h.objects.Objects() {
		b.WriteString(o.Key().String())
		zero := reflect.Zero(reflect.TypeOf(o)).Interface().(state.Object)
		for _, f := range state.DiffExact(o, zero) {
			fmt.Fprintf(&b, " %s=%s", f.Field, f.To)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// Observe implements state.Host.
func (h *Host) Observe(ctx context.Context, keys []state.Key) (*state.State, error) {
	out := state.New()
	for _, k := range keys {
		if k.Name == "" {
			for _, o := range h.objects.All(k.Kind, k.Scope) {
				out.Put(clone(o))
			}
			continue
		}
		if k.Kind == state.KindUppers {
			if o, ok := h.uppers(k.Name); ok {
				out.Put(o)
			}
			continue
		}
		if k.Kind == state.KindJSON {
			if o, ok := h.jsonKey(k); ok {
				out.Put(o)
			}
			continue
		}
		for _, name := range append([]state.Key{k}, h.observedWith(k)...) {
			if o, ok := h.objects.Get(name); ok {
				out.Put(clone(o))
			} else if k.Kind == state.KindFile && slices.Contains(knownDirs, k.Name) {
				out.Put(defaultFile(state.File{Path: k.Name, Type: "directory"}))
			}
		}
	}
	return out, ctx.Err()
}

// clone keeps callers from sharing a map or slice with the host.
func clone(o state.Object) state.Object {
	switch o := o.(type) {
	case state.OVSPort:
		o.Options, o.IDs, o.Trunks = maps.Clone(o.Options), maps.Clone(o.IDs), slices.Clone(o.Trunks)
		return o
	case state.OVSBridge:
		o.Controllers = slices.Clone(o.Controllers)
		return o
	case state.Chain:
		o.Rules = slices.Clone(o.Rules)
		return o
	}
	return o
}

// Apply implements state.Host: one change after the other, in the order given.
func (h *Host) Apply(ctx context.Context, changes []state.Change) error {
	for i, c := range changes {
		if c.Implied {
			continue
		}
		if err := ctx.Err(); err != nil {
			return &state.ApplyError{Index: i, Err: err}
		}
		h.writes++
		if err := h.write(c); err != nil {
			return &state.ApplyError{Index: i, Err: fmt.Errorf("%s %s: %w", c.Op, c.Key(), err)}
		}
	}
	return nil
}

func (h *Host) write(c state.Change) error {
	if h.writes == h.failAt {
		return ErrInjected
	}
	if j, ok := c.Object().(state.JSONKey); ok {
		return h.writeJSON(c, j)
	}
	switch c.Op {
	case state.Create:
		return h.create(c.After)
	case state.Update:
		return h.update(c)
	}
	return h.delete(c.Before)
}
