package playbooks

import (
	"maps"
	"net/netip"

	"netrun/inventory/ipam"
)

// planSlices cuts the inventory's ranges; with a mistake in that, there are none and nothing
// else is looked at.
func (c *compiler) planSlices() {
	c.slices = map[string][]ipam.Slice{}
	if c.options.Inventory == nil {
		return
	}
	slices, errs := ipam.Plan(c.options.Inventory)
	if len(errs) == 0 {
		c.slices = slices
		return
	}
	c.slices = nil
	for _, err := range errs {
		c.problems.list.Add(err)
	}
}

// ipam is the variable ipam of a host: what the inventory says of each range, and the
// host's own slice of it.
func (h *host) ipam() (map[string]any, bool) {
	slices := h.slices[h.name]
	if len(slices) == 0 {
		return nil, false
	}
	written, _ := h.host.Vars()["ipam"].Value.(map[string]any)
	out := maps.Clone(written)
	for _, s := range slices {
		of, _ := written[s.Range].(map[string]any)
		of = maps.Clone(of)
		of["subnet"], of["index"] = s.Subnet.String(), s.Index
		of["gateway"] = s.Gateway().String()
		of["address"] = netip.PrefixFrom(s.Gateway(), s.Subnet.Bits()).String()
		out[s.Range] = of
	}
	return out, true
}
