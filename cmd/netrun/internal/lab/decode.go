package lab

import (
	"fmt"
	"maps"
	"net/netip"
	"os"
	"slices"

	"netrun/inventory/diag"
	"netrun/inventory/yamlpos"
)

// ReadTopology reads a topology file. The error joins one *diag.Error for each
// mistake.
func ReadTopology(path string) (*Topology, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read topology: %w", err)
	}
	return ParseTopology(path, text)
}

// ParseTopology reads the text of a topology file:
//
//	switches: {sw1: }
//	hosts:
//	  node1:
//	    interfaces:
//	      eth1: {switch: sw1, address: 192.168.2.1/24, gateway: 192.168.2.2, mtu: 1500}
//	    groups: [nodes]
//	    vars: {container_subnet: 11.11.1.0/24}
//	    shell: /bin/sh          # root's login shell
//	    root: busybox           # no commands but busybox and sshd
//	    tmpfs_root: 64m         # the root's changes in memory, at most so much
//	    sftp: false             # sshd without its sftp subsystem
//	    sshd: {MaxStartups: 3}  # sshd_config keywords
//	    services: [docker, podman, openvswitch]
//	routers:                    # hosts by another name
//	  router: {...}
//	groups: {nodes: {vars: {...}, children: [...]}}
//	vars: {...}                 # of every host
//
// The file is only a name for positions.
func ParseTopology(file string, text []byte) (*Topology, error) {
	root, err := yamlpos.Parse(file, text)
	if err != nil {
		return nil, err
	}
	d := &decoder{t: &Topology{}, addrs: map[string]diag.Pos{}}
	d.topology(root)
	if err := d.errs.Err(); err != nil {
		return nil, err
	}
	return d.t, nil
}

// decoder collects every mistake of a topology.
type decoder struct {
	t     *Topology
	errs  diag.List
	addrs map[string]diag.Pos // switch and address, for duplicates
}

func (d *decoder) fail(n *yamlpos.Node, format string, a ...any) *diag.Error {
	e := diag.Errorf(n.Pos, format, a...)
	d.errs.Add(e)
	return e
}

// fields hands each value of mapping n to the function of its key; what names n
// in messages.
func (d *decoder) fields(n *yamlpos.Node, what string, known map[string]func(*yamlpos.Node)) {
	if n.IsNull() {
		return
	}
	if n.Kind != yamlpos.Mapping {
		d.fail(n, "%s is %s", what, n.What()).WithHint("want a mapping")
		return
	}
	for i, key := range n.Keys {
		f, ok := known[key.Raw]
		if !ok {
			names := slices.Collect(maps.Keys(known))
			d.fail(key, "unknown key %q of %s", key.Raw, what).WithHint("%s", diag.DidYouMean(key.Raw, names))
			continue
		}
		f(n.Values[i])
	}
}

// entries hands each entry of mapping n to f.
func (d *decoder) entries(n *yamlpos.Node, what string, f func(key, value *yamlpos.Node)) {
	if n.IsNull() {
		return
	}
	if n.Kind != yamlpos.Mapping {
		d.fail(n, "%s is %s", what, n.What()).WithHint("want a mapping of names")
		return
	}
	for i, key := range n.Keys {
		f(key, n.Values[i])
	}
}

func (d *decoder) topology(n *yamlpos.Node) {
	var hosts, routers *yamlpos.Node
	d.fields(n, "the topology", map[string]func(*yamlpos.Node){
		"hosts":    func(v *yamlpos.Node) { hosts = v },
		"routers":  func(v *yamlpos.Node) { routers = v },
		"switches": d.switches,
		"groups":   d.groups,
		"vars":     func(v *yamlpos.Node) { d.t.Vars = d.vars(v) },
	})
	// After the switches, wherever in the file those stand.
	seen := map[string]*yamlpos.Node{}
	for _, section := range []*yamlpos.Node{routers, hosts} {
		d.entries(section, "hosts", func(key, v *yamlpos.Node) {
			if first := seen[key.Raw]; first != nil {
				d.fail(key, "host %q a second time", key.Raw).WithHint("the first is in line %d", first.Pos.Line)
				return
			}
			seen[key.Raw] = key
			d.host(key, v)
		})
	}
	if d.errs.Len() == 0 && len(d.t.Hosts) == 0 {
		d.fail(n, "no hosts").WithHint("hosts: {node1: {interfaces: {eth1: {switch: sw1}}}}, switches: {sw1: }")
	}
	if len(d.t.Hosts) > maxHosts {
		d.fail(n, "%d hosts", len(d.t.Hosts)).WithHint("at most %d", maxHosts)
	}
}

func (d *decoder) switches(n *yamlpos.Node) {
	d.entries(n, "switches", func(key, v *yamlpos.Node) {
		if !linkName.MatchString(key.Raw) {
			d.fail(key, "switch %q", key.Raw).WithHint("want at most 15 letters, digits, ., - or _")
		}
		d.fields(v, fmt.Sprintf("switch %q", key.Raw), nil)
		d.t.Switches = append(d.t.Switches, key.Raw)
	})
}

func (d *decoder) groups(n *yamlpos.Node) {
	d.entries(n, "groups", func(key, v *yamlpos.Node) {
		g := Group{Name: key.Raw}
		d.fields(v, fmt.Sprintf("group %q", key.Raw), map[string]func(*yamlpos.Node){
			"vars":     func(v *yamlpos.Node) { g.Vars = d.vars(v) },
			"children": func(v *yamlpos.Node) { g.Children = d.texts(v, "children") },
		})
		d.t.Groups = append(d.t.Groups, g)
	})
}

func (d *decoder) vars(n *yamlpos.Node) map[string]any {
	if n.IsNull() {
		return nil
	}
	m, ok := n.Any().(map[string]any)
	if !ok {
		d.fail(n, "vars is %s", n.What()).WithHint("want a mapping")
	}
	return m
}

// texts returns a text or a list of texts.
func (d *decoder) texts(n *yamlpos.Node, what string) []string {
	if n.IsNull() {
		return nil
	}
	items := n.Items
	if n.Kind == yamlpos.Scalar {
		items = []*yamlpos.Node{n}
	}
	if n.Kind == yamlpos.Mapping {
		d.fail(n, "%s is a mapping", what).WithHint("want a text or a list of texts")
	}
	var out []string
	for _, item := range items {
		out = append(out, d.text(item, what))
	}
	return out
}

func (d *decoder) text(n *yamlpos.Node, what string) string {
	s, ok := n.Value.(string)
	if n.Kind != yamlpos.Scalar || !ok {
		d.fail(n, "%s is %s", what, n.What()).WithHint("want a text")
	}
	return s
}

func (d *decoder) prefix(n *yamlpos.Node, s, what string) (netip.Prefix, bool) {
	p, err := netip.ParsePrefix(s)
	if err != nil {
		d.fail(n, "%s %q is no address with a length", what, s).WithHint("want one such as 192.0.2.1/24")
	}
	return p, err == nil
}
