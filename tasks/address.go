package tasks

import (
	"errors"

	"netrun/tasks/state"
)

// Address is one or more IP addresses of a link.
type Address struct {
	Addresses []Prefix  `arg:"address,required" doc:"one address, or a list, with prefix length: 10.0.0.1/24"`
	Dev       IfName    `arg:"dev,required" doc:"the link that has the address"`
	Label     string    `arg:"label" doc:"label of an IPv4 address, eth0:web; it begins with the name of the link"`
	Broadcast Addr      `arg:"broadcast" doc:"broadcast address (brd of ip address)"`
	Announce  bool      `arg:"announce" doc:"tell the neighbours once it is added (gratuitous ARP, unsolicited NA)"`
	NoDAD     bool      `arg:"nodad" doc:"do not wait to see whether somebody else has the IPv6 address"`
	State     string    `arg:"state" default:"present" choices:"present,absent" doc:"absent takes the address away; other addresses stay in both cases"`
	Netns     Netns     `arg:"netns" doc:"network namespace to work in, as ip netns lists it"`
	Container Container `arg:"container" doc:"the same, by the name of a container (as in static_ip), or pid:N"`
}

func init() {
	Register(Kind{Name: "address", Short: "IP addresses of a link", New: func() Task { return new(Address) }})
}

func (a *Address) place() place { return place{a.Netns, a.Container} }

// Check implements Task.
func (a *Address) Check() error {
	errs := []error{a.place().check(), checkAddresses("address", a.Addresses), a.checkLabel()}
	for i, p := range a.Addresses {
		if a.Broadcast.IsValid() && (p.Addr().Is6() || a.Broadcast.Is6()) {
			errs = append(errs, at(Wrong("address", "%s: IPv6 has no broadcast address", p), i))
		}
	}
	return errors.Join(errs...)
}

func (a *Address) checkLabel() error {
	if a.Label == "" {
		return nil
	}
	dev := string(a.Dev)
	if len(a.Label) > 15 || (a.Label != dev && !hasPrefixColon(a.Label, dev)) {
		return Wrong("label", "%q is not a label of %s", a.Label, dev).WithHint("at most 15 characters that begin with %s:", dev)
	}
	for _, p := range a.Addresses {
		if p.Addr().Is6() {
			return Wrong("label", "%s: only IPv4 addresses have labels", p)
		}
	}
	return checkLine("label", a.Label)
}

func hasPrefixColon(label, dev string) bool {
	return len(label) > len(dev)+1 && label[:len(dev)+1] == dev+":"
}

// Want implements Wanter.
func (a *Address) Want() []state.Want {
	var objects []state.Object
	for _, p := range a.Addresses {
		objects = append(objects, state.Address{Scope: a.place().scope(), Link: string(a.Dev), Prefix: p.Prefix,
			Label: a.Label, Broadcast: a.Broadcast.text(), Announce: a.Announce, NoDAD: a.NoDAD})
	}
	return wants(a.State, objects...)
}
