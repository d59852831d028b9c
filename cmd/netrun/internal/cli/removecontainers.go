package cli

import (
	"maps"
	"slices"

	"netrun/cmd/netrun/internal/report"
	"netrun/cmd/netrun/internal/run"
	"netrun/playbooks/script"
	"netrun/templates"
)

// removals are the container tasks of a playbook, turned into their opposite.
type removals struct {
	tasks []report.Task
	nodes map[string][]*script.Node // by host
}

// containerRemovals has them from all plays, the last task first. What is delegated
// is left out: it is not this host's.
func containerRemovals(plays []*run.Play) *removals {
	r := &removals{nodes: map[string][]*script.Node{}}
	for _, p := range slices.Backward(plays) {
		ids := map[int]int{} // of this play, by those of the play that made the containers
		for _, h := range slices.Sorted(maps.Keys(p.Scripts)) {
			for _, segment := range slices.Backward(p.Scripts[h].Segments) {
				r.add(h, segment, ids)
			}
		}
	}
	return r
}

func (r *removals) add(host string, nodes []*script.Node, ids map[int]int) {
	for _, n := range slices.Backward(nodes) {
		for _, inner := range [][]*script.Node{n.Always, n.Rescue, n.Block} {
			r.add(host, inner, ids)
		}
		if n.Kind != "container" || n.Delegate != "" || n.Skip != "" {
			continue
		}
		if ids[n.ID] == 0 {
			ids[n.ID] = len(r.tasks) + 2 // 1 is what is taken away of the network
			r.tasks = append(r.tasks, report.Task{ID: ids[n.ID], Name: nodeName(n), Kind: n.Kind})
		}
		r.nodes[host] = append(r.nodes[host], gone(n, ids[n.ID]))
	}
}

// gone is the task with state: absent.
func gone(n *script.Node, id int) *script.Node {
	out := &script.Node{ID: id, Name: n.Name, Pos: n.Pos, Kind: n.Kind, Args: absentArgs(n.Args), When: n.When, Loop: n.Loop,
		Vars: n.Vars, Fixed: n.Fixed, NoLog: n.NoLog, Become: n.Become, RunAs: n.RunAs}
	for _, c := range n.Cases {
		c.Args, c.Fills = absentArgs(c.Args), nil
		out.Cases = append(out.Cases, c)
	}
	return out
}

// absentArgs keeps of the arguments what says which container it is.
func absentArgs(args templates.Value) templates.Value {
	given, ok := args.V.(map[string]any)
	if !ok {
		return args
	}
	kept := map[string]any{"state": "absent"}
	for _, name := range []string{"name", "group", "runtime", "user"} {
		if v, there := given[name]; there {
			kept[name] = v
		}
	}
	return templates.Value{V: kept}
}
