package script

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"netrun/tasks/reconcile"
)

// runner is one call of Run.
type runner struct {
	env  *Env
	exec Executor
	emit func(Result)

	held     []held // results that wait for the batch to be carried out, in order
	batch    bool   // the executor has something to carry out
	rescuers int    // blocks with a rescue that the task stands in
	keepers  int    // blocks with a rescue or always that the task stands in
	handler  bool   // running handlers
}

// held is a result, and what happens once it is certain.
type held struct {
	result Result
	notify []string
	pos    *Node
}

// Run runs one segment of a script. Results are emitted in the order of the
// tasks; those of tasks that only want objects after their batch was carried out.
// The error is a *FailedError where a task failed and nothing rescued or ignored
// it (its result has been emitted), or the context's. Once a script has ended, Run
// does nothing.
func Run(ctx context.Context, segment []*Node, env *Env, exec Executor, emit func(Result)) error {
	if env.Ended() {
		return nil
	}
	env.exec = exec
	r := &runner{env: env, exec: exec, emit: emit}
	return r.end(ctx, r.nodes(ctx, segment))
}

// Finish runs the handlers that are still notified. After a failure it does so
// only where the play says force_handlers.
func Finish(ctx context.Context, env *Env, exec Executor, emit func(Result)) error {
	if env.failed != nil && !env.script.ForceHandlers {
		return nil
	}
	env.exec = exec
	r := &runner{env: env, exec: exec, emit: emit}
	return r.end(ctx, r.handlers(ctx))
}

// end carries out what is left, or takes note of the failure.
func (r *runner) end(ctx context.Context, err error) error {
	if err == nil || errors.Is(err, errEnd) {
		err = r.flush(ctx)
	}
	if err != nil {
		r.abandon()
	}
	errors.As(err, &r.env.failed)
	return err
}

// errEnd ends a script early without a failure.
var errEnd = errors.New("end of play")

func (r *runner) nodes(ctx context.Context, nodes []*Node) error {
	for _, n := range nodes {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		if err := r.node(ctx, n); err != nil {
			return err
		}
	}
	return nil
}

func (r *runner) node(ctx context.Context, n *Node) error {
	switch n.Kind {
	case "":
		return r.block(ctx, n)
	case "meta":
		return r.meta(ctx, n)
	}
	return r.task(ctx, n)
}

// meta does what Args, a text, says. Its when has the say, as for a task.
func (r *runner) meta(ctx context.Context, n *Node) error {
	skip, err := r.skipped(n, r.env.scope(ctx, n, nil))
	if err != nil {
		return r.done(ctx, n, failure(err))
	}
	if skip != "" {
		return nil
	}
	switch n.Args.V {
	case "flush_handlers":
		if err := r.flush(ctx); err != nil {
			return err
		}
		return r.handlers(ctx)
	case "end_play", "end_host":
		r.env.ended = true
		return errEnd
	}
	return nil
}

// handlers runs the notified handlers in their order; one that is notified by
// another that comes before it runs in the same round.
func (r *runner) handlers(ctx context.Context) error {
	if err := r.flush(ctx); err != nil {
		return err
	}
	outer := r.handler
	r.handler = true
	defer func() { r.handler = outer }()
	for {
		i := slices.Index(r.env.notified, true)
		if i < 0 {
			return nil
		}
		r.env.notified[i] = false
		if err := r.node(ctx, r.env.script.Handlers[i]); err != nil {
			return err
		}
		if err := r.flush(ctx); err != nil {
			return err
		}
	}
}

// block runs the tasks of a block as a batch of their own, so that a failure is
// the block's; then its rescue if one failed, and its always in any case.
func (r *runner) block(ctx context.Context, n *Node) error {
	if err := r.flush(ctx); err != nil {
		return err
	}
	err := r.section(ctx, n.Block, len(n.Rescue) > 0)
	var failed *FailedError
	if errors.As(err, &failed) && len(n.Rescue) > 0 {
		r.env.facts["ansible_failed_result"] = map[string]any{"failed": true, "msg": failed.Msg}
		err = r.section(ctx, n.Rescue, false)
	}
	if len(n.Always) == 0 || (err != nil && !errors.As(err, &failed) && !errors.Is(err, errEnd)) {
		return err
	}
	if alwaysErr := r.section(ctx, n.Always, false); alwaysErr != nil {
		return alwaysErr
	}
	return err
}

func (r *runner) section(ctx context.Context, nodes []*Node, rescued bool) error {
	r.keepers++
	defer func() { r.keepers-- }()
	if rescued {
		r.rescuers++
		defer func() { r.rescuers-- }()
	}
	err := r.nodes(ctx, nodes)
	if flushErr := r.flush(ctx); flushErr != nil && (err == nil || errors.Is(err, errEnd)) {
		err = flushErr
	}
	return err
}

// flush carries out the batch and lets go of the results that waited for it.
func (r *runner) flush(ctx context.Context) error {
	if !r.batch {
		return nil
	}
	r.batch = false
	err := r.exec.Flush(ctx)
	if err == nil {
		r.release()
		return nil
	}
	if ctx.Err() != nil {
		r.abandon()
		return context.Cause(ctx)
	}
	return r.flushFailed(err)
}

func (r *runner) release() {
	for _, h := range r.held {
		r.certain(h)
	}
	r.held = r.held[:0]
}

// certain emits a result, and notifies the handlers of a change.
func (r *runner) certain(h held) {
	if h.result.Status == Changed && !h.result.Undone {
		r.env.notify(h.notify)
	}
	r.emit(h.result)
}

// abandon lets go of results whose batch was not carried out.
func (r *runner) abandon() {
	for _, h := range r.held {
		h.result.Undone = len(h.result.Changes) > 0
		r.certain(h)
	}
	r.held, r.batch = r.held[:0], false
}

// flushFailed gives the failure of a batch to the task whose fault it was. The
// results after it are dropped: those tasks have not happened.
func (r *runner) flushFailed(err error) error {
	guilty := len(r.held) - 1
	var batch *reconcile.BatchError
	if errors.As(err, &batch) {
		guilty = max(0, slices.IndexFunc(r.held, func(h held) bool { return h.result.Step == batch.Task }))
	}
	if len(r.held) == 0 {
		return fmt.Errorf("carry out changes: %w", err)
	}
	culprit := r.held[guilty]
	r.held = r.held[:guilty]
	r.abandon()
	res := culprit.result
	res.Status, res.Undone, res.Msg = r.failedStatus(culprit.pos), true, err.Error()
	if culprit.pos.NoLog {
		res = censor(res)
	}
	if culprit.pos.Register != "" {
		r.env.register(culprit.pos, culprit.pos.Register, map[string]any{"failed": true, "changed": false, "msg": err.Error()})
	}
	r.emit(res)
	return &FailedError{Task: res.Task, Msg: res.Msg}
}

// failedStatus is what becomes of a failure.
func (r *runner) failedStatus(n *Node) Status {
	switch {
	case n.IgnoreErrors:
		return Ignored
	case r.rescuers > 0:
		return Rescued
	}
	return Failed
}

func (e *Env) notify(names []string) {
	for _, name := range names {
		for _, i := range e.byName[name] {
			e.notified[i] = true
		}
	}
}
