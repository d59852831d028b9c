package tasks

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"netrun/tasks/state"
)

// tunnelEnd is this host's end of a layer 2 tunnel to one other host.
type tunnelEnd struct {
	name, kind    string // kind: gre, gretap, vxlan, geneve
	remote, local netip.Addr
	key, dstPort  int
	mtu           int // of what goes through it; 0: found out from the underlay's
	dfDefault     *bool
	isolated      bool   // a port that is kept from the other isolated ones
	mesh          string // the mesh that it is part of, "" if of none
}

// overOVS reports whether tunnels of the kind are ports of Open vSwitch, or, where
// that has them too, links of the kernel, as the given bridge says.
func overOVS(kind, ovsBridge string) bool {
	return kind == "gre" || kind != "gretap" && ovsBridge != ""
}

// overhead is what the tunnel adds to a frame, in bytes: the outer IP header, its own,
// and the inner Ethernet header, which counts in no MTU.
func (e tunnelEnd) overhead() int {
	bytes := map[string]int{"gre": 38, "gretap": 38, "vxlan": 50, "geneve": 50}[e.kind]
	if e.key != 0 && (e.kind == "gre" || e.kind == "gretap") {
		bytes += 4
	}
	if e.remote.Is6() {
		bytes += 20
	}
	return bytes
}

// fit gives the link the MTU that fits into the tunnels.
func fit(link state.Link, ends []tunnelEnd) state.Link {
	var towards []string
	for _, e := range ends {
		if link.MTU = e.mtu; e.mtu == 0 {
			towards = append(towards, e.remote.String())
			link.MTULess = max(link.MTULess, e.overhead())
		}
	}
	link.MTUTowards = strings.Join(towards, " ")
	return link
}

// port is the end as a port of the bridge of Open vSwitch.
func (e tunnelEnd) port(bridge string) state.OVSPort {
	port := state.OVSPort{Name: e.name, Bridge: bridge, Type: e.kind, Options: map[string]string{"remote_ip": e.remote.String()}, Protected: new(e.isolated)}
	if e.local.IsValid() {
		port.Options["local_ip"] = e.local.String()
	}
	if e.key != 0 {
		port.Options["key"] = strconv.Itoa(e.key)
	}
	if e.dstPort != 0 {
		port.Options["dst_port"] = strconv.Itoa(e.dstPort)
	}
	if e.dfDefault != nil {
		port.Options["df_default"] = strconv.FormatBool(*e.dfDefault)
	}
	if e.mesh != "" {
		port.IDs = map[string]string{state.MeshID: e.mesh}
	}
	return port
}

// link is the end as a link of the kernel, a port of a Linux bridge. It has no business
// speaking IPv6 itself.
func (e tunnelEnd) link() state.Link {
	link := state.Link{Name: e.name, Type: e.kind, State: "up", IPv6: "off", Remote: e.remote.String(), Port: e.dstPort}
	if e.local.IsValid() {
		link.Local = e.local.String()
	}
	switch e.kind {
	case "gretap":
		link.GREKey = uint32(e.key)
		if e.remote.Is6() {
			link.Type, link.EncapLimit = "ip6gretap", "none"
		}
	case "vxlan":
		link.VNI = e.key
		setPort(&link, 4789)
	case "geneve":
		link.VNI = e.key
		setPort(&link, 6081)
	}
	if e.mesh != "" {
		link.Alias = state.MeshAlias(e.mesh)
	}
	return fit(link, []tunnelEnd{e})
}

func setPort(link *state.Link, usual int) {
	if link.Port == 0 {
		link.Port = usual
	}
}

// check says what is wrong with the end; arg names the argument that holds the other end's address.
func (e tunnelEnd) check(arg string) []error {
	var errs []error
	switch {
	case e.remote.IsMulticast() || e.remote.IsUnspecified() || e.remote.IsLoopback():
		errs = append(errs, Wrong(arg, "%s is not the address of another host", e.remote))
	case e.local.IsValid() && e.local.Is6() != e.remote.Is6():
		errs = append(errs, Wrong("local", "%s is not of the same family as %s", e.local, e.remote))
	case e.local == e.remote:
		errs = append(errs, Wrong(arg, "%s is this end itself", e.remote))
	}
	if e.remote.Is6() && e.kind == "gretap" && !e.local.IsValid() {
		errs = append(errs, Wrong("local", "a gretap over IPv6 needs its own address too"))
	}
	return errs
}

// checkTunnelKind says what is wrong with arguments that all tunnels of a task share.
func checkTunnelKind(kind, bridge, ovsBridge string, key, port int) []error {
	errs := []error{checkRange("dst_port", port, 1, 65535), checkKey(key)}
	udp := kind == "vxlan" || kind == "geneve"
	switch {
	case kind == "gretap" && ovsBridge != "":
		errs = append(errs, Wrong("type", "a gretap is a link of the kernel: Open vSwitch calls its own gre").WithHint("type: gre"))
	case kind == "gretap" && bridge == "":
		errs = append(errs, Wrong("bridge", "which Linux bridge is the tunnel to be put into?"))
	case bridge == "" && ovsBridge == "":
		errs = append(errs, Wrong("bridge", "which bridge? give bridge or ovs_bridge"))
	}
	if udp && (key < 1 || key > 1<<24-1) {
		errs = append(errs, Wrong("key", "a %s needs a network identifier, the same on all ends", kind).WithHint("key: a number from 1 to 16777215"))
	}
	if port != 0 && !udp {
		errs = append(errs, Wrong("dst_port", "%s has no ports", kind))
	}
	return errs
}

// hostAddress is the address by which other hosts reach a host of the inventory: that of
// the named variable, else ansible_host.
func hostAddress(inv Inventory, host, variable string) (netip.Addr, error) {
	for _, name := range []string{variable, "ansible_host"} {
		text, err := nodeVar(inv, host, name, false)
		if err != nil {
			return netip.Addr{}, err
		}
		if addr, err := parseAddr(text); err == nil {
			return addr, nil
		}
		if text != "" && name == variable {
			return netip.Addr{}, &ArgError{Msg: fmt.Sprintf("%s of host %s: %q is not an IP address", name, host, text)}
		}
	}
	return netip.Addr{}, (&ArgError{Msg: fmt.Sprintf("host %s of the inventory has no IP address in %s or ansible_host", host, variable)}).
		WithHint("set %s in host_vars/%s.yml", variable, host)
}
