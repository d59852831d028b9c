package serve

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"netrun/remote-helper/internal/guard"
	"netrun/remote-helper/wire"
)

// A confirmation is decided by who renames TOKEN.pending first: the confirming
// process to .confirmed, or the waiting one, at its deadline, to .expired. So the
// two can never both believe that they won.
const (
	pending   = ".pending"
	confirmed = ".confirmed"
	expired   = ".expired"
)

// pollEvery is how often a waiting play looks for its confirmation.
const pollEvery = 10 * time.Millisecond

// Confirm confirms the change that waits under the token, on this host.
func Confirm(runDir, token string) error {
	if token != filepath.Base(token) || token == "" || token == "." || token == ".." {
		return fmt.Errorf("confirm: %q is no token", token)
	}
	base := filepath.Join(runDir, token)
	err := os.Rename(base+pending, base+confirmed)
	if errors.Is(err, fs.ErrNotExist) {
		return errors.New("confirm: nothing waits under this token: it is too late, and the change is being undone")
	}
	return err
}

// applyTime is what a batch may take before its confirmation is waited for.
const applyTime = 5 * time.Minute

// arm starts the guard, once a play, and sets its deadline.
func (p *play) arm() error {
	if p.guard != nil {
		return p.guard.Extend(p.deadline() + applyTime)
	}
	// The journal must exist before its guard, which has nothing to undo otherwise.
	if err := p.journal.Open(); err != nil {
		return err
	}
	g, err := guard.Arm(p.Self, p.journal.Path(), p.lock.File(), p.lockPath(), p.deadline()+applyTime)
	if err != nil {
		return err
	}
	p.guard = g
	return nil
}

func (p *play) deadline() time.Duration { return time.Duration(p.spec.Deadline) * time.Millisecond }

// confirm waits until the controller has confirmed over a fresh connection. It
// waits on when this connection ends: that may be the change's doing, and the
// fresh one will tell.
func (p *play) confirm(why string) error {
	token := fmt.Sprintf("%s-%03d-%d", p.spec.Run, p.spec.Play, len(p.planner.Records()))
	base := filepath.Join(p.RunDir, token)
	if err := p.guard.Extend(p.deadline()); err != nil {
		return err
	}
	if err := os.WriteFile(base+pending, nil, 0o600); err != nil {
		return fmt.Errorf("wait for confirmation: %w", err)
	}
	p.out.send(wire.Event{Confirm: &wire.Confirm{Token: token, Deadline: p.spec.Deadline, Why: why}})
	ok := p.await(base)
	p.out.send(wire.Event{Settled: &wire.Settled{Confirmed: ok}})
	if !ok {
		if why != "" {
			why = ", after: " + why
		}
		failed := &wire.Failed{Kind: wire.FailConfirm,
			Msg: fmt.Sprintf("nobody confirmed within %s that this host can still be reached%s", p.deadline(), why)}
		p.stop(failed) // nothing may rescue or ignore that
		return failed
	}
	// The guard watches on until the play ends, with as much time again for each further step.
	return p.guard.Extend(24 * time.Hour)
}

func (p *play) await(base string) bool {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(p.ctx), p.deadline())
	defer cancel()
	stopped := p.lost.Done()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		if os.Remove(base+confirmed) == nil {
			return true
		}
		select {
		case <-tick.C:
		case <-stopped:
			if errors.Is(context.Cause(p.lost), errAsked) {
				cancel()
			}
			stopped = nil
		case <-ctx.Done():
			if os.Rename(base+pending, base+expired) != nil {
				return os.Remove(base+confirmed) == nil // the confirmation came first
			}
			// It lies in the run directory, which does not outlive the boot, should removing it go wrong.
			_ = os.Remove(base + expired)
			return false
		}
	}
}
