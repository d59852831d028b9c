package state

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

func (e *explainer) link(c Change, l Link) {
	switch c.Op {
	case Create:
		if l.NIC != "" {
			e.takeNIC(l)
			return
		}
		e.newLink(l)
	case Update:
		e.changeLink(c, l)
	case Delete:
		if l.NIC != "" {
			e.giveNIC(l)
			return
		}
		e.ip(l.Scope, "link", "del", l.Name)
	}
}

// takeNIC moves a link of the host into the scope.
func (e *explainer) takeNIC(l Link) {
	e.ip(HostScope, "link", "set", l.NIC, "alias", l.FullAlias())
	e.ip(HostScope, "link", "set", l.NIC, "netns", netnsWord(l.Scope), "name", l.Name)
	var fields []FieldDiff
	if l.MTU != 0 {
		fields = append(fields, FieldDiff{Field: "mtu", To: strconv.Itoa(l.MTU)})
	}
	if l.MAC != "" {
		fields = append(fields, FieldDiff{Field: "mac", To: l.MAC})
	}
	if l.IPv6 != "" {
		fields = append(fields, FieldDiff{Field: "ipv6"})
	}
	if l.State == "up" {
		fields = append(fields, FieldDiff{Field: "state"})
	}
	e.changeLink(Change{Fields: fields}, l)
}

// giveNIC moves it back.
func (e *explainer) giveNIC(l Link) {
	was := ParseNICWas(l.Was)
	e.ip(l.Scope, "link", "set", l.Name, "down")
	if was.MAC != "" && was.MAC != l.MAC {
		e.ip(l.Scope, "link", "set", l.Name, "address", was.MAC)
	}
	if was.MTU != 0 && was.MTU != l.MTU {
		e.ip(l.Scope, "link", "set", l.Name, "mtu", strconv.Itoa(was.MTU))
	}
	e.ip(l.Scope, "link", "set", l.Name, "netns", netnsWord(HostScope), "name", l.NIC)
	e.ip(HostScope, "link", "set", l.NIC, "alias", was.Alias)
	if was.State == "up" {
		e.ip(HostScope, "link", "set", l.NIC, "up")
	}
}

// newLink makes the link, and brings it up last.
func (e *explainer) newLink(l Link) {
	words := []string{"link", "add"}
	scope := l.Scope
	if l.Parent != "" && !OverUnderlay(l.Type) {
		words = append(words, "link", l.Parent)
		scope = l.ParentScope
	}
	words = append(words, "name", l.Name)
	if scope != l.Scope {
		words = append(words, "netns", netnsWord(l.Scope))
	}
	words = option(words, "address", l.MAC)
	words = number(words, "mtu", l.MTU)
	words = number(words, "txqueuelen", l.TxQueue)
	words = append(words, "type", l.Type)
	e.ip(scope, append(words, kindWords(l)...)...)
	if l.Alias != "" {
		e.ip(l.Scope, "link", "set", l.Name, "alias", l.Alias)
	}
	if l.IPv6 != "" {
		e.ipv6(l)
	}
	if l.Promisc != nil {
		e.ip(l.Scope, "link", "set", l.Name, "promisc", onOffWord(*l.Promisc))
	}
	for _, remote := range strings.Fields(l.Remotes) {
		e.remote(l, "append", remote)
	}
	if l.State == "up" {
		e.ip(l.Scope, "link", "set", l.Name, "up")
	}
}

// remote adds or deletes a host to which a vxlan sends what it does not know better.
func (e *explainer) remote(l Link, verb, remote string) {
	e.in(l.Scope, "bridge", "fdb", verb, "00:00:00:00:00:00", "dev", l.Name, "dst", remote)
}

// netnsWord is what ip takes after netns: a name, or a process number.
func netnsWord(scope Scope) string {
	if _, name := scope.Split(); name != "" {
		return name
	}
	return "1"
}

// kindWords are the words after type.
func kindWords(l Link) []string {
	var words []string
	switch l.Type {
	case "veth":
		words = []string{"peer", "name", l.Peer}
		if l.PeerScope != l.Scope {
			words = append(words, "netns", netnsWord(l.PeerScope))
		}
	case "macvlan", "macvtap":
		words = option(words, "mode", l.Mode)
		if l.Sources != "" {
			words = append(append(words, "macaddr", "set"), strings.Fields(l.Sources)...)
		}
	case "ipvlan", "ipvtap":
		words = option(words, "mode", l.Mode)
	case "vlan":
		words = option(words, "protocol", l.VLANProtocol)
		words = number(words, "id", l.VLAN)
	case "ipoib":
		if l.PKey != 0 {
			words = append(words, "pkey", fmt.Sprintf("0x%04x", l.PKey))
		}
		words = option(words, "mode", l.Mode)
	case "vxlan", "geneve", "gretap", "ip6gretap":
		words = tunnelWords(l)
	case "bridge":
		words = bridgeWords(l)
	}
	return words
}

func tunnelWords(l Link) []string {
	words := number(nil, "id", l.VNI)
	words = option(words, "remote", l.Remote)
	words = option(words, "local", l.Local)
	words = option(words, "dev", l.Parent)
	if l.GREKey != 0 {
		words = append(words, "key", strconv.FormatUint(uint64(l.GREKey), 10))
	}
	words = number(words, "ttl", l.TTL)
	words = number(words, "dstport", l.Port)
	for _, f := range []struct {
		value   *bool
		on, off string
	}{{l.Learning, "", "nolearning"}, {l.PMTUDisc, "", "nopmtudisc"}, {l.IgnoreDF, "ignore-df", ""}} {
		if f.value == nil {
			continue
		}
		if word := map[bool]string{true: f.on, false: f.off}[*f.value]; word != "" {
			words = append(words, word)
		}
	}
	return option(words, "encaplimit", l.EncapLimit)
}

func bridgeWords(l Link) []string {
	var words []string
	if l.STP != nil {
		words = append(words, "stp_state", bit(*l.STP))
	}
	words = number(words, "forward_delay", l.ForwardDelay)
	if l.VLANFiltering != nil {
		words = append(words, "vlan_filtering", bit(*l.VLANFiltering))
	}
	return words
}

func bit(on bool) string { return strconv.Itoa(map[bool]int{true: 1}[on]) }

func onOffWord(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

func (e *explainer) ipv6(l Link) {
	e.sysctl(l.Scope, "net/ipv6/conf/"+l.Name+"/disable_ipv6", bit(l.IPv6 == "off"))
}

// remotes makes the difference.
func (e *explainer) remotes(c Change, l Link) {
	before, _ := c.Before.(Link)
	now, then := strings.Fields(l.Remotes), strings.Fields(before.Remotes)
	for _, remote := range now {
		if !slices.Contains(then, remote) {
			e.remote(l, "append", remote)
		}
	}
	for _, remote := range then {
		if !slices.Contains(now, remote) {
			e.remote(l, "del", remote)
		}
	}
}

// changeLink sets the fields that the change names.
func (e *explainer) changeLink(c Change, l Link) {
	set := func(words ...string) { e.ip(l.Scope, append([]string{"link", "set", l.Name}, words...)...) }
	var state bool
	for _, f := range c.Fields {
		switch f.Field {
		case "state":
			state = true
		case "mtu", "txqueuelen", "alias", "promisc":
			value := f.To
			if f.Field == "promisc" {
				value = onOffWord(l.Promisc != nil && *l.Promisc)
			}
			set(f.Field, value)
		case "mac":
			set("address", f.To)
		case "ipv6":
			e.ipv6(l)
		case "stp":
			set("type", l.Type, "stp_state", bit(l.STP != nil && *l.STP))
		case "sources":
			if l.Sources == "" {
				set("type", l.Type, "macaddr", "flush")
			} else {
				set(append([]string{"type", l.Type, "macaddr", "set"}, strings.Fields(l.Sources)...)...)
			}
		case "remotes":
			e.remotes(c, l)
		case "forward_delay":
			set("type", l.Type, "forward_delay", f.To)
		case "vlan_filtering":
			set("type", l.Type, "vlan_filtering", bit(l.VLANFiltering != nil && *l.VLANFiltering))
		}
	}
	if state {
		set(l.State)
	}
}
