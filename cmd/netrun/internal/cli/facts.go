package cli

import (
	"context"

	"github.com/spf13/cobra"

	"netrun/cmd/netrun/internal/report"
	"netrun/remote-helper/wire"
)

// FactsOptions are the flags of netrun facts.
type FactsOptions struct{ connectOptions }

func (a *app) factsCommand() *cobra.Command {
	o := &FactsOptions{}
	cmd := &cobra.Command{
		Use:   "facts PATTERN",
		Short: "Show the facts of hosts",
		Long:  "Show the facts of hosts as JSON, by host: what templates and conditions see as facts.",
		Example: `  netrun facts -i hosts.ini node1
  netrun facts -i hosts.ini all --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.facts(cmd.Context(), o, args[0]) },
	}
	o.AddFlags(cmd)
	return cmd
}

func (a *app) facts(ctx context.Context, o *FactsOptions, pattern string) error {
	q := question{pattern, wire.Request{Facts: &wire.Facts{}}}
	x, answers, err := a.askHosts(ctx, &o.connectOptions, q, report.Config{Out: a.Stderr})
	if err != nil {
		return err
	}
	defer x.close()
	byHost := map[string]any{}
	for h, e := range answers {
		if e.Gathered != nil {
			byHost[h] = e.Gathered.Facts
		}
	}
	if !o.JSON {
		if err := printJSON(a.Stdout, byHost); err != nil {
			return err
		}
	}
	return x.result()
}
