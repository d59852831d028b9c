// Package ipam cuts ranges of addresses into slices, one for each host of a group: the
// variable ipam of an inventory says which ranges there are.
//
// Which slice is a host's depends on nothing but the host: on its variable ipam_index, or
// on the number in its name. So no host's slice changes when another one comes, goes or
// moves, which would renumber containers that run. Where two hosts meet in one slice, that
// is a mistake that names a free one; nothing is chosen silently.
//
// It is pure, and knows no tasks and no templates.
package ipam

import (
	"fmt"
	"math/big"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"netrun/inventory"
	"netrun/inventory/diag"
)

// Slice is a host's part of a range.
type Slice struct {
	Host   string
	Range  string // the range's name
	Index  int
	Subnet netip.Prefix

	of  *span
	pos diag.Pos
}

// Gateway is the slice's first address, which its bridge has.
func (s Slice) Gateway() netip.Addr { return s.Subnet.Addr().Next() }

// span is a range as it is written for a host.
type span struct {
	name   string
	group  string
	prefix netip.Prefix
	bits   int // of a slice
	pos    diag.Pos
}

// count is the number of slices, at most 2^31.
func (s *span) count() int { return 1 << min(s.bits-s.prefix.Bits(), 31) }

// slice is the subnet with that number.
func (s *span) slice(index int) netip.Prefix {
	size := s.prefix.Addr().BitLen()
	n := new(big.Int).SetBytes(s.prefix.Addr().AsSlice())
	n.Add(n, new(big.Int).Lsh(big.NewInt(int64(index)), uint(size-s.bits)))
	addr, _ := netip.AddrFromSlice(n.FillBytes(make([]byte, size/8)))
	return netip.PrefixFrom(addr, s.bits)
}

// Plan is the slices of all hosts of the inventory, by host in the order of the names of
// the ranges. The errors are *diag.Error, one for each mistake.
func Plan(inv *inventory.Inventory) (map[string][]Slice, []error) {
	p := planner{inv: inv, seen: map[diag.Pos]bool{}}
	for _, h := range inv.Hosts() {
		p.host(h)
	}
	p.number()
	p.overlaps()
	out := map[string][]Slice{}
	for _, s := range p.slices {
		out[s.Host] = append(out[s.Host], s)
	}
	return out, p.errs
}

type planner struct {
	inv    *inventory.Inventory
	seen   map[diag.Pos]bool // definitions that have been complained about
	slices []Slice
	lost   []Slice // without a number
	taken  map[netip.Prefix]bool
	errs   []error
}

func (p *planner) wrong(pos diag.Pos, hint, format string, a ...any) {
	p.errs = append(p.errs, &diag.Error{Pos: pos, Msg: fmt.Sprintf(format, a...), Hint: hint})
}

// host takes the ranges that the host has a part of. A variable ipam of another shape is
// somebody else's.
func (p *planner) host(h *inventory.Host) {
	v := h.Vars()["ipam"]
	ranges, ok := v.Value.(map[string]any)
	if !ok {
		return
	}
	names := make([]string, 0, len(ranges))
	for name := range ranges {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if m, ok := ranges[name].(map[string]any); ok && looksLikeRange(m) {
			p.take(h, name, m, v.Pos)
		}
	}
}

func looksLikeRange(m map[string]any) bool {
	for _, key := range []string{"range", "slice"} {
		if _, ok := m[key]; ok {
			return true
		}
	}
	return false
}

func (p *planner) take(h *inventory.Host, name string, m map[string]any, pos diag.Pos) {
	s, hint, err := p.read(name, m)
	if err != nil {
		if !p.seen[pos] {
			p.seen[pos] = true
			p.wrong(pos, hint, "range %s of ipam: %v", name, err)
		}
		return
	}
	s.pos = pos
	if s.group != "" && !slices.Contains(p.inv.Group(s.group).Hosts(), h) {
		return
	}
	slice := Slice{Host: h.Name(), Range: name, of: s, pos: pos}
	index, given, err := p.index(h, &slice)
	switch {
	case err != nil:
		p.wrong(slice.pos, "", "host %s: %v", h.Name(), err)
	case !given:
		p.lost = append(p.lost, slice)
	case index >= s.count():
		p.wrong(slice.pos, "a larger range, smaller slices, or ipam_index in "+varFile(h.Name()),
			"host %s: slice %d of range %s, which has %d: 0 to %d", h.Name(), index, name, s.count(), s.count()-1)
	default:
		slice.Index, slice.Subnet = index, s.slice(index)
		p.slices = append(p.slices, slice)
	}
}

// index is the number of the host's slice.
func (p *planner) index(h *inventory.Host, s *Slice) (index int, given bool, err error) {
	v, set := h.Vars()["ipam_index"]
	if !set {
		index, given = Number(h.Name())
		return index, given, nil
	}
	s.pos = v.Pos
	text := fmt.Sprint(v.Value)
	if index, err = strconv.Atoi(text); err != nil || index < 0 {
		return 0, false, fmt.Errorf("ipam_index %q is not a number from 0", text)
	}
	return index, true, nil
}

// Number is the number at the end of the name's first label: 12 of web12.example.org. An
// IP address has none.
func Number(host string) (int, bool) {
	if _, err := netip.ParseAddr(host); err == nil {
		return 0, false
	}
	label, _, _ := strings.Cut(host, ".")
	digits := label[len(strings.TrimRight(label, "0123456789")):]
	n, err := strconv.Atoi(digits)
	return n, err == nil
}

// read makes a range of its definition.
func (p *planner) read(name string, m map[string]any) (*span, string, error) {
	known := []string{"group", "range", "slice"}
	for _, key := range sorted(m) {
		if !slices.Contains(known, key) {
			return nil, diag.DidYouMean(key, known), fmt.Errorf("unknown key %q", key)
		}
	}
	s := &span{name: name}
	text, _ := m["range"].(string)
	prefix, err := netip.ParsePrefix(text)
	if err != nil || prefix.Addr().Is4In6() {
		return nil, "range: 172.18.0.0/16", fmt.Errorf("range %s is not a subnet", shown(m["range"]))
	}
	if prefix != prefix.Masked() {
		return nil, fmt.Sprintf("range: %s", prefix.Masked()), fmt.Errorf("range %s has bits beyond its length", prefix)
	}
	s.prefix = prefix
	if s.bits, err = strconv.Atoi(strings.TrimPrefix(fmt.Sprint(m["slice"]), "/")); err != nil {
		return nil, "slice: 24", fmt.Errorf("slice %s is not a prefix length", shown(m["slice"]))
	}
	if last := prefix.Addr().BitLen() - 2; s.bits <= prefix.Bits() || s.bits > last {
		return nil, "", fmt.Errorf("slice %d does not fit: %d to %d", s.bits, prefix.Bits()+1, last)
	}
	if group, given := m["group"]; given {
		s.group = fmt.Sprint(group)
		if p.inv.Group(s.group) == nil {
			return nil, diag.DidYouMean(s.group, groupNames(p.inv)), fmt.Errorf("the inventory has no group %q", s.group)
		}
	}
	return s, "", nil
}

func shown(v any) string {
	if v == nil {
		return "(none)"
	}
	return strconv.Quote(fmt.Sprint(v))
}

func sorted(m map[string]any) []string {
	out := make([]string, 0, len(m))
	for key := range m {
		out = append(out, key)
	}
	slices.Sort(out)
	return out
}

func groupNames(inv *inventory.Inventory) []string {
	var out []string
	for _, g := range inv.Groups() {
		out = append(out, g.Name())
	}
	return out
}

func varFile(host string) string { return "host_vars/" + host + ".yml" }
