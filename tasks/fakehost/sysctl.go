package fakehost

import (
	"strings"

	"netrun/tasks/state"
)

// scopeParameters are in every network namespace, with the kernel's defaults.
var scopeParameters = map[string]string{"net/ipv4/ip_forward": "0", "net/core/somaxconn": "4096", "net/ipv4/ip_local_port_range": "32768 60999"}

// linkParameters are below net/ipv4/conf and net/ipv6/conf, for each link, all and default.
var linkParameters = map[string]string{"ipv4/forwarding": "0", "ipv4/route_localnet": "0", "ipv4/rp_filter": "0",
	"ipv4/arp_ignore": "0", "ipv4/arp_announce": "0", "ipv4/proxy_arp": "0", "ipv4/accept_redirects": "1",
	"ipv6/forwarding": "0", "ipv6/disable_ipv6": "0", "ipv6/accept_ra": "1"}

// openScope puts the parameters of a network namespace there.
func (h *Host) openScope(scope state.Scope) {
	for name, value := range scopeParameters {
		h.objects.Put(state.Sysctl{Scope: scope, Name: name, Value: value})
	}
	for name, value := range linkParameters {
		family, leaf, _ := strings.Cut(name, "/")
		for _, conf := range []string{"all", "default"} {
			h.objects.Put(state.Sysctl{Scope: scope, Name: confName(family, conf, leaf), Value: value})
		}
	}
	if scope == state.HostScope {
		h.objects.Put(state.Sysctl{Name: "kernel/panic", Value: "0"})
	}
}

func confName(family, conf, leaf string) string {
	return "net/" + family + "/conf/" + conf + "/" + leaf
}

// openLink gives a new link the parameters that default has.
func (h *Host) openLink(l state.Link) {
	for name := range linkParameters {
		family, leaf, _ := strings.Cut(name, "/")
		preset, ok := h.objects.Get(state.Sysctl{Scope: l.Scope, Name: confName(family, "default", leaf)}.Key())
		if ok {
			h.objects.Put(state.Sysctl{Scope: l.Scope, Name: confName(family, l.Name, leaf), Value: preset.(state.Sysctl).Value})
		}
	}
	if v, ok := h.objects.Get(state.Sysctl{Scope: l.Scope, Name: confName("ipv6", l.Name, "disable_ipv6")}.Key()); ok && v.(state.Sysctl).Value == "1" {
		h.setIPv6(l.Scope, l.Name, "off")
	}
}

const redirects = "net/ipv4/conf/all/accept_redirects"

// putSysctl writes a parameter, and those that the kernel writes along with it.
func (h *Host) putSysctl(s state.Sysctl) {
	h.objects.Put(s)
	for _, k := range h.companions(s.Key()) {
		if k.Name == redirects {
			continue
		}
		also := state.Sysctl{Scope: s.Scope, Name: k.Name, Value: s.Value}
		h.objects.Put(also)
		h.linkSwitch(also)
	}
	if s.Name == "net/ipv4/ip_forward" || s.Name == "net/ipv4/conf/all/forwarding" {
		// A router takes no redirects (inet_forward_change in the kernel).
		h.objects.Put(state.Sysctl{Scope: s.Scope, Name: redirects, Value: map[bool]string{true: "1", false: "0"}[s.Value == "0"]})
	}
	h.linkSwitch(s)
}

// linkSwitch lets disable_ipv6 show as the link's own field.
func (h *Host) linkSwitch(s state.Sysctl) {
	name, ok := strings.CutPrefix(s.Name, "net/ipv6/conf/")
	link, leaf, _ := strings.Cut(name, "/")
	if !ok || leaf != "disable_ipv6" || link == "all" || link == "default" {
		return
	}
	h.setIPv6(s.Scope, link, map[bool]string{true: "off", false: "on"}[s.Value != "0"])
}

// observedWith are the parameters that are read along: companions, and those of all
// links with IPv6's conf/all.
func (h *Host) observedWith(k state.Key) []state.Key {
	keys := h.companions(k)
	leaf, all := strings.CutPrefix(k.Name, "net/ipv6/conf/all/")
	if keys != nil || !all || k.Kind != state.KindSysctl {
		return keys
	}
	for _, o := range h.objects.All(state.KindSysctl, k.Scope) {
		if name := o.(state.Sysctl).Name; strings.HasPrefix(name, "net/ipv6/conf/") && strings.HasSuffix(name, "/"+leaf) {
			keys = append(keys, o.Key())
		}
	}
	return keys
}

// companions are the parameters that a write to this one changes too: forwarding
// of the family on every link, and what IPv6 has below conf/all.
func (h *Host) companions(k state.Key) []state.Key {
	if k.Kind != state.KindSysctl {
		return nil
	}
	family, leaf := "", ""
	switch {
	case k.Name == "net/ipv4/ip_forward", k.Name == "net/ipv4/conf/all/forwarding":
		family, leaf = "ipv4", "forwarding"
	case k.Name == "net/ipv6/conf/all/forwarding", k.Name == "net/ipv6/conf/all/disable_ipv6":
		family, leaf = "ipv6", k.Name[len("net/ipv6/conf/all/"):]
	default:
		return nil
	}
	var keys []state.Key
	for _, o := range h.objects.All(state.KindSysctl, k.Scope) {
		name := o.(state.Sysctl).Name
		same := strings.HasPrefix(name, "net/"+family+"/conf/") && strings.HasSuffix(name, "/"+leaf)
		if name != k.Name && (same || family == "ipv4" && name == "net/ipv4/ip_forward") {
			keys = append(keys, o.Key())
		}
	}
	if family == "ipv4" {
		keys = append(keys, state.Sysctl{Scope: k.Scope, Name: redirects}.Key())
	}
	return keys
}
