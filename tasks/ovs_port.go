package tasks

import (
	"errors"
	"maps"
	"slices"
	"sort"
	"strings"

	"netrun/tasks/state"
)

// OVSPort is a port of an Open vSwitch bridge.
type OVSPort struct {
	Bridge     IfName            `arg:"bridge" doc:"the bridge, which must be there; needed unless state is absent"`
	Name       IfName            `arg:"name,required" doc:"name of the port and of its interface; without a type, of a link of the host"`
	Type       string            `arg:"type" choices:"internal,gre,vxlan,geneve,patch" doc:"unset, a link that is there already"`
	Remote     Addr              `arg:"remote_ip" doc:"other end of a tunnel (options:remote_ip)"`
	Peer       IfName            `arg:"peer" doc:"the patch port of another bridge that this one leads to (options:peer)"`
	Options    map[string]string `arg:"options" doc:"further options of the interface: key, dst_port, df_default"`
	Tag        int               `arg:"tag" doc:"VLAN of an access port, 1 to 4094"`
	Trunks     []int             `arg:"trunks" doc:"VLANs that pass with their tags; unset, all"`
	VLANMode   string            `arg:"vlan_mode" choices:"access,trunk,native-tagged,native-untagged,dot1q-tunnel" doc:"what tag and trunks mean; unset, access with a tag and trunk without"`
	Protected  *bool             `arg:"protected" doc:"keep its frames from the other protected ports of the bridge (split horizon)"`
	MTURequest int               `arg:"mtu_request" doc:"MTU in bytes of the interface, which Open vSwitch sets; else it chooses one itself"`
	Up         bool              `arg:"up" default:"true" doc:"whether the link of an internal port is up"`
	State      string            `arg:"state" default:"present" choices:"present,absent" doc:"absent removes the port; a link of the host stays"`
}

func init() {
	Register(Kind{Name: "ovs_port", Short: "a port of an Open vSwitch bridge", New: func() Task { return new(OVSPort) }})
}

// Check implements Task.
func (p *OVSPort) Check() error {
	errs := []error{checkRange("tag", p.Tag, 1, 4094), checkMTURequest(p.MTURequest), checkVLANs(p.Trunks)}
	if p.State == absent {
		return errors.Join(errs...)
	}
	tunnel := p.Type == "gre" || p.Type == "vxlan" || p.Type == "geneve"
	switch {
	case p.Bridge == "":
		errs = append(errs, Wrong("bridge", "a port of which bridge?"))
	case tunnel && !p.Remote.IsValid() && p.Options["remote_ip"] == "":
		errs = append(errs, Wrong("remote_ip", "a tunnel of type %s needs the address of its other end", p.Type).WithHint("or the word flow, as options: {remote_ip: flow}"))
	case !tunnel && p.Remote.IsValid():
		errs = append(errs, Wrong("remote_ip", "only a tunnel has another end").WithHint("type: gre, vxlan or geneve"))
	case p.Type == "patch" && p.Peer == "" && p.Options["peer"] == "":
		errs = append(errs, Wrong("peer", "a patch port needs the name of its peer"))
	case p.Type != "patch" && p.Peer != "":
		errs = append(errs, Wrong("peer", "only a patch port has a peer").WithHint("type: patch"))
	case p.Type == "patch" && p.Peer == p.Name:
		errs = append(errs, Wrong("peer", "%s is the port itself", p.Peer))
	}
	for _, given := range []struct {
		name string
		set  bool
	}{{"remote_ip", p.Remote.IsValid()}, {"peer", p.Peer != ""}} {
		if given.set && p.Options[given.name] != "" {
			errs = append(errs, Wrong("options", "%s is there twice", given.name))
		}
	}
	return errors.Join(append(errs, p.checkOptions())...)
}

// checkMTURequest wants what Open vSwitch takes.
func checkMTURequest(mtu int) error { return checkRange("mtu_request", mtu, 68, 65535) }

// checkVLANs wants each to be a VLAN, and to be there once.
func checkVLANs(vlans []int) error {
	var errs []error
	seen := map[int]bool{}
	for i, v := range vlans {
		switch {
		case v < 1 || v > 4094:
			errs = append(errs, at(Wrong("trunks", "%d is not a VLAN from 1 to 4094", v), i))
		case seen[v]:
			errs = append(errs, at(Wrong("trunks", "VLAN %d is there twice", v), i))
		}
		seen[v] = true
	}
	return errors.Join(errs...)
}

func (p *OVSPort) checkOptions() error {
	names := make([]string, 0, len(p.Options))
	for name := range p.Options {
		names = append(names, name)
	}
	sort.Strings(names)
	var errs []error
	for _, name := range names {
		if name == "" || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") != "" {
			errs = append(errs, &ArgError{Path: []any{"options", name}, Msg: "options are named by letters, digits and _", Key: true})
		}
		if _, bad := badRune(p.Options[name]); bad {
			errs = append(errs, &ArgError{Path: []any{"options", name}, Msg: "the value holds a control character"})
		}
	}
	return errors.Join(errs...)
}

// Want implements Wanter.
func (p *OVSPort) Want() []state.Want {
	port := state.OVSPort{Name: string(p.Name), Bridge: string(p.Bridge), Type: p.Type, Tag: p.Tag, Trunks: slices.Sorted(slices.Values(p.Trunks)),
		VLANMode: p.VLANMode, Protected: p.Protected, MTURequest: p.MTURequest, Options: maps.Clone(p.Options)}
	port.Options = withOption(port.Options, "remote_ip", p.Remote.text())
	port.Options = withOption(port.Options, "peer", string(p.Peer))
	if p.State != absent && p.Type == "internal" {
		return state.Present(port, state.Link{Name: port.Name, State: upDown(p.Up)})
	}
	return wants(p.State, port)
}

// withOption adds a value to a map, unless it is empty.
func withOption(options map[string]string, name, value string) map[string]string {
	if value == "" {
		return options
	}
	if options == nil {
		options = map[string]string{}
	}
	options[name] = value
	return options
}
