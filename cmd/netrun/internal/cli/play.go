package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"netrun/cmd/netrun/internal/lint"
	"netrun/cmd/netrun/internal/report"
	"netrun/cmd/netrun/internal/run"
	"netrun/inventory"
	"netrun/inventory/diag"
	"netrun/playbooks"
	"netrun/playbooks/script"
	"netrun/remote-helper/wire"
	"netrun/tasks/state"
)

// PlayOptions are the flags of netrun play.
type PlayOptions struct {
	runOptions
	Tags, SkipTags                 []string
	StartAt                        string
	ListHosts, ListTasks, ListTags bool
	Prune                          bool
}

// AddFlags adds them to the command.
func (o *PlayOptions) AddFlags(cmd *cobra.Command) {
	o.runOptions.AddFlags(cmd)
	f := cmd.Flags()
	f.StringSliceVarP(&o.Tags, "tags", "t", nil, "run only tasks with one of these tags")
	f.StringSliceVar(&o.SkipTags, "skip-tags", nil, "run no tasks with one of these tags")
	f.StringVar(&o.StartAt, "start-at-task", "", "start at the task of this name (or glob)")
	f.BoolVar(&o.Prune, "prune", false, "remove what earlier versions of this playbook made on the hosts, and this one no longer wants")
	f.BoolVar(&o.ListHosts, "list-hosts", false, "list the hosts of each play, and run nothing")
	f.BoolVar(&o.ListTasks, "list-tasks", false, "list the tasks of each play, and run nothing")
	f.BoolVar(&o.ListTags, "list-tags", false, "list the tags of each play, and run nothing")
}

func (a *app) playCommand() *cobra.Command {
	o := &PlayOptions{}
	cmd := &cobra.Command{
		Use:   "play SITE.yaml",
		Short: "Run a playbook",
		Long: `Run a playbook: lint it, render it for each host, connect, plan, journal, apply,
verify, confirm. On each host a play is a transaction: if it fails there, what it
has changed there is undone. Ctrl-C once: hosts finish or undo what they are at.
Twice: netrun leaves, and the hosts undo by themselves.`,
		Example: `  netrun play -i hosts.ini site.yaml --check --diff
  netrun play -i hosts.ini site.yaml --limit 'nodes:!node3' -e mtu=1400`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.play(cmd.Context(), o, args[0]) },
	}
	o.AddFlags(cmd)
	return cmd
}

func (a *app) play(ctx context.Context, o *PlayOptions, file string) error {
	if err := o.check(); err != nil {
		return err
	}
	s, err := a.loadSite(ctx, &o.runOptions, file, nil)
	if err != nil {
		return err
	}
	if o.ListHosts || o.ListTasks || o.ListTags {
		return a.list(s, o)
	}
	sel := selection{o.Tags, o.SkipTags, o.StartAt}
	if o.Prune && (len(o.Tags) > 0 || len(o.SkipTags) > 0 || o.StartAt != "") {
		return usagef("--prune: what a part of the playbook wants says nothing of the rest; leave --tags, --skip-tags and --start-at-task out")
	}
	s.prune = o.Prune
	plays, err := a.compile(s, &o.runOptions, sel)
	if err != nil {
		return err
	}
	warnings := slices.Concat(s.book.Warnings, tagWarnings(s.book, slices.Concat(o.Tags, o.SkipTags)))
	return a.runPlays(ctx, &o.runOptions, s, plays, warnings)
}

func tagWarnings(book *playbooks.Playbook, tags []string) []*diag.Error {
	var out []*diag.Error
	for _, line := range book.UnknownTags(tags) {
		out = append(out, &diag.Error{Msg: line})
	}
	return out
}

// runPlays runs compiled plays; nothing of the playbook can be wrong any more but
// what the whole network shows.
func (a *app) runPlays(ctx context.Context, o *runOptions, s *site, plays []*ready, warnings []*diag.Error) error {
	found := findings(s.inv, plays)
	if err := errors.Join(lint.Errors(found), s.saveable()); err != nil {
		return err
	}
	x, err := a.newReach(ctx, &o.connectOptions, a.playReport(o))
	if err != nil {
		return err
	}
	defer x.close()
	x.saves = &saves{dir: s.book.Dir, fetched: x.report.Fetched, dests: map[string]bool{}}
	runs, err := x.prepare(ctx, o, s, plays)
	if err != nil {
		return err
	}
	for _, w := range slices.Concat(warnings, lint.Warnings(found)) {
		x.report.Warn(w.Pos, withParentheses(w))
	}
	r := run.New(x.report)
	a.interrupts.stopBy(func() {
		x.report.Say("stopping: each host finishes or undoes what it is at; interrupt once more to leave at once")
		r.Stop()
	})
	r.Plays(ctx, runs)
	saved := x.saveDeployments(o, s, runs)
	x.report.Recap()
	return errors.Join(x.result(), saved)
}

func withParentheses(e *diag.Error) string {
	if e.Hint == "" {
		return e.Msg
	}
	return e.Msg + " (" + e.Hint + ")"
}

func (a *app) playReport(o *runOptions) report.Config {
	c := report.Config{Diff: o.Diff || o.Check && !o.Explain}
	if o.Explain {
		c.Explain = state.Explain
	}
	return c
}

// prepare makes runs of compiled plays: which fleet, which batches, what to begin with.
func (x *reach) prepare(ctx context.Context, o *runOptions, s *site, plays []*ready) ([]*run.Play, error) {
	id := x.runID()
	var out []*run.Play
	var errs diag.List
	for _, r := range plays {
		hosts := slices.Concat(r.hosts, delegates(s.inv, r.compiled))
		f, err := x.fleet(ctx, loginOf(r), s.extra, hosts)
		errs.Add(err)
		begin, err := x.begin(o, r, id)
		errs.Add(err)
		begin.Playbook, begin.Prunes = s.playbook(), s.prune
		for _, sc := range r.compiled.Scripts {
			for _, segment := range slices.Concat(sc.Segments, [][]*script.Node{sc.Handlers}) {
				x.saves.note(segment)
			}
		}
		out = append(out, &run.Play{
			Fleet: f, Begin: begin, Batches: batches(r), Scripts: r.compiled.Scripts, Tasks: tasksOf(r.play, !s.adhoc),
			Together: r.play.AnyErrorsFatal, MaxFail: r.play.MaxFailPercentage, IgnoreUnreachable: r.play.IgnoreUnreachable,
		})
	}
	if s.prune && errs.Err() == nil {
		out = append(out, x.drops(out, s, "stale")...)
	}
	return out, errs.Err()
}

func batches(r *ready) [][]string {
	var out [][]string
	for _, b := range r.play.Batches(r.hosts) {
		out = append(out, hostNames(b))
	}
	return out
}

// runID sorts by time, to a part of a second: 20260102T150405-3fa9.
func (a *app) runID() string {
	now := a.Now().UTC()
	return fmt.Sprintf("%s-%04x", now.Format("20060102T150405"), now.Nanosecond()*(1<<16)/1_000_000_000)
}

// by names who runs netrun, for locks and journals.
func (a *app) by() string { return a.User + "@" + a.Hostname }

func (x *reach) begin(o *runOptions, r *ready, id string) (wire.Begin, error) {
	mode, deadline := o.always, o.deadline
	if o.Confirm == "" && r.play.Confirm != "" {
		var err error
		if mode, deadline, err = confirmation(r.play.Confirm); err != nil {
			return wire.Begin{}, err
		}
	}
	b := wire.Begin{
		Run: id, Play: r.index, Name: r.play.Name, By: x.by(), Owner: owner, Verbose: o.Verbose > 0,
		Texts:   o.Diff || o.Check && !o.Explain,
		Check:   o.Check || r.play.CheckMode != nil && *r.play.CheckMode,
		Confirm: firstOf(mode, "auto"), Deadline: int(deadline.Milliseconds()),
	}
	for _, p := range r.play.Probes {
		b.Probes = append(b.Probes, wire.Probe{Ping: p.Ping, TCP: p.TCP})
	}
	return b, nil
}

// owner is the mark on what netrun creates.
const owner = "netrun"

// loginOf is how the play's hosts are reached.
func loginOf(r *ready) login {
	l := login{connection: r.play.Connection, user: r.play.RemoteUser, port: r.play.Port, becomeMethod: r.play.BecomeMethod,
		become: r.play.Become != nil && *r.play.Become}
	for _, sc := range r.compiled.Scripts {
		for _, segment := range slices.Concat(sc.Segments, [][]*script.Node{sc.Handlers}) {
			l.become = l.become || anyBecomes(segment)
		}
	}
	return l
}

func anyBecomes(nodes []*script.Node) bool {
	return slices.ContainsFunc(nodes, func(n *script.Node) bool {
		return n.Become || anyBecomes(n.Block) || anyBecomes(n.Rescue) || anyBecomes(n.Always)
	})
}

// delegates are the hosts that tasks are delegated to. Compiling has seen to it
// that the inventory knows them.
func delegates(inv *inventory.Inventory, c *playbooks.Compiled) []*inventory.Host {
	var out []*inventory.Host
	for _, sc := range c.Scripts {
		for _, segment := range sc.Segments {
			for _, n := range segment {
				if n.Delegate == "" {
					continue
				}
				hosts, err := inv.Match(n.Delegate)
				if err == nil {
					out = append(out, hosts...)
				}
			}
		}
	}
	return out
}

// tasksOf lists the play's tasks, blocks unfolded, handlers last.
func tasksOf(p *playbooks.Play, places bool) []report.Task {
	var out []report.Task
	var add func(tasks []*playbooks.Task, handler bool)
	add = func(tasks []*playbooks.Task, handler bool) {
		for _, t := range tasks {
			if t.Kind != "" && t.Kind != "meta" {
				out = append(out, report.Task{ID: t.ID, Name: t.Name, Kind: t.Kind, Role: t.Role, Handler: handler})
				if places {
					out[len(out)-1].Pos = &t.Pos
				}
			}
			add(t.Block, handler)
			add(t.Rescue, handler)
			add(t.Always, handler)
		}
	}
	add(p.Tasks, false)
	add(p.Handlers, true)
	return out
}

// nodeName is a task's name, or its kind.
func nodeName(n *script.Node) string {
	if name, ok := n.Name.V.(string); ok && name != "" {
		return name
	}
	return n.Kind
}
