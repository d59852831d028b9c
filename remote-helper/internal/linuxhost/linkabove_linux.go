package linuxhost

import (
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/vishvananda/netlink/nl"

	"netrun/tasks/state"
)

// The kernel's numbers of what the library does not name.
const (
	ipoibPKey     = 1 // IFLA_IPOIB_PKEY
	ipoibMode     = 2 // IFLA_IPOIB_MODE
	macvlanSetAll = 3 // MACVLAN_MACADDR_SET
)

// vlanProtocols are the ethertypes of the tags.
func vlanProtocols() map[int]string { return map[int]string{0x8100: "802.1Q", 0x88a8: "802.1ad"} }

func vlanData(data *nl.RtAttr, l state.Link) error {
	data.AddRtAttr(nl.IFLA_VLAN_ID, nl.Uint16Attr(uint16(l.VLAN)))
	if l.VLANProtocol == "" {
		return nil
	}
	protocol, ok := keyOf(vlanProtocols(), l.VLANProtocol)
	if !ok {
		return fmt.Errorf("there is no VLAN protocol %q", l.VLANProtocol)
	}
	data.AddRtAttr(nl.IFLA_VLAN_PROTOCOL, bigEndian16(protocol))
	return nil
}

func vlanDetail(out *state.Link, kind uint16, v []byte) {
	switch kind {
	case nl.IFLA_VLAN_ID:
		out.VLAN = number(v)
	case nl.IFLA_VLAN_PROTOCOL:
		out.VLANProtocol = vlanProtocols()[portNumber(v)]
	}
}

func ipoibModes() map[int]string { return map[int]string{0: "datagram", 1: "connected"} }

// ipoibData reports whether there is anything to say: the kernel takes the key of the link below.
func ipoibData(data *nl.RtAttr, l state.Link) (bool, error) {
	if l.PKey != 0 {
		data.AddRtAttr(ipoibPKey, nl.Uint16Attr(uint16(l.PKey)))
	}
	mode, ok := keyOf(ipoibModes(), l.Mode)
	if ok {
		data.AddRtAttr(ipoibMode, nl.Uint16Attr(uint16(mode)))
	}
	return ok || l.PKey != 0, modeError(l, ok)
}

func ipoibDetail(out *state.Link, kind uint16, v []byte) {
	switch kind {
	case ipoibPKey:
		out.PKey = number(v)
	case ipoibMode:
		out.Mode = ipoibModes()[number(v)]
	}
}

// macvlanData is the mode, and the addresses of mode source where they differ from before.
func macvlanData(data *nl.RtAttr, l, before state.Link) (bool, error) {
	mode, ok := keyOf(macvlanModes(), l.Mode)
	if err := modeError(l, ok); err != nil || !ok {
		return false, err
	}
	data.AddRtAttr(nl.IFLA_MACVLAN_MODE, nl.Uint32Attr(mode))
	if l.Sources == before.Sources {
		return true, nil
	}
	data.AddRtAttr(nl.IFLA_MACVLAN_MACADDR_MODE, nl.Uint32Attr(macvlanSetAll))
	list := data.AddRtAttr(nl.IFLA_MACVLAN_MACADDR_DATA, nil)
	for _, text := range strings.Fields(l.Sources) {
		mac, err := net.ParseMAC(text)
		if err != nil {
			return false, fmt.Errorf("source %q: %w", text, err)
		}
		list.AddRtAttr(nl.IFLA_MACVLAN_MACADDR, mac)
	}
	return true, nil
}

func macvlanDetail(out *state.Link, kind uint16, v []byte) {
	switch kind {
	case nl.IFLA_MACVLAN_MODE:
		out.Mode = macvlanModes()[uint32(number(v))]
	case nl.IFLA_MACVLAN_MACADDR_DATA:
		// The kernel's order is that of a hash table. A list that does not parse is one of none.
		var sources []string
		_ = eachAttr(v, func(_ uint16, mac []byte) error {
			sources = append(sources, net.HardwareAddr(mac).String())
			return nil
		})
		slices.Sort(sources)
		out.Sources = strings.Join(sources, " ")
	}
}
