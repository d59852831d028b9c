package linuxhost

import (
	"slices"
	"strings"

	"netrun/tasks/state"
)

func (r ovsRow) bridge(controllers map[string]ovsRow) state.OVSBridge {
	b := state.OVSBridge{Name: r.text("name"), Datapath: r.text("datapath_type"), FailMode: r.text("fail_mode"),
		STP: new(r.text("stp_enable") == "true"), RSTP: new(r.text("rstp_enable") == "true"), Owner: r.strings("external_ids")[ownerKey]}
	if b.Datapath == "" {
		b.Datapath = "system"
	}
	for _, id := range r.set("controller") {
		b.Controllers = append(b.Controllers, controllers[id].text("target"))
	}
	slices.Sort(b.Controllers)
	return b
}

// port is the row as an object, also that of the bridge's own internal port. A bond
// (several interfaces) is none.
func (r ovsRow) port(bridge state.OVSBridge, interfaces map[string]ovsRow) (state.OVSPort, bool) {
	ids := r.set("interfaces")
	if r == nil || len(ids) != 1 {
		return state.OVSPort{}, false
	}
	link := interfaces[ids[0]]
	p := state.OVSPort{Name: r.text("name"), Bridge: bridge.Name, Type: link.text("type"), Options: link.strings("options"),
		Tag: r.number("tag"), Trunks: r.numbers("trunks"), VLANMode: r.text("vlan_mode"), Protected: new(r.text("protected") == "true"),
		MTURequest: link.number("mtu_request"), IDs: r.strings("external_ids")}
	p.Owner = p.IDs[ownerKey]
	if delete(p.IDs, ownerKey); len(p.IDs) == 0 {
		p.IDs = nil
	}
	if p.Type == "system" {
		p.Type = ""
	}
	// Internal ports take no part in it, and one that could not be opened never will.
	if p.Type != "internal" && link.number("ofport") >= 0 {
		p.Phase = r.phase(bridge)
	}
	return p, true
}

// phase is what spanning tree has the port do; "" where there is none. The database
// tells the first time about a second after the port has come.
func (r ovsRow) phase(bridge state.OVSBridge) string {
	stp, rstp := r.strings("status"), r.strings("rstp_status")
	switch {
	case isTrue(bridge.STP) && stp["stp_state"] == "", isTrue(bridge.RSTP) && rstp["rstp_port_state"] == "":
		return "starting"
	case isTrue(bridge.STP):
		return stp["stp_state"]
	case !isTrue(bridge.RSTP):
		return ""
	case slices.Contains([]string{"Alternate", "Backup", "Disabled"}, rstp["rstp_port_role"]):
		return "blocking" // for good, as long as nothing else fails
	}
	return strings.ToLower(rstp["rstp_port_state"])
}
