package tasks

import (
	"crypto/sha256"
	"encoding/hex"

	"netrun/tasks/state"
)

// filtersBridges is that the host sends the frames of bridges by its packet filter, by family.
var filtersBridges = map[int]state.When{4: "net/bridge/bridge-nf-call-iptables=1", 6: "net/bridge/bridge-nf-call-ip6tables=1"}

// dockersTable is, with another condition before it, that Docker has rules in the table.
const dockersTable = "&chain=DOCKER-USER"

// bridgePass lets the frames of a Linux bridge through where Docker's rules would drop
// them: it has the host send bridged frames by the packet filter
// (net.bridge.bridge-nf-call-iptables), where FORWARD drops what is not on a bridge of
// Docker's own. Without it containers on the bridge could not speak to each other.
// Where Docker does not do that, nothing is wanted.
func bridgePass(bridge string) []state.Object {
	sum := sha256.Sum256([]byte(bridge))
	name := state.ChainPrefix + "-B" + hex.EncodeToString(sum[:4])
	var out []state.Object
	for _, family := range []int{4, 6} {
		when := filtersBridges[family] + dockersTable
		out = append(out,
			state.Chain{Family: family, Table: "filter", Name: name, When: when, Rules: [][]string{{"-i", bridge, "-o", bridge, "-j", "ACCEPT"}}},
			state.Jump{Family: family, Table: "filter", From: "FORWARD", To: name, First: true, When: when})
	}
	return out
}
