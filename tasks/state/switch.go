package state

import "strings"

// AutoMark is the mark of what was made because something else needed it: nobody
// asked for it by name, and it goes with the last thing that uses it (see Spare).
const AutoMark = "netrun auto"

// Switch is a bridge of whichever sort the host has under the name: Linux's or Open
// vSwitch's. One that is not there is made if Create says so or if its name begins,
// as pipework has it, with br (Linux) or ovs (Open vSwitch).
type Switch struct {
	Name string `json:"name" state:"key"`
	// Sort is linux or openvswitch; unset: what is there, else what the name says.
	Sort   string `json:"sort,omitempty"`
	Create bool   `json:"create,omitempty"`
	VLANs  bool   `json:"vlans,omitempty"` // a Linux bridge is to look at VLAN tags
}

var _, _, _, _ Curious = Switch{}, SwitchPort{}, SwitchVLAN{}, SwitchOffload{}

// Key implements Object: that of the sort which it is most likely to be.
func (s Switch) Key() Key {
	if s.Sort == "openvswitch" || s.Sort == "" && strings.HasPrefix(s.Name, "ovs") {
		return Key{Kind: KindOVSBridge, Name: s.Name}
	}
	return LinkKey(HostScope, s.Name)
}

// Needs implements Object.
func (s Switch) Needs() []Key { return nil }

// Reads implements Late.
func (s Switch) Reads() []Key { return switchReads(s.Name) }

// ReadsNext implements Curious.
func (s Switch) ReadsNext(view View) []Key { return switchReadsNext(view, s.Name, s.Sort) }

// Resolve implements Late.
func (s Switch) Resolve(view View) (Object, error) {
	sort, there := sortOfSwitch(view, s.Name, s.Sort)
	named := strings.HasPrefix(s.Name, "br")
	switch {
	case sort == "openvswitch" && !there && (s.Create || strings.HasPrefix(s.Name, "ovs")):
		return OVSBridge{Name: s.Name, Owner: AutoMark}, nil
	case sort == "openvswitch" || !there && !named && !s.Create:
		return nil, nil // whatever is put into it says that it is missing
	}
	link := Link{Name: s.Name, Type: "bridge", Alias: AutoMark}
	if named || s.Create {
		link.State = "up"
	}
	if s.VLANs {
		link.VLANFiltering = new(true)
	}
	return link, nil
}

func switchReads(name string) []Key { return []Key{LinkKey(HostScope, name)} }

// switchReadsNext asks for Open vSwitch's bridges and ports unless it is clear that
// it has nothing to do with the name: the question costs a process.
func switchReadsNext(view View, name, sort string) []Key {
	o, there := view.Get(LinkKey(HostScope, name))
	if sort == "linux" || there && o.(Link).Type == "bridge" || !there && sort == "" && !strings.HasPrefix(name, "ovs") {
		return nil
	}
	return []Key{{Kind: KindOVSBridge}, {Kind: KindOVSPort}}
}

// sortOfSwitch is linux or openvswitch, and whether such a bridge is there or planned.
func sortOfSwitch(view View, name, sort string) (string, bool) {
	if _, ok := view.Get(Key{Kind: KindOVSBridge, Name: name}); ok {
		return "openvswitch", true
	}
	if o, ok := view.Get(LinkKey(HostScope, name)); ok && sort == "" {
		return "linux", o.(Link).Type == "bridge"
	}
	if sort == "" && strings.HasPrefix(name, "ovs") {
		return "openvswitch", false
	}
	if sort == "" {
		sort = "linux"
	}
	_, there := view.Get(LinkKey(HostScope, name))
	return sort, there && sort == "linux"
}

// SwitchPort puts a link of the host into a Switch.
type SwitchPort struct {
	Link   string            `json:"link" state:"key"`
	Switch string            `json:"switch"`
	Sort   string            `json:"sort,omitempty"`
	Tag    int               `json:"tag,omitempty"` // of Open vSwitch; a Linux bridge has SwitchVLAN
	Trunks []int             `json:"trunks,omitempty"`
	IDs    map[string]string `json:"external_ids,omitempty"`
}

// Key implements Object: that of the record which stays when the link goes.
func (s SwitchPort) Key() Key { return Key{Kind: KindOVSPort, Name: s.Link} }

// Needs implements Object.
func (s SwitchPort) Needs() []Key { return []Key{LinkKey(HostScope, s.Link)} }

// Reads implements Late.
func (s SwitchPort) Reads() []Key {
	return append(switchReads(s.Switch), Member{Link: s.Link}.Key())
}

// ReadsNext implements Curious.
func (s SwitchPort) ReadsNext(view View) []Key { return switchReadsNext(view, s.Switch, s.Sort) }

// Resolve implements Late.
func (s SwitchPort) Resolve(view View) (Object, error) {
	sort, _ := sortOfSwitch(view, s.Switch, s.Sort)
	if sort == "linux" {
		return Member{Link: s.Link, Bridge: s.Switch}, nil
	}
	p := OVSPort{Name: s.Link, Bridge: s.Switch, Tag: s.Tag, Trunks: s.Trunks, IDs: s.IDs}
	if s.Tag != 0 && len(s.Trunks) > 0 {
		p.VLANMode = "native-untagged" // else Open vSwitch would take no notice of the trunks
	}
	return p, nil
}

// ResolveAbsent implements LateAbsent: a record of Open vSwitch has to go before its
// link does, while a Linux bridge lets go of a link by itself.
func (s SwitchPort) ResolveAbsent(view View) (Object, error) {
	if o, ok := view.Get(Key{Kind: KindOVSPort, Name: s.Link}); ok {
		return o, nil
	}
	return nil, nil
}

// SwitchVLAN is which VLANs a port of a Switch has, if that is a Linux bridge.
type SwitchVLAN struct {
	Link   string `json:"link" state:"key"`
	Switch string `json:"switch"`
	Sort   string `json:"sort,omitempty"`
	VLANs  string `json:"vlans"` // see PortVLAN
}

// Key implements Object.
func (s SwitchVLAN) Key() Key { return Key{Kind: KindPortVLAN, Name: s.Link} }

// Needs implements Object.
func (s SwitchVLAN) Needs() []Key { return []Key{LinkKey(HostScope, s.Link)} }

// Reads implements Late.
func (s SwitchVLAN) Reads() []Key { return append(switchReads(s.Switch), s.Key()) }

// ReadsNext implements Curious.
func (s SwitchVLAN) ReadsNext(view View) []Key { return switchReadsNext(view, s.Switch, s.Sort) }

// Resolve implements Late.
func (s SwitchVLAN) Resolve(view View) (Object, error) {
	if sort, _ := sortOfSwitch(view, s.Switch, s.Sort); sort != "linux" {
		return nil, nil
	}
	return PortVLAN{Link: s.Link, Bridge: s.Switch, VLANs: s.VLANs}, nil
}

// SwitchOffload has a container compute the checksums of what it sends by itself
// where Open vSwitch's userspace datapath is at the other end: that forwards packets
// with the ones that hardware was to fill in, and they are dropped.
type SwitchOffload struct {
	Scope  Scope  `json:"scope,omitempty" state:"key"`
	Link   string `json:"link" state:"key"`
	Switch string `json:"switch"`
	Sort   string `json:"sort,omitempty"`
}

// Key implements Object.
func (s SwitchOffload) Key() Key { return Offload{Scope: s.Scope, Link: s.Link, Feature: "tx"}.Key() }

// Needs implements Object.
func (s SwitchOffload) Needs() []Key { return []Key{LinkKey(s.Scope, s.Link)} }

// Reads implements Late.
func (s SwitchOffload) Reads() []Key { return append(switchReads(s.Switch), s.Key()) }

// ReadsNext implements Curious.
func (s SwitchOffload) ReadsNext(view View) []Key { return switchReadsNext(view, s.Switch, s.Sort) }

// Resolve implements Late. A bridge that is only planned may get either datapath.
func (s SwitchOffload) Resolve(view View) (Object, error) {
	o, ok := view.Get(Key{Kind: KindOVSBridge, Name: s.Switch})
	if !ok || o.(OVSBridge).Datapath == "system" {
		return nil, nil
	}
	return Offload{Scope: s.Scope, Link: s.Link, Feature: "tx", Value: "off"}, nil
}
