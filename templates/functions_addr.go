package templates

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"net/netip"
	"strings"
)

var addresses = map[string]function{
	"host":      {1, 1, `host "10.0.0.1/24": 10.0.0.1`, onPrefix(func(p netip.Prefix) any { return p.Addr().String() })},
	"network":   {1, 1, `network "10.0.0.1/24": 10.0.0.0/24`, onPrefix(func(p netip.Prefix) any { return p.Masked().String() })},
	"prefixlen": {1, 1, `prefixlen "10.0.0.1/24": 24`, onPrefix(func(p netip.Prefix) any { return p.Bits() })},
	"netmask":   {1, 1, `netmask "10.0.0.1/24": 255.255.255.0`, pure(netmask)},
	"nthhost":   {2, 2, `"10.0.0.0/24" | nthhost 5: 10.0.0.5; a negative number counts from the end`, pure(nthHost)},
	"subnet":    {3, 3, `"10.0.0.0/16" | subnet 8 3: the subnet number 3 of those with 8 more bits, 10.0.3.0/24`, pure(subnet)},
}

func onPrefix(f func(netip.Prefix) any) func(*run, []any) (any, error) {
	return pure(func(a []any) (any, error) {
		p, err := prefix(a[0])
		if err != nil {
			return nil, err
		}
		return f(p), nil
	})
}

// prefix reads an address with a prefix length; one without is a host's own.
func prefix(v any) (netip.Prefix, error) {
	s, err := textOf(v)
	if err != nil {
		return netip.Prefix{}, err
	}
	s = strings.TrimSpace(s)
	if p, err := netip.ParsePrefix(s); err == nil {
		return p, nil
	}
	addr, err := netip.ParseAddr(s)
	if err != nil || addr.Zone() != "" {
		return netip.Prefix{}, fmt.Errorf("%s is not an address such as 10.0.0.1/24", what(v))
	}
	return netip.PrefixFrom(addr, addr.BitLen()), nil
}

// netmask is the prefix length as the routers of old want it, of IPv4 only.
func netmask(a []any) (any, error) {
	p, err := prefix(a[0])
	if err != nil {
		return nil, err
	}
	if p.Addr().Is6() {
		return nil, fmt.Errorf("%s has no netmask: IPv6 knows prefix lengths only", p)
	}
	return plus(netip.IPv4Unspecified(), wide128{lo: uint64(math.MaxUint32) << (32 - p.Bits()) & math.MaxUint32}).String(), nil
}

func nthHost(a []any) (any, error) {
	n, err := integer(a[0])
	if err != nil {
		return nil, err
	}
	p, err := prefix(a[1])
	if err != nil {
		return nil, err
	}
	free := p.Addr().BitLen() - p.Bits() // bits that tell hosts apart
	room := uint64(math.MaxUint64)
	if free < 64 {
		room = 1<<free - 1
	}
	if n >= 0 && uint64(n) > room || n < 0 && uint64(-(n+1)) > room {
		return nil, fmt.Errorf("%s has no host number %d", p.Masked(), n)
	}
	off := wide128{lo: uint64(n)}
	if n < 0 {
		off = ones(free).minus(uint64(-(n + 1)))
	}
	return plus(p.Masked().Addr(), off).String(), nil
}

func subnet(a []any) (any, error) {
	more, err := integer(a[0])
	if err != nil {
		return nil, err
	}
	n, err := integer(a[1])
	if err != nil {
		return nil, err
	}
	p, err := prefix(a[2])
	if err != nil {
		return nil, err
	}
	length := p.Bits() + more
	if more < 0 || length > p.Addr().BitLen() {
		return nil, fmt.Errorf("%s has no %d bits for subnets", p.Masked(), more)
	}
	if n < 0 || bits.Len64(uint64(n)) > more {
		return nil, fmt.Errorf("%s has no subnet number %d of %d bits", p.Masked(), n, more)
	}
	off := wide128{lo: uint64(n)}.shift(p.Addr().BitLen() - length)
	return netip.PrefixFrom(plus(p.Masked().Addr(), off), length).String(), nil
}

// wide128 is an integer as wide as an address. math/big would add as much to the
// helper as all other functions of templates together.
type wide128 struct{ hi, lo uint64 }

// ones is 2^n-1.
func ones(n int) wide128 {
	if n >= 64 {
		return wide128{1<<(n-64) - 1, math.MaxUint64}
	}
	return wide128{0, 1<<n - 1}
}

func (w wide128) minus(n uint64) wide128 {
	lo, borrow := bits.Sub64(w.lo, n, 0)
	return wide128{w.hi - borrow, lo}
}

func (w wide128) shift(n int) wide128 {
	if n >= 64 {
		return wide128{w.lo << (n - 64), 0}
	}
	return wide128{w.hi<<n | w.lo>>(64-n), w.lo << n}
}

// plus is the address off further on; off does not lead beyond the last one.
func plus(addr netip.Addr, off wide128) netip.Addr {
	if addr.Is4() {
		b := addr.As4()
		binary.BigEndian.PutUint32(b[:], binary.BigEndian.Uint32(b[:])+uint32(off.lo))
		return netip.AddrFrom4(b)
	}
	b := addr.As16()
	lo, carry := bits.Add64(binary.BigEndian.Uint64(b[8:]), off.lo, 0)
	binary.BigEndian.PutUint64(b[8:], lo)
	binary.BigEndian.PutUint64(b[:8], binary.BigEndian.Uint64(b[:8])+off.hi+carry)
	return netip.AddrFrom16(b)
}
