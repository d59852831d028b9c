package dhcp

import (
	"bytes"
	"encoding/binary"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/insomniacslk/dhcp/dhcpv4"
)

var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// answerTo is a packet as a client gets it: one to a server with the ports changed.
func answerTo(message []byte) []byte {
	p := wrap(netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.9"), message)
	binary.BigEndian.PutUint16(p[ipHeader:], serverPort)
	binary.BigEndian.PutUint16(p[ipHeader+2:], clientPort)
	return p
}

func TestUnwrap(t *testing.T) {
	message := []byte("odd")
	whole := answerTo(message)
	changed := func(at int, b byte) []byte {
		p := bytes.Clone(whole)
		p[at] = b
		binary.BigEndian.PutUint16(p[10:], 0)
		binary.BigEndian.PutUint16(p[10:], ^fold(sum(0, p[:ipHeader])))
		return p
	}
	for _, test := range []struct {
		name   string
		packet []byte
		ok     bool
	}{
		{"whole", whole, true},
		{"padded", append(bytes.Clone(whole), 0, 0, 0), true},
		{"cut", whole[:len(whole)-1], false},
		{"TCP", changed(9, 6), false},
		{"a fragment", changed(6, 0x20), false},
		{"to another port", changed(ipHeader+3, 69), false},
		{"UDP longer than the packet", changed(ipHeader+5, 200), false},
		{"header shorter than the least", changed(0, 0x44), false},
		{"bad checksum", func() []byte { p := bytes.Clone(whole); p[10]++; return p }(), false},
		{"nothing", nil, false},
	} {
		got, ok := unwrap(test.packet)
		if ok != test.ok || ok && !bytes.Equal(got, message) {
			t.Errorf("%s: got %q, %v; want %v", test.name, got, ok, test.ok)
		}
	}
}

// The checksum of what is sent is looked at by servers: adding it all up gives ones.
func TestWrapChecksum(t *testing.T) {
	for _, message := range []string{"even", "odd"} {
		p := wrap(netip.IPv4Unspecified(), netip.MustParseAddr("255.255.255.255"), []byte(message))
		length := uint32(len(p) - ipHeader)
		if got := fold(sum(sum(udp+length, p[12:20]), p[ipHeader:])); got != 0xffff {
			t.Errorf("%q: got %#x; want 0xffff", message, got)
		}
	}
}

func FuzzUnwrap(f *testing.F) {
	f.Add(answerTo([]byte("hello")))
	f.Add([]byte{0x45})
	f.Fuzz(func(t *testing.T, packet []byte) {
		message, ok := unwrap(packet)
		if ok && len(message) > len(packet)-ipHeader-udpHeader {
			t.Errorf("got %d bytes out of a packet of %d", len(message), len(packet))
		}
		if !ok {
			return
		}
		if m, err := dhcpv4.FromBytes(message); err == nil {
			checkLease(t, m)
		}
	})
}

func FuzzLeaseOf(f *testing.F) {
	f.Add(ack().ToBytes())
	f.Fuzz(func(t *testing.T, message []byte) {
		if m, err := dhcpv4.FromBytes(message); err == nil {
			checkLease(t, m)
		}
	})
}

// checkLease wants every lease that is taken to be one that a link can be given.
func checkLease(t *testing.T, m *dhcpv4.DHCPv4) {
	l, err := leaseOf(m, netip.Addr{}, now)
	if err != nil {
		return
	}
	if !l.Address.IsValid() || !l.Address.Addr().Is4() || l.Address.Bits() == 0 || !l.Server.IsValid() {
		t.Errorf("got address %s from %s", l.Address, l.Server)
	}
	if l.Renew.Before(now) || l.Rebind.Before(l.Renew) || l.Until.Before(l.Rebind) || !l.Until.After(now) {
		t.Errorf("got times %s, %s, %s", l.Renew, l.Rebind, l.Until)
	}
	for _, r := range (Params{Index: 1}).routes(l) {
		if r.Dst == nil || len(r.Dst.IP) != 4 {
			t.Errorf("got route %v", r)
		}
	}
}

func ack(more ...dhcpv4.Modifier) *dhcpv4.DHCPv4 {
	m, err := dhcpv4.New(append([]dhcpv4.Modifier{dhcpv4.WithMessageType(dhcpv4.MessageTypeAck), dhcpv4.WithYourIP(net.IP{10, 0, 0, 9}),
		dhcpv4.WithNetmask(net.CIDRMask(24, 32)), dhcpv4.WithLeaseTime(80),
		dhcpv4.WithOption(dhcpv4.OptServerIdentifier(net.IP{10, 0, 0, 1})), dhcpv4.WithOption(dhcpv4.OptRouter(net.IP{10, 0, 0, 254}))}, more...)...)
	if err != nil {
		panic(err)
	}
	return m
}

func after(seconds int) time.Time { return now.Add(time.Duration(seconds) * time.Second) }

func option(code dhcpv4.OptionCode, value ...byte) dhcpv4.Modifier {
	return dhcpv4.WithGeneric(code, value)
}

func TestLeaseOf(t *testing.T) {
	prefix, addr := netip.MustParsePrefix, netip.MustParseAddr
	plain := Lease{Address: prefix("10.0.0.9/24"), Server: addr("10.0.0.1"), Renew: after(40), Rebind: after(70), Until: after(80),
		Routes: []Route{{Dst: prefix("0.0.0.0/0"), Via: addr("10.0.0.254")}}}
	with := func(change func(*Lease)) Lease {
		l := plain
		change(&l)
		return l
	}
	for _, test := range []struct {
		name string
		ack  *dhcpv4.DHCPv4
		want Lease
	}{
		{"plain", ack(), plain},
		{"the server's times", ack(option(dhcpv4.OptionRenewTimeValue, 0, 0, 0, 5), option(dhcpv4.OptionRebindingTimeValue, 0, 0, 0, 9)),
			with(func(l *Lease) { l.Renew, l.Rebind = after(5), after(9) })},
		{"times that make no sense", ack(option(dhcpv4.OptionRenewTimeValue, 0, 0, 0, 90), option(dhcpv4.OptionRebindingTimeValue, 0, 0, 0, 81)), plain},
		{"without an end", ack(dhcpv4.WithLeaseTime(forever)), with(func(l *Lease) { l.Renew, l.Rebind, l.Until = after(forever), after(forever), after(forever) })},
		{"no netmask", ack(dhcpv4.WithoutOption(dhcpv4.OptionSubnetMask)), with(func(l *Lease) { l.Address = prefix("10.0.0.9/8") })},
		{"classless routes instead of the router", ack(option(dhcpv4.OptionClasslessStaticRoute, 16, 10, 9, 10, 0, 0, 3, 32, 10, 8, 8, 8, 0, 0, 0, 0)),
			with(func(l *Lease) {
				l.Routes = []Route{{Dst: prefix("10.9.0.0/16"), Via: addr("10.0.0.3")}, {Dst: prefix("10.8.8.8/32")}}
			})},
	} {
		got, err := leaseOf(test.ack, netip.Addr{}, now)
		if diff := cmp.Diff(test.want, got, cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})); err != nil || diff != "" {
			t.Errorf("%s: error %v (-want +got):\n%s", test.name, err, diff)
		}
	}
}

func TestLeaseRefused(t *testing.T) {
	for _, test := range []struct {
		name string
		ack  *dhcpv4.DHCPv4
	}{
		{"no time", ack(dhcpv4.WithoutOption(dhcpv4.OptionIPAddressLeaseTime))},
		{"no time at all", ack(dhcpv4.WithLeaseTime(0))},
		{"no server", ack(dhcpv4.WithoutOption(dhcpv4.OptionServerIdentifier))},
		{"a netmask with holes", ack(dhcpv4.WithNetmask(net.IPMask{255, 0, 255, 0}))},
		{"the netmask of everything", ack(dhcpv4.WithNetmask(net.IPMask{0, 0, 0, 0}))},
		{"a multicast address", ack(dhcpv4.WithYourIP(net.IP{224, 0, 0, 1}))},
		{"no address", ack(dhcpv4.WithYourIP(net.IP{0, 0, 0, 0}))},
		{"loopback", ack(dhcpv4.WithYourIP(net.IP{127, 0, 0, 1}))},
	} {
		if got, err := leaseOf(test.ack, netip.Addr{}, now); err == nil {
			t.Errorf("%s: got %v; want an error", test.name, got)
		}
	}
}
