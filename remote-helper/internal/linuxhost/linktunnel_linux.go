package linuxhost

import (
	"encoding/binary"
	"fmt"
	"strconv"

	"github.com/vishvananda/netlink/nl"

	"netrun/tasks/state"
)

// tunnelEnd is an underlay address, and its attribute in either family.
type tunnelEnd struct {
	name, text string
	v4, v6     int
}

func (e tunnelEnd) add(data *nl.RtAttr) error {
	if e.text == "" {
		return nil
	}
	ip, is6, err := addrBytes(e.text)
	if err != nil {
		return fmt.Errorf("%s: %w", e.name, err)
	}
	kind := e.v4
	if is6 {
		kind = e.v6
	}
	data.AddRtAttr(kind, ip)
	return nil
}

func vxlanData(data *nl.RtAttr, sp *space, l state.Link) error {
	data.AddRtAttr(nl.IFLA_VXLAN_ID, nl.Uint32Attr(uint32(l.VNI)))
	for _, end := range []tunnelEnd{{"local", l.Local, nl.IFLA_VXLAN_LOCAL, nl.IFLA_VXLAN_LOCAL6},
		{"remote", l.Remote, nl.IFLA_VXLAN_GROUP, nl.IFLA_VXLAN_GROUP6}} {
		if err := end.add(data); err != nil {
			return err
		}
	}
	if l.Port != 0 {
		data.AddRtAttr(nl.IFLA_VXLAN_PORT, bigEndian16(l.Port))
	}
	if l.Learning != nil {
		data.AddRtAttr(nl.IFLA_VXLAN_LEARNING, []byte{byte(boolNumber(*l.Learning))})
	}
	if l.Parent == "" {
		return nil
	}
	index, err := sp.indexOf(l.Parent)
	if err != nil {
		return fmt.Errorf("parent: %w", err)
	}
	data.AddRtAttr(nl.IFLA_VXLAN_LINK, nl.Uint32Attr(uint32(index)))
	return nil
}

func geneveData(data *nl.RtAttr, l state.Link) error {
	data.AddRtAttr(nl.IFLA_GENEVE_ID, nl.Uint32Attr(uint32(l.VNI)))
	if l.Port != 0 {
		data.AddRtAttr(nl.IFLA_GENEVE_PORT, bigEndian16(l.Port))
	}
	if l.TTL != 0 {
		data.AddRtAttr(nl.IFLA_GENEVE_TTL, []byte{byte(l.TTL)})
	}
	return tunnelEnd{"remote", l.Remote, nl.IFLA_GENEVE_REMOTE, nl.IFLA_GENEVE_REMOTE6}.add(data)
}

// greKeyFlag is GRE_KEY: the packets carry a key.
const greKeyFlag = 0x2000

// ip6IgnoreEncapLimit is IP6_TNL_F_IGN_ENCAP_LIMIT: no option that limits nesting.
const ip6IgnoreEncapLimit = 0x1

// greData is that of gretap, and of ip6gretap, whose addresses stand in the same attributes.
func greData(data *nl.RtAttr, sp *space, l state.Link) error {
	for _, end := range []tunnelEnd{{"local", l.Local, nl.IFLA_GRE_LOCAL, nl.IFLA_GRE_LOCAL},
		{"remote", l.Remote, nl.IFLA_GRE_REMOTE, nl.IFLA_GRE_REMOTE}} {
		if err := end.add(data); err != nil {
			return err
		}
	}
	if l.GREKey != 0 {
		for _, flags := range []int{nl.IFLA_GRE_IFLAGS, nl.IFLA_GRE_OFLAGS} {
			data.AddRtAttr(flags, bigEndian16(greKeyFlag))
		}
		for _, key := range []int{nl.IFLA_GRE_IKEY, nl.IFLA_GRE_OKEY} {
			data.AddRtAttr(key, binary.BigEndian.AppendUint32(nil, l.GREKey))
		}
	}
	if l.TTL != 0 {
		data.AddRtAttr(nl.IFLA_GRE_TTL, []byte{byte(l.TTL)})
	}
	if l.Parent != "" {
		index, err := sp.indexOf(l.Parent)
		if err != nil {
			return fmt.Errorf("parent: %w", err)
		}
		data.AddRtAttr(nl.IFLA_GRE_LINK, nl.Uint32Attr(uint32(index)))
	}
	if l.Type == "ip6gretap" {
		return encapLimit(data, l.EncapLimit)
	}
	if l.PMTUDisc != nil {
		data.AddRtAttr(nl.IFLA_GRE_PMTUDISC, []byte{byte(boolNumber(*l.PMTUDisc))})
	}
	if l.IgnoreDF != nil {
		data.AddRtAttr(greIgnoreDF, []byte{byte(boolNumber(*l.IgnoreDF))})
	}
	return nil
}

// greIgnoreDF is IFLA_GRE_IGNORE_DF, which the library does not name.
const greIgnoreDF = 19

// encapLimit leaves the option out unless a limit is asked for: it takes room, and
// many filters drop packets that have it.
func encapLimit(data *nl.RtAttr, text string) error {
	if text == "" || text == "none" {
		data.AddRtAttr(nl.IFLA_GRE_FLAGS, nl.Uint32Attr(ip6IgnoreEncapLimit))
		return nil
	}
	limit, err := strconv.ParseUint(text, 10, 8)
	if err != nil {
		return fmt.Errorf("encaplimit %q: %w", text, err)
	}
	data.AddRtAttr(nl.IFLA_GRE_ENCAP_LIMIT, []byte{byte(limit)})
	return nil
}

func vxlanDetail(out *state.Link, kind uint16, v []byte) {
	switch kind {
	case nl.IFLA_VXLAN_ID:
		out.VNI = number(v)
	case nl.IFLA_VXLAN_GROUP, nl.IFLA_VXLAN_GROUP6:
		out.Remote = addrText(v)
	case nl.IFLA_VXLAN_LOCAL, nl.IFLA_VXLAN_LOCAL6:
		out.Local = addrText(v)
	case nl.IFLA_VXLAN_PORT:
		out.Port = portNumber(v)
	case nl.IFLA_VXLAN_LEARNING:
		out.Learning = new(number(v) != 0)
	}
}

func geneveDetail(out *state.Link, kind uint16, v []byte) {
	switch kind {
	case nl.IFLA_GENEVE_ID:
		out.VNI = number(v)
	case nl.IFLA_GENEVE_REMOTE, nl.IFLA_GENEVE_REMOTE6:
		out.Remote = addrText(v)
	case nl.IFLA_GENEVE_PORT:
		out.Port = portNumber(v)
	case nl.IFLA_GENEVE_TTL:
		out.TTL = number(v)
	}
}

func greDetail(out *state.Link, kind uint16, v []byte) {
	six := out.Type == "ip6gretap"
	switch kind {
	case nl.IFLA_GRE_LOCAL:
		out.Local = addrText(v)
	case nl.IFLA_GRE_REMOTE:
		out.Remote = addrText(v)
	case nl.IFLA_GRE_OKEY:
		if len(v) == 4 {
			out.GREKey = binary.BigEndian.Uint32(v)
		}
	case nl.IFLA_GRE_TTL:
		out.TTL = number(v)
	case nl.IFLA_GRE_PMTUDISC:
		if !six {
			out.PMTUDisc = new(number(v) != 0)
		}
	case greIgnoreDF:
		if !six {
			out.IgnoreDF = new(number(v) != 0)
		}
	case nl.IFLA_GRE_ENCAP_LIMIT:
		if six && out.EncapLimit == "" {
			out.EncapLimit = strconv.Itoa(number(v))
		}
	case nl.IFLA_GRE_FLAGS:
		if six && number(v)&ip6IgnoreEncapLimit != 0 {
			out.EncapLimit = "none"
		}
	}
}

func portNumber(v []byte) int {
	if len(v) != 2 {
		return 0
	}
	return int(binary.BigEndian.Uint16(v))
}
