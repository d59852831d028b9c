package tasks

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"netrun/tasks/state"
)

func (m *Mesh) onOVS() bool { return overOVS(m.Type, string(m.OVSBridge)) }

// oneLink reports whether one link leads to all hosts: the kernel has one vxlan for a
// network identifier.
func (m *Mesh) oneLink() bool { return m.Type == "vxlan" && !m.onOVS() }

// name is what the mesh's tunnels carry, so that they are known again.
func (m *Mesh) name() string {
	for _, name := range []string{m.Name, string(m.Bridge), string(m.OVSBridge)} {
		if name != "" {
			return name
		}
	}
	return ""
}

// loop is what keeps frames from going round.
func (m *Mesh) loop() string {
	switch {
	case m.Loop != "":
		return m.Loop
	case m.Shape == "star":
		return "none"
	case m.Shape == "full":
		return "split_horizon"
	case m.onOVS():
		return "rstp"
	}
	return "stp"
}

// tunnels is the bridge of Open vSwitch.
func (m *Mesh) tunnels() string {
	if m.OVSBridge != "" {
		return string(m.OVSBridge)
	}
	return shortName("br-" + string(m.Bridge))
}

// ends are this host's ends of its tunnels.
func (m *Mesh) ends() []tunnelEnd {
	prefix := map[string]string{"gre": "gre", "gretap": "gt", "vxlan": "vx", "geneve": "gnv"}[m.Type]
	if m.Name != "" {
		prefix = m.Name
	}
	ends := make([]tunnelEnd, 0, len(m.Peers))
	for _, p := range m.Peers {
		name := shortName(prefix + "-" + p.Name)
		if m.oneLink() {
			name = shortName("vx-" + m.name())
		}
		ends = append(ends, tunnelEnd{name: name, kind: m.Type, remote: p.Address.Addr, local: m.Local.Addr,
			key: m.Key, dstPort: m.DstPort, mtu: m.MTU, dfDefault: m.DFDefault, isolated: m.loop() == "split_horizon", mesh: m.name()})
	}
	return ends
}

// shortName is the text as the name of a link: one that is too long, or holds what such
// a name cannot, ends in a checksum of all of it.
func shortName(text string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.'
	}
	if len(text) <= 15 && strings.IndexFunc(text, func(r rune) bool { return !plain(r) }) < 0 && text[0] != '-' {
		return text
	}
	kept := strings.Map(func(r rune) rune {
		if plain(r) {
			return r
		}
		return -1
	}, text)
	sum := sha256.Sum256([]byte(text))
	return strings.TrimLeft(kept[:min(len(kept), 8)], "-.") + "-" + hex.EncodeToString(sum[:3])
}

// Want implements Wanter. What is in the way goes first.
func (m *Mesh) Want() []state.Want {
	ends := m.ends()
	strays := state.Strays{Mesh: m.name()}
	for _, e := range ends {
		strays.Keep = append(strays.Keep, e.name)
	}
	slices.Sort(strays.Keep)
	strays.Keep = slices.Compact(strays.Keep)
	if m.State == absent {
		return m.gone()
	}
	var objects []state.Object
	if m.Prune {
		objects = append(objects, strays)
	}
	if m.onOVS() {
		return state.Present(append(objects, m.openVSwitch(ends)...)...)
	}
	return state.Present(append(objects, m.kernel(ends)...)...)
}

func (m *Mesh) gone() []state.Want {
	wants := state.Present(state.Strays{Mesh: m.name()})
	if m.Type == "gre" && m.OVSBridge == "" && m.Bridge != "" {
		wants = append(wants, state.Absent(state.OVSBridge{Name: m.tunnels()})...)
	}
	return wants
}

// openVSwitch wants the bridge that holds the tunnels, and that it is in the containers' bridge.
func (m *Mesh) openVSwitch(ends []tunnelEnd) []state.Object {
	name := m.tunnels()
	own := fit(state.Link{Name: name, State: "up"}, ends)
	bridge := state.OVSBridge{Name: name, MTURequest: own.MTU, MTUTowards: own.MTUTowards, MTULess: own.MTULess}
	if m.Datapath != "auto" {
		bridge.Datapath = m.Datapath
	}
	if loop := m.loop(); loop != "none" {
		bridge.STP, bridge.RSTP = new(loop == "stp"), new(loop == "rstp")
	}
	objects := []state.Object{bridge, own}
	for _, e := range ends {
		objects = append(objects, e.port(name))
	}
	if m.Bridge != "" {
		objects = append(objects, fit(state.Link{Name: string(m.Bridge)}, ends), state.Member{Link: name, Bridge: string(m.Bridge)})
	}
	return objects
}

// kernel wants the tunnels as links in the containers' bridge.
func (m *Mesh) kernel(ends []tunnelEnd) []state.Object {
	bridge := state.Link{Name: string(m.Bridge)}
	if m.loop() == "stp" {
		bridge.STP = new(true)
	}
	objects := []state.Object{fit(bridge, ends)}
	if m.oneLink() && len(ends) > 0 {
		link := fit(ends[0].link(), ends)
		link.Remote = ""
		var addrs []Addr
		for _, p := range m.Peers {
			addrs = append(addrs, p.Address)
		}
		link.Remotes = joined(addrs)
		return append(objects, link, state.Member{Link: link.Name, Bridge: bridge.Name, Isolated: new(false)})
	}
	for _, e := range ends {
		objects = append(objects, e.link(), state.Member{Link: e.name, Bridge: bridge.Name, Isolated: new(e.isolated)})
	}
	return objects
}
