package cli

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	"netrun/cmd/netrun/internal/fleet"
	"netrun/cmd/netrun/internal/report"
	"netrun/cmd/netrun/internal/run"
	"netrun/playbooks/script"
)

// RemoveOptions are the flags of netrun remove.
type RemoveOptions struct {
	runOptions
	Tasks bool
}

func (a *app) removeCommand() *cobra.Command {
	o := &RemoveOptions{}
	cmd := &cobra.Command{
		Use:   "remove SITE.yaml",
		Short: "Take away what a playbook made",
		Long: `Take away everything that a playbook made on its hosts, and put back what it
changed, as far as it still is as netrun left it. Containers that its tasks made are
removed. What other playbooks want too stays, and so does what other acts did (command,
package, service, ...). It is a play like any other: journaled, confirmed, and, but for
the containers, undone by netrun undo.`,
		Example: `  netrun remove -i hosts.ini site.yaml --check --diff
  netrun remove -i hosts.ini --tasks nodes    # what netrun task made there`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.remove(cmd.Context(), o, args[0]) },
	}
	o.AddFlags(cmd)
	cmd.Flags().BoolVar(&o.Tasks, "tasks", false, "the argument is a pattern of hosts: take away what netrun task made there")
	return cmd
}

func (a *app) remove(ctx context.Context, o *RemoveOptions, what string) error {
	if err := o.check(); err != nil {
		return err
	}
	s, explain, err := a.removable(ctx, o, what)
	if err != nil {
		return explain(err)
	}
	plays, err := a.compile(s, &o.runOptions, selection{})
	if err != nil {
		return explain(err)
	}
	x, err := a.newReach(ctx, &o.connectOptions, a.playReport(&o.runOptions))
	if err != nil {
		return err
	}
	defer x.close()
	x.saves = &saves{dir: s.book.Dir, fetched: x.report.Fetched, dests: map[string]bool{}}
	runs, err := x.prepare(ctx, &o.runOptions, s, plays)
	if err != nil {
		return explain(err)
	}
	r := run.New(x.report)
	a.interrupts.stopBy(r.Stop)
	r.Plays(ctx, x.drops(runs, s, "all"))
	x.report.Recap()
	return x.result()
}

// removable is the playbook, or one that stands for the single tasks of a pattern.
func (a *app) removable(ctx context.Context, o *RemoveOptions, what string) (*site, func(error) error, error) {
	same := func(err error) error { return err }
	if !o.Tasks {
		s, err := a.loadSite(ctx, &o.runOptions, what, nil)
		return s, same, err
	}
	made, err := adhocPlaybook([]string{what, "ping"}, -1)
	if err != nil {
		return nil, same, err
	}
	s, err := a.loadSite(ctx, &o.runOptions, adhocFile, made.read)
	if err == nil {
		s.adhoc = true
	}
	return s, made.explain, err
}

// drops are the plays that take away what the playbook no longer wants ("stale"), or
// all that it wants: one for each way in which its hosts are reached. A host that
// is reached in several takes the last one that can change the network.
func (x *reach) drops(plays []*run.Play, s *site, what string) []*run.Play {
	way := map[string]*run.Play{}
	var hosts []string
	for _, p := range plays {
		for _, h := range slices.Concat(p.Batches...) {
			if way[h] == nil {
				hosts = append(hosts, h)
			}
			if was := way[h]; was == nil || !x.becomes(was.Fleet) || x.becomes(p.Fleet) {
				way[h] = p
			}
		}
	}
	var out []*run.Play
	made := map[run.Fleet]*run.Play{}
	containers := &removals{}
	if what == "all" {
		containers = containerRemovals(plays)
	}
	for _, h := range hosts {
		from := way[h]
		p := made[from.Fleet]
		if p == nil {
			p = x.drop(from, s, what, len(plays)+len(out))
			p.Tasks = append(p.Tasks, containers.tasks...)
			made[from.Fleet] = p
			out = append(out, p)
		}
		p.Batches[0] = append(p.Batches[0], h)
		p.Scripts[h] = &script.Script{Play: p.Begin.Name, Host: h, Segments: [][]*script.Node{containers.nodes[h]}}
		if len(containers.nodes[h]) > 0 { // the variables that their templates name
			p.Scripts[h].Vars = from.Scripts[h].Vars
		}
	}
	return out
}

func (x *reach) drop(from *run.Play, s *site, what string, index int) *run.Play {
	begin := from.Begin
	begin.Play, begin.Playbook, begin.Drop, begin.Prunes, begin.Probes = index, s.playbook(), what, false, nil
	begin.Name = map[string]string{"all": "remove " + s.playbook(), "stale": "prune " + s.playbook()}[what]
	name := map[string]string{"all": "remove what it made", "stale": "remove what it no longer wants"}[what]
	return &run.Play{Fleet: from.Fleet, Begin: begin, Batches: make([][]string, 1), Scripts: map[string]*script.Script{},
		Tasks: []report.Task{{ID: 1, Name: name}}, IgnoreUnreachable: from.IgnoreUnreachable}
}

// becomes reports whether the fleet's helpers run as root by become.
func (x *reach) becomes(f run.Fleet) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	for l, known := range x.fleets {
		if run.Fleet((*fleet.Fleet)(known)) == f {
			return l.become
		}
	}
	return false
}
