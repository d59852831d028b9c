package linuxhost

import (
	"fmt"
	"slices"
	"strings"

	"netrun/tasks/state"
)

func portCommands(c state.Change, p state.OVSPort) []string {
	switch c.Op {
	case state.Delete:
		return []string{"--", "del-port", p.Bridge, p.Name}
	case state.Create:
		words := []string{"--", "add-port", p.Bridge, p.Name}
		words = append(words, setColumns("Interface", p.Name, interfaceColumns(p, state.OVSPort{}))...)
		return append(words, setColumns("Port", p.Name, append(portColumns(p, state.OVSPort{}), ownerColumn(p.Owner)...))...)
	}
	before := c.Before.(state.OVSPort)
	words := setColumns("Interface", p.Name, interfaceColumns(p, before))
	words = append(words, removeKeys("Interface", p.Name, "options", before.Options, p.Options)...)
	words = append(words, setColumns("Port", p.Name, portColumns(p, before))...)
	words = append(words, removeKeys("Port", p.Name, "external_ids", before.IDs, p.IDs)...)
	words = append(words, clearedColumns(p, before)...)
	return append(words, changeOwner("Port", p.Name, before.Owner, p.Owner)...)
}

// interfaceColumns are the settings of the table Interface in which p differs from before.
func interfaceColumns(p, before state.OVSPort) []string {
	var out []string
	if p.Type != before.Type {
		out = append(out, column("type", p.Type))
	}
	if p.MTURequest != before.MTURequest && p.MTURequest != 0 {
		out = append(out, fmt.Sprintf("mtu_request=%d", p.MTURequest))
	}
	return append(out, keyColumns("options", p.Options, before.Options)...)
}

// portColumns are those of the table Port.
func portColumns(p, before state.OVSPort) []string {
	var out []string
	if p.Tag != before.Tag && p.Tag != 0 {
		out = append(out, fmt.Sprintf("tag=%d", p.Tag))
	}
	if !slices.Equal(p.Trunks, before.Trunks) && len(p.Trunks) > 0 {
		out = append(out, "trunks="+strings.Trim(strings.ReplaceAll(fmt.Sprint(p.Trunks), " ", ","), "[]"))
	}
	if p.VLANMode != before.VLANMode && p.VLANMode != "" {
		out = append(out, column("vlan_mode", p.VLANMode))
	}
	if isTrue(p.Protected) != isTrue(before.Protected) {
		out = append(out, fmt.Sprintf("protected=%t", isTrue(p.Protected)))
	}
	return append(out, keyColumns("external_ids", p.IDs, before.IDs)...)
}

// clearedColumns empties what before had and p has not.
func clearedColumns(p, before state.OVSPort) []string {
	var out []string
	unset := func(table, name string, cleared bool) {
		if cleared {
			out = append(out, "--", "clear", table, p.Name, name)
		}
	}
	unset("Port", "tag", p.Tag == 0 && before.Tag != 0)
	unset("Port", "trunks", len(p.Trunks) == 0 && len(before.Trunks) > 0)
	unset("Port", "vlan_mode", p.VLANMode == "" && before.VLANMode != "")
	unset("Interface", "mtu_request", p.MTURequest == 0 && before.MTURequest != 0)
	return out
}

// keyColumns sets the keys of a map that are new or have another value.
func keyColumns(name string, now, before map[string]string) []string {
	var out []string
	for _, key := range sortedKeys(now) {
		if had, ok := before[key]; !ok || had != now[key] {
			out = append(out, name+":"+ovsString(key)+"="+ovsString(now[key]))
		}
	}
	return out
}

// removeKeys removes the keys of a map that before had and now has not.
func removeKeys(table, record, name string, before, now map[string]string) []string {
	var out []string
	for _, key := range sortedKeys(before) {
		if _, kept := now[key]; !kept {
			out = append(out, "--", "remove", table, record, name, ovsString(key))
		}
	}
	return out
}
