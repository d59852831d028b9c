package state

// OVSBridge is an Open vSwitch bridge. Its internal port of the same name is a
// link of the host's own namespace.
type OVSBridge struct {
	Name string `json:"name" state:"key"`
	// Datapath is system or netdev; unset in a want: system where the kernel has
	// it, else netdev, and of a bridge that is there the one that it has.
	Datapath    string   `json:"datapath,omitempty" state:"fixed"`
	STP         *bool    `json:"stp,omitempty"`
	RSTP        *bool    `json:"rstp,omitempty"`
	FailMode    string   `json:"fail_mode,omitempty"`   // standalone or secure
	Controllers []string `json:"controllers,omitempty"` // tcp:192.0.2.1:6653, sorted
	// MTURequest is the MTU of the bridge's own link in bytes, which Open vSwitch sets and keeps.
	MTURequest int    `json:"mtu_request,omitempty"`
	Owner      string `json:"owner,omitempty" state:"mark"`

	// MTUTowards and MTULess are those of a Link, for MTURequest.
	MTUTowards string `json:"mtu_towards,omitempty" state:"hint"`
	MTULess    int    `json:"mtu_less,omitempty" state:"hint"`
}

// Key implements Object.
func (b OVSBridge) Key() Key { return Key{Kind: KindOVSBridge, Name: b.Name} }

// Needs implements Object.
func (b OVSBridge) Needs() []Key { return nil }

// Brings implements Bringer: an OVS bridge comes with its internal link, which is down.
func (b OVSBridge) Brings() []Object {
	return []Object{Link{Name: b.Name, Type: "openvswitch", State: "down", MTU: b.MTURequest}}
}

// Reads implements Late.
func (b OVSBridge) Reads() []Key {
	if b.MTUTowards == "" {
		return nil
	}
	return roomKeys()
}

// Resolve implements Late: the MTU is found out. A smaller one that was asked for stays.
func (b OVSBridge) Resolve(view View) (Object, error) {
	if b.MTUTowards == "" {
		return b, nil
	}
	room, err := tunnelRoom(view, b.Key(), b.MTUTowards, b.MTULess)
	if err != nil {
		return nil, err
	}
	have, there := view.Get(b.Key())
	if !there || have.(OVSBridge).MTURequest == 0 || have.(OVSBridge).MTURequest > room {
		b.MTURequest = room
	}
	b.MTUTowards, b.MTULess = "", 0
	return b, nil
}

// OVSPort is a port of an Open vSwitch bridge with its one interface.
type OVSPort struct {
	Name     string            `json:"name" state:"key"`
	Bridge   string            `json:"bridge" state:"fixed"`
	Type     string            `json:"type,omitempty" state:"fixed"` // "", internal, gre, vxlan, geneve, patch
	Options  map[string]string `json:"options,omitempty"`
	Tag      int               `json:"tag,omitempty"`       // access VLAN, 1..4094
	Trunks   []int             `json:"trunks,omitempty"`    // VLANs that pass with their tags, ascending
	VLANMode string            `json:"vlan_mode,omitempty"` // access, trunk, native-tagged, native-untagged, dot1q-tunnel
	// Protected ports exchange frames with the other ports of the bridge, not with each other.
	Protected  *bool             `json:"protected,omitempty"`
	MTURequest int               `json:"mtu_request,omitempty"` // bytes
	IDs        map[string]string `json:"external_ids,omitempty"`
	Owner      string            `json:"owner,omitempty" state:"mark"`
	// Phase is what spanning tree has the port do, as observed: listening, learning,
	// discarding, forwarding, blocking.
	Phase string `json:"phase,omitempty" state:"hint"`
}

// Key implements Object.
func (p OVSPort) Key() Key { return Key{Kind: KindOVSPort, Name: p.Name} }

// Needs implements Object: a port without a type is a link that is already there.
func (p OVSPort) Needs() []Key {
	needs := []Key{{Kind: KindOVSBridge, Name: p.Bridge}}
	if p.Type == "" && p.Name != p.Bridge {
		needs = append(needs, LinkKey(HostScope, p.Name))
	}
	return needs
}

// Brings implements Bringer: an internal port comes with a link of its name.
func (p OVSPort) Brings() []Object {
	if p.Type != "internal" {
		return nil
	}
	return []Object{Link{Name: p.Name, Type: "openvswitch", State: "down"}}
}

// NameOVSLinks gives the links that Open vSwitch made their type: with the userspace
// datapath they are tap devices, and look like anybody's.
func (s *State) NameOVSLinks() {
	name := func(link string) {
		if o, ok := s.Get(LinkKey(HostScope, link)); ok && o.(Link).Type == "tun" {
			l := o.(Link)
			l.Type = "openvswitch"
			s.Put(l)
		}
	}
	for _, o := range s.All(KindOVSBridge, HostScope) {
		name(o.(OVSBridge).Name)
	}
	for _, o := range s.All(KindOVSPort, HostScope) {
		if p := o.(OVSPort); p.Type == "internal" {
			name(p.Name)
		}
	}
}
