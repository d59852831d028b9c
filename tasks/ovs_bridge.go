package tasks

import (
	"errors"
	"slices"
	"strings"

	"netrun/tasks/state"
)

// OVSBridge is an Open vSwitch bridge.
type OVSBridge struct {
	Name         IfName   `arg:"name,required" doc:"name of the bridge"`
	DatapathType string   `arg:"datapath_type" default:"auto" choices:"auto,system,netdev" doc:"system forwards in the kernel, netdev in ovs-vswitchd; auto: in the kernel where that can, and a bridge that is there stays as it is"`
	STP          *bool    `arg:"stp" doc:"spanning tree protocol; it holds back traffic for 30 s"`
	RSTP         *bool    `arg:"rstp" doc:"rapid spanning tree protocol; it holds back traffic for 3 s"`
	FailMode     string   `arg:"fail_mode" choices:"standalone,secure" doc:"what the bridge does without a controller"`
	Controllers  []string `arg:"controllers" doc:"OpenFlow controllers: tcp:192.0.2.1:6653, ssl:..., unix:..."`
	MTU          int      `arg:"mtu" doc:"MTU of the bridge's own link in bytes"`
	Addresses    []Prefix `arg:"addresses" doc:"addresses of the bridge itself, with prefix length"`
	Up           bool     `arg:"up" default:"true" doc:"whether the bridge's own link is up"`
	State        string   `arg:"state" default:"present" choices:"present,absent" doc:"absent removes the bridge and its ports"`
}

func init() {
	Register(Kind{Name: "ovs_bridge", Short: "an Open vSwitch bridge", Free: "name", New: func() Task { return new(OVSBridge) }})
}

// Check implements Task.
func (b *OVSBridge) Check() error {
	errs := []error{checkAddresses("addresses", b.Addresses), checkMTU(b.MTU), checkControllers(b.Controllers)}
	if b.STP != nil && b.RSTP != nil && *b.STP && *b.RSTP {
		errs = append(errs, Wrong("rstp", "a bridge runs either stp or rstp"))
	}
	return errors.Join(errs...)
}

// checkControllers wants targets as ovs-vsctl set-controller takes them.
func checkControllers(targets []string) error {
	var errs []error
	for i, target := range targets {
		proto, rest, _ := strings.Cut(target, ":")
		_, bad := badRune(target)
		if !contains([]string{"tcp", "ssl", "unix", "ptcp", "pssl", "punix"}, proto) || rest == "" || bad || strings.ContainsAny(target, " ,\"'") {
			errs = append(errs, at(Wrong("controllers", "%q is not a controller", target).WithHint("tcp:192.0.2.1:6653"), i))
		}
	}
	return errors.Join(errs...)
}

// Want implements Wanter.
func (b *OVSBridge) Want() []state.Want {
	name := string(b.Name)
	controllers := slices.Clone(b.Controllers)
	slices.Sort(controllers)
	bridge := state.OVSBridge{Name: name, STP: b.STP, RSTP: b.RSTP, FailMode: b.FailMode, MTURequest: b.MTU, Controllers: slices.Compact(controllers)}
	if b.DatapathType != "auto" {
		bridge.Datapath = b.DatapathType
	}
	if b.State == absent {
		return state.Absent(bridge)
	}
	objects := []state.Object{bridge, state.Link{Name: name, State: upDown(b.Up), MTU: b.MTU}}
	return state.Present(append(objects, addressObjects(state.HostScope, name, b.Addresses, false)...)...)
}
