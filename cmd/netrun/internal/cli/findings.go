package cli

import (
	"net/netip"

	"netrun/cmd/netrun/internal/lint"
	"netrun/inventory"
	"netrun/inventory/ipam"
	"netrun/playbooks/script"
)

// findings looks at the whole network that the plays would make.
func findings(inv *inventory.Inventory, plays []*ready) []lint.Finding {
	w := wholeNetwork{inv: inv, at: map[string]int{}}
	w.slices, _ = ipam.Plan(inv) // its mistakes are known from compiling
	for _, r := range plays {
		for i, h := range r.compiled.Hosts {
			w.play(r, h, i == 0)
		}
	}
	return lint.Check(w.hosts)
}

// wholeNetwork collects what the tasks of all plays want, by the host that runs them.
type wholeNetwork struct {
	inv   *inventory.Inventory
	hosts []lint.Host
	at    map[string]int

	slices map[string][]ipam.Slice
}

// play takes one host's part of a play. Only the first host runs run_once tasks.
func (w *wholeNetwork) play(r *ready, host string, first bool) {
	unsure := unsureTasks(r.compiled.Scripts[host])
	for _, wanted := range r.compiled.Wants(host) {
		n := wanted.Node
		if n.RunOnce && !first {
			continue
		}
		h := w.host(host)
		if n.Delegate != "" {
			h = w.host(n.Delegate)
		}
		h.Tasks = append(h.Tasks, lint.Task{
			Name: nodeName(n), Pos: n.Pos, Play: r.index, Wants: wanted.Wants, Unsure: len(n.When) > 0 || unsure[n.ID],
		})
	}
}

func (w *wholeNetwork) host(name string) *lint.Host {
	i, known := w.at[name]
	if !known {
		i = len(w.hosts)
		w.at[name] = i
		h := lint.Host{Name: name, Addrs: w.addresses(name)}
		for _, s := range w.slices[name] {
			h.Slices = append(h.Slices, s.Subnet)
		}
		w.hosts = append(w.hosts, h)
	}
	return &w.hosts[i]
}

// addresses are those that the inventory gives a host.
func (w *wholeNetwork) addresses(name string) []netip.Addr {
	h := w.inv.Host(name)
	if h == nil {
		return nil
	}
	var out []netip.Addr
	for _, variable := range []string{"ansible_host", "netrun_host", "node_address"} {
		text, _ := h.Vars()[variable].Value.(string)
		if ip, err := netip.ParseAddr(text); err == nil {
			out = append(out, ip)
		}
	}
	return out
}

// unsureTasks are handlers and the tasks of a rescue: they may not be run.
func unsureTasks(sc *script.Script) map[int]bool {
	unsure := map[int]bool{}
	var walk func(nodes []*script.Node, mark bool)
	walk = func(nodes []*script.Node, mark bool) {
		for _, n := range nodes {
			if mark {
				unsure[n.ID] = true
			}
			walk(n.Block, mark)
			walk(n.Rescue, true)
			walk(n.Always, mark)
		}
	}
	for _, segment := range sc.Segments {
		walk(segment, false)
	}
	walk(sc.Handlers, true)
	return unsure
}
