package linuxhost

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"netrun/tasks/state"
)

// again repeats one of the library's dumps until nobody changed anything while it ran.
func again[T any](list func() ([]T, error)) ([]T, error) {
	for range dumpTries {
		out, err := list()
		if !errors.Is(err, netlink.ErrDumpInterrupted) && !errors.Is(err, unix.EINTR) {
			return out, err
		}
	}
	return nil, fmt.Errorf("dump was interrupted %d times by other changes", dumpTries)
}

// readRoutes lists the routes of all tables that a person, a program or a DHCP
// client made. What the kernel made by itself is left out, and so is what a
// state.Route cannot say: routes by type of service, with an encapsulation, or
// through a nexthop object.
func (s *session) readRoutes(q *query) ([]state.Object, error) {
	sp, err := s.space(q.scope)
	if err != nil {
		return nil, err
	}
	links, err := sp.dumpLinks()
	if err != nil {
		return nil, err
	}
	lib, err := s.lib(sp)
	if err != nil {
		return nil, err
	}
	var out []state.Object
	for _, family := range []int{netlink.FAMILY_V4, netlink.FAMILY_V6} {
		routes, err := again(func() ([]netlink.Route, error) {
			return lib.RouteListFiltered(family, &netlink.Route{Table: unix.RT_TABLE_UNSPEC}, netlink.RT_FILTER_TABLE)
		})
		if err != nil {
			return nil, fmt.Errorf("list routes: %w", err)
		}
		for _, r := range routes {
			if ownsRoute(r) {
				out = append(out, routeObject(q.scope, links, family, r))
			}
		}
	}
	return out, nil
}

func ownsRoute(r netlink.Route) bool {
	switch r.Protocol {
	case unix.RTPROT_KERNEL, unix.RTPROT_REDIRECT, unix.RTPROT_RA:
		return false
	}
	const cloned = unix.RTM_F_CLONED
	return r.Table != unix.RT_TABLE_LOCAL && r.Tos == 0 && r.Encap == nil && r.Flags&cloned == 0
}

func routeObject(scope state.Scope, links *linkTable, family int, r netlink.Route) state.Route {
	out := state.Route{Scope: scope, Dst: routePrefix(family, r.Dst), Table: r.Table, Metric: r.Priority,
		Type: routeTypes()[r.Type], MTU: r.MTU, Protocol: int(r.Protocol), Src: ipText(r.Src)}
	if out.Table == unix.RT_TABLE_MAIN {
		out.Table = 0
	}
	if len(r.MultiPath) > 0 {
		for _, hop := range r.MultiPath {
			out.Nexthops = append(out.Nexthops, hopText(links, hop))
		}
		return out
	}
	out.Via = gatewayText(r.Gw, r.Via)
	// The kernel puts IPv6 routes to nowhere on lo; they have no link for anybody else.
	if l := links.byIndex[r.LinkIndex]; l != nil && !isNowhere(out.Type) {
		out.Dev = l.name
	}
	if r.Flags&unix.RTNH_F_ONLINK != 0 {
		out.OnLink = new(true)
	}
	return out
}

func isNowhere(routeType string) bool {
	switch routeType {
	case "blackhole", "unreachable", "prohibit", "throw":
		return true
	}
	return false
}

// hopText is one nexthop in the words of ip route: "via A dev B weight N [onlink]".
func hopText(links *linkTable, hop *netlink.NexthopInfo) string {
	var words []string
	if via := gatewayText(hop.Gw, hop.Via); via != "" {
		words = append(words, "via", via)
	}
	if l := links.byIndex[hop.LinkIndex]; l != nil {
		words = append(words, "dev", l.name)
	}
	words = append(words, "weight", fmt.Sprint(hop.Hops+1))
	if hop.Flags&unix.RTNH_F_ONLINK != 0 {
		words = append(words, "onlink")
	}
	return strings.Join(words, " ")
}

func gatewayText(gw net.IP, via netlink.Destination) string {
	if v, ok := via.(*netlink.Via); ok && v != nil {
		return ipText(v.Addr)
	}
	return ipText(gw)
}

func ipText(ip net.IP) string {
	addr, ok := netip.AddrFromSlice(ip)
	if !ok {
		return ""
	}
	return addr.Unmap().String()
}

func routePrefix(family int, dst *net.IPNet) netip.Prefix {
	if dst == nil {
		if family == netlink.FAMILY_V6 {
			return netip.PrefixFrom(netip.IPv6Unspecified(), 0)
		}
		return netip.PrefixFrom(netip.IPv4Unspecified(), 0)
	}
	return toPrefix(dst)
}

func toPrefix(n *net.IPNet) netip.Prefix {
	addr, _ := netip.AddrFromSlice(n.IP)
	bits, size := n.Mask.Size()
	if size == 32 {
		addr = addr.Unmap()
	}
	return netip.PrefixFrom(addr, bits)
}

func toIPNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

// routeTypes are the words of ip route; unicast goes without saying.
func routeTypes() map[int]string {
	return map[int]string{unix.RTN_UNICAST: "", unix.RTN_LOCAL: "local", unix.RTN_BROADCAST: "broadcast",
		unix.RTN_ANYCAST: "anycast", unix.RTN_MULTICAST: "multicast", unix.RTN_BLACKHOLE: "blackhole",
		unix.RTN_UNREACHABLE: "unreachable", unix.RTN_PROHIBIT: "prohibit", unix.RTN_THROW: "throw"}
}
