package tasks

import (
	"errors"
	"net/netip"

	"netrun/tasks/state"
)

// VXLAN is one end of a VXLAN tunnel.
type VXLAN struct {
	Name      IfName    `arg:"name,required" doc:"name of the link"`
	ID        int       `arg:"id" doc:"VXLAN network identifier, 1 to 16777215, the same on all ends; needed unless state is absent"`
	Remote    Addr      `arg:"remote" doc:"underlay address of the other end, or a multicast group (which needs dev)"`
	Remotes   []Addr    `arg:"remotes" doc:"underlay addresses of several other ends, instead of remote: what it does not know better goes to all of them; over IPv6 give local too"`
	Local     Addr      `arg:"local" doc:"underlay address of this end"`
	Dev       IfName    `arg:"dev" doc:"underlay link"`
	DstPort   int       `arg:"dstport" default:"4789" doc:"UDP port, the same on all ends"`
	Learning  *bool     `arg:"learning" doc:"learn which end a MAC address is behind"`
	Master    IfName    `arg:"master" doc:"bridge that the link is put into"`
	MTU       int       `arg:"mtu" doc:"MTU in bytes: at most that of the underlay less 50 (70 over IPv6)"`
	MAC       MAC       `arg:"mac" doc:"MAC address"`
	IPv6      *bool     `arg:"ipv6" doc:"whether the link itself speaks IPv6"`
	Up        bool      `arg:"up" default:"true" doc:"whether the link is up"`
	State     string    `arg:"state" default:"present" choices:"present,absent" doc:"absent removes the link"`
	Netns     Netns     `arg:"netns" doc:"network namespace to work in, as ip netns lists it"`
	Container Container `arg:"container" doc:"the same, by the name of a container (as in static_ip), or pid:N"`
}

func init() {
	Register(Kind{Name: "vxlan", Short: "one end of a VXLAN tunnel", New: func() Task { return new(VXLAN) }})
}

func (v *VXLAN) place() place { return place{v.Netns, v.Container} }

// Check implements Task.
func (v *VXLAN) Check() error {
	errs := []error{v.place().check(), checkMTU(v.MTU), checkRange("dstport", v.DstPort, 1, 65535)}
	if v.State == absent {
		return errors.Join(errs...)
	}
	if v.ID < 1 || v.ID > 1<<24-1 {
		errs = append(errs, Wrong("id", "%d is not a VXLAN network identifier", v.ID).WithHint("a number from 1 to 16777215"))
	}
	if v.Remote.IsValid() && v.Local.IsValid() && v.Remote.Is6() != v.Local.Is6() {
		errs = append(errs, Wrong("local", "%s is not of the same family as remote %s", v.Local, v.Remote))
	}
	if v.Remote.IsValid() && v.Remote == v.Local {
		errs = append(errs, Wrong("remote", "%s is this end itself", v.Remote))
	}
	if v.Remote.IsMulticast() && v.Dev == "" {
		errs = append(errs, Wrong("remote", "%s is a multicast group, which needs dev", v.Remote))
	}
	return errors.Join(append(errs, v.checkRemotes()...)...)
}

func (v *VXLAN) checkRemotes() []error {
	var errs []error
	if len(v.Remotes) > 0 && v.Remote.IsValid() {
		errs = append(errs, Wrong("remotes", "give remote or remotes"))
	}
	for i, r := range v.Remotes {
		switch {
		case r.IsMulticast() || r.IsUnspecified():
			errs = append(errs, at(Wrong("remotes", "%s is not the address of one host", r), i))
		case r == v.Local:
			errs = append(errs, at(Wrong("remotes", "%s is this end itself", r), i))
		case r.Is6() && !v.Local.IsValid():
			errs = append(errs, at(Wrong("local", "an end over IPv6 with several others needs its own address"), i))
		case v.Local.IsValid() && v.Local.Is6() != r.Is6():
			errs = append(errs, at(Wrong("remotes", "%s is not of the same family as local %s", r, v.Local), i))
		}
	}
	return errs
}

// joined are the addresses as a link has them.
func joined(addrs []Addr) string {
	plain := make([]netip.Addr, len(addrs))
	for i, a := range addrs {
		plain[i] = a.Addr
	}
	return state.JoinAddrs(plain, "")
}

// Want implements Wanter.
func (v *VXLAN) Want() []state.Want {
	scope := v.place().scope()
	link := state.Link{Scope: scope, Name: string(v.Name), Type: "vxlan", State: upDown(v.Up), MTU: v.MTU, MAC: string(v.MAC),
		IPv6: onOff(v.IPv6), VNI: v.ID, Remote: v.Remote.text(), Remotes: joined(v.Remotes), Local: v.Local.text(), Port: v.DstPort, Learning: v.Learning}
	if v.Dev != "" {
		link.Parent, link.ParentScope = string(v.Dev), scope
	}
	if v.State == absent {
		return state.Absent(link)
	}
	objects := []state.Object{link}
	if v.Master != "" {
		objects = append(objects, state.Member{Scope: scope, Link: string(v.Name), Bridge: string(v.Master)})
	}
	return state.Present(objects...)
}
