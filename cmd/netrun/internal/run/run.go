// Package run takes compiled plays through their batches of hosts: which hosts are
// left out after a failure, and when there is no point in going on.
//
// It knows no inventory, no connection and no terminal; what one play does on its
// hosts is the fleet's business.
package run

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"netrun/cmd/netrun/internal/fleet"
	"netrun/cmd/netrun/internal/report"
	"netrun/playbooks/script"
	"netrun/remote-helper/wire"
)

// Fleet is the hosts that a play runs on: a *fleet.Fleet.
type Fleet interface {
	Play(ctx context.Context, p fleet.Play) map[string]fleet.Outcome
	Stop()
}

// Reporter is told where the run is.
type Reporter interface {
	PlayStart(p report.Play)
	PlayEnd()
	Say(msg string)
}

// Play is a compiled play.
type Play struct {
	Fleet   Fleet
	Begin   wire.Begin // without Script
	Batches [][]string // hosts
	Scripts map[string]*script.Script
	Tasks   []report.Task
	// Together makes a batch stand on all of its hosts or on none; if it fails, the run ends.
	Together bool
	// MaxFail is how many percent of a batch may fail, nil for all but the last one.
	MaxFail *float64
	// IgnoreUnreachable keeps hosts that were unreachable in the plays that follow.
	IgnoreUnreachable bool

	stood int // batches that stand on all of their hosts
}

// Stood reports whether the play has been run on all of its hosts, and stands on them.
func (p *Play) Stood() bool { return p.stood == len(p.Batches) }

// Run is one run of several plays.
type Run struct {
	report Reporter

	mu      sync.Mutex
	current Fleet
	stopped bool
	gone    map[string]bool // hosts that are left out
}

// New is a run that has not begun.
func New(r Reporter) *Run { return &Run{report: r, gone: map[string]bool{}} }

// Stop asks the hosts of the running play to stop, and lets no further batch begin.
func (r *Run) Stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stopped = true
	if r.current != nil {
		r.current.Stop()
	}
}

// Plays runs the plays one after the other, until they are through, or an end of
// the context, Stop or failed hosts leave no point in going on.
func (r *Run) Plays(ctx context.Context, plays []*Play) {
	for i, p := range plays {
		if len(p.Batches) == 0 {
			r.report.Say(fmt.Sprintf("play %q: no hosts", p.Begin.Name))
		}
		for j, hosts := range p.Batches {
			if hosts = r.left(hosts); len(hosts) == 0 {
				continue
			}
			if !r.enter(ctx, p.Fleet) {
				return
			}
			why := r.batch(ctx, p, hosts)
			if last := i == len(plays)-1 && j == len(p.Batches)-1; why != "" && !last {
				r.report.Say("the run ends here: " + why)
			}
			if why != "" {
				return
			}
		}
	}
}

// left is the hosts without those that have failed.
func (r *Run) left(hosts []string) []string {
	return slices.DeleteFunc(slices.Clone(hosts), func(h string) bool { return r.gone[h] })
}

// enter makes the fleet the one that Stop stops, and reports whether to go on.
func (r *Run) enter(ctx context.Context, f Fleet) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.current = f
	return !r.stopped && ctx.Err() == nil
}

// batch runs a play on some of its hosts, and says why the run ends here, if it does.
func (r *Run) batch(ctx context.Context, p *Play, hosts []string) string {
	r.report.PlayStart(report.Play{Run: p.Begin.Run, Name: p.Begin.Name, Hosts: hosts, Tasks: p.Tasks, Check: p.Begin.Check})
	outcomes := p.Fleet.Play(ctx, fleet.Play{Begin: p.Begin, Hosts: hosts, Scripts: p.Scripts, Together: p.Together})
	r.report.PlayEnd()
	failed, stood := 0, true
	for _, h := range hosts {
		o := outcomes[h]
		if o.OK() {
			continue
		}
		stood = false
		if o.Unreachable != nil && p.IgnoreUnreachable {
			continue
		}
		failed++
		r.gone[h] = true
	}
	if stood {
		p.stood++
	}
	switch percent := 100 * float64(failed) / float64(len(hosts)); {
	case failed == 0:
		return ""
	case p.Together:
		return "a host failed, and any_errors_fatal is set"
	case failed == len(hosts):
		return "no host is left of this batch"
	case p.MaxFail != nil && percent > *p.MaxFail:
		return fmt.Sprintf("%.0f%% of this batch failed, and max_fail_percentage is %g", percent, *p.MaxFail)
	}
	return ""
}
