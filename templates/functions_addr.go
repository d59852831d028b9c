package templates

import (
	"fmt"
	"math/big"
	"net/netip"
	"strings"
)

var addresses = map[string]function{
	"host":      {1, 1, `host "10.0.0.1/24": 10.0.0.1`, onPrefix(func(p netip.Prefix) any { return p.Addr().String() })},
	"network":   {1, 1, `network "10.0.0.1/24": 10.0.0.0/24`, onPrefix(func(p netip.Prefix) any { return p.Masked().String() })},
	"prefixlen": {1, 1, `prefixlen "10.0.0.1/24": 24`, onPrefix(func(p netip.Prefix) any { return p.Bits() })},
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

func nthHost(a []any) (any, error) {
	n, err := integer(a[0])
	if err != nil {
		return nil, err
	}
	p, err := prefix(a[1])
	if err != nil {
		return nil, err
	}
	size := new(big.Int).Lsh(big.NewInt(1), uint(p.Addr().BitLen()-p.Bits()))
	off := big.NewInt(int64(n))
	if n < 0 {
		off.Add(off, size)
	}
	if off.Sign() < 0 || off.Cmp(size) >= 0 {
		return nil, fmt.Errorf("%s has no host number %d", p.Masked(), n)
	}
	return plus(p.Masked().Addr(), off).String(), nil
}

func subnet(a []any) (any, error) {
	bits, err := integer(a[0])
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
	length := p.Bits() + bits
	if bits < 0 || length > p.Addr().BitLen() {
		return nil, fmt.Errorf("%s has no %d bits for subnets", p.Masked(), bits)
	}
	number := big.NewInt(int64(n))
	if n < 0 || number.BitLen() > bits {
		return nil, fmt.Errorf("%s has no subnet number %d of %d bits", p.Masked(), n, bits)
	}
	off := number.Lsh(number, uint(p.Addr().BitLen()-length))
	return netip.PrefixFrom(plus(p.Masked().Addr(), off), length).String(), nil
}

func plus(addr netip.Addr, off *big.Int) netip.Addr {
	sum := new(big.Int).SetBytes(addr.AsSlice())
	sum.Add(sum, off)
	out, _ := netip.AddrFromSlice(sum.FillBytes(make([]byte, addr.BitLen()/8)))
	return out
}
