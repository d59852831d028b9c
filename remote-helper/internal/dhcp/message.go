package dhcp

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// message is a request of the given type. Each carries who the client is.
func (p Params) message(mac net.HardwareAddr, kind dhcpv4.MessageType, more ...dhcpv4.Modifier) (*dhcpv4.DHCPv4, error) {
	all := []dhcpv4.Modifier{dhcpv4.WithHwAddr(mac), dhcpv4.WithMessageType(kind), dhcpv4.WithBroadcast(p.Broadcast)}
	switch {
	case p.ClientID != "":
		// Type 0: neither a hardware address nor anything else that is known.
		all = append(all, dhcpv4.WithOption(dhcpv4.OptClientIdentifier(append([]byte{0}, p.ClientID...))))
	case len(p.Identity) > 0:
		all = append(all, dhcpv4.WithOption(dhcpv4.OptClientIdentifier(p.Identity)))
	}
	if kind != dhcpv4.MessageTypeRelease {
		all = append(all, dhcpv4.WithOption(dhcpv4.OptMaxMessageSize(maxMessage)),
			dhcpv4.WithRequestedOptions(dhcpv4.OptionSubnetMask, dhcpv4.OptionClasslessStaticRoute, dhcpv4.OptionRouter,
				dhcpv4.OptionRenewTimeValue, dhcpv4.OptionRebindingTimeValue))
		if p.Hostname != "" {
			all = append(all, dhcpv4.WithOption(dhcpv4.OptHostName(p.Hostname)))
		}
	}
	m, err := dhcpv4.New(append(all, more...)...)
	if err != nil {
		return nil, fmt.Errorf("make DHCP message: %w", err)
	}
	return m, nil
}

// IdentityOf is a client identifier (RFC 4361) for a link that is made anew, with another
// MAC address, each time its container starts: the same for the same machine, container
// and link.
func IdentityOf(machine, container, link string) []byte {
	owner, iaid := sha256.Sum256([]byte(machine+"\x00"+container)), sha256.Sum256([]byte(link))
	const node, uuid = 255, 4
	return append(append([]byte{node}, iaid[:4]...), append([]byte{0, uuid}, owner[:16]...)...)
}

// maxMessage is the size of messages that a client takes.
const maxMessage = 1472

func askFor(ip netip.Addr) dhcpv4.Modifier {
	if !ip.IsValid() {
		return func(*dhcpv4.DHCPv4) {}
	}
	return dhcpv4.WithOption(dhcpv4.OptRequestedIPAddress(ip.AsSlice()))
}

func from(server netip.Addr) dhcpv4.Modifier {
	return dhcpv4.WithOption(dhcpv4.OptServerIdentifier(server.AsSlice()))
}

func holding(ip netip.Addr) dhcpv4.Modifier { return dhcpv4.WithClientIP(ip.AsSlice()) }

// forever is how long a lease without an end lasts, in seconds.
const forever = math.MaxUint32

// leaseOf reads an offer or an acknowledgement. server is who gave the lease, if the
// message does not say so.
func leaseOf(m *dhcpv4.DHCPv4, server netip.Addr, now time.Time) (Lease, error) {
	ip := address(m.YourIPAddr)
	if !ip.Is4() || ip.IsUnspecified() || ip.IsLoopback() || ip.IsMulticast() || ip == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
		return Lease{}, fmt.Errorf("the server gives the address %s", m.YourIPAddr)
	}
	if id := address(m.ServerIdentifier()); id.IsValid() {
		server = id
	}
	if !server.IsValid() {
		return Lease{}, errors.New("the server does not say who it is")
	}
	bits, err := prefixLength(m.SubnetMask(), ip)
	if err != nil {
		return Lease{}, err
	}
	l := Lease{Address: netip.PrefixFrom(ip, bits), Server: server, Routes: routes(m)}
	return l.timed(now, seconds(m, dhcpv4.OptionIPAddressLeaseTime), seconds(m, dhcpv4.OptionRenewTimeValue), seconds(m, dhcpv4.OptionRebindingTimeValue))
}

// prefixLength is that of the mask; without one, that of the address's old class.
func prefixLength(mask net.IPMask, ip netip.Addr) (int, error) {
	if len(mask) == 0 {
		mask = net.IP(ip.AsSlice()).DefaultMask()
	}
	bits, size := mask.Size()
	if size != 32 || bits == 0 {
		return 0, fmt.Errorf("the server gives the netmask %s", net.IP(mask))
	}
	return bits, nil
}

// timed gives the lease its times. Those of a server that make no sense become the
// customary half and seven eighths.
func (l Lease) timed(now time.Time, length, t1, t2 uint32) (Lease, error) {
	if length == 0 {
		return l, errors.New("the server does not say for how long")
	}
	if t2 == 0 || t2 >= length {
		t2 = length - length/8
	}
	if t1 == 0 || t1 >= t2 {
		t1 = min(length/2, t2)
	}
	after := func(s uint32) time.Time { return now.Add(time.Duration(s) * time.Second) }
	if length == forever {
		t1, t2 = forever, forever
	}
	l.Renew, l.Rebind, l.Until = after(t1), after(t2), after(length)
	return l, nil
}

func seconds(m *dhcpv4.DHCPv4, option dhcpv4.OptionCode) uint32 {
	if v := m.Options.Get(option); len(v) == 4 {
		return binary.BigEndian.Uint32(v)
	}
	return 0
}

// routes are the classless ones, or else the router (RFC 3442).
func routes(m *dhcpv4.DHCPv4) []Route {
	var out []Route
	for _, r := range m.ClasslessStaticRoute() {
		bits, _ := r.Dest.Mask.Size()
		route := Route{Dst: netip.PrefixFrom(address(r.Dest.IP), bits).Masked(), Via: address(r.Router)}
		if route.Via.IsUnspecified() {
			route.Via = netip.Addr{} // on the link
		}
		if route.Dst.IsValid() {
			out = append(out, route)
		}
	}
	if len(out) > 0 {
		return out
	}
	for _, ip := range m.Router() {
		if via := address(ip); via.IsValid() && !via.IsUnspecified() {
			return []Route{{Dst: netip.PrefixFrom(netip.IPv4Unspecified(), 0), Via: via}}
		}
	}
	return nil
}

func address(ip net.IP) netip.Addr {
	a, _ := netip.AddrFromSlice(ip)
	return a.Unmap()
}
