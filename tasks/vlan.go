package tasks

import (
	"errors"
	"fmt"

	"netrun/tasks/state"
)

// VLAN is a link that sends and takes the frames of one VLAN tag through another.
type VLAN struct {
	Name      IfName    `arg:"name" doc:"name of the link; unset, made of link and id, as in eth2.20"`
	Link      IfName    `arg:"link" doc:"the host's link below; needed unless name is given and state is absent"`
	ID        int       `arg:"id" doc:"id of the tag, 1 to 4094; needed unless name is given and state is absent"`
	Protocol  string    `arg:"protocol" default:"802.1Q" choices:"802.1Q,802.1ad" doc:"802.1ad is the outer tag of two"`
	MTU       int       `arg:"mtu" doc:"MTU in bytes, at most that of the link below"`
	MAC       MAC       `arg:"mac" doc:"MAC address"`
	IPv6      *bool     `arg:"ipv6" doc:"whether the link itself speaks IPv6"`
	Up        bool      `arg:"up" default:"true" doc:"whether the link is up"`
	State     string    `arg:"state" default:"present" choices:"present,absent" doc:"absent removes the link"`
	Netns     Netns     `arg:"netns" doc:"network namespace that gets the link, as ip netns lists it"`
	Container Container `arg:"container" doc:"the same, by the name of a container (as in static_ip), or pid:N"`
}

func init() {
	Register(Kind{Name: "vlan", Short: "a link for the frames of one VLAN tag", New: func() Task { return new(VLAN) }})
}

func (v *VLAN) place() place { return place{v.Netns, v.Container} }

// vlanName is the name that everybody gives to such a link.
func vlanName(link IfName, id int) string { return fmt.Sprintf("%s.%d", link, id) }

func (v *VLAN) name() string {
	if v.Name != "" {
		return string(v.Name)
	}
	return vlanName(v.Link, v.ID)
}

// Check implements Task.
func (v *VLAN) Check() error {
	errs := []error{v.place().check(), checkMTU(v.MTU), checkRange("id", v.ID, 1, 4094)}
	if v.State == absent && v.Name != "" {
		return errors.Join(errs...)
	}
	switch {
	case v.Link == "":
		errs = append(errs, Wrong("link", "on top of which link?"))
	case v.ID == 0:
		errs = append(errs, Wrong("id", "which VLAN? a number from 1 to 4094"))
	case ifNameError(v.name()) != nil:
		errs = append(errs, Wrong("name", "%v", ifNameError(v.name())).WithHint("give a shorter one as name"))
	case v.name() == string(v.Link) && !v.place().given():
		errs = append(errs, Wrong("link", "%s cannot be on top of itself", v.Link))
	}
	return errors.Join(errs...)
}

// Want implements Wanter.
func (v *VLAN) Want() []state.Want {
	return wants(v.State, state.Link{Scope: v.place().scope(), Name: v.name(), Type: "vlan", State: upDown(v.Up), MTU: v.MTU,
		MAC: string(v.MAC), IPv6: onOff(v.IPv6), Parent: string(v.Link), VLAN: v.ID, VLANProtocol: v.Protocol})
}
