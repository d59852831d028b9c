package linuxhost

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"netrun/tasks/state"
)

// siblings are the other IPv4 addresses of the same subnet on a link: of those, the
// first is primary, and the kernel takes the rest along when that is deleted
// (promote_secondaries=0, the default).
func siblings(onLink []addressInfo, of netip.Prefix) []addressInfo {
	var out []addressInfo
	for _, a := range onLink {
		if of.Addr().Is4() && a.prefix != of && a.prefix.Bits() == of.Bits() && a.prefix.Masked() == of.Masked() {
			out = append(out, a)
		}
	}
	return out
}

// deleteAddress deletes the address and nothing else: its secondaries, and the
// routes that have one of those as their source, are put back.
func (s *session) deleteAddress(a state.Address) error {
	sp, index, others, err := s.subnet(a)
	if err != nil {
		return err
	}
	if len(others) == 0 {
		return s.dropAddress(sp, index, a)
	}
	return s.keepingSources(sp, others, func() error {
		if err := s.dropAddress(sp, index, a); err != nil {
			return err
		}
		return s.putBack(a, others)
	})
}

// addPrimary adds the address in front of those of its subnet, which the kernel
// can only do by their being added after it.
func (s *session) addPrimary(a state.Address) error {
	sp, index, others, err := s.subnet(a)
	if err != nil {
		return err
	}
	if len(others) == 0 {
		return s.addAddress(a)
	}
	return s.keepingSources(sp, others, func() error {
		for _, o := range slices.Backward(others) {
			if err := s.dropAddress(sp, index, o.object(a.Scope, a.Link)); err != nil && !isGone(err) {
				return err
			}
		}
		err := s.addAddress(a)
		return errors.Join(err, s.putBack(a, others))
	})
}

// subnet opens the address's scope and finds what shares its link and subnet.
func (s *session) subnet(a state.Address) (*space, int, []addressInfo, error) {
	sp, err := s.space(a.Scope)
	if err != nil {
		return nil, 0, nil, err
	}
	index, err := sp.indexOf(a.Link)
	if err != nil {
		return nil, 0, nil, err
	}
	byLink, err := sp.dumpAddresses()
	if err != nil {
		return nil, 0, nil, err
	}
	return sp, index, siblings(byLink[index], a.Prefix), nil
}

func (s *session) dropAddress(sp *space, index int, a state.Address) error {
	req, err := addressMessage(sp, unix.RTM_DELADDR, 0, index, a)
	if err != nil {
		return err
	}
	_, err = req.Execute(unix.NETLINK_ROUTE, 0)
	sp.addresses = nil
	if errors.Is(err, unix.EADDRNOTAVAIL) {
		return fmt.Errorf("%s does not have it: %w", a.Link, err)
	}
	return err
}

// putBack adds those of the others that went with a.
func (s *session) putBack(a state.Address, others []addressInfo) error {
	for _, o := range others {
		back := o.object(a.Scope, a.Link)
		if err := s.addAddress(back); err != nil && !errors.Is(err, unix.EEXIST) {
			return fmt.Errorf("put back %s: %w", back.Prefix, err)
		}
	}
	return nil
}

// keepingSources runs fn and puts back the routes that it made the kernel delete
// because one of the addresses, gone for a moment, is their source.
func (s *session) keepingSources(sp *space, sources []addressInfo, fn func() error) error {
	q := &query{kind: state.KindRoute, scope: sp.scope, all: true}
	routes, err := s.readRoutes(q)
	if err != nil {
		return err
	}
	if err := fn(); err != nil {
		return err
	}
	for _, o := range routes {
		r := o.(state.Route)
		if !slices.ContainsFunc(sources, func(a addressInfo) bool { return a.prefix.Addr().String() == r.Src }) {
			continue
		}
		err := s.applyRoute(state.Change{Op: state.Create, After: r}, r)
		if err != nil && !errors.Is(err, unix.EEXIST) {
			return fmt.Errorf("put back the route to %s: %w", r.Dst, err)
		}
	}
	return nil
}
