package linuxhost

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"netrun/tasks/state"
)

// rtextSkipStats is RTEXT_FILTER_SKIP_STATS: it cuts a dump to a third.
const rtextSkipStats = 1 << 3

// dumpTries bounds how often a dump is repeated that other writers interrupted.
const dumpTries = 10

var native = binary.NativeEndian

// linkInfo is a link as the kernel tells it.
type linkInfo struct {
	index, parent, master int
	parentNS              int // id of the namespace of parent; -1 is the link's own
	name, kind, alias     string
	flags                 uint32
	hwType                uint16
	mtu, txQueue          int
	mac                   net.HardwareAddr
	data                  []byte // of the kind
	slave                 []byte // of the master's kind
	ipv6Off               int    // 0, 1; -1 without IPv6
}

// linkTable is a dump of a namespace's links.
type linkTable struct {
	all     []*linkInfo // in the kernel's order
	byIndex map[int]*linkInfo
}

// request begins a message on the space's own socket.
func (sp *space) request(kind, flags int) *nl.NetlinkRequest {
	req := nl.NewNetlinkRequest(kind, flags)
	req.Sockets = sp.socket
	return req
}

// dump repeats a dump until nobody changed anything while it ran.
func dump(build func() *nl.NetlinkRequest, answer uint16) ([][]byte, error) {
	for range dumpTries {
		msgs, err := build().Execute(unix.NETLINK_ROUTE, answer)
		if !errors.Is(err, nl.ErrDumpInterrupted) && !errors.Is(err, unix.EINTR) {
			return msgs, err
		}
	}
	return nil, fmt.Errorf("dump was interrupted %d times by other changes", dumpTries)
}

// linkDump asks for all links of the space, or of the namespace that it knows by
// the id nsid (-1: its own).
func (sp *space) linkDump(nsid int) (*linkTable, error) {
	msgs, err := dump(func() *nl.NetlinkRequest {
		req := sp.request(unix.RTM_GETLINK, unix.NLM_F_DUMP)
		req.AddData(nl.NewIfInfomsg(unix.AF_UNSPEC))
		req.AddData(nl.NewRtAttr(unix.IFLA_EXT_MASK, nl.Uint32Attr(rtextSkipStats)))
		if nsid >= 0 {
			req.AddData(nl.NewRtAttr(unix.IFLA_TARGET_NETNSID, nl.Uint32Attr(uint32(nsid))))
		}
		return req
	}, unix.RTM_NEWLINK)
	if err != nil {
		return nil, fmt.Errorf("list links: %w", err)
	}
	table := &linkTable{byIndex: make(map[int]*linkInfo, len(msgs))}
	for _, m := range msgs {
		info, err := parseLink(m)
		if err != nil {
			return nil, fmt.Errorf("list links: %w", err)
		}
		table.all = append(table.all, info)
		table.byIndex[info.index] = info
	}
	return table, nil
}

// dumpLinks is the space's table of links, read once a session.
func (sp *space) dumpLinks() (*linkTable, error) {
	if sp.links != nil {
		return sp.links, nil
	}
	table, err := sp.linkDump(-1)
	if err != nil {
		return nil, err
	}
	sp.links = table
	return table, nil
}

// endingNS stands for a namespace that is being taken down: the kernel gives it no id
// any more and says -1, while it says nothing at all of a link's own.
const endingNS = -2

// parseLink reads an RTM_NEWLINK message without its header.
func parseLink(m []byte) (*linkInfo, error) {
	if len(m) < unix.SizeofIfInfomsg {
		return nil, fmt.Errorf("link message of %d bytes", len(m))
	}
	info := &linkInfo{hwType: native.Uint16(m[2:]), index: int(int32(native.Uint32(m[4:]))),
		flags: native.Uint32(m[8:]), parentNS: -1, ipv6Off: -1}
	return info, eachAttr(m[unix.SizeofIfInfomsg:], info.attr)
}

func (l *linkInfo) attr(kind uint16, v []byte) error {
	switch kind {
	case unix.IFLA_IFNAME:
		l.name = cString(v)
	case unix.IFLA_IFALIAS:
		l.alias = cString(v)
	case unix.IFLA_ADDRESS:
		l.mac = net.HardwareAddr(v)
	case unix.IFLA_MTU:
		l.mtu = number(v)
	case unix.IFLA_TXQLEN:
		l.txQueue = number(v)
	case unix.IFLA_LINK:
		l.parent = number(v)
	case unix.IFLA_MASTER:
		l.master = number(v)
	case unix.IFLA_LINK_NETNSID:
		if l.parentNS = number(v); l.parentNS < 0 {
			l.parentNS = endingNS
		}
	case unix.IFLA_LINKINFO:
		return eachAttr(v, func(kind uint16, v []byte) error {
			switch kind {
			case nl.IFLA_INFO_KIND:
				l.kind = cString(v)
			case nl.IFLA_INFO_DATA:
				l.data = v
			case nl.IFLA_INFO_SLAVE_DATA:
				l.slave = v
			}
			return nil
		})
	case unix.IFLA_AF_SPEC:
		return eachAttr(v, l.family)
	}
	return nil
}

// Places in the kernel's uapi: IFLA_INET6_CONF, and DEVCONF_DISABLE_IPV6 in its array.
const (
	iflaInet6Conf      = 2
	devconfDisableIPv6 = 26
)

func (l *linkInfo) family(family uint16, v []byte) error {
	if family != unix.AF_INET6 {
		return nil
	}
	return eachAttr(v, func(kind uint16, conf []byte) error {
		if at := devconfDisableIPv6 * 4; kind == iflaInet6Conf && len(conf) >= at+4 {
			l.ipv6Off = int(native.Uint32(conf[at:]))
		}
		return nil
	})
}

// eachAttr walks netlink attributes.
func eachAttr(b []byte, fn func(kind uint16, value []byte) error) error {
	for len(b) >= unix.SizeofRtAttr {
		size := int(native.Uint16(b))
		if size < unix.SizeofRtAttr || size > len(b) {
			return fmt.Errorf("attribute of %d bytes in %d", size, len(b))
		}
		kind := native.Uint16(b[2:]) &^ (unix.NLA_F_NESTED | unix.NLA_F_NET_BYTEORDER)
		if err := fn(kind, b[unix.SizeofRtAttr:size]); err != nil {
			return err
		}
		b = b[min((size+3)&^3, len(b)):]
	}
	return nil
}

func cString(v []byte) string {
	if n := len(v); n > 0 && v[n-1] == 0 {
		v = v[:n-1]
	}
	return string(v)
}

// number is an attribute of 1, 2 or 4 bytes; 0 for any other.
func number(v []byte) int {
	switch len(v) {
	case 1:
		return int(v[0])
	case 2:
		return int(native.Uint16(v))
	case 4:
		return int(int32(native.Uint32(v)))
	}
	return 0
}

// readLinks lists the links of a scope.
func (s *session) readLinks(q *query) ([]state.Object, error) {
	sp, err := s.space(q.scope)
	if err != nil {
		return nil, err
	}
	table, err := sp.dumpLinks()
	if err != nil {
		return nil, err
	}
	far := &farEnds{session: s, space: sp, known: map[int]farSpace{}}
	out := make([]state.Object, 0, len(table.all))
	for _, info := range table.all {
		l, err := info.object(far)
		if err != nil {
			return nil, fmt.Errorf("link %q: %w", info.name, err)
		}
		out = append(out, l)
	}
	return out, s.fillRemotes(sp, out)
}
