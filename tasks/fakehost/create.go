package fakehost

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"netrun/tasks/state"
)

// create makes the object, or refuses as the kernel would.
func (h *Host) create(o state.Object) error {
	if _, there := h.objects.Get(o.Key()); there {
		switch o := o.(type) {
		case state.Sysctl: // planned when its namespace or link was not there
			h.putSysctl(o)
			return nil
		case state.Offload, state.PortVLAN:
			h.objects.Put(h.stored(o))
			return nil
		}
		return ErrExists
	}
	for _, need := range o.Needs() {
		if _, there := h.objects.Get(need); !there {
			return fmt.Errorf("%s: %w", need, missing(need))
		}
	}
	if b, ok := o.(state.Bringer); ok {
		for _, brought := range b.Brings() {
			if _, there := h.objects.Get(brought.Key()); there {
				return fmt.Errorf("%s: %w", brought.Key(), ErrExists)
			}
		}
	}
	if l, ok := o.(state.Link); ok && l.NIC != "" {
		return h.takeNIC(l)
	}
	if err := h.check(o); err != nil {
		return err
	}
	h.put(o)
	return nil
}

func missing(need state.Key) error {
	if need.Kind == state.KindLink {
		return ErrNoDevice
	}
	return ErrNotFound
}

// check refuses what cannot be made, or changed into.
func (h *Host) check(o state.Object) error {
	switch o := o.(type) {
	case state.Process, state.Sysctl, state.Offload, state.Uppers:
		return ErrNotFound
	case state.Link:
		if slices.Contains([]string{"", "device", "loopback", "openvswitch"}, o.Type) {
			return ErrUnsupported
		}
	case state.Member:
		return h.checkMember(o)
	case state.Address:
		return h.checkAddress(o)
	case state.Route:
		return h.checkRoute(o)
	case state.Jump:
		return h.checkJump(o)
	case state.File:
		return h.checkFile(o)
	}
	return nil
}

func (h *Host) checkMember(m state.Member) error {
	bridge, ok := h.link(m.Scope, m.Bridge)
	switch {
	case !ok:
		return ErrNoDevice
	case bridge.Type != "bridge" || m.Link == m.Bridge:
		return ErrUnsupported
	}
	if l, _ := h.link(m.Scope, m.Link); l.Type == "bridge" || l.Type == "loopback" {
		return ErrInvalid
	}
	return nil
}

func (h *Host) checkAddress(a state.Address) error {
	if l, _ := h.link(a.Scope, a.Link); a.Prefix.Addr().Is6() && l.IPv6 == "off" {
		return ErrDenied
	}
	return nil
}

// checkJump wants both chains: the system's are there in every table.
func (h *Host) checkJump(j state.Jump) error {
	if slices.Contains([]string{"INPUT", "OUTPUT", "FORWARD", "PREROUTING", "POSTROUTING"}, j.From) {
		return nil
	}
	from := state.Chain{Scope: j.Scope, Family: j.Family, Table: j.Table, Name: j.From}
	if _, there := h.objects.Get(from.Key()); !there {
		return fmt.Errorf("%s: %w", from.Key(), ErrNotFound)
	}
	return nil
}

// put puts the object there with what the kernel gives it, and what comes with it.
func (h *Host) put(o state.Object) {
	switch o := o.(type) {
	case state.Netns:
		h.objects.Put(o)
		h.openScope(state.NetnsScope(o.Name))
	case state.Process:
		h.objects.Put(o)
		h.openScope(state.PidScope(o.Pid))
		h.put(state.Link{Scope: state.PidScope(o.Pid), Name: "lo", Type: "loopback", State: "up"})
	case state.Link:
		if _, there := h.link(o.Scope, o.Name); there {
			return // the other end brought it
		}
		h.putLink(o)
	case state.Sysctl:
		h.putSysctl(o)
	case state.Member:
		h.objects.Put(h.stored(o))
		h.objects.Put(state.PortVLAN{Scope: o.Scope, Link: o.Link, Bridge: o.Bridge, VLANs: firstVLAN})
	default:
		h.objects.Put(h.stored(o))
	}
	if b, ok := o.(state.Bringer); ok {
		for _, brought := range b.Brings() {
			h.put(brought)
		}
	}
}

// stored is the object as it will be observed, without hints.
func (h *Host) stored(o state.Object) state.Object {
	switch o := o.(type) {
	case state.Address:
		o.Announce, o.NoDAD = false, false
		return o
	case state.Jump:
		o.First, o.Behind, o.Beside = false, 0, 0
		return o
	case state.Member:
		o.Phase = ""
		setDefault(&o.Isolated, new(false))
		setDefault(&o.Hairpin, new(false))
		return o
	case state.Qdisc:
		setDefault(&o.Handle, "8001:")
		return o
	case state.OVSPort:
		o.Phase = ""
		setDefault(&o.Protected, new(false))
		return o
	case state.File:
		return h.keepContent(defaultFile(o))
	}
	return o
}

func (h *Host) link(scope state.Scope, name string) (state.Link, bool) {
	o, ok := h.objects.Get(state.LinkKey(scope, name))
	if !ok {
		return state.Link{}, false
	}
	return o.(state.Link), true
}

// putLink fills in what the kernel does, and the link's parameters.
func (h *Host) putLink(l state.Link) {
	h.links++
	l.MTUTowards, l.MTULess = "", 0
	l.MTUOf, l.MTUScope, l.Index, l.PeerIndex = "", "", 0, 0
	setDefault(&l.State, "down")
	setDefault(&l.MTU, map[string]int{"loopback": 65536, "vxlan": 1450, "geneve": 1450, "gretap": 1462, "ip6gretap": 1442}[l.Type])
	setDefault(&l.MTU, 1500)
	setDefault(&l.TxQueue, 1000)
	setDefault(&l.Promisc, new(false))
	if l.Type != "loopback" {
		setDefault(&l.MAC, fmt.Sprintf("02:fa:ce:00:%02x:%02x", h.links>>8&255, h.links&255))
	}
	kindDefaults(&l)
	ipv6 := l.IPv6
	l.IPv6 = "on"
	h.objects.Put(l)
	h.openLink(l)
	switch l.Type {
	case "bridge":
		h.objects.Put(state.PortVLAN{Scope: l.Scope, Link: l.Name, VLANs: firstVLAN})
	case "veth":
		h.objects.Put(state.Offload{Scope: l.Scope, Link: l.Name, Feature: "tx", Value: "on"})
	}
	if ipv6 != "" {
		h.setIPv6(l.Scope, l.Name, ipv6)
	}
}

// firstVLAN is what a bridge gives itself and each new port.
const firstVLAN = "1 pvid untagged"

// kindDefaults fills in what the kind has where nothing is asked for.
func kindDefaults(l *state.Link) {
	switch l.Type {
	case "bridge":
		setDefault(&l.STP, new(false))
		setDefault(&l.VLANFiltering, new(false))
		setDefault(&l.ForwardDelay, 1500)
	case "macvlan":
		setDefault(&l.Mode, "vepa")
	case "ipvlan":
		setDefault(&l.Mode, "l3")
	case "vlan":
		setDefault(&l.VLANProtocol, "802.1Q")
	case "vxlan":
		setDefault(&l.Port, 8472)
		setDefault(&l.Learning, new(true))
	case "geneve":
		setDefault(&l.Port, 6081)
	case "gretap":
		setDefault(&l.PMTUDisc, new(true))
		setDefault(&l.IgnoreDF, new(false))
	case "ip6gretap":
		setDefault(&l.EncapLimit, "none")
	}
}

func setDefault[T comparable](field *T, value T) {
	var unset T
	if *field == unset {
		*field = value
	}
}

// knownDirs are there without being objects.
var knownDirs = []string{"/", "/etc", "/etc/systemd/system", "/home", "/opt", "/root", "/run", "/srv", "/tmp", "/usr/local/bin", "/var", "/var/lib"}

func (h *Host) checkFile(f state.File) error {
	dir := path.Dir(f.Path)
	if o, ok := h.objects.Get(state.Key{Kind: state.KindFile, Name: dir}); ok && o.(state.File).Type == "directory" {
		return nil
	}
	if !slices.Contains(knownDirs, dir) {
		return fmt.Errorf("%s: %w", dir, ErrNotFound)
	}
	return nil
}

func defaultFile(f state.File) state.File {
	mode := map[string]string{"file": "0644", "directory": "0755", "link": "0777"}[f.Type]
	setDefault(&f.Mode, mode)
	setDefault(&f.Owner, "root")
	setDefault(&f.Group, "root")
	if f.Type == "file" && f.SHA256 == "" {
		f = f.WithContent(f.Content)
	}
	return f
}

// keepContent keeps the content for an undo, and finds that of an undo, which knows its checksum only.
func (h *Host) keepContent(f state.File) state.File {
	f.Secret = false
	if f.Type != "file" {
		return f
	}
	if state.Checksum(f.Content) != f.SHA256 {
		f.Content = h.blobs[f.SHA256]
	}
	h.blobs[f.SHA256] = f.Content
	return f
}

// inside reports whether the path is below the directory.
func inside(dir, p string) bool { return strings.HasPrefix(p, strings.TrimSuffix(dir, "/")+"/") }
