package linuxhost

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"netrun/tasks/state"
)

func (s *session) applyRoute(c state.Change, r state.Route) error {
	sp, err := s.space(r.Scope)
	if err != nil {
		return err
	}
	lib, err := s.lib(sp)
	if err != nil {
		return err
	}
	route, err := libRoute(sp, r)
	if err != nil {
		return err
	}
	switch c.Op {
	case state.Create:
		return explainRoute(lib.RouteAdd(route))
	case state.Update:
		return explainRoute(lib.RouteReplace(route))
	}
	// The kernel takes routes along with their source address, and with the last IPv4
	// address of their link: the same plan may have removed that just before.
	if err := lib.RouteDel(route); !errors.Is(err, unix.ESRCH) {
		return explainRoute(err)
	}
	return nil
}

func explainRoute(err error) error {
	switch {
	case errors.Is(err, unix.EEXIST):
		return fmt.Errorf("%w: there is a route to that network with that metric", err)
	case errors.Is(err, unix.ENETUNREACH), errors.Is(err, unix.EHOSTUNREACH):
		return fmt.Errorf("%w (the gateway is on no link that is up)", err)
	case errors.Is(err, unix.ESRCH):
		return fmt.Errorf("there is no such route: %w", err)
	}
	return err
}

// libRoute is the route as the library wants it.
func libRoute(sp *space, r state.Route) (*netlink.Route, error) {
	kind, ok := keyOf(routeTypes(), strings.TrimPrefix(r.Type, "unicast"))
	if !ok {
		return nil, fmt.Errorf("type %q: want unicast, blackhole, unreachable or prohibit", r.Type)
	}
	out := &netlink.Route{Dst: toIPNet(r.Dst), Table: r.Table, Priority: r.Metric, Type: kind, MTU: r.MTU,
		Protocol: netlink.RouteProtocol(r.Protocol), Scope: routeScope(r, kind)}
	if out.Table == 0 {
		out.Table = unix.RT_TABLE_MAIN
	}
	if r.Protocol == 0 {
		out.Protocol = unix.RTPROT_BOOT
	}
	if isTrue(r.OnLink) {
		out.Flags = unix.RTNH_F_ONLINK
	}
	if r.Src != "" {
		src, err := netip.ParseAddr(r.Src)
		if err != nil {
			return nil, fmt.Errorf("src: %w", err)
		}
		out.Src = src.AsSlice()
	}
	return out, routeHops(sp, out, r)
}

// routeScope is what ip route would choose.
func routeScope(r state.Route, kind int) netlink.Scope {
	switch {
	case r.Dst.Addr().Is6():
		return netlink.SCOPE_UNIVERSE
	case kind == unix.RTN_LOCAL:
		return netlink.SCOPE_HOST
	case kind == unix.RTN_UNICAST && r.Via == "" && len(r.Nexthops) == 0, kind == unix.RTN_BROADCAST,
		kind == unix.RTN_MULTICAST, kind == unix.RTN_ANYCAST:
		return netlink.SCOPE_LINK
	}
	return netlink.SCOPE_UNIVERSE
}

// routeHops fills in the link and the gateway, or several of them.
func routeHops(sp *space, out *netlink.Route, r state.Route) error {
	for _, text := range r.Nexthops {
		hop, err := parseHop(sp, r.Dst.Addr().Is6(), text)
		if err != nil {
			return fmt.Errorf("nexthop %q: %w", text, err)
		}
		out.MultiPath = append(out.MultiPath, hop)
	}
	if len(r.Nexthops) > 0 && (r.Via != "" || r.Dev != "") {
		first, err := makeHop(sp, r.Dst.Addr().Is6(), r.Via, r.Dev)
		if err != nil {
			return err
		}
		out.MultiPath = append([]*netlink.NexthopInfo{first}, out.MultiPath...)
		return nil
	}
	hop, err := makeHop(sp, r.Dst.Addr().Is6(), r.Via, r.Dev)
	if err != nil {
		return err
	}
	out.Gw, out.Via, out.LinkIndex = hop.Gw, hop.Via, hop.LinkIndex
	return nil
}

// makeHop is a nexthop through the gateway, the link, or both. A gateway of the
// other family (IPv4 over IPv6) is said in another attribute.
func makeHop(sp *space, is6 bool, via, dev string) (*netlink.NexthopInfo, error) {
	hop := &netlink.NexthopInfo{}
	if dev != "" {
		index, err := sp.indexOf(dev)
		if err != nil {
			return nil, err
		}
		hop.LinkIndex = index
	}
	if via == "" {
		return hop, nil
	}
	gateway, err := netip.ParseAddr(via)
	if err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	if gateway.Is6() == is6 {
		hop.Gw = gateway.AsSlice()
	} else {
		hop.Via = &netlink.Via{AddrFamily: familyOf(gateway), Addr: gateway.AsSlice()}
	}
	return hop, nil
}

// parseHop reads "via A dev B weight N onlink", each part optional.
func parseHop(sp *space, is6 bool, text string) (*netlink.NexthopInfo, error) {
	words := strings.Fields(text)
	values := map[string]string{}
	onLink := false
	for i := 0; i < len(words); i++ {
		switch word := words[i]; {
		case word == "onlink":
			onLink = true
		case (word == "via" || word == "dev" || word == "weight") && i+1 < len(words):
			i++
			values[word] = words[i]
		default:
			return nil, fmt.Errorf("%q: want via ADDRESS, dev LINK, weight NUMBER or onlink", word)
		}
	}
	hop, err := makeHop(sp, is6, values["via"], values["dev"])
	if err != nil {
		return nil, err
	}
	if onLink {
		hop.Flags = unix.RTNH_F_ONLINK
	}
	if weight := values["weight"]; weight != "" {
		n, err := strconv.Atoi(weight)
		if err != nil || n < 1 || n > 256 {
			return nil, fmt.Errorf("weight %q: want 1 to 256", weight)
		}
		hop.Hops = n - 1
	}
	return hop, nil
}

func (s *session) applyRule(c state.Change, r state.Rule) error {
	sp, err := s.space(r.Scope)
	if err != nil {
		return err
	}
	lib, err := s.lib(sp)
	if err != nil {
		return err
	}
	rule, err := libRule(r)
	if err != nil {
		return err
	}
	switch c.Op {
	case state.Create:
		return lib.RuleAdd(rule)
	case state.Update:
		return errors.New("a rule cannot be changed in place")
	}
	return lib.RuleDel(rule)
}

// parsePrefix reads a prefix, or an address as the prefix of itself.
func parsePrefix(text string) (netip.Prefix, error) {
	if strings.Contains(text, "/") {
		p, err := netip.ParsePrefix(text)
		return p.Masked(), err
	}
	ip, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Prefix{}, err
	}
	return netip.PrefixFrom(ip, ip.BitLen()), nil
}
