package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"netrun/cmd/netrun/internal/lint"
	"netrun/inventory/diag"
)

// LintOptions are the flags of netrun lint.
type LintOptions struct {
	inventoryOptions
	Extra []string
	Limit string
}

// AddFlags adds them to the command.
func (o *LintOptions) AddFlags(cmd *cobra.Command) {
	o.addFlags(cmd.Flags())
	cmd.Flags().StringArrayVarP(&o.Extra, "extra-vars", "e", nil, "variables: name=value, JSON, or @FILE; repeatable")
	cmd.Flags().StringVarP(&o.Limit, "limit", "l", "", "look only at those hosts that match this pattern too")
}

func (a *app) lintCommand() *cobra.Command {
	o := &LintOptions{}
	cmd := &cobra.Command{
		Use:   "lint SITE.yaml...",
		Short: "Look for mistakes in playbooks and in the network that they make",
		Long: `Look for mistakes in playbooks and in the network that they make, without
contacting a host: unknown keys, arguments and variables; and over all hosts
duplicate addresses and MACs, overlapping subnets, tunnels with one end, MTUs that
do not fit through a tunnel, gateways outside their subnet, two owners of one
object. Without an inventory only the playbooks themselves are read.`,
		Example: "  netrun lint -i hosts.ini site.yaml",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var errs diag.List
			for _, file := range args {
				errs.Add(a.lint(cmd.Context(), o, file))
			}
			return errs.Err()
		},
	}
	o.AddFlags(cmd)
	return cmd
}

func (a *app) lint(ctx context.Context, o *LintOptions, file string) error {
	options := &runOptions{connectOptions: connectOptions{inventoryOptions: o.inventoryOptions, Limit: o.Limit}, Extra: o.Extra}
	s, err := a.loadSite(ctx, options, file, nil)
	if err != nil {
		return err
	}
	warnings := s.book.Warnings
	what := "no mistakes; its hosts were not looked at, since no inventory is given"
	if o.given(a) {
		plays, err := a.compile(s, options, selection{})
		if err != nil {
			return err
		}
		found := findings(s.inv, plays)
		warnings = append(warnings, lint.Warnings(found)...)
		if err := lint.Errors(found); err != nil {
			return err
		}
		what = "no mistakes"
	}
	for _, w := range warnings {
		shown := &diag.Error{Pos: w.Pos, Msg: "warning: " + w.Msg, Hint: w.Hint}
		if err := a.sources.Show(a.Stdout, shown); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(a.Stdout, "%s: %s\n", file, what)
	return err
}
