package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"netrun/cmd/netrun/internal/report"
	"netrun/remote-helper/wire"
)

// HistoryOptions are the flags of netrun history.
type HistoryOptions struct{ connectOptions }

func (a *app) historyCommand() *cobra.Command {
	o := &HistoryOptions{}
	cmd := &cobra.Command{
		Use:   "history [PATTERN]",
		Short: "Show which plays hosts have in their journals",
		Long: `Show which plays hosts have in their journals, the last one first. What stands
there can be undone: netrun undo --run RUN.`,
		Example: "  netrun history -i hosts.ini nodes",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.history(cmd.Context(), o, cmp.Or(append(args, "all")[0], "all"))
		},
	}
	o.AddFlags(cmd)
	return cmd
}

// past is one play of one host.
type past struct {
	host string
	wire.PastPlay
}

// pasts lists what the hosts answered, the last play first.
func pasts(answers map[string]wire.Event) []past {
	var out []past
	for h, e := range answers {
		if e.Past == nil {
			continue
		}
		for _, p := range e.Past.Plays {
			out = append(out, past{h, p})
		}
	}
	slices.SortFunc(out, func(a, b past) int {
		return cmp.Or(cmp.Compare(b.Run, a.Run), cmp.Compare(a.host, b.host), b.Started.Compare(a.Started), cmp.Compare(a.Name, b.Name))
	})
	return out
}

func (a *app) history(ctx context.Context, o *HistoryOptions, pattern string) error {
	q := question{pattern, wire.Request{History: &wire.History{}}}
	x, answers, err := a.askHosts(ctx, &o.connectOptions, q, report.Config{Out: a.Stderr})
	if err != nil {
		return err
	}
	defer x.close()
	if !o.JSON {
		if err := a.printHistory(pasts(answers)); err != nil {
			return err
		}
	}
	return x.result()
}

func (a *app) printHistory(plays []past) error {
	tw := tabwriter.NewWriter(a.Stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(tw, "RUN\tHOST\tSTARTED\tCHANGES\tSTATE\tBY\tPLAY")
	for _, p := range plays {
		fmt.Fprintf(tw, "%s\t%s\t%s\t%d\t%s\t%s\t%s\n", safe(p.Run), p.host, p.Started.UTC().Format(time.DateTime), p.Changes, safe(p.State), safe(p.By), safe(p.Name))
	}
	return tw.Flush()
}
