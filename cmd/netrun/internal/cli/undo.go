package cli

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"netrun/cmd/netrun/internal/report"
	"netrun/inventory/diag"
	"netrun/remote-helper/wire"
)

// UndoOptions are the flags of netrun undo.
type UndoOptions struct {
	connectOptions
	Run     string
	Check   bool
	Confirm string
}

// AddFlags adds them to the command.
func (o *UndoOptions) AddFlags(cmd *cobra.Command) {
	o.connectOptions.AddFlags(cmd)
	cmd.Flags().StringVar(&o.Run, "run", "", "the run to undo, as history shows it (default the last one of these hosts)")
	cmd.Flags().BoolVarP(&o.Check, "check", "C", false, "change nothing: show what would be undone")
	addConfirmFlag(cmd, &o.Confirm)
}

func (a *app) undoCommand() *cobra.Command {
	o := &UndoOptions{}
	cmd := &cobra.Command{
		Use:   "undo [PATTERN]",
		Short: "Undo the last run on the hosts",
		Long: `Undo the last run on the hosts (all, or those of a pattern), from their journals:
what its plays had changed is put back, the last change first. What somebody else
has changed since is left as it is, and named. Acts (command, container,
service, ...) are not undone any more, and are named too.`,
		Example: `  netrun undo -i hosts.ini --check
  netrun undo -i hosts.ini nodes --run 20260102T150405-3fa9`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.undo(cmd.Context(), o, append(args, "all")[0])
		},
	}
	o.AddFlags(cmd)
	return cmd
}

func (a *app) undo(ctx context.Context, o *UndoOptions, pattern string) error {
	mode, deadline, err := confirmation(o.Confirm)
	if err != nil {
		return err
	}
	x, answers, err := a.askHosts(ctx, &o.connectOptions, question{pattern, wire.Request{History: &wire.History{}}}, report.Config{})
	if err != nil {
		return err
	}
	defer x.close()
	plays, err := chosenRun(pasts(answers), o.Run)
	if err != nil {
		return err
	}
	if len(plays) == 0 {
		x.report.Say("nothing to undo: the journals of these hosts hold no play")
		return x.result()
	}
	a.interrupts.stopBy(x.stop)
	x.report.PlayStart(report.Play{Run: plays[0].Run, Name: "undo " + plays[0].Run, Hosts: hostsOf(plays), Check: o.Check})
	for _, line := range summary(plays) {
		x.report.Say(line)
	}
	x.fleetOf(ctx, login{}).Ask(ctx, hostsOf(plays), wire.Request{Undo: &wire.Undo{
		Run: plays[0].Run, By: a.by(), Check: o.Check, Confirm: firstOf(mode, "auto"), Deadline: int(deadline.Milliseconds()),
	}})
	x.report.PlayEnd()
	return x.result()
}

// chosenRun is the plays of the run, or of the last one. They come with the last one first.
func chosenRun(plays []past, run string) ([]past, error) {
	if run == "" && len(plays) > 0 {
		run = plays[0].Run
	}
	var out []past
	var runs []string
	for _, p := range plays {
		if p.Run == run {
			out = append(out, p)
		}
		runs = append(runs, p.Run)
	}
	if len(out) == 0 && run != "" {
		return nil, diag.Errorf(diag.Pos{}, "--run %s: no such run in the journals of these hosts", run).
			WithHint("%s", diag.DidYouMean(run, slices.Compact(runs)))
	}
	return out, nil
}

func hostsOf(plays []past) []string {
	var out []string
	for _, p := range plays {
		out = append(out, p.host)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// summary is a line for each play of the run: when, whose, on which hosts.
func summary(plays []past) []string {
	var names []string
	hosts := map[string][]string{}
	first := map[string]past{}
	for _, p := range plays {
		if _, known := first[p.Name]; !known {
			names = append(names, p.Name)
			first[p.Name] = p
		}
		hosts[p.Name] = append(hosts[p.Name], fmt.Sprintf("%s (%d)", p.host, p.Changes))
	}
	var out []string
	for _, n := range names {
		p := first[n]
		out = append(out, fmt.Sprintf("play %q of %s by %s; changes: %s", n, p.Started.UTC().Format(time.DateTime+" UTC"), safe(p.By), strings.Join(hosts[n], ", ")))
	}
	return out
}

// safe makes a text from a host harmless to a terminal.
func safe(s string) string {
	quoted := strconv.Quote(s)
	if quoted[1:len(quoted)-1] == s {
		return s
	}
	return quoted
}
