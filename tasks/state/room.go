package state

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// usualMTU is what a link is born with, of most kinds.
const usualMTU = 1500

// roomKeys are what tunnelRoom reads.
func roomKeys() []Key {
	return append(routingKeys(HostScope), Key{Kind: KindMember}, Key{Kind: KindOVSPort})
}

// fitTunnel makes the MTU fit into the tunnels to MTUTowards. A smaller one that the
// link has stays: it fits too.
func (l *Link) fitTunnel(view View) error {
	room, err := tunnelRoom(view, l.Key(), l.MTUTowards, l.MTULess)
	if err != nil {
		return err
	}
	have, there := view.Get(l.Key())
	if !there || have.(Link).MTU == 0 || have.(Link).MTU > room {
		l.MTU = room
	}
	l.MTUTowards, l.MTULess = "", 0
	return nil
}

// tunnelRoom is the MTU of what goes through tunnels to the addresses: the least of the
// links that lead there, less what a tunnel adds.
func tunnelRoom(view View, of Key, towards string, less int) (int, error) {
	least := 0
	for _, text := range strings.Fields(towards) {
		to, err := netip.ParseAddr(text)
		if err != nil {
			return 0, fmt.Errorf("mtu of %s: %w", of.Name, err)
		}
		if dev, _, ok := Lookup(view, HostScope, to); ok {
			least = lesser(least, mtuOf(view, dev))
		}
	}
	if least == 0 {
		// At boot, the underlay may still be to come.
		return 0, &MissingError{Key: of, Needs: Key{Kind: KindRoute, Name: "to " + towards}}
	}
	return least - less, nil
}

// mtuOf is the link's MTU. One that is only planned has none yet: a bridge will take
// the least of its ports, and another link what is usual.
func mtuOf(view View, name string) int {
	if o, ok := view.Get(LinkKey(HostScope, name)); ok && o.(Link).MTU > 0 {
		return o.(Link).MTU
	}
	least := usualMTU
	ports := func(port, bridge string) {
		if o, ok := view.Get(LinkKey(HostScope, port)); ok && bridge == name && port != name {
			least = lesser(least, o.(Link).MTU)
		}
	}
	for _, o := range view.All(KindMember, HostScope) {
		ports(o.(Member).Link, o.(Member).Bridge)
	}
	for _, o := range view.All(KindOVSPort, HostScope) {
		ports(o.(OVSPort).Name, o.(OVSPort).Bridge)
	}
	return least
}

// lesser is the smaller of two, of which 0 is not known.
func lesser(a, b int) int {
	if a == 0 || b == 0 {
		return max(a, b)
	}
	return min(a, b)
}

// JoinAddrs are the addresses as Remotes has them, without the one that is left out.
func JoinAddrs(addrs []netip.Addr, without string) string {
	addrs = slices.Clone(addrs)
	slices.SortFunc(addrs, netip.Addr.Compare)
	var texts []string
	for _, a := range slices.Compact(addrs) {
		if a.String() != without {
			texts = append(texts, a.String())
		}
	}
	return strings.Join(texts, " ")
}
