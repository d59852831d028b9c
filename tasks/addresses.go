package tasks

import (
	"encoding"
	"fmt"
	"net/netip"
	"strings"
)

// Addr is an IPv4 or IPv6 address without a prefix length and without a zone.
type Addr struct{ netip.Addr }

var (
	_ encoding.TextUnmarshaler = (*Addr)(nil)
	_ encoding.TextUnmarshaler = (*Prefix)(nil)
	_ encoding.TextUnmarshaler = (*Net)(nil)
)

// UnmarshalText implements encoding.TextUnmarshaler.
func (a *Addr) UnmarshalText(text []byte) error {
	addr, err := parseAddr(string(text))
	if err != nil {
		return err
	}
	a.Addr = addr
	return nil
}

func parseAddr(text string) (netip.Addr, error) {
	if before, _, ok := strings.Cut(text, "/"); ok {
		if _, err := netip.ParseAddr(before); err == nil {
			return netip.Addr{}, fmt.Errorf("%q has a prefix length: an address alone is wanted, %s", text, before)
		}
	}
	addr, err := netip.ParseAddr(text)
	switch {
	case err != nil:
		return netip.Addr{}, fmt.Errorf("%q is not an IP address", text)
	case addr.Zone() != "":
		return netip.Addr{}, fmt.Errorf("%q has a zone: write the address alone, and name the interface with its own argument", text)
	case addr.Is4In6():
		return netip.Addr{}, fmt.Errorf("%q is an IPv4 address in IPv6 clothes: write %s", text, addr.Unmap())
	}
	return addr, nil
}

// Prefix is an address with its prefix length, 10.0.0.1/24.
type Prefix struct{ netip.Prefix }

// UnmarshalText implements encoding.TextUnmarshaler.
func (p *Prefix) UnmarshalText(text []byte) error {
	prefix, err := parsePrefix(string(text))
	if err != nil {
		return err
	}
	p.Prefix = prefix
	return nil
}

func parsePrefix(text string) (netip.Prefix, error) {
	host, bits, ok := strings.Cut(text, "/")
	addr, err := parseAddr(host)
	if err != nil {
		return netip.Prefix{}, err
	}
	if !ok {
		return netip.Prefix{}, fmt.Errorf("%q has no prefix length: maybe you meant %s/%d", text, text, usualBits(addr))
	}
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("%q: %q is not a prefix length: it is a number from 0 to %d", text, bits, addr.BitLen())
	}
	return prefix, nil
}

func usualBits(addr netip.Addr) int {
	if addr.Is6() {
		return 64
	}
	return 24
}

// Net is a destination: a subnet (10.0.0.0/24), one address, or the word default.
type Net struct {
	netip.Prefix
	Default bool // the word default was written: the family follows from the rest
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (n *Net) UnmarshalText(text []byte) error {
	*n = Net{}
	if string(text) == "default" {
		n.Default = true
		return nil
	}
	if !strings.Contains(string(text), "/") {
		addr, err := parseAddr(string(text))
		if err != nil {
			return fmt.Errorf("%q is not a subnet: write 10.0.0.0/24, an address, or default", text)
		}
		n.Prefix = netip.PrefixFrom(addr, addr.BitLen())
		return nil
	}
	prefix, err := parsePrefix(string(text))
	if err != nil {
		return err
	}
	if prefix != prefix.Masked() {
		return fmt.Errorf("%q is an address in a subnet: the subnet itself is %s", text, prefix.Masked())
	}
	n.Prefix = prefix
	return nil
}

// MarshalText implements encoding.TextMarshaler: it gives what UnmarshalText reads.
func (n Net) MarshalText() ([]byte, error) {
	if n.Default {
		return []byte("default"), nil
	}
	return n.Prefix.MarshalText()
}

// For is the destination's prefix, where default is that of the gateway's family.
func (n Net) For(gateway netip.Addr) netip.Prefix {
	switch {
	case !n.Default:
		return n.Prefix
	case gateway.Is6():
		return netip.PrefixFrom(netip.IPv6Unspecified(), 0)
	}
	return netip.PrefixFrom(netip.IPv4Unspecified(), 0)
}

// text is the address, "" where there is none.
func (a Addr) text() string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

// checkUsable wants an address that a host can have: not a multicast one, and
// not the subnet's own or its broadcast address.
func checkUsable(arg string, p netip.Prefix) error {
	addr := p.Addr()
	switch {
	case !addr.IsValid():
		return nil
	case addr.IsMulticast() || addr.IsUnspecified():
		return Wrong(arg, "%s is not an address that an interface can have", p)
	case addr.Is4() && p.Bits() < 31 && addr == p.Masked().Addr():
		return Wrong(arg, "%s is the subnet's own address", p).WithHint("the first usable one is %s/%d", addr.Next(), p.Bits())
	case addr.Is4() && p.Bits() < 31 && addr == lastOf(p):
		return Wrong(arg, "%s is the subnet's broadcast address", p)
	}
	return nil
}

// lastOf is the last address of an IPv4 prefix.
func lastOf(p netip.Prefix) netip.Addr {
	b := p.Masked().Addr().As4()
	for i := p.Bits(); i < 32; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	return netip.AddrFrom4(b)
}
