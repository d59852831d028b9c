//go:build linux

package linuxhost

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"netrun/tasks"
	"netrun/tasks/laws"
	"netrun/tasks/state"
)

// TestPages runs the laws for the example of every kind that is objects, on the
// kernel, each in a network namespace of its own.
func TestPages(t *testing.T) {
	for _, kind := range tasks.Names() {
		k, _ := tasks.Lookup(kind)
		if _, ok := k.New().(tasks.Wanter); !ok {
			continue
		}
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			given, example, err := laws.Example(kind)
			if err != nil {
				t.Fatal(err)
			}
			root := t.TempDir()
			before, wants := below(root, laws.Wants(given)), below(root, laws.Wants(example))
			probe(t, append(slices.Clone(before), wants...))
			if asksOVS(append(slices.Clone(before), wants...)) {
				laws.Run(t, func(t *testing.T) state.Host {
					h := kernel(t, root)
					startOVS(&rig{T: t, host: h})
					return h
				}, before, wants)
				return
			}
			laws.Run(t, func(t *testing.T) state.Host {
				if slices.ContainsFunc(wants, func(w state.Want) bool { return w.Object.Key().Kind == state.KindLease }) {
					return withServer(t, kernel(t, root), "lan0", "10.66.0")
				}
				return kernel(t, root)
			}, before, wants)
		})
	}
}

// asksOVS reports whether one of the wants is Open vSwitch's.
func asksOVS(wants []state.Want) bool {
	return slices.ContainsFunc(wants, func(w state.Want) bool {
		k := w.Object.Key().Kind
		return k == state.KindOVSBridge || k == state.KindOVSPort
	})
}

// kernel is this machine in a fresh network namespace, with its own named
// namespaces, and empty folders /etc and /srv below root.
func kernel(t *testing.T, root string) *Host {
	t.Helper()
	// The thread is not given back, so it ends with the test, and the namespace with it.
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		runtime.UnlockOSThread()
		t.Skipf("probed unshare(CLONE_NEWNET): %v", err)
	}
	for _, dir := range []string{"etc", "srv"} {
		path := filepath.Join(root, dir)
		if err := errors.Join(os.RemoveAll(path), os.MkdirAll(path, 0o755)); err != nil {
			t.Fatal(err)
		}
	}
	names := t.TempDir()
	h := New(Config{BlobDir: t.TempDir(), NetnsDir: names, EtcNetnsDir: filepath.Join(root, "etc/netns"), Warnf: t.Logf})
	t.Cleanup(func() {
		entries, err := os.ReadDir(names)
		if err != nil {
			t.Error(err)
		}
		for _, e := range entries {
			if err := unix.Unmount(filepath.Join(names, e.Name()), unix.MNT_DETACH); err != nil {
				t.Logf("unmount %s: %v", e.Name(), err)
			}
		}
		// The folder is a mount too, once a namespace was made in it.
		if err := unix.Unmount(names, unix.MNT_DETACH); err != nil && !errors.Is(err, unix.EINVAL) {
			t.Error(err)
		}
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	return h
}

// below puts files below root instead of into the machine's own /etc.
func below(root string, wants []state.Want) []state.Want {
	for i, w := range wants {
		switch o := w.Object.(type) {
		case state.File:
			o.Path = filepath.Join(root, o.Path)
			wants[i].Object = o
		case state.Edit:
			o.File.Path = filepath.Join(root, o.File.Path)
			wants[i].Object = o
		case state.Folder:
			o.Path = filepath.Join(root, o.Path)
			wants[i].Object = o
		case state.JSONKey:
			o.Path = filepath.Join(root, o.Path)
			wants[i].Object = o
		}
	}
	return wants
}

// probe skips the test where the machine lacks what the wants need.
func probe(t *testing.T, wants []state.Want) {
	t.Helper()
	missing := ""
	t.Run("probe", func(t *testing.T) {
		h := kernel(t, t.TempDir())
		for _, w := range wants {
			o, try := w.Object, true
			switch want := o.(type) {
			case state.Link:
				o, try = sample(t, h, want)
			case state.Table:
			default:
				continue
			}
			if !try {
				continue
			}
			if _, err := h.Observe(t.Context(), []state.Key{o.Key()}); err != nil {
				missing = fmt.Sprintf("probed %s: %v", o.Key(), err)
				return
			}
			if _, table := o.(state.Table); table {
				continue
			}
			if err := h.Apply(t.Context(), []state.Change{{Op: state.Create, After: o}, {Op: state.Delete, Before: o}}); err != nil {
				missing = fmt.Sprintf("probed %T of type %s: %v", o, sortOf(o), err)
				return
			}
		}
	})
	if missing != "" {
		t.Skip(missing)
	}
}

func sortOf(o state.Object) string {
	if l, ok := o.(state.Link); ok {
		return l.Type
	}
	return string(o.Key().Kind)
}

// sample is the plainest link of the type.
func sample(t *testing.T, h *Host, l state.Link) (state.Link, bool) {
	t.Helper()
	s := state.Link{Name: "probe0", Type: l.Type}
	switch l.Type {
	case "", "loopback", "openvswitch":
		return s, false
	case "veth":
		s.Peer = "probe1"
	case "vxlan":
		s.VNI, s.Port = 42, 4789
	case "gretap":
		s.Remote = "192.0.2.1"
	case "ip6gretap":
		s.Local, s.Remote, s.EncapLimit = "2001:db8::1", "2001:db8::2", "none"
	case "geneve":
		s.VNI, s.Remote, s.Port = 42, "192.0.2.1", 6081
	case "macvlan", "vlan", "ipvlan", "ipoib":
		below := state.Link{Name: "probe2", Type: "veth", Peer: "probe3"}
		if err := h.Apply(t.Context(), []state.Change{{Op: state.Create, After: below}}); err != nil {
			return s, false // the veth itself is probed too
		}
		s.Parent, s.Mode, s.VLAN = "probe2", map[string]string{"macvlan": "bridge", "ipvlan": "l2"}[l.Type], 7
	}
	return s, true
}
