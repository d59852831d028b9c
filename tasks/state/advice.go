package state

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Advise says what will not work though it is as it was wanted, of the objects with
// the keys, which were just changed. The view must hold what AdviceKeys lists.
func Advise(view View, changed []Key) []string {
	var out []string
	for _, k := range changed {
		switch o, _ := view.Get(k); o := o.(type) {
		case Link:
			out = append(out, tooLong(view, o)...)
		case OVSPort:
			out = append(out, outOfReach(view, o)...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// AdviceKeys are what must be observed to advise about the change; none for most.
func AdviceKeys(c Change) []Key {
	k := c.Key()
	switch o := c.After.(type) {
	case Link:
		if o.Type == "bridge" && (c.Op == Create && o.MTU != 0 || changed(c, "mtu")) {
			return []Key{{Kind: KindLink, Scope: k.Scope}, {Kind: KindMember, Scope: k.Scope}}
		}
	case OVSPort:
		if c.Op == Create && o.Options["remote_ip"] != "" {
			return append(routingKeys(HostScope), Key{Kind: KindOVSBridge}, Key{Kind: KindOVSPort})
		}
	}
	return nil
}

// tooLong names the ports of a bridge that let longer packets in than the bridge passes
// on: it drops those without a word.
func tooLong(view View, bridge Link) []string {
	var ports []string
	for _, o := range view.All(KindMember, bridge.Scope) {
		m := o.(Member)
		port, ok := view.Get(LinkKey(m.Scope, m.Link))
		if ok && m.Bridge == bridge.Name && port.(Link).MTU > bridge.MTU {
			ports = append(ports, fmt.Sprintf("%s (%d)", m.Link, port.(Link).MTU))
		}
	}
	if len(ports) == 0 {
		return nil
	}
	return []string{fmt.Sprintf("%s has MTU %d, and some of its ports more: %s. What hangs on them loses long packets, until it has %d too (Docker's containers have the mtu of daemon.json)",
		bridge.Name, bridge.MTU, strings.Join(ports, ", "), bridge.MTU)}
}

// outOfReach says that a tunnel's other end cannot be reached: ovs-vswitchd, where it
// forwards itself, sends the outer packets through its own bridges only.
func outOfReach(view View, p OVSPort) []string {
	b, ok := view.Get(Key{Kind: KindOVSBridge, Name: p.Bridge})
	to, err := netip.ParseAddr(p.Options["remote_ip"])
	if !ok || err != nil || b.(OVSBridge).Datapath != "netdev" {
		return nil
	}
	dev, _, found := Lookup(view, HostScope, to)
	if !found {
		return []string{fmt.Sprintf("tunnel %s: there is no route to %s", p.Name, to)}
	}
	for _, k := range []Key{{Kind: KindOVSBridge, Name: dev}, {Kind: KindOVSPort, Name: dev}} {
		if _, ours := view.Get(k); ours {
			return nil
		}
	}
	return []string{fmt.Sprintf("tunnel %s: the kernel has no Open vSwitch here, and without it %s cannot be reached through %s: put %s into an ovs_bridge, and its addresses on that",
		p.Name, to, dev, dev)}
}
