package cli

import (
	"context"

	"github.com/spf13/pflag"

	"netrun/inventory"
)

// inventoryOptions are the flags of all verbs that read an inventory.
type inventoryOptions struct {
	sources []string
}

func (o *inventoryOptions) addFlags(f *pflag.FlagSet) {
	f.StringArrayVarP(&o.sources, "inventory", "i", nil,
		"inventory: file, directory, executable, or hosts with a comma (\"a,b\" or \"a,\"); repeatable\n(default $NETRUN_INVENTORY)")
}

// load reads the inventory; playbookDir is "" where no playbook is played.
func (o *inventoryOptions) load(ctx context.Context, a *app, playbookDir string) (*inventory.Inventory, error) {
	sources := o.sources
	if env := a.Getenv("NETRUN_INVENTORY"); len(sources) == 0 && env != "" {
		sources = []string{env}
	}
	return inventory.Load(ctx, sources, inventory.Options{PlaybookDir: playbookDir, Sources: a.sources})
}

// given reports whether the person has named an inventory at all.
func (o *inventoryOptions) given(a *app) bool {
	return len(o.sources) > 0 || a.Getenv("NETRUN_INVENTORY") != ""
}
