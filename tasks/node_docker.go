package tasks

import (
	"crypto/sha256"
	"encoding/hex"

	"netrun/tasks/state"
)

// DaemonFile is the path of Docker's daemon.json, "" where it is none of the task's business.
type DaemonFile string

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *DaemonFile) UnmarshalText(text []byte) error {
	if yes, ok := Truth(string(text)); ok {
		*d = ""
		if yes {
			*d = "/etc/docker/daemon.json"
		}
		return nil
	}
	var path FilePath
	if err := path.UnmarshalText(text); err != nil {
		return err
	}
	if err := checkJSONPath("daemon_json", path); err != nil {
		return err
	}
	*d = DaemonFile(path)
	return nil
}

// dockerWants are the members of daemon.json, and the rules without which Docker's own
// would drop what comes from other nodes, or hide which container sent it.
func (n *NodeNetwork) dockerWants() []state.Want {
	var members []state.Want
	if n.DaemonJSON != "" {
		members = jsonWants(string(n.DaemonJSON), n.dockerKeys(), n.State == absent)
	}
	return append(wants(n.State, n.dockerRules()...), members...)
}

// dockerKeys are what Docker has to know. It would masquerade all that leaves the
// bridge, also what goes to other nodes: ip-masq is ours then.
func (n *NodeNetwork) dockerKeys() map[string]any {
	keys := map[string]any{"bridge": string(n.Bridge), "ip-masq": false}
	if n.MTU != 0 {
		keys["mtu"] = n.MTU
	}
	pools := append([]Net{}, n.FixedCIDR...)
	for _, a := range n.Address {
		pools = append(pools, Net{Prefix: a.Masked()})
	}
	for _, p := range pools {
		name := "fixed-cidr"
		if p.Addr().Is6() {
			name, keys["ipv6"] = "fixed-cidr-v6", true
		}
		if _, given := keys[name]; !given {
			keys[name] = p.String()
		}
	}
	return keys
}

// families are those that the node has container networks of.
func (n *NodeNetwork) families() []int {
	four, six := false, false
	for _, net := range n.ContainerNetwork {
		four, six = four || net.Addr().Is4(), six || net.Addr().Is6()
	}
	var out []int
	if four {
		out = append(out, 4)
	}
	if six {
		out = append(out, 6)
	}
	return out
}

// dockerRules let the container networks through, and masquerade the rest. A bridge that
// is not Docker's has them where Docker makes the host's packet filter look at bridges,
// and drops what it does not know.
func (n *NodeNetwork) dockerRules() []state.Object {
	sum := sha256.Sum256([]byte(n.Bridge))
	name := state.ChainPrefix + "-N" + hex.EncodeToString(sum[:4])
	var out []state.Object
	for _, family := range n.families() {
		when := filtersBridges[family] + dockersTable
		if n.DaemonJSON != "" {
			when = ""
		}
		out = append(out, n.table(family, "filter", when)...)
		pass := state.Chain{Family: family, Table: "filter", Name: name + "-F", Rules: n.passRules(family), When: when}
		out = append(out, pass, state.Jump{Family: family, Table: "filter", From: "FORWARD", To: pass.Name, First: true, When: when})
		if family == 4 && n.Masquerade && n.DaemonJSON != "" {
			out = append(out, n.table(4, "nat", "")...)
			masquerade := state.Chain{Family: 4, Table: "nat", Name: name + "-M", Rules: n.masqueradeRules()}
			out = append(out, masquerade, state.Jump{Family: 4, Table: "nat", From: "POSTROUTING", To: masquerade.Name})
		}
	}
	return out
}

// table is the table that chains stand in; it stays when they go.
func (n *NodeNetwork) table(family int, name string, when state.When) []state.Object {
	if n.State == absent || when != "" { // where Docker's chains are, the table is
		return nil
	}
	return []state.Object{state.Table{Family: family, Name: name}}
}

func (n *NodeNetwork) passRules(family int) [][]string {
	var out [][]string
	for _, net := range n.ContainerNetwork {
		if net.Addr().Is6() == (family == 6) {
			out = append(out, []string{"-s", net.String(), "-o", string(n.Bridge), "-j", "ACCEPT"},
				[]string{"-d", net.String(), "-i", string(n.Bridge), "-j", "ACCEPT"})
		}
	}
	return out
}

func (n *NodeNetwork) masqueradeRules() [][]string {
	var out [][]string
	for _, a := range n.Address {
		if a.Addr().Is6() {
			continue
		}
		own := a.Masked().String()
		for _, net := range n.ContainerNetwork {
			if net.Addr().Is4() {
				out = append(out, []string{"-s", own, "-d", net.String(), "-j", "RETURN"})
			}
		}
		out = append(out, []string{"-s", own, "!", "-o", string(n.Bridge), "-j", "MASQUERADE"})
	}
	return out
}
