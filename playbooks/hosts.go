package playbooks

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"netrun/inventory"
	"netrun/inventory/diag"
)

// Match lists the hosts of the play, in its order. limit is a further pattern, "" for none.
func (p *Play) Match(inv *inventory.Inventory, limit string) ([]*inventory.Host, error) {
	hosts, err := inv.Match(p.Hosts.Value)
	if err != nil {
		return nil, &diag.Error{Pos: p.Hosts.Pos, Msg: "hosts: " + reason(err), Hint: hint(err)}
	}
	if limit != "" {
		some, err := inv.Match(limit)
		if err != nil {
			return nil, err
		}
		hosts = slices.DeleteFunc(slices.Clone(hosts), func(h *inventory.Host) bool { return !slices.Contains(some, h) })
	}
	return p.ordered(hosts), nil
}

func hint(err error) string {
	if d, ok := err.(*diag.Error); ok {
		return d.Hint
	}
	return ""
}

func (p *Play) ordered(hosts []*inventory.Host) []*inventory.Host {
	hosts = slices.Clone(hosts)
	if strings.HasSuffix(p.Order, "sorted") {
		slices.SortStableFunc(hosts, func(a, b *inventory.Host) int { return strings.Compare(a.Name(), b.Name()) })
	}
	if strings.HasPrefix(p.Order, "reverse") {
		slices.Reverse(hosts)
	}
	return hosts
}

// Batches cuts hosts into the batches that serial asks for; the last size goes on
// until all are served.
func (p *Play) Batches(hosts []*inventory.Host) [][]*inventory.Host {
	if len(hosts) == 0 {
		return nil
	}
	if len(p.Serial) == 0 {
		return [][]*inventory.Host{hosts}
	}
	var out [][]*inventory.Host
	total := len(hosts)
	for i := 0; len(hosts) > 0; i++ {
		n := min(batchSize(p.Serial[min(i, len(p.Serial)-1)], total), len(hosts))
		out = append(out, hosts[:n:n])
		hosts = hosts[n:]
	}
	return out
}

func batchSize(text string, total int) int {
	number, percent := strings.CutSuffix(text, "%")
	n, err := strconv.Atoi(number)
	if err != nil || n < 1 {
		return total // refused when the play was loaded
	}
	if percent {
		n = max(1, int(math.Floor(float64(total)*float64(n)/100)))
	}
	return n
}
