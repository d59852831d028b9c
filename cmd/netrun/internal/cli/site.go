package cli

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"netrun/inventory"
	"netrun/inventory/diag"
	"netrun/playbooks"
)

// runOptions are the flags of the verbs that run tasks.
type runOptions struct {
	connectOptions
	Extra    []string
	Check    bool
	Diff     bool
	Explain  bool
	Confirm  string
	always   string // "always", "never" or "": what Confirm comes to
	deadline time.Duration
	inv      *inventory.Inventory // if it has been loaded
}

// AddFlags adds them to the command.
func (o *runOptions) AddFlags(cmd *cobra.Command) {
	o.connectOptions.AddFlags(cmd)
	f := cmd.Flags()
	f.StringArrayVarP(&o.Extra, "extra-vars", "e", nil, "variables: name=value, JSON, or @FILE; they win over all others; repeatable")
	f.BoolVarP(&o.Check, "check", "C", false, "change nothing: show what would be changed")
	f.BoolVarP(&o.Diff, "diff", "D", false, "show each change")
	f.BoolVar(&o.Explain, "explain", false, "change nothing: show the changes as the commands that a person would type")
	addConfirmFlag(cmd, &o.Confirm)
}

func addConfirmFlag(cmd *cobra.Command, value *string) {
	cmd.Flags().StringVar(value, "confirm", "",
		"confirm over a fresh connection what SSH hangs on, within this time (60s), or the host\nundoes it by itself; always: every change; never: nothing")
}

func (o *runOptions) check() error {
	if o.Explain {
		o.Check = true
	}
	var err error
	o.always, o.deadline, err = confirmation(o.Confirm)
	return errors.Join(err, o.connectOptions.check())
}

// confirmation reads a value of --confirm, or of a play's confirm.
func confirmation(text string) (mode string, deadline time.Duration, err error) {
	switch text {
	case "always", "never":
		return text, defaultDeadline, nil
	case "", "auto":
		return "", defaultDeadline, nil
	}
	deadline, err = parseSeconds(text)
	if err != nil || deadline < time.Second {
		return "", 0, usagef("--confirm %q: want a time of 1s or more, always or never", text)
	}
	return "", deadline, nil
}

const defaultDeadline = 60 * time.Second

// site is a playbook with the hosts it is for.
type site struct {
	inv   *inventory.Inventory
	book  *playbooks.Playbook
	extra map[string]any
	adhoc bool   // made of the command line: its places are of no use to anybody
	prune bool   // the run ends by taking away what the playbook wanted earlier
	kept  string // under what name hosts keep what it wants; "" for the usual one
}

// adhocName is under what name hosts keep what single tasks wanted.
const adhocName = "netrun task"

// playbook is under what name hosts keep what the playbook wants: its folder and
// file, so that it is the same from each person's own checkout.
func (s *site) playbook() string {
	switch {
	case s.kept != "":
		return s.kept
	case s.adhoc:
		return adhocName
	}
	dir, err := filepath.Abs(s.book.Dir)
	if err != nil {
		dir = s.book.Dir
	}
	return filepath.Base(dir) + "/" + filepath.Base(s.book.File)
}

// loadSite reads everything; all mistakes are in the error.
func (a *app) loadSite(ctx context.Context, o *runOptions, file string, read func(string) ([]byte, error)) (*site, error) {
	inv, invErr := o.inv, error(nil)
	if inv == nil {
		inv, invErr = o.load(ctx, a, filepath.Dir(file))
	}
	options := playbooks.Options{Sources: a.sources, ReadFile: read}
	extra, extraErr := playbooks.ExtraVars(o.Extra, options)
	options.Extra, options.Inventory = extra, inv
	book, bookErr := playbooks.Load(file, options)
	if err := sorted(invErr, extraErr, bookErr); err != nil {
		return nil, err
	}
	if o.Limit != "" {
		if _, err := inv.Match(o.Limit); err != nil {
			return nil, withHint(err, "--limit")
		}
	}
	if len(book.Deployments) > 0 && o.Limit != "" {
		return nil, usagef("--limit: a deployment is of all its hosts; name them in its task, or as arguments of netrun deploy")
	}
	return &site{inv: inv, book: book, extra: extra}, nil
}

// sorted is all mistakes as one error, each once.
func sorted(errs ...error) error {
	var list diag.List
	for _, err := range errs {
		list.Add(err)
	}
	return list.Err()
}

func withHint(err error, what string) error {
	var d *diag.Error
	if errors.As(err, &d) {
		return &diag.Error{Pos: diag.Pos{File: what}, Msg: d.Msg, Hint: d.Hint}
	}
	return err
}

// match lists the play's hosts.
func (s *site) match(p *playbooks.Play, o *runOptions, given bool) ([]*inventory.Host, error) {
	hosts, err := p.Match(s.inv, o.Limit)
	var d *diag.Error
	if errors.As(err, &d) && !given {
		return nil, d.WithHint(noInventory)
	}
	if err == nil && len(hosts) == 0 && !given {
		return nil, diag.Errorf(p.Hosts.Pos, "hosts: %q names no host", p.Hosts.Value).WithHint(noInventory)
	}
	return hosts, err
}

const noInventory = "there is no inventory: give -i, or set NETRUN_INVENTORY"

// ready is a play that is compiled for its hosts.
type ready struct {
	index    int // of the play in the playbook
	play     *playbooks.Play
	hosts    []*inventory.Host
	compiled *playbooks.Compiled
}

// selection is what of the playbook is to be run.
type selection struct {
	tags, skipTags []string
	startAt        string
}

// compile makes all plays ready; all mistakes are in the error.
func (a *app) compile(s *site, o *runOptions, sel selection) ([]*ready, error) {
	first := 0
	if sel.startAt != "" {
		at, err := s.book.StartAt(sel.startAt)
		if err != nil {
			return nil, err
		}
		first = at
	}
	var out []*ready
	var errs diag.List
	for i, p := range s.book.Plays {
		if i < first {
			continue
		}
		options := a.compileOptions(s, o, p, sel)
		if i == first {
			options.StartAt = sel.startAt
		}
		hosts, err := s.match(p, o, o.given(a))
		errs.Add(err)
		compiled, err := p.Compile(hosts, options)
		errs.Add(err)
		out = append(out, &ready{i, p, hosts, compiled})
	}
	return out, errs.Err()
}

func (a *app) compileOptions(s *site, o *runOptions, p *playbooks.Play, sel selection) playbooks.CompileOptions {
	return playbooks.CompileOptions{
		Inventory: s.inv, InventoryDir: o.dir(a), Tags: sel.tags, SkipTags: sel.skipTags,
		Check: o.Check || p.CheckMode != nil && *p.CheckMode,
	}
}

// dir is the directory of the first inventory, "" for a list of hosts.
func (o *inventoryOptions) dir(a *app) string {
	sources := o.sources
	if env := a.Getenv("NETRUN_INVENTORY"); len(sources) == 0 && env != "" {
		sources = []string{env}
	}
	for _, s := range sources {
		if info, err := os.Stat(s); err == nil {
			if info.IsDir() {
				return s
			}
			return filepath.Dir(s)
		}
	}
	return ""
}
