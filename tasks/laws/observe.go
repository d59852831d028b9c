package laws

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"netrun/tasks/state"
)

// absent are wants that take away what the wants make, in the opposite order. What
// cannot go (parameters, tables, links that were there already) is left out.
func absent(wants []state.Want) []state.Want {
	var out []state.Want
	for i := len(wants) - 1; i >= 0; i-- {
		switch o := wants[i].Object.(type) {
		case state.Sysctl, state.Table, state.Folder, state.KeepRA, state.Hairpin, state.Sweep, state.Offload, state.SwitchOffload, state.Inspect:
			continue
		case state.Link:
			if o.Type == "" && o.NIC == "" || wants[i].Absent {
				continue
			}
		}
		if !wants[i].Absent {
			out = append(out, state.Want{Object: wants[i].Object, Absent: true})
		}
	}
	return out
}

// everywhere are the kinds of which all objects of a scope are looked at.
var everywhere = []state.Kind{state.KindLink, state.KindMember, state.KindAddress, state.KindNeighbour, state.KindRoute, state.KindRule, state.KindLease,
	state.KindQdisc, state.KindPortVLAN}

// watched are the keys that are looked at: all of the network in every scope that
// is spoken of, and of files, parameters and chains those that are spoken of.
func (l *laws) watched() []state.Key {
	keys := []state.Key{{Kind: state.KindNetns}, {Kind: state.KindOVSBridge}, {Kind: state.KindOVSPort}}
	seen := map[state.Scope]bool{}
	scope := func(s state.Scope) {
		if !seen[s] {
			seen[s] = true
			for _, kind := range everywhere {
				keys = append(keys, state.Key{Kind: kind, Scope: s})
			}
		}
	}
	scope(state.HostScope)
	ovs := false
	for _, w := range append(append([]state.Want{}, l.given...), l.wants...) {
		k := w.Object.Key()
		scope(k.Scope)
		switch o := w.Object.(type) {
		case state.Netns:
			scope(state.NetnsScope(o.Name))
		case state.Link:
			scope(o.PeerScope)
		case state.OVSBridge, state.OVSPort:
			ovs = true
		case state.Sysctl, state.Offload, state.SwitchOffload, state.Table, state.Chain, state.Jump, state.File, state.Edit, state.Folder, state.KeepRA, state.HostsLine:
			keys = append(keys, k)
		case state.JSONKey:
			keys = append(keys, k, state.File{Path: o.Path}.Key())
		}
	}
	if !ovs { // not every host has it
		keys = append(keys[:1:1], keys[3:]...)
	}
	return keys
}

func observe(t *testing.T, h state.Host, keys []state.Key) *state.State {
	t.Helper()
	s, err := h.Observe(t.Context(), keys)
	if err != nil {
		t.Fatalf("observe: %v", err)
	}
	return s
}

// snapshot is what the host has at the keys, a line each, and all that a host in
// memory has besides.
func snapshot(t *testing.T, h state.Host, keys []state.Key) []string {
	t.Helper()
	var lines []string
	for _, o := range observe(t, h, keys).Objects() {
		lines = append(lines, line(o))
	}
	if memory, ok := h.(interface{ Snapshot() string }); ok {
		lines = append(lines, strings.Split(memory.Snapshot(), "\n")...)
	}
	return lines
}

func line(o state.Object) string {
	text := o.Key().String()
	zero := reflect.Zero(reflect.TypeOf(o)).Interface().(state.Object)
	l, ok := o.(state.Link)
	// These are the datapath's own, with a new MAC address each time: ovs-netdev in
	// userspace, ovs-system, gre_sys, vxlan_sys_4789 and the like in the kernel.
	bridge := ok && (l.Type == "bridge" || l.Name == "ovs-netdev" || l.Name == "ovs-system" || strings.Contains(l.Name, "_sys"))
	for _, f := range state.DiffExact(o, zero) {
		if bridge && f.Field == "mac" {
			continue // the kernel takes it from the ports, and zeroes it when the last one leaves
		}
		text += fmt.Sprintf(" %s=%s", f.Field, f.To)
	}
	return text
}
