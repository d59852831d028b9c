package tasks

import (
	"errors"
	"sort"
	"strings"

	"netrun/tasks/state"
)

// OVSPort is a port of an Open vSwitch bridge.
type OVSPort struct {
	Bridge  IfName            `arg:"bridge" doc:"the bridge, which must be there; needed unless state is absent"`
	Name    IfName            `arg:"name,required" doc:"name of the port and of its interface; without a type, of a link of the host"`
	Type    string            `arg:"type" choices:"internal,gre,vxlan,geneve,patch" doc:"unset, a link that is there already"`
	Remote  Addr              `arg:"remote_ip" doc:"other end of a tunnel (options:remote_ip)"`
	Options map[string]string `arg:"options" doc:"further options of the interface: key, dst_port, df_default, peer"`
	Tag     int               `arg:"tag" doc:"VLAN of an access port, 1 to 4094"`
	Up      bool              `arg:"up" default:"true" doc:"whether the link of an internal port is up"`
	State   string            `arg:"state" default:"present" choices:"present,absent" doc:"absent removes the port; a link of the host stays"`
}

func init() {
	Register(Kind{Name: "ovs_port", Short: "a port of an Open vSwitch bridge", New: func() Task { return new(OVSPort) }})
}

// Check implements Task.
func (p *OVSPort) Check() error {
	errs := []error{checkRange("tag", p.Tag, 1, 4094)}
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
	case p.Type == "patch" && p.Options["peer"] == "":
		errs = append(errs, Wrong("options", "a patch port needs the name of its peer").WithHint("options: {peer: NAME}"))
	}
	if p.Remote.IsValid() && p.Options["remote_ip"] != "" {
		errs = append(errs, Wrong("options", "remote_ip is there twice"))
	}
	return errors.Join(append(errs, p.checkOptions())...)
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
	port := state.OVSPort{Name: string(p.Name), Bridge: string(p.Bridge), Type: p.Type, Tag: p.Tag}
	for name, value := range p.Options {
		if port.Options == nil {
			port.Options = map[string]string{}
		}
		port.Options[name] = value
	}
	if p.Remote.IsValid() {
		if port.Options == nil {
			port.Options = map[string]string{}
		}
		port.Options["remote_ip"] = p.Remote.String()
	}
	if p.State != absent && p.Type == "internal" {
		return state.Present(port, state.Link{Name: port.Name, State: upDown(p.Up)})
	}
	return wants(p.State, port)
}
