package state

import "slices"

// Settler is an object that is there before it does its work, such as a port of a
// bridge with spanning tree: applied is not forwarding.
type Settler interface {
	Object
	// Settles reports whether, in a view in which the object is, its work may begin late.
	Settles(View) bool
	// Unsettled says what, as observed, is still waited for: "gre0 listening". Nothing
	// once the work has begun, or will not begin by itself.
	Unsettled(View) []string
}

// SettleKeys are what must be observed to ask a Settler of that key.
func SettleKeys(k Key) []Key {
	keys := []Key{{Kind: KindLink, Scope: k.Scope}, {Kind: KindMember, Scope: k.Scope}}
	if k.Kind == KindOVSBridge || k.Kind == KindOVSPort {
		keys = []Key{{Kind: KindOVSBridge}, {Kind: KindOVSPort}}
	}
	return keys
}

// Settles implements Settler: a bridge with spanning tree holds back its ports.
func (b OVSBridge) Settles(View) bool { return isOn(b.STP) || isOn(b.RSTP) }

// Unsettled implements Settler.
func (b OVSBridge) Unsettled(view View) []string {
	var out []string
	for _, o := range view.All(KindOVSPort, HostScope) {
		if p := o.(OVSPort); p.Bridge == b.Name {
			out = append(out, p.Unsettled(view)...)
		}
	}
	return out
}

// Settles implements Settler.
func (p OVSPort) Settles(view View) bool {
	b, ok := view.Get(Key{Kind: KindOVSBridge, Name: p.Bridge})
	return ok && b.(OVSBridge).Settles(view)
}

// Unsettled implements Settler.
func (p OVSPort) Unsettled(View) []string { return unsettled(p.Name, p.Phase) }

// Settles implements Settler.
func (l Link) Settles(View) bool { return l.Type == "bridge" && isOn(l.STP) }

// Unsettled implements Settler: of a bridge, its ports.
func (l Link) Unsettled(view View) []string {
	var out []string
	for _, o := range view.All(KindMember, l.Scope) {
		if m := o.(Member); m.Bridge == l.Name && l.Type == "bridge" {
			out = append(out, m.Unsettled(view)...)
		}
	}
	return out
}

// Settles implements Settler.
func (m Member) Settles(view View) bool {
	b, ok := view.Get(LinkKey(m.Scope, m.Bridge))
	return ok && b.(Link).Settles(view)
}

// Unsettled implements Settler.
func (m Member) Unsettled(View) []string { return unsettled(m.Link, m.Phase) }

// unsettled tells the phases that pass from those that stay.
func unsettled(port, phase string) []string {
	if slices.Contains([]string{"starting", "discarding", "listening", "learning"}, phase) {
		return []string{port + " " + phase}
	}
	return nil
}

func isOn(b *bool) bool { return b != nil && *b }
