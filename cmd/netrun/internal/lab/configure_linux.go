package lab

import (
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// configure sets up the links that the starter plugged into this network
// namespace.
func configure(s spec) error {
	if err := hostSysctls(s.Interfaces); err != nil {
		return err
	}
	if err := linkUp("lo", nil); err != nil {
		return err
	}
	if err := linkUp("eth0", []netip.Prefix{s.Addr}); err != nil {
		return err
	}
	for _, i := range s.Interfaces {
		if err := linkUp(i.Name, i.Address); err != nil {
			return err
		}
	}
	for _, i := range s.Interfaces {
		if err := defaultRoutes(i); err != nil {
			return err
		}
	}
	return nil
}

// hostSysctls undoes what a new namespace takes over from the machine's, which
// may forward for its containers, and spares addresses their second of doubt
// (duplicate address detection), which no test could see the end of.
func hostSysctls(interfaces []Interface) error {
	settings := [][2]string{
		{"net/ipv4/ip_forward", "0"},
		{"net/ipv4/conf/all/rp_filter", "0"},
		{"net/ipv4/conf/default/rp_filter", "0"},
		{"net/ipv6/conf/default/accept_dad", "0"},
		{"net/ipv6/conf/eth0/disable_ipv6", "1"}, // management is IPv4
	}
	for _, i := range interfaces {
		settings = append(settings, [2]string{"net/ipv6/conf/" + i.Name + "/accept_dad", "0"},
			[2]string{"net/ipv4/conf/" + i.Name + "/rp_filter", "0"})
	}
	for _, kv := range settings {
		if err := setSysctl(kv[0], kv[1]); err != nil {
			return err
		}
	}
	return nil
}

func linkUp(name string, addrs []netip.Prefix) error {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return fmt.Errorf("find link %q: %w", name, err)
	}
	if err := netlink.LinkSetUp(link); err != nil {
		return fmt.Errorf("set link %q up: %w", name, err)
	}
	for _, a := range addrs {
		if err := netlink.AddrAdd(link, &netlink.Addr{IPNet: ipNet(a)}); err != nil {
			return fmt.Errorf("add address %s to %q: %w", a, name, err)
		}
	}
	return nil
}

func defaultRoutes(i Interface) error {
	if len(i.Gateway) == 0 {
		return nil
	}
	link, err := netlink.LinkByName(i.Name)
	if err != nil {
		return fmt.Errorf("find link %q: %w", i.Name, err)
	}
	for _, gw := range i.Gateway {
		dst := netip.PrefixFrom(netip.IPv4Unspecified(), 0)
		if gw.Is6() {
			dst = netip.PrefixFrom(netip.IPv6Unspecified(), 0)
		}
		route := &netlink.Route{LinkIndex: link.Attrs().Index, Dst: ipNet(dst), Gw: gw.AsSlice(), Protocol: unix.RTPROT_BOOT}
		if err := netlink.RouteAdd(route); err != nil {
			return fmt.Errorf("add default route via %s: %w", gw, err)
		}
	}
	return nil
}
