package linuxhost

import (
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"netrun/tasks/state"
)

// readNeighbours lists the permanent neighbours of a scope.
func (s *session) readNeighbours(q *query) ([]state.Object, error) {
	sp, err := s.space(q.scope)
	if err != nil {
		return nil, err
	}
	links, err := sp.dumpLinks()
	if err != nil {
		return nil, err
	}
	lib, err := s.lib(sp)
	if err != nil {
		return nil, err
	}
	entries, err := again(func() ([]netlink.Neigh, error) { return lib.NeighList(0, unix.AF_UNSPEC) })
	if err != nil {
		return nil, fmt.Errorf("list neighbours: %w", err)
	}
	var out []state.Object
	for _, n := range entries {
		link := links.byIndex[n.LinkIndex]
		ip, ok := netip.AddrFromSlice(n.IP)
		if n.State&unix.NUD_PERMANENT == 0 || n.Flags&unix.NTF_PROXY != 0 || link == nil || !ok {
			continue
		}
		out = append(out, state.Neighbour{Scope: q.scope, Link: link.name, IP: ip.Unmap(), MAC: n.HardwareAddr.String()})
	}
	return out, nil
}

// setNeighbour adds the entry, or gives it another MAC. An entry that traffic
// made is replaced, not in the way.
func (s *session) setNeighbour(n state.Neighbour) error {
	entry, lib, err := s.libNeighbour(n)
	if err != nil {
		return err
	}
	if entry.HardwareAddr, err = net.ParseMAC(n.MAC); err != nil {
		return fmt.Errorf("mac %q: %w", n.MAC, err)
	}
	entry.State = unix.NUD_PERMANENT
	return lib.NeighSet(entry)
}

func (s *session) deleteNeighbour(n state.Neighbour) error {
	entry, lib, err := s.libNeighbour(n)
	if err != nil {
		return err
	}
	return lib.NeighDel(entry)
}

func (s *session) libNeighbour(n state.Neighbour) (*netlink.Neigh, *netlink.Handle, error) {
	sp, err := s.space(n.Scope)
	if err != nil {
		return nil, nil, err
	}
	index, err := sp.indexOf(n.Link)
	if err != nil {
		return nil, nil, err
	}
	lib, err := s.lib(sp)
	return &netlink.Neigh{LinkIndex: index, IP: n.IP.AsSlice(), Family: familyOf(n.IP)}, lib, err
}

func familyOf(ip netip.Addr) int {
	if ip.Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}
