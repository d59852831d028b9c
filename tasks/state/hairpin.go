package state

import "strconv"

// Hairpin wants that the bridge ports of a container send frames back where they came
// from. Where the kernel has bridged frames pass iptables (br_netfilter), one that a
// container sends to its own published port is translated in the bridge, and would
// be dropped there. Elsewhere, and on other bridges, it wants nothing.
type Hairpin struct {
	Family int   `json:"family"` // 4 or 6
	Of     Scope `json:"of"`
}

// bridgeCalls is the parameter that has bridged frames pass iptables.
func (h Hairpin) bridgeCalls() Key {
	name := map[int]string{4: "iptables", 6: "ip6tables"}[h.Family]
	return Sysctl{Name: "net/bridge/bridge-nf-call-" + name}.Key()
}

// Key implements Object. No member has such a name.
func (h Hairpin) Key() Key {
	return Key{Kind: KindMember, Name: "hairpin " + strconv.Itoa(h.Family) + " " + string(h.Of)}
}

// Needs implements Object.
func (h Hairpin) Needs() []Key { return h.Of.Needs() }

// Reads implements Several.
func (h Hairpin) Reads() []Key {
	return []Key{h.bridgeCalls(), LinkKey(HostScope, ""), LinkKey(h.Of, "")}
}

// Each implements Several.
func (h Hairpin) Each(view View) []Object {
	calls, there := view.Get(h.bridgeCalls())
	if !there || calls.(Sysctl).Value != "1" {
		return nil
	}
	var out []Object
	for _, o := range view.All(KindLink, h.Of) {
		l := o.(Link)
		if l.Type != "veth" || l.Peer == "" || l.PeerScope != HostScope {
			continue
		}
		if port, ok := view.Get(Member{Link: l.Peer}.Key()); ok {
			out = append(out, Member{Link: l.Peer, Bridge: port.(Member).Bridge, Hairpin: new(true)})
		}
	}
	return out
}
