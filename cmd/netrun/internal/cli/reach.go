package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"netrun/cmd/netrun/internal/dial"
	"netrun/cmd/netrun/internal/fleet"
	"netrun/cmd/netrun/internal/report"
	"netrun/inventory"
)

// reach is a command's way to hosts: the report, the dialer, and a fleet for each login.
type reach struct {
	*app
	options *connectOptions
	report  *report.Report
	dialer  *dial.Dialer
	mu      sync.Mutex
	fleets  map[login]*fleet.Fleet
	saves   *saves      // where fetched files go; nil for verbs that fetch none
	unhang  func() bool // keeps the end of the context from ending sessions
	done    context.CancelFunc
	watched chan struct{}
}

// newReach asks for the passwords that flags promise; it contacts nobody yet.
func (a *app) newReach(ctx context.Context, o *connectOptions, r report.Config) (*reach, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	x := &reach{app: a, options: o, fleets: map[login]*fleet.Fleet{}, watched: make(chan struct{})}
	if err := x.askBecome(ctx); err != nil {
		return nil, err
	}
	if o.AskPassword && a.Terminal == nil {
		return nil, usagef("-k: there is no terminal to ask for the password on (set ansible_password, or use a key)")
	}
	x.report = report.New(x.reportConfig(r))
	x.dialer = dial.New(x.dialConfig())
	watch, done := context.WithCancel(context.WithoutCancel(ctx))
	x.done = done
	go func() {
		defer close(x.watched)
		x.report.Watch(watch)
	}()
	// A second signal ends all sessions: the hosts undo by themselves.
	x.unhang = context.AfterFunc(ctx, x.hangUp)
	return x, nil
}

func (x *reach) askBecome(ctx context.Context) error {
	if !x.options.AskBecome {
		return nil
	}
	if x.Terminal == nil {
		return usagef("-K: there is no terminal to ask for the password on (set ansible_become_password)")
	}
	asker := asker{x.Terminal, func(ask func()) { ask() }}
	var err error
	x.options.becomePassword, err = asker.Ask(ctx, "become password: ", true)
	return err
}

func (x *reach) reportConfig(c report.Config) report.Config {
	o := x.options
	c.Now, c.Size, c.Verbose = x.Now, x.Size, o.Verbose
	if c.Out == nil || o.JSON {
		c.Out = x.Stdout
	}
	c.Color = x.Size != nil && !o.NoColor && x.Getenv("NO_COLOR") == ""
	switch {
	case o.JSON:
		c.Mode = report.JSON
	case x.Size != nil && c.Out == x.Stdout:
		c.Mode = report.Live
	}
	return c
}

func (x *reach) dialConfig() dial.Config {
	o := x.options
	c := dial.Config{
		User: x.User, Home: x.Home, Agent: x.Getenv("SSH_AUTH_SOCK"), AcceptNew: o.AcceptNew, AskPassword: o.AskPassword,
		Forks: o.Forks, Timeout: o.Timeout,
	}
	if o.SSHConfig != "" {
		c.SSHConfigFiles = []string{o.SSHConfig}
	}
	if o.KnownHosts != "" {
		c.KnownHosts = []string{o.KnownHosts}
	}
	if x.Terminal != nil {
		c.Ask = x.asker()
	}
	if o.Verbose > 1 {
		c.Logf = func(format string, a ...any) { x.report.Say(fmt.Sprintf(format, a...)) }
	}
	return c
}

func (x *reach) asker() asker { return asker{x.Terminal, x.report.Suspend} }

// fleet is that of the login, with the hosts in it.
func (x *reach) fleet(ctx context.Context, l login, extra map[string]any, hosts []*inventory.Host) (*fleet.Fleet, error) {
	f := x.fleetOf(ctx, l)
	ways := targets{x.options, x.Home, l, extra}
	var errs []error
	for _, h := range hosts {
		target, err := ways.target(h)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		f.Add(target)
	}
	return f, errors.Join(errs...)
}

func (x *reach) fleetOf(ctx context.Context, l login) *fleet.Fleet {
	x.mu.Lock()
	defer x.mu.Unlock()
	f := x.fleets[l]
	if f == nil {
		c := fleet.Config{Dialer: x.dialer, Source: x.Helpers, Report: x.report, Forks: x.options.Forks,
			AcceptKeys: func(keys []*dial.UnknownKey) bool { return x.acceptKeys(ctx, keys) }}
		if x.saves != nil {
			c.Save = x.saves.open
		}
		f = fleet.New(c, nil)
		x.fleets[l] = f
	}
	return f
}

// all lists the fleets.
func (x *reach) all() []*fleet.Fleet {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.Collect(maps.Values(x.fleets))
}

// acceptKeys asks about all unknown host keys at once.
func (x *reach) acceptKeys(ctx context.Context, keys []*dial.UnknownKey) bool {
	var b strings.Builder
	b.WriteString("host keys that known_hosts does not hold:\n")
	for _, k := range keys {
		fmt.Fprintf(&b, "  %s (%s) %s %s\n", k.Host, k.Addr, k.Key.Type(), k.Fingerprint)
	}
	if x.Terminal == nil {
		x.report.Say(b.String() + "no terminal to ask on: --accept-new accepts them all, and adds them to known_hosts")
		return false
	}
	answer, err := x.asker().Ask(ctx, b.String()+"accept them, and add them to known_hosts? [yes/no] ", false)
	return err == nil && strings.EqualFold(strings.TrimSpace(answer), "yes")
}

// stop asks the hosts of all fleets to stop.
func (x *reach) stop() {
	for _, f := range x.all() {
		f.Stop()
	}
}

// hangUp ends all sessions.
func (x *reach) hangUp() {
	for _, f := range x.all() {
		f.Close()
	}
}

// close ends what newReach has begun.
func (x *reach) close() {
	x.unhang()
	x.hangUp()
	x.dialer.Close()
	x.done()
	<-x.watched
	x.report.Close()
}

// result is the end of the command by the counts of its hosts.
func (x *reach) result() error {
	failed, unreachable := false, false
	for _, s := range x.report.Stats() {
		failed = failed || s.Failed > 0
		unreachable = unreachable || s.Unreachable > 0
	}
	switch {
	case failed:
		return errFailed
	case unreachable:
		return errUnreachable
	}
	return nil
}
