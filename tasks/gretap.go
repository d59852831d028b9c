package tasks

import (
	"errors"

	"netrun/tasks/state"
)

// Gretap is one end of an Ethernet tunnel over GRE.
type Gretap struct {
	Name      IfName    `arg:"name,required" doc:"name of the link"`
	Remote    Addr      `arg:"remote" doc:"underlay address of the other end; needed unless state is absent; over IPv6 the link is an ip6gretap"`
	Local     Addr      `arg:"local" doc:"underlay address of this end; needed over IPv6"`
	Dev       IfName    `arg:"dev" doc:"underlay link"`
	GREKey    int       `arg:"key" doc:"key that tells tunnels between the same hosts apart, 1 to 4294967295, the same on both ends"`
	TTL       int       `arg:"ttl" doc:"hop limit of the outer packets, 1 to 255; unset, that of the packet within"`
	PMTUDisc  *bool     `arg:"pmtudisc" doc:"over IPv4: never split packets on the way; the kernel's default is true"`
	IgnoreDF  *bool     `arg:"ignore_df" doc:"over IPv4: split also packets that ask not to be; needs pmtudisc: false"`
	Master    IfName    `arg:"master" doc:"bridge that the link is put into"`
	MTU       int       `arg:"mtu" doc:"MTU in bytes: at most that of the underlay less 38 (58 over IPv6), and 4 less with a key"`
	MAC       MAC       `arg:"mac" doc:"MAC address"`
	IPv6      *bool     `arg:"ipv6" doc:"whether the link itself speaks IPv6"`
	Up        bool      `arg:"up" default:"true" doc:"whether the link is up"`
	State     string    `arg:"state" default:"present" choices:"present,absent" doc:"absent removes the link"`
	Netns     Netns     `arg:"netns" doc:"network namespace to work in, as ip netns lists it"`
	Container Container `arg:"container" doc:"the same, by the name of a container (as in static_ip), or pid:N"`
}

func init() {
	Register(Kind{Name: "gretap", Short: "one end of an Ethernet tunnel over GRE", New: func() Task { return new(Gretap) }})
}

func (g *Gretap) place() place { return place{g.Netns, g.Container} }

// Check implements Task.
func (g *Gretap) Check() error {
	errs := []error{g.place().check(), checkMTU(g.MTU), checkRange("ttl", g.TTL, 1, 255), checkKey(g.GREKey)}
	if g.State == absent {
		return errors.Join(errs...)
	}
	six := g.Remote.Is6()
	switch {
	case !g.Remote.IsValid():
		errs = append(errs, Wrong("remote", "where is the other end?"))
	case g.Remote.IsMulticast() || g.Remote.IsUnspecified():
		errs = append(errs, Wrong("remote", "%s is not the address of one host", g.Remote))
	case g.Local.IsValid() && g.Local.Is6() != six:
		errs = append(errs, Wrong("local", "%s is not of the same family as remote %s", g.Local, g.Remote))
	case g.Local == g.Remote:
		errs = append(errs, Wrong("remote", "%s is this end itself", g.Remote))
	case six && !g.Local.IsValid():
		errs = append(errs, Wrong("local", "an end over IPv6 needs its own address too"))
	case six && (g.PMTUDisc != nil || g.IgnoreDF != nil):
		errs = append(errs, Wrong("pmtudisc", "IPv6 never splits packets on the way: leave pmtudisc and ignore_df out"))
	}
	if g.IgnoreDF != nil && *g.IgnoreDF && (g.PMTUDisc == nil || *g.PMTUDisc) {
		errs = append(errs, Wrong("ignore_df", "that needs pmtudisc: false"))
	}
	return errors.Join(errs...)
}

// checkKey wants what 32 bits hold.
func checkKey(key int) error {
	if key < 0 || uint64(key) > 1<<32-1 {
		return Wrong("key", "%d is not a number from 1 to 4294967295", key)
	}
	return nil
}

// Want implements Wanter.
func (g *Gretap) Want() []state.Want {
	link := state.Link{Scope: g.place().scope(), Name: string(g.Name), Type: "gretap", State: upDown(g.Up), MTU: g.MTU, MAC: string(g.MAC),
		IPv6: onOff(g.IPv6), Remote: g.Remote.text(), Local: g.Local.text(), TTL: g.TTL, GREKey: uint32(g.GREKey),
		PMTUDisc: g.PMTUDisc, IgnoreDF: g.IgnoreDF}
	if g.Remote.Is6() {
		link.Type, link.EncapLimit = "ip6gretap", "none"
	}
	if g.Dev != "" {
		link.Parent, link.ParentScope = string(g.Dev), link.Scope
	}
	return linkInBridge(g.State, link, g.Master)
}
