package state

// Offload is something that a link leaves to hardware, in the words of ethtool -K.
// Like a kernel parameter it comes and goes with its link.
type Offload struct {
	Scope   Scope  `json:"scope,omitempty" state:"key"`
	Link    string `json:"link" state:"key"`
	Feature string `json:"feature" state:"key"` // tx: checksums of packets that are sent
	Value   string `json:"value"`               // on or off
}

// Key implements Object.
func (o Offload) Key() Key { return Key{KindOffload, o.Scope, o.Link + " " + o.Feature} }

// Needs implements Object.
func (o Offload) Needs() []Key { return []Key{LinkKey(o.Scope, o.Link)} }

// IsParameter reports whether objects of the kind are values that the kernel keeps
// as long as what they belong to: they are neither made nor deleted.
func (k Kind) IsParameter() bool { return k == KindSysctl || k == KindOffload }

// PortVLAN is the VLANs of a port of a Linux bridge, or of the bridge itself: all
// that the port has. A bridge gives each new port VLAN 1.
type PortVLAN struct {
	Scope  Scope  `json:"scope,omitempty" state:"key"`
	Link   string `json:"link" state:"key"`
	Bridge string `json:"bridge,omitempty" state:"hint"` // "" of the bridge itself
	// VLANs are words of bridge vlan: "20 pvid untagged, 30, 40", by number.
	VLANs string `json:"vlans"`
}

// Key implements Object.
func (v PortVLAN) Key() Key { return Key{KindPortVLAN, v.Scope, v.Link} }

// Needs implements Object.
func (v PortVLAN) Needs() []Key {
	if v.Bridge == "" {
		return []Key{LinkKey(v.Scope, v.Link)}
	}
	return []Key{Member{Scope: v.Scope, Link: v.Link}.Key()}
}
