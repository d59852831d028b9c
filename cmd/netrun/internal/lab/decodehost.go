package lab

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"netrun/inventory/diag"
	"netrun/inventory/yamlpos"
)

func (d *decoder) host(key, n *yamlpos.Node) {
	h := HostSpec{Name: key.Raw}
	if !hostName.MatchString(h.Name) {
		d.fail(key, "host name %q", h.Name).WithHint("want letters, digits, ., - and _, at most 63")
	}
	d.fields(n, fmt.Sprintf("host %q", h.Name), map[string]func(*yamlpos.Node){
		"interfaces": func(v *yamlpos.Node) { h.Interfaces = d.interfaces(v) },
		"groups":     func(v *yamlpos.Node) { h.Groups = d.texts(v, "groups") },
		"vars":       func(v *yamlpos.Node) { h.Vars = d.vars(v) },
		"shell":      func(v *yamlpos.Node) { h.Shell = d.shell(v) },
		"root":       func(v *yamlpos.Node) { h.Busybox = d.root(v) },
		"tmpfs_root": func(v *yamlpos.Node) { h.TmpfsRoot = d.size(v) },
		"sftp":       func(v *yamlpos.Node) { h.NoSFTP = !d.boolean(v, "sftp") },
		"sshd":       func(v *yamlpos.Node) { h.SSHD = d.sshd(v) },
		"services":   func(v *yamlpos.Node) { h.Services = d.services(v) },
	})
	if h.Busybox && len(h.Services) > 0 {
		d.fail(key, "host %q has services and root: busybox", h.Name).WithHint("services need more commands than busybox")
	}
	d.t.Hosts = append(d.t.Hosts, h)
}

func (d *decoder) interfaces(n *yamlpos.Node) []Interface {
	var out []Interface
	d.entries(n, "interfaces", func(key, v *yamlpos.Node) {
		if err := checkLinkName(key.Raw); err != nil {
			d.fail(key, "%s", err)
		}
		i := Interface{Name: key.Raw}
		var at *yamlpos.Node
		d.fields(v, fmt.Sprintf("interface %q", key.Raw), map[string]func(*yamlpos.Node){
			"switch":  func(v *yamlpos.Node) { at, i.Switch = v, d.text(v, "switch") },
			"address": func(v *yamlpos.Node) { i.Address = d.addresses(v) },
			"gateway": func(v *yamlpos.Node) { i.Gateway = d.gateways(v) },
			"mtu":     func(v *yamlpos.Node) { i.MTU = d.mtu(v) },
		})
		d.plugged(key, at, &i)
		out = append(out, i)
	})
	return out
}

// plugged checks what an interface's neighbours have a say in: its switch, and
// addresses that another interface on it has.
func (d *decoder) plugged(key, at *yamlpos.Node, i *Interface) {
	switch {
	case at == nil:
		d.fail(key, "interface %q without a switch", i.Name).WithHint("%s", "switch: "+strings.Join(d.t.Switches, " or "))
	case !slices.Contains(d.t.Switches, i.Switch):
		d.fail(at, "unknown switch %q", i.Switch).WithHint("%s", diag.DidYouMean(i.Switch, d.t.Switches))
	}
	for _, gw := range i.Gateway {
		if !slices.ContainsFunc(i.Address, func(a netip.Prefix) bool { return a.Contains(gw) && a.Addr() != gw }) {
			d.fail(key, "gateway %s of %q is on no subnet of its addresses", gw, i.Name)
		}
	}
	for _, a := range i.Address {
		id := i.Switch + " " + a.Addr().String()
		if first, dup := d.addrs[id]; dup {
			d.fail(key, "address %s a second time on switch %q", a.Addr(), i.Switch).WithHint("the first is in line %d", first.Line)
		}
		d.addrs[id] = key.Pos
	}
}

func (d *decoder) addresses(n *yamlpos.Node) []netip.Prefix {
	var out []netip.Prefix
	for _, s := range d.texts(n, "address") {
		if p, ok := d.prefix(n, s, "address"); ok {
			out = append(out, p)
		}
	}
	return out
}

func (d *decoder) gateways(n *yamlpos.Node) []netip.Addr {
	var out []netip.Addr
	for _, s := range d.texts(n, "gateway") {
		a, err := netip.ParseAddr(s)
		if err != nil {
			d.fail(n, "gateway %q is no address", s).WithHint("want one such as 192.0.2.254")
			continue
		}
		out = append(out, a)
	}
	return out
}

func (d *decoder) mtu(n *yamlpos.Node) int {
	v, ok := n.Value.(int)
	if !ok || v < 68 || v > 65535 {
		d.fail(n, "mtu %s", n.Raw).WithHint("want a number from 68 to 65535")
		return 0
	}
	return v
}

func (d *decoder) boolean(n *yamlpos.Node, what string) bool {
	b, ok := n.Value.(bool)
	if !ok {
		d.fail(n, "%s is %s", what, n.What()).WithHint("want true or false")
	}
	return b
}

func (d *decoder) shell(n *yamlpos.Node) string {
	s := d.text(n, "shell")
	// The text goes into a line of /etc/passwd.
	if !strings.HasPrefix(s, "/") || strings.ContainsAny(s, ":\n") {
		d.fail(n, "shell %q", s).WithHint("want an absolute path")
	}
	return s
}

func (d *decoder) root(n *yamlpos.Node) bool {
	if s := d.text(n, "root"); s != "busybox" {
		d.fail(n, "unknown root %q", s).WithHint(`want "busybox", or no root at all for this machine's`)
	}
	return true
}

func (d *decoder) services(n *yamlpos.Node) []string {
	names := d.texts(n, "services")
	for _, name := range names {
		if _, ok := services[name]; !ok {
			d.fail(n, "unknown service %q", name).WithHint("%s", diag.DidYouMean(name, Services()))
		}
	}
	return names
}

func (d *decoder) size(n *yamlpos.Node) string {
	if !sizeName.MatchString(n.Raw) {
		d.fail(n, "tmpfs_root %q", n.Raw).WithHint("want a size such as 64m")
	}
	return n.Raw
}

// sshd reads sshd_config keywords. Those that the lab itself relies on are not
// to be changed.
func (d *decoder) sshd(n *yamlpos.Node) map[string]string {
	out := map[string]string{}
	d.entries(n, "sshd", func(key, v *yamlpos.Node) {
		switch {
		case !keyword.MatchString(key.Raw):
			d.fail(key, "sshd keyword %q", key.Raw).WithHint("want one of sshd_config's")
		case slices.Contains([]string{"port", "listenaddress", "hostkey", "include", "match"}, strings.ToLower(key.Raw)):
			d.fail(key, "sshd keyword %q is the lab's own", key.Raw)
		case v.Kind != yamlpos.Scalar || v.Raw == "" || strings.Contains(v.Raw, "\n"):
			d.fail(v, "value of sshd keyword %q", key.Raw).WithHint("want text on one line")
		}
		out[key.Raw] = v.Raw
	})
	return out
}
