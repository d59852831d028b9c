package dhcp

import (
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// protocol marks netrun's own routes, as state.Protocol does.
const protocol = 78

// set gives the link the address, for as long as the lease lasts, and the routes.
// The kernel takes the address away by itself should nobody be there to do it, and
// the routes, whose source it is, with it.
func (c *Client) set(l Lease) error {
	link, err := netlink.LinkByIndex(c.Params.Index)
	if err != nil {
		return fmt.Errorf("look up %s: %w", c.Params.Where, err)
	}
	// A lease without an end must not look like an address that a person gave.
	left := int(min(max(l.Until.Sub(c.Now()).Seconds(), 1), math.MaxInt32))
	a := &netlink.Addr{IPNet: ipNet(l.Address), ValidLft: left, PreferedLft: left}
	if err := netlink.AddrReplace(link, a); err != nil {
		return fmt.Errorf("give %s the address %s: %w", c.Params.Where, l.Address, err)
	}
	for _, r := range c.Params.routes(l) {
		if err := c.add(r); err != nil {
			return err
		}
	}
	return nil
}

// add adds the route. One that is somebody else's stays: that is an error only where
// the default route was asked for.
func (c *Client) add(r netlink.Route) error {
	err := netlink.RouteAdd(&r)
	if !errors.Is(err, unix.EEXIST) {
		return c.unroutable(r, err)
	}
	there, err := netlink.RouteListFiltered(netlink.FAMILY_V4, &netlink.Route{Dst: r.Dst, Table: unix.RT_TABLE_MAIN}, netlink.RT_FILTER_DST|netlink.RT_FILTER_TABLE)
	if err != nil {
		return fmt.Errorf("list routes: %w", err)
	}
	same := slices.IndexFunc(there, func(o netlink.Route) bool { return o.Priority == r.Priority })
	switch {
	case same < 0:
		return nil // it has gone since; the next renewal tries again
	case there[same].Protocol != protocol || there[same].LinkIndex != r.LinkIndex:
		return c.taken(r, there[same])
	case there[same].Gw.Equal(r.Gw) && there[same].Src.Equal(r.Src):
		return nil
	}
	return c.unroutable(r, netlink.RouteReplace(&r))
}

func (c *Client) unroutable(r netlink.Route, err error) error {
	if err != nil {
		return fmt.Errorf("add route to %s via %s on %s: %w", r.Dst, r.Gw, c.Params.Where, err)
	}
	return nil
}

func (c *Client) taken(r, by netlink.Route) error {
	ones, _ := r.Dst.Mask.Size()
	err := fmt.Errorf("add route to %s on %s: there is one with metric %d already, via %s", r.Dst, c.Params.Where, r.Priority, by.Gw)
	if ones == 0 && c.Params.DefaultRoute != nil && *c.Params.DefaultRoute {
		return fmt.Errorf("%w: give another metric, or leave default_route out", err)
	}
	return nil
}

// routes are the lease's as the kernel takes them. A gateway outside the subnet needs
// a route of its own first.
func (p Params) routes(l Lease) []netlink.Route {
	var out []netlink.Route
	for _, r := range l.Routes {
		if r.Dst.Bits() == 0 && p.DefaultRoute != nil && !*p.DefaultRoute {
			continue
		}
		if r.Via.IsValid() && !l.Address.Contains(r.Via) {
			out = append(out, p.route(l, Route{Dst: netip.PrefixFrom(r.Via, 32)}))
		}
		out = append(out, p.route(l, r))
	}
	return out
}

func (p Params) route(l Lease, r Route) netlink.Route {
	out := netlink.Route{LinkIndex: p.Index, Dst: ipNet(r.Dst), Src: l.Address.Addr().AsSlice(), Priority: p.Metric,
		Protocol: protocol, Table: unix.RT_TABLE_MAIN, Scope: netlink.SCOPE_LINK}
	if r.Via.IsValid() {
		out.Gw, out.Scope = r.Via.AsSlice(), netlink.SCOPE_UNIVERSE
	}
	return out
}

// Clear takes away what the lease gave, in the calling thread's network namespace. What
// is gone already is no error.
func Clear(p Params, l Lease) error {
	link, err := netlink.LinkByIndex(p.Index)
	if isMissing(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look up %s: %w", p.Where, err)
	}
	var errs []error
	for _, r := range slices.Backward(p.routes(l)) {
		if err := netlink.RouteDel(&r); err != nil && !errors.Is(err, unix.ESRCH) && !errors.Is(err, unix.ENETDOWN) {
			errs = append(errs, fmt.Errorf("delete route to %s: %w", r.Dst, err))
		}
	}
	err = netlink.AddrDel(link, &netlink.Addr{IPNet: ipNet(l.Address)})
	if err != nil && !errors.Is(err, unix.EADDRNOTAVAIL) {
		errs = append(errs, fmt.Errorf("delete address %s of %s: %w", l.Address, p.Where, err))
	}
	return errors.Join(errs...)
}

// isMissing reports whether the error says that there is no such link.
func isMissing(err error) bool {
	missing := netlink.LinkNotFoundError{}
	return errors.As(err, &missing) || errors.Is(err, unix.ENODEV)
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), 32)}
}
