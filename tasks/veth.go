package tasks

import (
	"errors"

	"netrun/tasks/state"
)

// Veth is a pair of virtual Ethernet links, the two ends of one cable.
type Veth struct {
	Name          IfName    `arg:"name,required" doc:"name of this end"`
	Peer          IfName    `arg:"peer" doc:"name of the other end; needed unless state is absent"`
	PeerNetns     Netns     `arg:"peer_netns" doc:"network namespace of the other end"`
	PeerContainer Container `arg:"peer_container" doc:"the same, by the name of a container (as in static_ip), or pid:N"`
	Master        IfName    `arg:"master" doc:"bridge that this end is put into"`
	MTU           int       `arg:"mtu" doc:"MTU of both ends in bytes"`
	MAC           MAC       `arg:"mac" doc:"MAC address of this end"`
	PeerMAC       MAC       `arg:"peer_mac" doc:"MAC address of the other end"`
	IPv6          *bool     `arg:"ipv6" doc:"whether this end speaks IPv6; unset, an end on the host whose peer is elsewhere does not"`
	Up            bool      `arg:"up" default:"true" doc:"whether both ends are up"`
	State         string    `arg:"state" default:"present" choices:"present,absent" doc:"absent removes both ends"`
	Netns         Netns     `arg:"netns" doc:"network namespace of this end, as ip netns lists it"`
	Container     Container `arg:"container" doc:"the same, by the name of a container (as in static_ip), or pid:N"`
}

func init() {
	Register(Kind{Name: "veth", Short: "a pair of virtual Ethernet links", New: func() Task { return new(Veth) }})
}

func (v *Veth) place() place { return place{v.Netns, v.Container} }

func (v *Veth) peerPlace() place { return place{v.PeerNetns, v.PeerContainer} }

// Check implements Task.
func (v *Veth) Check() error {
	errs := []error{v.place().check(), v.peerPlace().checkAs("peer_netns", "peer_container"), checkMTU(v.MTU)}
	if v.Peer == "" && v.State != absent {
		errs = append(errs, Wrong("peer", "a veth has two ends: what is the name of the other one?"))
	}
	if v.Peer == v.Name && v.place().scope() == v.peerPlace().scope() {
		errs = append(errs, Wrong("peer", "both ends are called %s in the same place", v.Name).WithHint("give peer_netns or another name"))
	}
	return errors.Join(errs...)
}

// Want implements Wanter.
func (v *Veth) Want() []state.Want {
	near, far := v.place().scope(), v.peerPlace().scope()
	end := state.Link{Scope: near, Name: string(v.Name), Type: "veth", Peer: string(v.Peer), PeerScope: far,
		State: upDown(v.Up), MTU: v.MTU, MAC: string(v.MAC), IPv6: onOff(v.IPv6)}
	if v.State == absent {
		return state.Absent(end)
	}
	peer := state.Link{Scope: far, Name: string(v.Peer), Type: "veth", Peer: string(v.Name), PeerScope: near,
		State: upDown(v.Up), MTU: v.MTU, MAC: string(v.PeerMAC)}
	// A host's end of a container's cable has no business speaking, and 1,000 of
	// them on one bridge take 30 times as long to come up if they do.
	if near != far && v.IPv6 == nil && near == state.HostScope {
		end.IPv6 = "off"
	}
	if near != far && far == state.HostScope {
		peer.IPv6 = "off"
	}
	objects := []state.Object{end, peer}
	if v.Master != "" {
		objects = append(objects, state.Member{Scope: near, Link: string(v.Name), Bridge: string(v.Master)})
	}
	return state.Present(objects...)
}
