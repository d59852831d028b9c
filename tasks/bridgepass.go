package tasks

import (
	"crypto/sha256"
	"encoding/hex"

	"netrun/tasks/state"
)

// filtersBridges is that the host sends the frames of bridges by its packet filter, by family.
var filtersBridges = map[int]state.When{4: "net/bridge/bridge-nf-call-iptables=1", 6: "net/bridge/bridge-nf-call-ip6tables=1"}

// bridgePass lets the frames of a Linux bridge through where the host sends them by
// its packet filter (net.bridge.bridge-nf-call-iptables, which Docker switches on) and
// that drops what it does not know (as Docker's FORWARD does): without it, containers
// on a bridge that is not Docker's cannot speak to each other. Elsewhere it is nothing.
func bridgePass(bridge string, six bool) []state.Object {
	sum := sha256.Sum256([]byte(bridge))
	name := state.ChainPrefix + "-B" + hex.EncodeToString(sum[:4])
	families := []int{4}
	if six {
		families = append(families, 6)
	}
	var out []state.Object
	for _, family := range families {
		when := filtersBridges[family]
		out = append(out,
			state.Table{Family: family, Name: "filter", When: when},
			state.Chain{Family: family, Table: "filter", Name: name, When: when,
				Rules: [][]string{{"-i", bridge, "-o", bridge, "-j", "ACCEPT"}}},
			state.Jump{Family: family, Table: "filter", From: "FORWARD", To: name, First: true, When: when})
	}
	return out
}
