package script

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"netrun/inventory/diag"
	"netrun/tasks"
	"netrun/templates"
)

// attempt renders and decodes the arguments, and runs the task.
func (r *runner) attempt(ctx context.Context, n *Node, rd round) outcome {
	task, err := makeTask(n, rd)
	if err != nil {
		return failure(err)
	}
	switch t := task.(type) {
	case tasks.Wanter:
		return r.object(ctx, n, t, rd)
	case tasks.Wirer:
		return r.wired(ctx, n, t, rd)
	case tasks.Act:
		return r.act(ctx, n, t, rd)
	case tasks.Inline:
		return inline(t, names{rd.scope, r.env})
	}
	return failure(fmt.Errorf("%s is of no known sort", n.Kind))
}

func makeTask(node *Node, rd round) (tasks.Task, error) {
	kind, ok := tasks.Lookup(node.Kind)
	if !ok {
		return nil, fmt.Errorf("unknown kind %q", node.Kind)
	}
	args, err := templates.Render(rd.args.V, rd.scope)
	if err != nil {
		return nil, err
	}
	task, _, err := kind.Decode(args)
	if err != nil {
		return nil, placed(node, err)
	}
	if s, ok := task.(tasks.Sourcer); ok {
		if n, want := len(rd.fills), len(s.Sources()); n != want {
			return nil, placed(node, fmt.Errorf("%d files of the controller came along; want %d", n, want))
		}
		for i, fill := range rd.fills {
			content, err := fillText(fill.V, rd.scope)
			if err != nil {
				return nil, err
			}
			s.Fill(i, []byte(content))
		}
	}
	if err := task.Check(); err != nil {
		return nil, placed(node, err)
	}
	return task, nil
}

func fillText(v any, scope *templates.Scope) (string, error) {
	if t, ok := v.(*templates.Template); ok {
		return t.Text(scope)
	}
	s, _ := v.(string)
	return s, nil
}

// placed puts the task's place before a mistake that came to light on the host.
func placed(n *Node, err error) error {
	return &diag.Error{Pos: n.Pos, Msg: err.Error()}
}

// object plans what a task wants. A task that is a batch of its own is carried out at once.
func (r *runner) object(ctx context.Context, n *Node, t tasks.Wanter, rd round) outcome {
	step := r.env.newStep(n, rd.label)
	plan, err := r.exec.Plan(ctx, Step{step, n, rd.label}, t.Want())
	if err != nil {
		o := failure(err)
		o.step = step
		return o
	}
	o := outcome{status: OK, step: step, changes: plan.Changes, planned: len(plan.Changes) > 0}
	if teller, ok := t.(tasks.Teller); ok && plan.View != nil {
		o.data = teller.Told(plan.View)
	}
	if plan.Deferred != "" {
		o.msg = "deferred: " + plan.Deferred
	}
	if im, ok := t.(tasks.Impatient); ok && im.Impatient() && plan.Deferred != "" && !r.env.options.Check {
		o.status, o.err, o.msg = Failed, errors.New(plan.Deferred), plan.Deferred
		return o
	}
	if o.planned {
		o.status = Changed
	}
	if n.isolated() && o.planned && !r.env.options.Check {
		o.planned = false
		if err := r.exec.Flush(ctx); err != nil {
			o.status, o.err, o.msg = Failed, err, err.Error()
		}
	}
	return o
}

func inline(t tasks.Inline, vars names) outcome {
	out, err := t.Inline(vars)
	if err != nil {
		return failure(err)
	}
	return done(out)
}

func done(out tasks.Outcome) outcome {
	o := outcome{status: OK, msg: out.Msg, data: out.Data, facts: out.Facts, blob: out.Blob}
	if out.Changed {
		o.status = Changed
	}
	return o
}

// isAct reports whether the task needs the host as it is, with all that is pending carried out.
func (n *Node) isAct() bool {
	k, ok := tasks.Lookup(n.Kind)
	if !ok {
		return false
	}
	_, act := k.New().(tasks.Act)
	return act
}

// act does the act if it is needed. In check mode it is only asked whether it is.
func (r *runner) act(ctx context.Context, n *Node, t tasks.Act, rd round) outcome {
	check := r.env.options.Check
	if n.CheckMode != nil {
		check = *n.CheckMode
	}
	env, err := environment(n, rd.scope)
	if err != nil {
		return failure(err)
	}
	machine := r.exec.Machine(n, env)
	needed, err := t.Needed(ctx, machine)
	if err != nil {
		return failure(err)
	}
	if needed == "" {
		return outcome{status: OK}
	}
	if check && !tasks.ReadsOnly(t) {
		o := outcome{status: Changed, msg: needed, blind: true}
		if tasks.ChangesNothing(t) {
			o.status = OK
		}
		return o
	}
	if err := r.acting(n, t, needed); err != nil {
		return failure(err)
	}
	out, err := t.Do(ctx, machine)
	r.acted(n, t, needed, out)
	if err != nil {
		o := failure(err)
		o.data = dataOf(o.data, out.Data)
		return o
	}
	return done(out)
}

// wired does the act, and then plans the objects that go with it.
func (r *runner) wired(ctx context.Context, n *Node, t tasks.Wirer, rd round) outcome {
	did := r.act(ctx, n, t, rd)
	if did.status == Failed || len(t.Wires()) == 0 {
		return did
	}
	o := r.object(ctx, n, tasks.Wired{Wirer: t}, rd)
	if o.status == Failed {
		return o
	}
	o.data, o.blind = did.data, did.blind
	if did.status == Changed {
		o.status = Changed
	}
	if o.msg = did.msg + "; " + o.msg; did.msg == "" || o.msg == did.msg+"; " {
		o.msg = strings.Trim(o.msg, "; ")
	}
	return o
}

// acting tells whoever keeps the record that something is about to be done which
// is no object, so that the journal knows nothing of how to undo it.
func (r *runner) acting(n *Node, t tasks.Act, what string) error {
	if tasks.ChangesNothing(t) || r.env.options.Act == nil {
		return nil
	}
	return r.env.options.Act(n.deed(what))
}

// acted tells them how it is taken back.
func (r *runner) acted(n *Node, t tasks.Act, what string, out tasks.Outcome) {
	if tasks.ChangesNothing(t) || r.env.options.Did == nil {
		return
	}
	if n.NoLog {
		out.Undo, out.Keep = hushed(out.Undo), hushed(out.Keep)
	}
	r.env.options.Did(n.deed(what), out)
}

// deed is what an act is called in records.
func (n *Node) deed(what string) string {
	if n.NoLog {
		what = "(no_log)"
	}
	return n.Kind + ": " + what
}

// hushed is f without the words of its error, which may hold what no_log hides.
func hushed(f func(context.Context) error) func(context.Context) error {
	if f == nil {
		return nil
	}
	return func(ctx context.Context) error {
		if f(ctx) != nil {
			return errors.New("the reason is hidden by no_log")
		}
		return nil
	}
}

// dataOf prefers what came with the failure.
func dataOf(failed, given map[string]any) map[string]any {
	if failed != nil {
		return failed
	}
	return given
}

// environment renders what the task adds to an act's environment.
func environment(n *Node, scope *templates.Scope) (map[string]string, error) {
	if n.Env.IsZero() {
		return nil, nil
	}
	v, err := templates.Render(n.Env.V, scope)
	if err != nil {
		return nil, err
	}
	m, ok := v.(map[string]any)
	if !ok {
		return nil, errors.New("environment wants a map")
	}
	out := make(map[string]string, len(m))
	for _, name := range slices.Sorted(maps.Keys(m)) {
		out[name] = brief(m[name])
		if s, ok := m[name].(string); ok {
			out[name] = s
		}
	}
	return out, nil
}
