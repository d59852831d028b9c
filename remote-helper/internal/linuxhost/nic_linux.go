package linuxhost

import (
	"context"
	"errors"
	"fmt"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"netrun/tasks/state"
)

// byIndex is a message about the link with that number.
func byIndex(index int) *linkMessage {
	m := newLinkMessage()
	m.info.Index = int32(index)
	return m
}

// takeNIC moves a link of the host into the space. The alias, which says the way
// back, is on it before it leaves; the kernel moves and renames in one step.
func (s *session) takeNIC(sp *space, l state.Link) error {
	host, err := s.space(state.HostScope)
	if err != nil {
		return err
	}
	if host.ino == sp.ino {
		return fmt.Errorf("move %q: %s is where it is", l.NIC, sp)
	}
	info, err := host.linkByName(l.NIC)
	if err != nil {
		return fmt.Errorf("move %q: %w", l.NIC, err)
	}
	if err := host.setAlias(info.index, l.FullAlias()); err != nil {
		return fmt.Errorf("mark %q: %w", l.NIC, err)
	}
	s.forgetAllLinks()
	if err := host.move(info.index, sp, l.Name); err != nil {
		// It stays, so that its alias is as it was.
		return errors.Join(fmt.Errorf("move %q into %s: %w", l.NIC, sp, nicRefused(err)), host.setAlias(info.index, info.alias))
	}
	now, err := sp.linkByName(l.Name)
	if err != nil {
		return err
	}
	return s.settleNIC(sp, l, now)
}

// settleNIC gives the link, which is down after its move, what it is to have.
func (s *session) settleNIC(sp *space, l state.Link, now *linkInfo) error {
	before := state.Link{Name: l.Name, State: "down", MTU: now.mtu, TxQueue: now.txQueue, MAC: now.mac.String(), Alias: l.Alias,
		Promisc: l.Promisc}
	if l.TxQueue == 0 {
		l.TxQueue = before.TxQueue
	}
	m := byIndex(now.index)
	if err := m.body(l, before); err != nil {
		return err
	}
	if !m.empty() {
		if err := m.send(sp, 0); err != nil {
			return err
		}
	}
	return s.finishLink(sp, l, before)
}

func (sp *space) setAlias(index int, alias string) error {
	m := byIndex(index)
	m.add(unix.IFLA_IFALIAS, []byte(alias))
	return m.send(sp, 0)
}

// move moves the link into the other space under a new name.
func (sp *space) move(index int, to *space, name string) error {
	m := byIndex(index)
	m.add(unix.IFLA_NET_NS_FD, uint32Bytes(uint32(to.fd)))
	m.add(unix.IFLA_IFNAME, append([]byte(name), 0))
	return m.send(sp, 0)
}

func uint32Bytes(n uint32) []byte { return native.AppendUint32(nil, n) }

// nicRefused says what the kernel's answers to a move mean.
func nicRefused(err error) error {
	switch {
	case errors.Is(err, unix.EEXIST):
		return fmt.Errorf("%w: a link of that name is there", err)
	case errors.Is(err, unix.EINVAL):
		return fmt.Errorf("%w (a wireless link, or one of a kind that cannot leave its namespace?)", err)
	}
	return err
}

// giveNIC moves the link back to the host under its old name, as it was there.
func (s *session) giveNIC(sp *space, l state.Link) error {
	info, err := sp.linkByName(l.Name)
	if err != nil {
		return err
	}
	host, err := s.space(state.HostScope)
	if err != nil {
		return err
	}
	s.forgetAllLinks()
	if err := sp.asItWas(info, state.ParseNICWas(l.Was)); err != nil {
		return err
	}
	if err := sp.move(info.index, host, l.NIC); err != nil {
		return fmt.Errorf("move %q back to the host as %q: %w", l.Name, l.NIC, nicRefused(err))
	}
	back, err := host.linkByName(l.NIC)
	if err != nil {
		return err
	}
	return host.atHome(back.index, state.ParseNICWas(l.Was))
}

// asItWas takes the link down and gives it the MTU and MAC address that it had at home.
func (sp *space) asItWas(info *linkInfo, was state.NICWas) error {
	m := byIndex(info.index)
	m.flag(unix.IFF_UP, false)
	if err := m.send(sp, 0); err != nil {
		return err
	}
	old := byIndex(info.index)
	if err := old.body(state.Link{MTU: was.MTU, MAC: was.MAC}, state.Link{MTU: info.mtu, MAC: info.mac.String()}); err != nil {
		return err
	}
	if old.empty() {
		return nil
	}
	return old.send(sp, 0)
}

// atHome takes the mark off a link that is back, and brings it up if it was.
func (sp *space) atHome(index int, was state.NICWas) error {
	m := byIndex(index)
	m.add(unix.IFLA_IFALIAS, []byte(was.Alias))
	if was.State == "up" {
		m.flag(unix.IFF_UP, true)
	}
	return m.send(sp, 0)
}

// ReturnNICs finds the links of the host's own namespace that had been moved into a
// container which has ended: the kernel gives hardware back by itself, under the
// name that it had inside, and down. They get their old name, MTU and MAC address
// back, and come up if they were. It returns their names; one that cannot be put
// back does not keep the others from it.
func (h *Host) ReturnNICs(ctx context.Context) ([]string, error) {
	s, err := h.open(ctx)
	if err != nil {
		return nil, err
	}
	defer s.close()
	host, err := s.space(state.HostScope)
	if err != nil {
		return nil, err
	}
	table, err := host.dumpLinks()
	if err != nil {
		return nil, err
	}
	var names []string
	var errs []error
	for _, info := range table.all {
		l := state.Link{Name: info.name}.WithAlias(info.alias)
		if l.NIC == "" {
			continue
		}
		if err := host.welcome(info, l); err != nil {
			errs = append(errs, fmt.Errorf("give link %q back as %q: %w", l.Name, l.NIC, err))
			continue
		}
		names = append(names, l.NIC)
	}
	return names, errors.Join(errs...)
}

// welcome gives a link that came back by itself its old name and look.
func (sp *space) welcome(info *linkInfo, l state.Link) error {
	was := state.ParseNICWas(l.Was)
	if err := sp.asItWas(info, was); err != nil {
		return err
	}
	if info.name != l.NIC {
		if err := sp.rename(info.index, l.NIC); err != nil {
			return nicRefused(err)
		}
	}
	return sp.atHome(info.index, was)
}

// rename gives the link another name. When a card comes back under the name that it
// had inside, udev gives it its usual name as a second one, which is then in the way.
func (sp *space) rename(index int, name string) error {
	m := byIndex(index)
	m.add(unix.IFLA_IFNAME, append([]byte(name), 0))
	err := m.send(sp, 0)
	if !errors.Is(err, unix.EEXIST) || sp.dropAltName(index, name) != nil {
		return err
	}
	return m.send(sp, 0)
}

// dropAltName takes a second name from the link; it is an error if it has no such.
func (sp *space) dropAltName(index int, name string) error {
	names := nl.NewRtAttr(unix.IFLA_PROP_LIST|unix.NLA_F_NESTED, nil)
	names.AddRtAttr(unix.IFLA_ALT_IFNAME, append([]byte(name), 0))
	req := sp.request(unix.RTM_DELLINKPROP, unix.NLM_F_ACK)
	req.AddData(byIndex(index).info)
	req.AddData(names)
	_, err := req.Execute(unix.NETLINK_ROUTE, 0)
	return err
}
