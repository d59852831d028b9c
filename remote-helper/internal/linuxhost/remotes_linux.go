package linuxhost

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"netrun/tasks/state"
)

// nobody is the MAC address under which a vxlan link has the hosts to which it sends
// frames for addresses that it does not know.
var nobody = net.HardwareAddr{0, 0, 0, 0, 0, 0}

// fillRemotes gives vxlan links the hosts to which they send, beside their one remote.
func (s *session) fillRemotes(sp *space, links []state.Object) error {
	isVXLAN := func(o state.Object) bool { return o.(state.Link).Type == "vxlan" }
	if !slices.ContainsFunc(links, isVXLAN) {
		return nil
	}
	lib, err := s.lib(sp)
	if err != nil {
		return err
	}
	entries, err := again(func() ([]netlink.Neigh, error) { return lib.NeighList(0, unix.AF_BRIDGE) })
	if err != nil {
		return fmt.Errorf("list forwarding databases: %w", err)
	}
	remotes := map[int][]netip.Addr{}
	for _, e := range entries {
		ip, ok := netip.AddrFromSlice(e.IP)
		if ok && e.State&unix.NUD_PERMANENT != 0 && e.HardwareAddr.String() == nobody.String() {
			remotes[e.LinkIndex] = append(remotes[e.LinkIndex], ip.Unmap())
		}
	}
	for i, o := range links {
		l := o.(state.Link)
		if l.Type == "vxlan" {
			l.Remotes = state.JoinAddrs(remotes[l.Index], l.Remote)
			links[i] = l
		}
	}
	return nil
}

// setRemotes makes the link send to the hosts of after instead of to those of before.
func (s *session) setRemotes(sp *space, after, before state.Link) error {
	if after.Remotes == before.Remotes {
		return nil
	}
	lib, err := s.lib(sp)
	if err != nil {
		return err
	}
	index, err := sp.indexOf(after.Name)
	if err != nil {
		return err
	}
	now, then := strings.Fields(after.Remotes), strings.Fields(before.Remotes)
	each := func(list, except []string, what string, do func(*netlink.Neigh) error) error {
		for _, text := range list {
			if slices.Contains(except, text) {
				continue
			}
			ip, err := netip.ParseAddr(text)
			if err == nil {
				err = do(&netlink.Neigh{LinkIndex: index, Family: unix.AF_BRIDGE, Flags: unix.NTF_SELF,
					State: unix.NUD_PERMANENT | unix.NUD_NOARP, IP: ip.AsSlice(), HardwareAddr: nobody})
			}
			if err != nil {
				return fmt.Errorf("%s remote %q: %w", what, text, err)
			}
		}
		return nil
	}
	if err := each(now, then, "add", lib.NeighAppend); err != nil {
		return err
	}
	return each(then, now, "delete", lib.NeighDel)
}
