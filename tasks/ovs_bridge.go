package tasks

import (
	"errors"

	"netrun/tasks/state"
)

// OVSBridge is an Open vSwitch bridge.
type OVSBridge struct {
	Name         IfName   `arg:"name,required" doc:"name of the bridge"`
	DatapathType string   `arg:"datapath_type" choices:"system,netdev" doc:"system forwards in the kernel, netdev in ovs-vswitchd; unset, what the host can do"`
	STP          *bool    `arg:"stp" doc:"spanning tree protocol; it holds back traffic for 30 s"`
	RSTP         *bool    `arg:"rstp" doc:"rapid spanning tree protocol; it holds back traffic for 3 s"`
	FailMode     string   `arg:"fail_mode" choices:"standalone,secure" doc:"what the bridge does without a controller"`
	Addresses    []Prefix `arg:"addresses" doc:"addresses of the bridge itself, with prefix length"`
	Up           bool     `arg:"up" default:"true" doc:"whether the bridge's own link is up"`
	State        string   `arg:"state" default:"present" choices:"present,absent" doc:"absent removes the bridge and its ports"`
}

func init() {
	Register(Kind{Name: "ovs_bridge", Short: "an Open vSwitch bridge", Free: "name", New: func() Task { return new(OVSBridge) }})
}

// Check implements Task.
func (b *OVSBridge) Check() error {
	errs := []error{checkAddresses("addresses", b.Addresses)}
	if b.STP != nil && b.RSTP != nil && *b.STP && *b.RSTP {
		errs = append(errs, Wrong("rstp", "a bridge runs either stp or rstp"))
	}
	return errors.Join(errs...)
}

// Want implements Wanter.
func (b *OVSBridge) Want() []state.Want {
	name := string(b.Name)
	bridge := state.OVSBridge{Name: name, Datapath: b.DatapathType, STP: b.STP, RSTP: b.RSTP, FailMode: b.FailMode}
	if b.State == absent {
		return state.Absent(bridge)
	}
	objects := []state.Object{bridge, state.Link{Name: name, State: upDown(b.Up)}}
	return state.Present(append(objects, addressObjects(state.HostScope, name, b.Addresses, false)...)...)
}
