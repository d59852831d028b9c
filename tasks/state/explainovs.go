package state

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

func (e *explainer) ovsBridge(c Change, b OVSBridge) {
	if c.Op == Delete {
		e.add("ovs-vsctl", "del-br", b.Name)
		return
	}
	var settings []string
	if c.Op == Create {
		settings = setting(settings, "datapath_type", b.Datapath)
	}
	settings = truth(settings, "stp_enable", b.STP)
	settings = truth(settings, "rstp_enable", b.RSTP)
	settings = setting(settings, "fail_mode", b.FailMode)
	if c.Op == Create {
		settings = setting(settings, "external_ids:netrun-owner", b.Owner)
	}
	e.ovs(c.Op, []string{"add-br", b.Name}, "bridge", b.Name, settings)
	switch {
	case b.MTURequest != 0 && (c.Op == Create || changed(c, "mtu_request")):
		e.add("ovs-vsctl", "set", "interface", b.Name, "mtu_request="+strconv.Itoa(b.MTURequest))
	case changed(c, "mtu_request"):
		e.add("ovs-vsctl", "clear", "interface", b.Name, "mtu_request")
	}
	switch {
	case len(b.Controllers) > 0 && (c.Op == Create || changed(c, "controllers")):
		e.add(append([]string{"ovs-vsctl", "set-controller", b.Name}, b.Controllers...)...)
	case changed(c, "controllers"):
		e.add("ovs-vsctl", "del-controller", b.Name)
	}
}

// changed reports whether the change is about the field.
func changed(c Change, name string) bool {
	return slices.ContainsFunc(c.Fields, func(f FieldDiff) bool { return f.Field == name })
}

func setting(settings []string, name, value string) []string {
	if value == "" {
		return settings
	}
	return append(settings, name+"="+value)
}

func truth(settings []string, name string, value *bool) []string {
	if value == nil {
		return settings
	}
	return append(settings, name+"="+strconv.FormatBool(*value))
}

// ovs is one transaction: the command that adds, if anything is added, and what is set.
func (e *explainer) ovs(op Op, add []string, table, name string, settings []string) {
	words := []string{"ovs-vsctl"}
	if op == Create {
		words = append(words, add...)
		if len(settings) > 0 {
			words = append(words, "--")
		}
	}
	if len(settings) > 0 {
		words = append(append(words, "set", table, name), settings...)
	}
	if len(words) > 1 {
		e.add(words...)
	}
}

func (e *explainer) ovsPort(c Change, p OVSPort) {
	switch c.Op {
	case Delete:
		e.add("ovs-vsctl", "del-port", p.Bridge, p.Name)
	case Create:
		if !isOn(p.Protected) {
			p.Protected = nil // a new port is not
		}
		add := append([]string{"add-port", p.Bridge, p.Name}, portSettings(p)...)
		add = setting(add, "external_ids:netrun-owner", p.Owner)
		e.ovs(Create, add, "interface", p.Name, interfaceSettings(p))
	default:
		e.changePort(c, p)
	}
}

// changePort sets the fields that the change names, and clears those that are to be unset.
func (e *explainer) changePort(c Change, p OVSPort) {
	onInterface := []string{"options", "mtu_request", "type"}
	var port, link, cleared []string
	for _, f := range c.Fields {
		table, settings, all := "port", &port, portSettings(p)
		if slices.Contains(onInterface, f.Field) {
			table, settings, all = "interface", &link, interfaceSettings(p)
		}
		of := slices.DeleteFunc(all, func(s string) bool {
			return !strings.HasPrefix(s, f.Field+"=") && !strings.HasPrefix(s, f.Field+":")
		})
		if len(of) == 0 {
			cleared = append(cleared, table, f.Field)
		}
		*settings = append(*settings, of...)
	}
	e.ovs(Update, nil, "interface", p.Name, link)
	e.ovs(Update, nil, "port", p.Name, port)
	for i := 0; i < len(cleared); i += 2 {
		e.add("ovs-vsctl", "clear", cleared[i], p.Name, cleared[i+1])
	}
}

// portSettings are the set columns of the table Port, as ovs-vsctl takes them.
func portSettings(p OVSPort) []string {
	var out []string
	if p.Tag != 0 {
		out = append(out, "tag="+strconv.Itoa(p.Tag))
	}
	if len(p.Trunks) > 0 {
		out = append(out, "trunks="+joinNumbers(p.Trunks))
	}
	out = setting(out, "vlan_mode", p.VLANMode)
	out = truth(out, "protected", p.Protected)
	for _, name := range slices.Sorted(maps.Keys(p.IDs)) {
		out = append(out, "external_ids:"+name+"="+p.IDs[name])
	}
	return out
}

// interfaceSettings are those of the table Interface.
func interfaceSettings(p OVSPort) []string {
	out := setting(nil, "type", p.Type)
	for _, name := range slices.Sorted(maps.Keys(p.Options)) {
		out = append(out, "options:"+name+"="+p.Options[name])
	}
	if p.MTURequest != 0 {
		out = append(out, "mtu_request="+strconv.Itoa(p.MTURequest))
	}
	return out
}

func joinNumbers(numbers []int) string {
	texts := make([]string, len(numbers))
	for i, n := range numbers {
		texts[i] = strconv.Itoa(n)
	}
	return strings.Join(texts, ",")
}
