package state

import "strings"

// Link is a network interface. The zero value of a field leaves it alone.
type Link struct {
	Scope Scope  `json:"scope,omitempty" state:"key"`
	Name  string `json:"name" state:"key"`
	// Type is the kernel's kind of link (bridge, veth, vxlan, macvlan, dummy, ...),
	// "device" for hardware, "loopback" for lo; unset in a want: any link of that name.
	Type  string `json:"type,omitempty" state:"fixed"`
	State string `json:"state,omitempty"` // up or down (administrative)
	MTU   int    `json:"mtu,omitempty"`   // bytes
	MAC   string `json:"mac,omitempty"`   // aa:bb:cc:dd:ee:ff
	// IPv6 "off" is disable_ipv6=1 on the link, set before it first comes up.
	IPv6    string `json:"ipv6,omitempty"`
	TxQueue int    `json:"txqueuelen,omitempty"` // packets
	Promisc *bool  `json:"promisc,omitempty"`
	Alias   string `json:"alias,omitempty" state:"mark"`

	// veth: the other end, which is created together with this one.
	Peer      string `json:"peer,omitempty" state:"fixed"`
	PeerScope Scope  `json:"peer_scope,omitempty" state:"fixed"`

	// macvlan, ipvlan, vlan: the link below, in ParentScope, and how.
	Parent      string `json:"parent,omitempty" state:"fixed"`
	ParentScope Scope  `json:"parent_scope,omitempty" state:"fixed"`
	Mode        string `json:"mode,omitempty" state:"fixed"` // macvlan: bridge, private, vepa, passthru, source; ipvlan: l2, l3, l3s; ipoib: datagram, connected
	VLAN        int    `json:"vlan,omitempty" state:"fixed"` // id of the tag
	// VLANProtocol is 802.1Q or 802.1ad; unset is 802.1Q.
	VLANProtocol string `json:"vlan_protocol,omitempty" state:"fixed"`
	// Sources are the MAC addresses whose frames a macvlan in mode source takes, sorted, with blanks between.
	Sources string `json:"sources,omitempty"`
	PKey    int    `json:"pkey,omitempty" state:"fixed"` // ipoib: partition key, with its top bit

	// vxlan, geneve, gretap, ip6gretap; of these, vxlan and the gretaps can have a Parent,
	// the underlay's link.
	VNI      int    `json:"vni,omitempty" state:"fixed"`
	Local    string `json:"local,omitempty" state:"fixed"`  // underlay address
	Remote   string `json:"remote,omitempty" state:"fixed"` // underlay address or multicast group
	Port     int    `json:"port,omitempty" state:"fixed"`   // UDP
	Learning *bool  `json:"learning,omitempty" state:"fixed"`
	// Remotes are the hosts to which a vxlan sends what it does not know better, beside Remote:
	// underlay addresses, sorted, with blanks between.
	Remotes string `json:"remotes,omitempty"`
	TTL     int    `json:"ttl,omitempty" state:"fixed"` // unset: that of the packet within
	// gretap, ip6gretap: the key of both directions; whether packets that are too long for
	// the path are refused (Don't Fragment), and whether that of the packet within counts.
	GREKey   uint32 `json:"gre_key,omitempty" state:"fixed"`
	PMTUDisc *bool  `json:"pmtudisc,omitempty" state:"fixed"`
	IgnoreDF *bool  `json:"ignore_df,omitempty" state:"fixed"`
	// EncapLimit is ip6gretap's encaplimit: none, or a number that costs 8 bytes a packet.
	EncapLimit string `json:"encap_limit,omitempty" state:"fixed"`

	// bridge.
	STP           *bool `json:"stp,omitempty"`
	ForwardDelay  int   `json:"forward_delay,omitempty"` // 1/100 s, as ip link shows it
	VLANFiltering *bool `json:"vlan_filtering,omitempty"`

	// Index and PeerIndex are the kernel's numbers of the link and of a veth's other end, as
	// observed; a link that is made again gets its number back if that is free.
	Index     int `json:"index,omitempty" state:"hint"`
	PeerIndex int `json:"peer_index,omitempty" state:"hint"`

	// NIC is the host's link that this one is, moved into Scope and renamed; in a want also
	// mac:ADDRESS. Was is how the host had it, as words (see NICWas).
	NIC string `json:"nic,omitempty" state:"fixed"`
	Was string `json:"was,omitempty" state:"hint"`

	// MTUOf names a link of MTUScope whose MTU this one takes, found out where the scope is observed.
	MTUOf    string `json:"mtu_of,omitempty" state:"hint"`
	MTUScope Scope  `json:"mtu_scope,omitempty" state:"hint"`
	// MTUTowards are the addresses of tunnels' other ends, with blanks between them, and MTULess
	// what such a tunnel adds to a frame, in bytes: this link's MTU is to leave room for that.
	MTUTowards string `json:"mtu_towards,omitempty" state:"hint"`
	MTULess    int    `json:"mtu_less,omitempty" state:"hint"`
}

// LinkKey is the key of the named link in scope.
func LinkKey(scope Scope, name string) Key { return Key{KindLink, scope, name} }

// Key implements Object.
func (l Link) Key() Key { return LinkKey(l.Scope, l.Name) }

// Needs implements Object.
func (l Link) Needs() []Key {
	needs := l.Scope.Needs()
	if l.Parent != "" {
		needs = append(needs, LinkKey(l.ParentScope, l.Parent))
	}
	return append(needs, l.PeerScope.Needs()...)
}

// OverUnderlay reports whether a link of the type carries frames in packets of an
// underlay network: its Parent is a link that these go through, not one below it.
func OverUnderlay(linkType string) bool {
	switch linkType {
	case "vxlan", "geneve", "gretap", "ip6gretap":
		return true
	}
	return false
}

// Brings implements Bringer: one veth brings the other end.
func (l Link) Brings() []Object {
	if l.Type != "veth" || l.Peer == "" || l.NIC != "" {
		return nil
	}
	return []Object{Link{Scope: l.PeerScope, Name: l.Peer, Type: "veth", State: "down", Peer: l.Name, PeerScope: l.Scope}}
}

// Reads implements Late.
func (l Link) Reads() []Key {
	var keys []Key
	if l.NIC != "" || strings.HasPrefix(l.Parent, nicMAC) {
		keys = append(keys, Key{Kind: KindLink, Scope: HostScope})
	}
	if l.MTUOf != "" {
		keys = append(keys, LinkKey(l.MTUScope, l.MTUOf))
	}
	if l.MTUTowards != "" {
		keys = append(keys, roomKeys()...)
	}
	return keys
}

// Resolve implements Late: the MTU is found out.
func (l Link) Resolve(view View) (Object, error) {
	if l.NIC != "" {
		return l.resolveNIC(view)
	}
	if mac, byMAC := strings.CutPrefix(l.Parent, nicMAC); byMAC {
		name, err := linkWithMAC(view, mac)
		if err != nil {
			return nil, err
		}
		l.Parent = name
	}
	if l.MTUTowards != "" {
		if err := l.fitTunnel(view); err != nil {
			return nil, err
		}
	}
	if l.MTUOf == "" {
		return l, nil
	}
	return l.follow(view)
}

// follow gives a new link the MTU of the link that MTUOf names. One that is there
// keeps its own: a bridge follows its smallest port, so that two ports which both
// followed the bridge would never come to rest.
func (l Link) follow(view View) (Object, error) {
	if have, ok := view.Get(l.Key()); ok && have.(Link).MTU != 0 {
		l.MTUOf, l.MTUScope = "", ""
		return l, nil
	}
	source, ok := view.Get(LinkKey(l.MTUScope, l.MTUOf))
	if !ok {
		return nil, &MissingError{Key: l.Key(), Needs: LinkKey(l.MTUScope, l.MTUOf)}
	}
	if l.MTU == 0 {
		l.MTU = source.(Link).MTU
	}
	l.MTUOf, l.MTUScope = "", ""
	return l, nil
}

// sysctlLink is the link that a parameter belongs to: eth0 of
// net/ipv4/conf/eth0/rp_filter; "" for all, default and other parameters.
func sysctlLink(name string) string {
	parts := strings.Split(name, "/")
	if len(parts) < 5 || parts[0] != "net" || (parts[2] != "conf" && parts[2] != "neigh") {
		return ""
	}
	if parts[3] == "all" || parts[3] == "default" {
		return ""
	}
	return parts[3]
}
