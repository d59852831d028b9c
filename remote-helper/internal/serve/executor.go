package serve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"time"

	"netrun/playbooks/script"
	"netrun/remote-helper/internal/machine"
	"netrun/remote-helper/internal/probe"
	"netrun/remote-helper/wire"
	"netrun/tasks"
	"netrun/tasks/reconcile"
	"netrun/tasks/state"
)

// executor implements script.Executor for the running play.
type executor struct{ *play }

// Plan implements script.Executor.
func (x executor) Plan(ctx context.Context, step script.Step, wants []state.Want) (script.Planned, error) {
	x.steps[step.ID] = step
	changes, err := x.planner.Plan(ctx, step.ID, wants)
	for _, c := range changes {
		if !c.Implied {
			x.changed++
		}
	}
	if err != nil {
		return script.Planned{}, needsRoot(err)
	}
	plan := script.Planned{Changes: changes, View: x.planner.View()}
	if waits := x.planner.Deferred(step.ID); len(waits) > 0 {
		if plan.Deferred = reconcile.Reasons(waits); step.Node.Fleeting && !x.spec.Check {
			return plan, fmt.Errorf("%s, and with persist: false nothing waits for it", plan.Deferred)
		}
	}
	return plan, nil
}

// needsRoot adds to a refusal what would help, where the helper is an ordinary user's.
func needsRoot(err error) error {
	if os.Geteuid() == 0 || !errors.Is(err, fs.ErrPermission) {
		return err
	}
	return fmt.Errorf("%w (the network is root's: log in as root, or say become: true, or -b)", err)
}

// Flush implements script.Executor. Where the batch touches what SSH hangs on,
// it is guarded, and must be confirmed over a fresh connection before anything else is done.
func (x executor) Flush(ctx context.Context) error {
	pending := x.planner.Pending()
	if len(pending) == 0 {
		return nil
	}
	why, risky := x.risk(pending)
	x.probe(risky)
	if risky {
		if err := x.arm(); err != nil {
			return err
		}
	}
	if err := x.planner.Apply(ctx); err != nil {
		return err
	}
	if risky {
		if err := x.confirm(why); err != nil {
			return err
		}
	}
	x.advise(ctx)
	return x.settle(ctx)
}

// Machine implements script.Executor.
func (x executor) Machine(node *script.Node, env map[string]string) tasks.Machine {
	user := ""
	if node != nil && !node.Become {
		user = x.LoginUser
	}
	if node != nil && node.RunAs != "" {
		user = node.RunAs
	}
	return x.Config.Machine(user, env)
}

// risk says whether the changes touch what the SSH connection hangs on, and which does first.
func (p *play) risk(changes []state.Change) (why string, risky bool) {
	switch p.spec.Confirm {
	case "never":
		return "", false
	case "always":
		return "", true
	}
	for i := range changes {
		if state.TouchesSSH(p.planner.Base(), changes[i:i+1], p.Client, p.Server) {
			return changes[i].String(), true
		}
	}
	return "", false
}

// probe finds out, once, what works before the first change: what the play names,
// and the gateway where the network that SSH needs is about to change.
func (p *play) probe(risky bool) {
	if p.probed || (len(p.spec.Probes) == 0 && !risky) {
		return
	}
	p.probed = true
	var probes []probe.Probe
	for _, s := range p.spec.Probes {
		probes = append(probes, probe.Probe{Ping: s.Ping, TCP: s.TCP})
	}
	if _, gateway, ok := machine.DefaultGateway(); ok && risky {
		probes = append(probes, probe.Probe{Ping: gateway.String()})
	}
	p.probes = probe.Working(p.ctx, probes)
}

// probePatience is how long a probe may fail after a change: neighbours have to
// be resolved again, and a bridge port to start forwarding.
const probePatience = 10 * time.Second

func (p *play) requireProbes() *wire.Failed {
	ctx, cancel := context.WithTimeout(p.ctx, probePatience)
	defer cancel()
	if err := probe.Require(ctx, p.probes); err != nil {
		return wire.Fail(wire.FailVerify, err)
	}
	return nil
}

// interpreter is the script's run on this play.
func (p *play) interpreter(sc *script.Script) *script.Env {
	return script.NewEnv(sc, script.Options{Check: p.spec.Check, Verbose: p.spec.Verbose, Clock: p.Clock, Act: p.act, Did: p.did})
}

func (p *play) emit(r script.Result) {
	if r.Blob != nil {
		if err := p.sendFile(r.Blob); err != nil {
			r.Status, r.Msg = script.Failed, err.Error()
		}
	}
	if p.spec.Texts {
		r.Changes = withTexts(r.Changes)
	}
	p.out.send(wire.Event{Result: &r})
}

// withTexts is the changes with what they make of files' texts, which the journal, that
// shares the list, never sees.
func withTexts(changes []state.Change) []state.Change {
	out := slices.Clone(changes)
	for i := range out {
		out[i].Text = state.TextDiff(out[i])
	}
	return out
}

func (p *play) sendFile(b *tasks.Blob) error {
	r, err := b.Open()
	if err != nil {
		return fmt.Errorf("fetch %s: %w", b.Source, err)
	}
	sent := make(chan error, 1)
	go func() { sent <- p.out.file(wire.File{Source: b.Source, Dest: b.Dest, Flat: b.Flat}, r) }()
	select {
	case err = <-sent:
		err = errors.Join(err, r.Close())
	case <-p.lost.Done():
		err = errors.Join(context.Cause(p.lost), r.Close())
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("fetch %s: %w", b.Source, err)
	}
	return nil
}

var _ script.Executor = executor{}
