package linuxhost

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"netrun/tasks/state"
)

// addressInfo is an address as the kernel tells it.
type addressInfo struct {
	index         int
	prefix        netip.Prefix
	other         netip.Addr // IFA_ADDRESS: the peer of a point to point link, else the address itself
	broadcast     string
	label         string
	scope         uint8
	flags         uint32
	protocol      int // IFA_PROTO, 0 before Linux 5.18
	metric        int
	local, other4 []byte
}

// Who made an address, in IFA_PROTO (Linux 5.18).
const (
	ifaProto         = 11
	ifaProtoKernelLL = 3
)

// dumpAddresses lists the addresses of both families by link, in the kernel's order, once a session.
func (sp *space) dumpAddresses() (map[int][]addressInfo, error) {
	if sp.addresses != nil {
		return sp.addresses, nil
	}
	msgs, err := dump(func() *nl.NetlinkRequest {
		req := sp.request(unix.RTM_GETADDR, unix.NLM_F_DUMP)
		req.AddData(nl.NewIfAddrmsg(unix.AF_UNSPEC))
		return req
	}, unix.RTM_NEWADDR)
	if err != nil {
		return nil, fmt.Errorf("list addresses: %w", err)
	}
	out := map[int][]addressInfo{}
	for _, m := range msgs {
		a, err := parseAddress(m)
		if err != nil {
			return nil, fmt.Errorf("list addresses: %w", err)
		}
		out[a.index] = append(out[a.index], a)
	}
	sp.addresses = out
	return out, nil
}

// parseAddress reads an RTM_NEWADDR message without its header.
func parseAddress(m []byte) (addressInfo, error) {
	var a addressInfo
	if len(m) < unix.SizeofIfAddrmsg {
		return a, fmt.Errorf("address message of %d bytes", len(m))
	}
	bits := int(m[1])
	a.flags, a.scope, a.index = uint32(m[2]), m[3], int(native.Uint32(m[4:]))
	if err := eachAttr(m[unix.SizeofIfAddrmsg:], a.attr); err != nil {
		return a, err
	}
	if a.local == nil { // IPv6 without a peer has IFA_ADDRESS only
		a.local = a.other4
	}
	local, _ := netip.AddrFromSlice(a.local)
	a.other, _ = netip.AddrFromSlice(a.other4)
	a.prefix = netip.PrefixFrom(local, bits)
	if !a.prefix.IsValid() {
		return a, fmt.Errorf("address %v/%d", a.local, bits)
	}
	return a, nil
}

func (a *addressInfo) attr(kind uint16, v []byte) error {
	switch kind {
	case unix.IFA_LOCAL:
		a.local = v
	case unix.IFA_ADDRESS:
		a.other4 = v
	case unix.IFA_BROADCAST:
		a.broadcast = addrText(v)
	case unix.IFA_LABEL:
		a.label = cString(v)
	case unix.IFA_FLAGS:
		a.flags = uint32(number(v))
	case unix.IFA_RT_PRIORITY:
		a.metric = number(v)
	case ifaProto:
		a.protocol = number(v)
	}
	return nil
}

// kernels reports whether the kernel or a DHCP client made the address: what has
// a lifetime, loopback's own, and link-local ones. Before Linux 5.18 nothing tells
// a link-local address of the kernel's from one that a person added.
func (a addressInfo) kernels(tellsProtocol bool) bool {
	if a.flags&unix.IFA_F_PERMANENT == 0 {
		return true
	}
	ip := a.prefix.Addr()
	if ip == netip.IPv6Loopback() || a.prefix == netip.PrefixFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 8) {
		return true
	}
	if ip.Is6() && ip.IsLinkLocalUnicast() {
		return a.protocol == ifaProtoKernelLL || !tellsProtocol
	}
	return false
}

// tellsProtocol reports whether the kernel has IFA_PROTO.
func tellsProtocol() bool {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return false
	}
	major, rest, _ := strings.Cut(unix.ByteSliceToString(u.Release[:]), ".")
	minor, _, _ := strings.Cut(rest, ".")
	a, errA := strconv.Atoi(major)
	b, errB := strconv.Atoi(minor)
	return errA == nil && errB == nil && (a > 5 || (a == 5 && b >= 18))
}

// readAddresses lists the addresses of a scope that are objects.
func (s *session) readAddresses(q *query) ([]state.Object, error) {
	sp, err := s.space(q.scope)
	if err != nil {
		return nil, err
	}
	links, err := sp.dumpLinks()
	if err != nil {
		return nil, err
	}
	byLink, err := sp.dumpAddresses()
	if err != nil {
		return nil, err
	}
	tells := tellsProtocol()
	var out []state.Object
	for _, l := range links.all {
		for _, a := range byLink[l.index] {
			if !a.kernels(tells) {
				o := a.object(q.scope, l.name)
				o.Primary = len(siblings(byLink[l.index], a.prefix)) > 0 && a.flags&unix.IFA_F_SECONDARY == 0
				out = append(out, o)
			}
		}
	}
	return out, nil
}

func (a addressInfo) object(scope state.Scope, link string) state.Address {
	out := state.Address{Scope: scope, Link: link, Prefix: a.prefix, Broadcast: a.broadcast,
		AddrScope: addrScopes()[a.scope], Metric: a.metric,
		NoDAD: a.flags&unix.IFA_F_NODAD != 0}
	if a.label != link {
		out.Label = a.label
	}
	if a.other != a.prefix.Addr() && a.other.IsValid() {
		out.Peer = a.other.String()
	}
	if a.flags&unix.IFA_F_NOPREFIXROUTE != 0 {
		out.NoPrefixRoute = new(true)
	}
	return out
}

// addrScopes are the words of ip address; global is the one that goes without saying.
func addrScopes() map[uint8]string {
	return map[uint8]string{unix.RT_SCOPE_UNIVERSE: "", unix.RT_SCOPE_SITE: "site",
		unix.RT_SCOPE_LINK: "link", unix.RT_SCOPE_HOST: "host"}
}
