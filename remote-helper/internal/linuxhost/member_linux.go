package linuxhost

import (
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"netrun/tasks/state"
)

// readMembers lists which links are in a Linux bridge; other masters (bonds, vrfs,
// the ovs-system datapath) have no members of this kind.
func (s *session) readMembers(q *query) ([]state.Object, error) {
	sp, err := s.space(q.scope)
	if err != nil {
		return nil, err
	}
	table, err := sp.dumpLinks()
	if err != nil {
		return nil, err
	}
	var out []state.Object
	for _, info := range table.all {
		if m, ok := table.byIndex[info.master]; ok && m.kind == "bridge" {
			member := state.Member{Scope: q.scope, Link: info.name, Bridge: m.name, Isolated: new(false), Hairpin: new(false)}
			if err := eachAttr(info.slave, func(kind uint16, v []byte) error { portDetail(&member, kind, v); return nil }); err != nil {
				return nil, err
			}
			out = append(out, member)
		}
	}
	return out, nil
}

// portDetail fills in one attribute of a bridge's port.
func portDetail(m *state.Member, kind uint16, v []byte) {
	switch kind {
	case nl.IFLA_BRPORT_STATE:
		m.Phase = portPhases()[number(v)]
	case nl.IFLA_BRPORT_MODE:
		m.Hairpin = new(number(v) != 0)
	case nl.IFLA_BRPORT_ISOLATED:
		m.Isolated = new(number(v) != 0)
	}
}

// portPhases are the kernel's BR_STATE_*.
func portPhases() map[int]string {
	return map[int]string{0: "disabled", 1: "listening", 2: "learning", 3: "forwarding", 4: "blocking"}
}

func (s *session) applyMember(c state.Change, m state.Member) error {
	if c.Op == state.Delete {
		return s.setMember(m.Scope, m.Link, "")
	}
	before, _ := c.Before.(state.Member)
	if before.Bridge != m.Bridge {
		if err := s.setMember(m.Scope, m.Link, m.Bridge); err != nil {
			return err
		}
		before.Isolated, before.Hairpin = nil, nil // a port is new in its bridge
	}
	if isTrue(m.Isolated) == isTrue(before.Isolated) && isTrue(m.Hairpin) == isTrue(before.Hairpin) {
		return nil
	}
	return s.setPort(m, before)
}

// setMember puts the link into the bridge, or takes it out where bridge is "".
func (s *session) setMember(scope state.Scope, link, bridge string) error {
	sp, err := s.space(scope)
	if err != nil {
		return err
	}
	master := 0
	if bridge != "" {
		if master, err = sp.indexOf(bridge); err != nil {
			return err
		}
	}
	m := newLinkMessage()
	m.add(unix.IFLA_IFNAME, nl.ZeroTerminated(link))
	m.add(unix.IFLA_MASTER, nl.Uint32Attr(uint32(master)))
	sp.links, sp.names = nil, nil
	return missingLink(m.send(sp, 0), link)
}

// setPort sets where the port's frames may go: from other isolated ports to none of
// those (Linux 4.18), and back where they came from.
func (s *session) setPort(member, before state.Member) error {
	sp, err := s.space(member.Scope)
	if err != nil {
		return err
	}
	data := nl.NewRtAttr(nl.IFLA_INFO_SLAVE_DATA, nil)
	if isTrue(member.Isolated) != isTrue(before.Isolated) {
		data.AddRtAttr(nl.IFLA_BRPORT_ISOLATED, []byte{byte(boolNumber(isTrue(member.Isolated)))})
		data.AddRtAttr(nl.IFLA_BRPORT_FLUSH, nil) // what was learned by it took another way
	}
	if isTrue(member.Hairpin) != isTrue(before.Hairpin) {
		data.AddRtAttr(nl.IFLA_BRPORT_MODE, []byte{byte(boolNumber(isTrue(member.Hairpin)))})
	}
	info := nl.NewRtAttr(unix.IFLA_LINKINFO, nil)
	info.AddRtAttr(nl.IFLA_INFO_SLAVE_KIND, nl.NonZeroTerminated("bridge"))
	info.AddChild(data)
	m := newLinkMessage()
	m.add(unix.IFLA_IFNAME, nl.ZeroTerminated(member.Link))
	m.attrs = append(m.attrs, info)
	sp.links, sp.names = nil, nil
	return missingLink(m.send(sp, 0), member.Link)
}
