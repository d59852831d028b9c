package lint

import (
	"strconv"

	"netrun/tasks/state"
)

// published reports ports of a host that are led to two places. Ports that are given
// out on the host are nobody's yet.
func (n *network) published() {
	seen := map[*host][]publication{}
	each(n, func(o *owned, c state.Chain) {
		if c.Table != "nat" || c.Of == "" {
			return
		}
		for _, p := range state.Publications(c) {
			if _, err := strconv.Atoi(p.HostPort); err != nil {
				continue
			}
			mine := publication{p, c.Family, o.task}
			for _, other := range seen[o.host] {
				if other.meets(mine) {
					n.report(false, "", []*Task{other.task, o.task}, "port %s/%s of %s is published twice: for %s and for %s",
						p.HostPort, p.Proto, o.host.Name, other.Comment, p.Comment)
				}
			}
			seen[o.host] = append(seen[o.host], mine)
		}
	})
}

// publication is one with the task that wants it.
type publication struct {
	state.Publication
	family int
	task   *Task
}

// meets reports whether a packet could be meant for both. Those of one chain are
// the task's own to check.
func (p publication) meets(o publication) bool {
	return p.Chain != o.Chain && p.family == o.family && p.Proto == o.Proto && p.HostPort == o.HostPort &&
		(p.IP == o.IP || !p.IP.IsValid() || !o.IP.IsValid())
}
