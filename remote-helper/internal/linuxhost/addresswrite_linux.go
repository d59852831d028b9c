package linuxhost

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"netrun/tasks/state"
)

func (s *session) applyAddress(c state.Change, a state.Address) error {
	switch {
	case c.Op == state.Update:
		return errors.New("an address cannot be changed in place")
	case c.Op == state.Delete:
		return s.deleteAddress(a)
	case a.Primary:
		return s.addPrimary(a)
	}
	return s.addAddress(a)
}

func (s *session) addAddress(a state.Address) error {
	sp, err := s.space(a.Scope)
	if err != nil {
		return err
	}
	index, err := sp.indexOf(a.Link)
	if err != nil {
		return err
	}
	req, err := addressMessage(sp, unix.RTM_NEWADDR, unix.NLM_F_CREATE|unix.NLM_F_EXCL, index, a)
	if err != nil {
		return err
	}
	if _, err := req.Execute(unix.NETLINK_ROUTE, 0); err != nil {
		return explainAddress(a, err)
	}
	sp.addresses = nil
	if a.Announce {
		s.announce(sp, index, a)
	}
	return nil
}

func explainAddress(a state.Address, err error) error {
	switch {
	case errors.Is(err, unix.EEXIST):
		return fmt.Errorf("%w: %s has it already", err, a.Link)
	case a.Prefix.Addr().Is6() && (errors.Is(err, unix.EACCES) || errors.Is(err, unix.EPERM)):
		return fmt.Errorf("%w (IPv6 is off on %s?)", err, a.Link)
	}
	return err
}

// addressMessage is an RTM_NEWADDR or RTM_DELADDR for the address.
func addressMessage(sp *space, kind, flags, index int, a state.Address) (*nl.NetlinkRequest, error) {
	ip := a.Prefix.Addr()
	msg := nl.NewIfAddrmsg(familyOf(ip))
	msg.Index, msg.Prefixlen = uint32(index), uint8(a.Prefix.Bits())
	scope, ok := keyOf(addrScopes(), a.AddrScope)
	if !ok {
		return nil, fmt.Errorf("scope %q: want site, link, host or none", a.AddrScope)
	}
	msg.Scope = scope
	req := sp.request(kind, unix.NLM_F_ACK|flags)
	req.AddData(msg)
	other, err := otherEnd(a)
	if err != nil {
		return nil, err
	}
	req.AddData(nl.NewRtAttr(unix.IFA_LOCAL, ip.AsSlice()))
	req.AddData(nl.NewRtAttr(unix.IFA_ADDRESS, other.AsSlice()))
	if kind == unix.RTM_NEWADDR {
		return req, newAddressAttrs(req, a)
	}
	return req, nil
}

// otherEnd is the peer, or the address itself. A peer may be written with its prefix length, as ip does.
func otherEnd(a state.Address) (netip.Addr, error) {
	if a.Peer == "" {
		return a.Prefix.Addr(), nil
	}
	text, _, _ := strings.Cut(a.Peer, "/")
	peer, err := netip.ParseAddr(text)
	if err != nil {
		return peer, fmt.Errorf("peer: %w", err)
	}
	return peer, nil
}

func newAddressAttrs(req *nl.NetlinkRequest, a state.Address) error {
	flags := uint32(0)
	if a.NoDAD {
		flags |= unix.IFA_F_NODAD
	}
	if isTrue(a.NoPrefixRoute) {
		flags |= unix.IFA_F_NOPREFIXROUTE
	}
	if flags != 0 {
		req.AddData(nl.NewRtAttr(unix.IFA_FLAGS, nl.Uint32Attr(flags)))
	}
	if a.Metric != 0 {
		req.AddData(nl.NewRtAttr(unix.IFA_RT_PRIORITY, nl.Uint32Attr(uint32(a.Metric))))
	}
	if a.Prefix.Addr().Is6() {
		return nil
	}
	label := a.Label
	if label == "" {
		label = a.Link
	}
	req.AddData(nl.NewRtAttr(unix.IFA_LABEL, nl.ZeroTerminated(label)))
	if a.Broadcast == "" {
		return nil
	}
	brd, err := netip.ParseAddr(a.Broadcast)
	if err != nil {
		return fmt.Errorf("broadcast: %w", err)
	}
	req.AddData(nl.NewRtAttr(unix.IFA_BROADCAST, brd.AsSlice()))
	return nil
}

// isGone reports whether the error says that the object is not there (any more).
func isGone(err error) bool {
	return errors.Is(err, unix.ENODEV) || errors.Is(err, unix.ESRCH) || errors.Is(err, os.ErrNotExist) ||
		errors.Is(err, unix.EADDRNOTAVAIL) || errors.Is(err, errNoScope)
}
