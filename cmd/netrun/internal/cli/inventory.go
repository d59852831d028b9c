package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"netrun/inventory"
	"netrun/inventory/diag"
)

// InventoryOptions are the flags of netrun inventory.
type InventoryOptions struct {
	inventoryOptions
	Graph bool
	List  bool
	Host  string
}

// AddFlags adds them to the command.
func (o *InventoryOptions) AddFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	o.addFlags(f)
	f.BoolVar(&o.Graph, "graph", false, "the tree of groups and hosts (the default)")
	f.BoolVar(&o.List, "list", false, "everything, as JSON")
	f.StringVar(&o.Host, "host", "", "the variables of one host, as JSON")
	cmd.MarkFlagsMutuallyExclusive("graph", "list", "host")
}

func (a *app) inventoryCommand() *cobra.Command {
	o := &InventoryOptions{}
	cmd := &cobra.Command{
		Use:   "inventory",
		Short: "Show the hosts, the groups and their variables",
		Long: `Show the hosts, the groups and their variables, as ansible-inventory does.
Values of variables that name a secret are masked.`,
		Example: `  netrun inventory -i hosts.ini --graph
  netrun inventory -i hosts.ini -i more.yaml --host web1`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.showInventory(cmd.Context(), o) },
	}
	o.AddFlags(cmd)
	return cmd
}

func (a *app) showInventory(ctx context.Context, o *InventoryOptions) error {
	if !o.given(a) {
		return usagef("no inventory: give -i, or set NETRUN_INVENTORY")
	}
	inv, err := o.load(ctx, a, "")
	if err != nil {
		return err
	}
	switch {
	case o.Host != "":
		h := inv.Host(o.Host)
		if h == nil {
			return diag.Errorf(diag.Pos{}, "no host %q in the inventory", o.Host).WithHint("%s", diag.DidYouMean(o.Host, hostNames(inv.Hosts())))
		}
		return printJSON(a.Stdout, inventory.Masked(h.Vars()))
	case o.List:
		return printJSON(a.Stdout, inv.List())
	}
	return inv.Graph(a.Stdout)
}

func hostNames(hosts []*inventory.Host) []string {
	out := make([]string, len(hosts))
	for i, h := range hosts {
		out[i] = h.Name()
	}
	return out
}

// printJSON prints for people and programs alike: indented, keys sorted.
func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "    ")
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("print JSON: %w", err)
	}
	return nil
}
