package script

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"netrun/templates"
)

// loop runs a task for each item. Its register is that of all rounds.
func (r *runner) loop(ctx context.Context, n *Node) error {
	rounds, o, err := r.rounds(ctx, n)
	if err != nil {
		o = failure(err)
	}
	if rounds == nil {
		return r.done(ctx, n, o)
	}
	all := newAggregate(len(rounds))
	for i, rd := range rounds {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		if i > 0 && n.Loop.Pause > 0 {
			if err := r.env.options.Clock.Sleep(ctx, n.Loop.Pause); err != nil {
				return err
			}
		}
		o := r.round(ctx, n, rd)
		if o.fatal != nil {
			return o.fatal
		}
		o.looped = true
		reg := all.add(r.registered(n, o), n, rd)
		stop := o.status == Failed && !n.IgnoreErrors
		if n.Register != "" && (stop || i == len(rounds)-1) {
			r.env.register(n, n.Register, all.value())
		}
		if err := r.report(ctx, n, o, rd.label, reg); err != nil {
			return err
		}
	}
	return nil
}

// rounds lists what to run; nil where the task as a whole is skipped or failed.
func (r *runner) rounds(ctx context.Context, n *Node) ([]round, outcome, error) {
	scope := r.env.scope(ctx, n, nil)
	if n.Skip != "" || !n.loopOnly() {
		skip, err := r.skipped(n, scope)
		if err != nil || skip != "" {
			return nil, outcome{status: Skipped, msg: skip}, err
		}
	}
	cases := n.Cases
	if cases == nil {
		items, err := r.items(n, scope)
		if err != nil {
			return nil, outcome{}, err
		}
		for _, item := range items {
			cases = append(cases, Case{Item: templates.Value{V: item}, Args: n.Args, Fills: n.Fills})
		}
	}
	if len(cases) == 0 {
		return nil, outcome{status: Skipped, msg: "nothing to loop over"}, nil
	}
	out := make([]round, len(cases))
	for i, c := range cases {
		rd, err := r.prepare(ctx, n, i, c)
		if err != nil {
			return nil, outcome{}, err
		}
		out[i] = rd
	}
	return out, outcome{}, nil
}

func (r *runner) items(n *Node, scope *templates.Scope) ([]any, error) {
	v, err := templates.Render(n.Loop.Items.V, scope)
	if err != nil {
		return nil, err
	}
	return LoopItems(v)
}

// LoopItems are the items of a loop over v: a list, within bounds.
func LoopItems(v any) ([]any, error) {
	items, ok := v.([]any)
	if !ok {
		return nil, fmt.Errorf("loop wants a list, and got %s", brief(v))
	}
	if len(items) > maxRounds {
		return nil, fmt.Errorf("a loop over %d items: at most %d", len(items), maxRounds)
	}
	return items, nil
}

func (r *runner) prepare(ctx context.Context, n *Node, i int, c Case) (round, error) {
	item, err := templates.Render(c.Item.V, r.env.scope(ctx, n, nil))
	if err != nil {
		return round{}, err
	}
	vars := map[string]any{n.Loop.variable(): item}
	if n.Loop.IndexVar != "" {
		vars[n.Loop.IndexVar] = i
	}
	rd := round{scope: r.env.scope(ctx, n, vars), vars: vars, item: item, args: c.Args, fills: c.Fills, skip: c.Skip, label: brief(item)}
	if !n.Loop.Label.IsZero() {
		label, err := templates.Render(n.Loop.Label.V, rd.scope)
		if err != nil {
			return round{}, err
		}
		rd.label = brief(label)
	}
	return rd, nil
}

// maxLabel bounds what is shown of an item.
const maxLabel = 200

// brief is a value on one line.
func brief(v any) string {
	s, ok := v.(string)
	if !ok {
		raw, err := json.Marshal(templates.Value{V: v})
		if err != nil {
			raw = []byte(fmt.Sprint(v))
		}
		s = string(raw)
	}
	if len(s) > maxLabel {
		s = strings.ToValidUTF8(s[:maxLabel], "") + "..."
	}
	return s
}

// aggregate is the register of a loop.
type aggregate struct {
	results                  []any
	changed, failed, skipped bool
	unknown                  templates.Unknown
}

func newAggregate(n int) *aggregate { return &aggregate{results: make([]any, 0, n), skipped: true} }

// add puts a round's register into that of the loop, and gives it back with the item.
func (a *aggregate) add(reg any, n *Node, rd round) any {
	m, ok := reg.(map[string]any)
	if !ok {
		a.unknown, _ = reg.(templates.Unknown)
		return reg
	}
	m[n.Loop.variable()] = rd.item
	m["ansible_loop_var"] = n.Loop.variable()
	a.results = append(a.results, m)
	a.changed = a.changed || m["changed"] == true
	a.failed = a.failed || m["failed"] == true
	a.skipped = a.skipped && m["skipped"] == true
	return m
}

func (a *aggregate) value() any {
	if a.unknown.Name != "" {
		return a.unknown
	}
	return map[string]any{"results": a.results, "changed": a.changed, "failed": a.failed, "skipped": a.skipped, "msg": ""}
}
