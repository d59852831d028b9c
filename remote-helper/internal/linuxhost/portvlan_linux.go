package linuxhost

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"netrun/tasks/state"
)

// rtextBridgeVLAN is RTEXT_FILTER_BRVLAN: a dump that says the VLANs one by one.
const rtextBridgeVLAN = 1 << 1

// portVLAN is one VLAN of a port: struct bridge_vlan_info.
type portVLAN struct{ flags, id uint16 }

// String is the VLAN in the words of bridge vlan.
func (v portVLAN) String() string {
	text := strconv.Itoa(int(v.id))
	if v.flags&nl.BRIDGE_VLAN_INFO_PVID != 0 {
		text += " pvid"
	}
	if v.flags&nl.BRIDGE_VLAN_INFO_UNTAGGED != 0 {
		text += " untagged"
	}
	return text
}

// parsePortVLANs reads "20 pvid untagged, 30".
func parsePortVLANs(text string) ([]portVLAN, error) {
	var out []portVLAN
	for _, item := range strings.Split(text, ",") {
		words := strings.Fields(item)
		if len(words) == 0 {
			continue
		}
		id, err := strconv.ParseUint(words[0], 10, 12)
		if err != nil {
			return nil, fmt.Errorf("VLAN %q: %w", words[0], err)
		}
		v := portVLAN{id: uint16(id)}
		for _, w := range words[1:] {
			flag, ok := map[string]uint16{"pvid": nl.BRIDGE_VLAN_INFO_PVID, "untagged": nl.BRIDGE_VLAN_INFO_UNTAGGED}[w]
			if !ok {
				return nil, fmt.Errorf("VLAN %q: unknown word %q", item, w)
			}
			v.flags |= flag
		}
		out = append(out, v)
	}
	return out, nil
}

// portVLANs are the VLANs of all ports of bridges, and of bridges, by the link's
// number. A kernel without VLAN filtering tells of none.
func (sp *space) portVLANs() (map[int][]portVLAN, error) {
	msgs, err := dump(func() *nl.NetlinkRequest {
		req := sp.request(unix.RTM_GETLINK, unix.NLM_F_DUMP)
		req.AddData(nl.NewIfInfomsg(unix.AF_BRIDGE))
		req.AddData(nl.NewRtAttr(unix.IFLA_EXT_MASK, nl.Uint32Attr(rtextBridgeVLAN)))
		return req
	}, unix.RTM_NEWLINK)
	if err != nil {
		return nil, fmt.Errorf("list VLANs of bridges: %w", err)
	}
	out := map[int][]portVLAN{}
	for _, m := range msgs {
		if len(m) < unix.SizeofIfInfomsg {
			return nil, fmt.Errorf("list VLANs of bridges: message of %d bytes", len(m))
		}
		index := int(int32(native.Uint32(m[4:])))
		err := eachAttr(m[unix.SizeofIfInfomsg:], func(kind uint16, v []byte) error {
			if kind != unix.IFLA_AF_SPEC {
				return nil
			}
			list, err := vlansOf(v)
			out[index] = list
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("list VLANs of bridges: %w", err)
		}
	}
	return out, nil
}

// vlansOf reads IFLA_AF_SPEC of the family AF_BRIDGE.
func vlansOf(spec []byte) ([]portVLAN, error) {
	var out []portVLAN
	err := eachAttr(spec, func(kind uint16, v []byte) error {
		if kind == nl.IFLA_BRIDGE_VLAN_INFO && len(v) == 4 {
			flags := native.Uint16(v) & (nl.BRIDGE_VLAN_INFO_PVID | nl.BRIDGE_VLAN_INFO_UNTAGGED)
			out = append(out, portVLAN{flags, native.Uint16(v[2:])})
		}
		return nil
	})
	return out, err
}

// readPortVLANs lists the VLANs of the scope's bridges and their ports.
func (s *session) readPortVLANs(q *query) ([]state.Object, error) {
	sp, err := s.space(q.scope)
	if err != nil {
		return nil, err
	}
	table, err := sp.dumpLinks()
	if err != nil {
		return nil, err
	}
	vlans, err := sp.portVLANs()
	if err != nil {
		return nil, err
	}
	var out []state.Object
	for _, info := range table.all {
		if len(vlans[info.index]) == 0 {
			continue
		}
		v := state.PortVLAN{Scope: q.scope, Link: info.name, VLANs: vlanText(vlans[info.index])}
		if m := table.byIndex[info.master]; m != nil && m.kind == "bridge" {
			v.Bridge = m.name
		}
		out = append(out, v)
	}
	return out, nil
}

func vlanText(vlans []portVLAN) string {
	slices.SortFunc(vlans, func(a, b portVLAN) int { return int(a.id) - int(b.id) })
	var words []string
	for _, v := range vlans {
		words = append(words, v.String())
	}
	return strings.Join(words, ", ")
}

// setPortVLAN gives the port exactly the VLANs, whatever it has; none for a deletion.
func (s *session) setPortVLAN(c state.Change, v state.PortVLAN) error {
	sp, err := s.space(v.Scope)
	if err != nil {
		return err
	}
	info, err := sp.linkByName(v.Link)
	if err != nil {
		return err
	}
	all, err := sp.portVLANs()
	if err != nil {
		return err
	}
	var want []portVLAN
	if c.Op != state.Delete {
		if want, err = parsePortVLANs(v.VLANs); err != nil {
			return err
		}
	}
	return sp.changeVLANs(info, all[info.index], want)
}

func (sp *space) changeVLANs(info *linkInfo, have, want []portVLAN) error {
	for _, old := range have {
		if slices.ContainsFunc(want, func(w portVLAN) bool { return w.id == old.id }) {
			continue
		}
		if err := sp.portVLAN(unix.RTM_DELLINK, info, old); err != nil {
			return fmt.Errorf("delete VLAN %d: %w", old.id, err)
		}
	}
	for _, w := range want {
		if slices.Contains(have, w) {
			continue
		}
		if err := sp.portVLAN(unix.RTM_SETLINK, info, w); err != nil {
			return fmt.Errorf("add VLAN %d: %w", w.id, err)
		}
	}
	return nil
}

// portVLAN adds or deletes one VLAN of a port, or of the bridge itself.
func (sp *space) portVLAN(kind int, info *linkInfo, v portVLAN) error {
	req := sp.request(kind, unix.NLM_F_ACK)
	msg := nl.NewIfInfomsg(unix.AF_BRIDGE)
	msg.Index = int32(info.index)
	req.AddData(msg)
	spec := nl.NewRtAttr(unix.IFLA_AF_SPEC, nil)
	if info.kind == "bridge" {
		spec.AddRtAttr(nl.IFLA_BRIDGE_FLAGS, nl.Uint16Attr(nl.BRIDGE_FLAGS_SELF))
	}
	spec.AddRtAttr(nl.IFLA_BRIDGE_VLAN_INFO, native.AppendUint16(native.AppendUint16(nil, v.flags), v.id))
	req.AddData(spec)
	_, err := req.Execute(unix.NETLINK_ROUTE, 0)
	return err
}
