package script

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"netrun/tasks"
	"netrun/tasks/state"
	"netrun/templates"
)

// maxRounds bounds a loop.
const maxRounds = 100_000

// outcome is what came of one round of a task.
type outcome struct {
	status   Status
	msg      string
	data     map[string]any // what register gets, besides changed, failed and msg
	changes  []state.Change
	facts    map[string]any
	blob     *tasks.Blob
	step     int
	attempts int
	elapsed  time.Duration
	err      error  // for a failure
	unknown  string // the variable because of which --check does not run the task
	planned  bool   // its changes wait in the batch
	looped   bool   // one round of a loop
	blind    bool   // an act that --check did not run: its data are not known
	fatal    error  // an earlier task's failure came to light: this one has not happened
}

func failure(err error) outcome {
	var unknown *templates.UnknownError
	if errors.As(err, &unknown) {
		return outcome{status: Skipped, msg: unknown.Error(), unknown: unknown.Name}
	}
	o := outcome{status: Failed, msg: err.Error(), err: err}
	var f *tasks.Failure
	if errors.As(err, &f) {
		o.data = f.Data
	}
	return o
}

// round is one item of a loop, or the whole of a task without one.
type round struct {
	scope *templates.Scope
	vars  map[string]any // the loop's
	label string
	item  any
	args  templates.Value
	fills []templates.Value
	skip  string
}

// isolated reports whether the task is a batch of its own, so that its failure is too.
func (n *Node) isolated() bool {
	return n.IgnoreErrors || len(n.Until) > 0 || len(n.FailedWhen) > 0
}

func (r *runner) task(ctx context.Context, n *Node) error {
	if n.isolated() {
		if err := r.flush(ctx); err != nil {
			return err
		}
	}
	if n.Loop != nil {
		return r.loop(ctx, n)
	}
	o := r.round(ctx, n, round{scope: r.env.scope(ctx, n, nil), args: n.Args, fills: n.Fills, skip: n.Skip})
	return r.done(ctx, n, o)
}

// done registers and reports the outcome of a task without a loop.
func (r *runner) done(ctx context.Context, n *Node, o outcome) error {
	if o.fatal != nil {
		return o.fatal
	}
	reg := r.registered(n, o)
	if n.Register != "" {
		r.env.register(n, n.Register, reg)
	}
	return r.report(ctx, n, o, "", reg)
}

// report holds or emits a result, and turns a failure that counts into an error.
func (r *runner) report(ctx context.Context, n *Node, o outcome, label string, reg any) error {
	r.learn(n, o)
	res := Result{Task: n.ID, Step: o.step, Name: r.name(ctx, n), Item: label, Looped: o.looped, Handler: r.handler,
		Status: o.status, Msg: o.msg, Changes: o.changes, Blob: o.blob, Attempts: o.attempts, Elapsed: o.elapsed}
	if o.status == Failed {
		res.Status, res.Undone = r.failedStatus(n), len(o.changes) > 0
	}
	if _, known := reg.(map[string]any); known && r.env.options.Verbose {
		res.Register.V = reg
	}
	if n.NoLog {
		res = censor(res)
	}
	h := held{res, n.Notify, n}
	if o.status != Failed || n.IgnoreErrors {
		r.hold(h, o.planned)
		return nil
	}
	if r.keepers > 0 || r.env.script.ForceHandlers {
		if err := r.flush(ctx); err != nil {
			return err
		}
	}
	r.abandon()
	r.emit(res)
	return &FailedError{Task: n.ID, Msg: res.Msg}
}

// hold keeps a result until the batch is carried out, if there is one.
func (r *runner) hold(h held, planned bool) {
	r.batch = r.batch || planned && !r.env.options.Check
	if !r.batch {
		r.certain(h)
		return
	}
	r.held = append(r.held, h)
}

// learn takes the facts over that a task set.
func (r *runner) learn(n *Node, o outcome) {
	for name, v := range o.facts {
		r.env.register(n, name, v)
	}
	if o.unknown == "" {
		return
	}
	if k, ok := tasks.Lookup(n.Kind); ok && k.Open { // set_fact: what it would have set is not known
		args, _ := n.Args.V.(map[string]any)
		for name := range args {
			r.env.register(n, name, templates.Unknown{Name: o.unknown})
		}
	}
}

func censor(res Result) Result {
	res.Censored, res.Changes, res.Item = true, nil, ""
	res.Register.V = nil
	if res.Msg != "" {
		res.Msg = "hidden by no_log"
	}
	return res
}

// name is the task's name; one that does not render yet is shown as it was written.
func (r *runner) name(ctx context.Context, n *Node) string {
	if s, ok := n.Name.V.(string); ok || n.Name.V == nil {
		return s
	}
	v, err := templates.Render(n.Name.V, r.env.scope(ctx, n, nil))
	if s, ok := v.(string); ok && err == nil {
		return s
	}
	if t, ok := n.Name.V.(*templates.Template); ok && err != nil {
		return t.Source
	}
	return fmt.Sprint(v)
}

// skipped says why a task is not run, "" if it is.
func (r *runner) skipped(n *Node, scope *templates.Scope) (string, error) {
	if n.Skip != "" {
		return n.Skip, nil
	}
	for _, c := range n.When {
		ok, err := c.Holds(scope)
		if err != nil {
			return "", err
		}
		if !ok {
			return "when: " + c.Source, nil
		}
	}
	return "", nil
}

// round runs a task once, if its conditions hold.
func (r *runner) round(ctx context.Context, n *Node, rd round) outcome {
	if rd.skip != "" {
		return outcome{status: Skipped, msg: rd.skip}
	}
	skip, err := r.skipped(n, rd.scope)
	if err != nil {
		return failure(err)
	}
	if skip != "" {
		return outcome{status: Skipped, msg: skip}
	}
	if n.isAct() {
		if err := r.flush(ctx); err != nil {
			return outcome{fatal: err}
		}
	}
	start := r.env.options.Clock.Now()
	o := r.attempts(ctx, n, rd)
	o.elapsed = r.env.options.Clock.Now().Sub(start)
	return o
}

// registered is what register gets: a map, or Unknown.
func (r *runner) registered(n *Node, o outcome) any {
	if o.unknown != "" {
		return templates.Unknown{Name: o.unknown}
	}
	if o.blind {
		return templates.Unknown{Name: n.Register}
	}
	reg := make(map[string]any, len(o.data)+4)
	for k, v := range o.data {
		reg[k] = v
	}
	reg["changed"], reg["failed"], reg["skipped"] = o.status == Changed, o.status == Failed, o.status == Skipped
	if _, ok := reg["msg"]; !ok {
		reg["msg"] = o.msg
	}
	if o.attempts > 0 {
		reg["attempts"] = o.attempts
	}
	if o.changes != nil {
		lines := make([]any, len(o.changes))
		for i, c := range o.changes {
			lines[i] = c.String()
		}
		reg["diff"] = lines
	}
	return reg
}

// loopOnly reports whether the conditions need the loop's variables.
func (n *Node) loopOnly() bool {
	for _, c := range n.When {
		refs := c.Refs()
		if slices.Contains(refs, n.Loop.variable()) || n.Loop.IndexVar != "" && slices.Contains(refs, n.Loop.IndexVar) {
			return true
		}
	}
	return false
}

func (l *Loop) variable() string {
	if l.Var == "" {
		return "item"
	}
	return l.Var
}
