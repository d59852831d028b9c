package tasks

import (
	"errors"
	"slices"
	"strings"

	"netrun/tasks/state"
)

// Macvlan is a link with a MAC address of its own on top of one of the host's.
type Macvlan struct {
	Name      IfName    `arg:"name,required" doc:"name of the link"`
	Link      IfName    `arg:"link" doc:"the host's link below; needed unless state is absent"`
	Mode      string    `arg:"mode" default:"bridge" choices:"bridge,private,vepa,passthru,source" doc:"how links on the same link below reach each other; source takes only the frames of some senders"`
	Sources   []MAC     `arg:"sources" doc:"mode source: MAC addresses of those senders"`
	MTU       int       `arg:"mtu" doc:"MTU in bytes, at most that of the link below"`
	MAC       MAC       `arg:"mac" doc:"MAC address"`
	IPv6      *bool     `arg:"ipv6" doc:"whether the link speaks IPv6"`
	Up        bool      `arg:"up" default:"true" doc:"whether the link is up"`
	State     string    `arg:"state" default:"present" choices:"present,absent" doc:"absent removes the link"`
	Netns     Netns     `arg:"netns" doc:"network namespace that gets the link, as ip netns lists it"`
	Container Container `arg:"container" doc:"the same, by the name of a container (as in static_ip), or pid:N"`
}

func init() {
	Register(Kind{Name: "macvlan", Short: "a link with its own MAC address on top of one of the host's", New: func() Task { return new(Macvlan) }})
}

func (m *Macvlan) place() place { return place{m.Netns, m.Container} }

// Check implements Task.
func (m *Macvlan) Check() error {
	errs := []error{m.place().check(), checkMTU(m.MTU)}
	if m.Link == "" && m.State != absent {
		errs = append(errs, Wrong("link", "on top of which link?"))
	}
	if len(m.Sources) > 0 && m.Mode != "source" {
		errs = append(errs, Wrong("sources", "only a macvlan in mode source chooses its senders"))
	}
	if m.Link == m.Name && !m.place().given() {
		errs = append(errs, Wrong("link", "%s cannot be on top of itself", m.Name))
	}
	return errors.Join(errs...)
}

// Want implements Wanter.
func (m *Macvlan) Want() []state.Want {
	link := state.Link{Scope: m.place().scope(), Name: string(m.Name), Type: "macvlan", State: upDown(m.Up), MTU: m.MTU,
		MAC: string(m.MAC), IPv6: onOff(m.IPv6), Parent: string(m.Link), Mode: m.Mode, Sources: sortedMACs(m.Sources)}
	return wants(m.State, link)
}

// sortedMACs are the addresses as a Link has them: each once, in order.
func sortedMACs(macs []MAC) string {
	var out []string
	for _, m := range macs {
		out = append(out, string(m))
	}
	slices.Sort(out)
	return strings.Join(slices.Compact(out), " ")
}
