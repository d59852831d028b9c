package tasks

import (
	"errors"

	"netrun/tasks/state"
)

// Geneve is one end of a Geneve tunnel.
type Geneve struct {
	Name      IfName    `arg:"name,required" doc:"name of the link"`
	ID        int       `arg:"id" doc:"network identifier, 1 to 16777215, the same on both ends; needed unless state is absent"`
	Remote    Addr      `arg:"remote" doc:"underlay address of the other end; needed unless state is absent"`
	DstPort   int       `arg:"dstport" default:"6081" doc:"UDP port, the same on both ends"`
	TTL       int       `arg:"ttl" doc:"hop limit of the outer packets, 1 to 255; unset, that of the packet within"`
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
	Register(Kind{Name: "geneve", Short: "one end of a Geneve tunnel", New: func() Task { return new(Geneve) }})
}

func (g *Geneve) place() place { return place{g.Netns, g.Container} }

// Check implements Task.
func (g *Geneve) Check() error {
	errs := []error{g.place().check(), checkMTU(g.MTU), checkRange("dstport", g.DstPort, 1, 65535), checkRange("ttl", g.TTL, 1, 255)}
	if g.State == absent {
		return errors.Join(errs...)
	}
	if g.ID < 1 || g.ID > 1<<24-1 {
		errs = append(errs, Wrong("id", "%d is not a network identifier", g.ID).WithHint("a number from 1 to 16777215"))
	}
	switch {
	case !g.Remote.IsValid():
		errs = append(errs, Wrong("remote", "where is the other end?"))
	case g.Remote.IsMulticast() || g.Remote.IsUnspecified():
		errs = append(errs, Wrong("remote", "%s is not the address of one host", g.Remote))
	}
	return errors.Join(errs...)
}

// Want implements Wanter.
func (g *Geneve) Want() []state.Want {
	link := state.Link{Scope: g.place().scope(), Name: string(g.Name), Type: "geneve", State: upDown(g.Up), MTU: g.MTU, MAC: string(g.MAC),
		IPv6: onOff(g.IPv6), VNI: g.ID, Remote: g.Remote.text(), Port: g.DstPort, TTL: g.TTL}
	return linkInBridge(g.State, link, g.Master)
}

// linkInBridge wants the link, and that it is in the bridge if one is given.
func linkInBridge(word string, link state.Link, bridge IfName) []state.Want {
	if word == absent {
		return state.Absent(link)
	}
	objects := []state.Object{link}
	if bridge != "" {
		objects = append(objects, state.Member{Scope: link.Scope, Link: link.Name, Bridge: string(bridge)})
	}
	return state.Present(objects...)
}
