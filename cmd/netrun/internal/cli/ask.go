package cli

import (
	"context"
	"errors"
	"slices"

	"netrun/cmd/netrun/internal/report"
	"netrun/inventory"
	"netrun/inventory/diag"
	"netrun/remote-helper/wire"
)

// pattern lists the hosts of the inventory that the pattern and --limit name.
func (o *connectOptions) pattern(ctx context.Context, a *app, pattern string) ([]*inventory.Host, error) {
	inv, err := o.load(ctx, a, ".")
	if err != nil {
		return nil, err
	}
	hosts, err := inv.Match(pattern)
	if err != nil {
		return nil, o.noHosts(a, withHint(err, "argument 1"))
	}
	if o.Limit != "" {
		some, err := inv.Match(o.Limit)
		if err != nil {
			return nil, withHint(err, "--limit")
		}
		hosts = slices.DeleteFunc(hosts, func(h *inventory.Host) bool { return !slices.Contains(some, h) })
	}
	if len(hosts) == 0 {
		return nil, o.noHosts(a, diag.Errorf(diag.Pos{}, "pattern %q names no host", pattern))
	}
	return hosts, nil
}

// noHosts adds to an error what is missing, if that is the inventory.
func (o *connectOptions) noHosts(a *app, err error) error {
	var d *diag.Error
	if errors.As(err, &d) && !o.given(a) {
		return d.WithHint(noInventory)
	}
	return err
}

// question is what all hosts of a pattern are asked.
type question struct {
	pattern string
	request wire.Request
}

// askHosts connects to the hosts and collects their answers to one question. The
// reach is the caller's to close.
func (a *app) askHosts(ctx context.Context, o *connectOptions, q question, c report.Config) (*reach, map[string]wire.Event, error) {
	hosts, err := o.pattern(ctx, a, q.pattern)
	if err != nil {
		return nil, nil, err
	}
	x, err := a.newReach(ctx, o, c)
	if err != nil {
		return nil, nil, err
	}
	f, err := x.fleet(ctx, login{}, nil, hosts)
	if err != nil {
		x.close()
		return nil, nil, err
	}
	return x, f.Ask(ctx, hostNames(hosts), q.request), nil
}
