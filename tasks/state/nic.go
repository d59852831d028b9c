package state

import (
	"fmt"
	"strconv"
	"strings"
)

// nicMAC begins the NIC of a want that names the link by its MAC address.
const nicMAC = "mac:"

var _ Taker = Link{}

// Takes implements Taker: a NIC that is moved into a container is gone from the host.
func (l Link) Takes() []Key {
	if l.NIC == "" {
		return nil
	}
	return []Key{LinkKey(HostScope, l.NIC)}
}

// Gives implements Taker: a NIC goes back to the host under its old name.
func (l Link) Gives() []Object {
	if l.NIC == "" {
		return nil
	}
	was := ParseNICWas(l.Was)
	back := l
	back.Scope, back.Name, back.NIC, back.Was = HostScope, l.NIC, "", ""
	back.State, back.Alias = was.State, was.Alias
	if was.MTU != 0 {
		back.MTU = was.MTU
	}
	if was.MAC != "" {
		back.MAC = was.MAC
	}
	return []Object{back}
}

// resolveNIC finds the NIC: in its container, where it has been moved already, or on the host.
func (l Link) resolveNIC(view View) (Object, error) {
	mac, byMAC := strings.CutPrefix(l.NIC, nicMAC)
	if o, ok := view.Get(l.Key()); ok {
		have := o.(Link)
		if have.NIC != "" && (have.NIC == l.NIC || byMAC && (have.MAC == mac || ParseNICWas(have.Was).MAC == mac)) {
			l.NIC, l.Was, l.Type = have.NIC, have.Was, have.Type
			return l, nil
		}
	}
	if byMAC {
		name, err := linkWithMAC(view, mac)
		if err != nil {
			return nil, err
		}
		l.NIC = name
	}
	o, ok := view.Get(LinkKey(HostScope, l.NIC))
	if !ok {
		return nil, &MissingError{Key: l.Key(), Needs: LinkKey(HostScope, l.NIC)}
	}
	nic := o.(Link)
	if nic.Type == "loopback" || nic.Type == "bridge" || nic.Type == "openvswitch" {
		return nil, fmt.Errorf("link %s is a %s: it cannot be moved into a container", nic.Name, nic.Type)
	}
	l.Type, l.Was = nic.Type, NICWas{State: nic.State, MTU: nic.MTU, MAC: nic.MAC, Alias: nic.Alias}.String()
	return l, nil
}

// linkWithMAC is the host's link with that address. Bridges, VLANs and the like
// share that of the hardware below them: hardware wins.
func linkWithMAC(view View, mac string) (string, error) {
	var hardware, others []string
	for _, o := range view.All(KindLink, HostScope) {
		switch l := o.(Link); {
		case l.MAC != mac:
		case l.Type == "device":
			hardware = append(hardware, l.Name)
		default:
			others = append(others, l.Name)
		}
	}
	if len(hardware) > 0 {
		others = hardware
	}
	switch len(others) {
	case 0:
		return "", fmt.Errorf("no link of the host has the MAC address %s", mac)
	case 1:
		return others[0], nil
	}
	return "", fmt.Errorf("several links of the host have the MAC address %s: %s", mac, strings.Join(others, ", "))
}

// NICWas is how the host had a NIC that was moved into a container.
type NICWas struct {
	State string
	MTU   int
	MAC   string
	Alias string
}

// String is the words that ParseNICWas reads.
func (w NICWas) String() string {
	words := []string{"state=" + w.State, "mtu=" + strconv.Itoa(w.MTU)}
	if w.MAC != "" {
		words = append(words, "mac="+w.MAC)
	}
	if w.Alias != "" {
		words = append(words, "alias="+w.Alias)
	}
	return strings.Join(words, " ")
}

// ParseNICWas reads the words; what is missing or malformed stays unset.
func ParseNICWas(text string) NICWas {
	var w NICWas
	text, w.Alias, _ = strings.Cut(text, " alias=")
	for _, word := range strings.Fields(text) {
		name, value, _ := strings.Cut(word, "=")
		switch name {
		case "state":
			w.State = value
		case "mtu":
			w.MTU, _ = strconv.Atoi(value)
		case "mac":
			w.MAC = value
		}
	}
	return w
}

// nicWord stands in a link's alias before the name that the host had for it.
const nicWord = " nic="

// FullAlias is the alias that the kernel keeps for the link: the mark of ownership
// and, of a NIC that was moved, the way back for whoever finds it.
func (l Link) FullAlias() string {
	if l.NIC == "" {
		return l.Alias
	}
	return strings.TrimSpace(l.Alias + nicWord + l.NIC + " " + l.Was)
}

// WithAlias is the link with what the kernel's alias says.
func (l Link) WithAlias(alias string) Link {
	l.Alias = alias
	mark, rest, nic := strings.Cut(alias, nicWord)
	if nic && strings.HasPrefix(mark, "netrun") {
		l.Alias = mark
		l.NIC, l.Was, _ = strings.Cut(rest, " ")
	}
	return l
}

// NICByMAC is the NIC of a want that names the link by its address.
func NICByMAC(mac string) string { return nicMAC + mac }
