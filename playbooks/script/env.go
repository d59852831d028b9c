package script

import (
	"context"
	"slices"

	"netrun/tasks"
	"netrun/templates"
)

// Options are how a script is run.
type Options struct {
	Check   bool // plan only: nothing is carried out
	Verbose bool // put registered values into all results
	Clock   Clock
	// Act, if set, is told of each act that is about to change something.
	Act func(what string) error
	// Did, if set, is told how each of these can be taken back, once it has been done
	// or has failed. It has the words that Act had.
	Did func(what string, out tasks.Outcome)
}

// Env is what a host knows while it runs a script: registered results, facts,
// what has been notified. It is not safe for concurrent use.
type Env struct {
	script  *Script
	options Options
	exec    Executor

	facts    map[string]any // registered results, set_fact, facts
	others   map[string]any // hostvars of other hosts, as far as they were sent or imported
	exports  map[string]any
	notified []bool // by handler
	byName   map[string][]int
	steps    []step // by number, the first one unused
	ended    bool   // meta: end_play
	failed   *FailedError
	compiled map[string]*templates.Condition // of assert and the like
}

type step struct {
	node  *Node
	label string
}

// NewEnv begins a script.
func NewEnv(s *Script, o Options) *Env {
	e := &Env{script: s, options: o, facts: map[string]any{}, exports: map[string]any{}, others: map[string]any{},
		notified: make([]bool, len(s.Handlers)), byName: map[string][]int{}, steps: make([]step, 1),
		compiled: map[string]*templates.Condition{}}
	for i, h := range s.Handlers {
		if name, ok := h.Name.V.(string); ok {
			e.byName[name] = append(e.byName[name], i)
		}
		for _, topic := range h.Listen {
			e.byName[topic] = append(e.byName[topic], i)
		}
	}
	return e
}

// Step is the node, and the label of the loop's item, that had this number in Executor.Plan.
func (e *Env) Step(n int) (node *Node, item string) {
	if n <= 0 || n >= len(e.steps) {
		return nil, ""
	}
	return e.steps[n].node, e.steps[n].label
}

func (e *Env) newStep(n *Node, label string) int {
	e.steps = append(e.steps, step{n, label})
	return len(e.steps) - 1
}

// Exports gives the registered results and facts of nodes with Export since the
// last call.
func (e *Env) Exports() templates.Map {
	out := e.exports
	e.exports = map[string]any{}
	return out
}

// Facts are the registered results and facts, for the host's next play: see Set.
func (e *Env) Facts() templates.Map { return e.facts }

// Set sets variables as if they had been registered here: results of a task that
// another host ran for this one.
func (e *Env) Set(values templates.Map) {
	for name, v := range values {
		e.facts[name] = v
	}
}

// Import makes what another host exported part of its hostvars.
func (e *Env) Import(host string, values templates.Map) {
	known, _ := e.others[host].(map[string]any)
	merged := make(map[string]any, len(known)+len(values))
	for _, m := range []map[string]any{known, values} {
		for name, v := range m {
			merged[name] = v
		}
	}
	e.others[host] = merged
}

// Ended reports whether the script has come to its end early, by meta: end_play or a failure.
func (e *Env) Ended() bool { return e.ended || e.failed != nil }

func (e *Env) register(n *Node, name string, v any) {
	e.facts[name] = v
	if n.Export {
		e.exports[name] = v
	}
}

// scope is the variables in force for the node, those of a loop first.
func (e *Env) scope(ctx context.Context, n *Node, loop map[string]any) *templates.Scope {
	lazy := templates.Lazy(func() (any, error) { return e.hostFacts(ctx) })
	given := map[string]any{"facts": lazy, "ansible_facts": lazy}
	layers := []map[string]any{loop, n.Fixed, e.facts, n.Vars, e.script.Vars, given}
	if len(e.others) > 0 {
		layers = slices.Insert(layers, 1, map[string]any{"hostvars": templates.Lazy(func() (any, error) { return e.hostvars(n) })})
	}
	return templates.NewScope(layers...)
}

func (e *Env) hostFacts(ctx context.Context) (any, error) {
	facts, err := e.exec.Machine(nil, nil).Facts(ctx)
	return facts, err
}

// hostvars are those that came with the script, and over them what was imported.
func (e *Env) hostvars(n *Node) (any, error) {
	out := map[string]any{}
	for _, m := range []map[string]any{e.script.Vars, n.Vars, n.Fixed} {
		given, _ := m["hostvars"].(map[string]any)
		for host, vars := range given {
			out[host] = vars
		}
	}
	for host, imported := range e.others {
		known, _ := out[host].(map[string]any)
		merged := make(map[string]any, len(known))
		for _, m := range []map[string]any{known, imported.(map[string]any)} {
			for name, v := range m {
				merged[name] = v
			}
		}
		out[host] = merged
	}
	return out, nil
}

// names are the variables for an Inline task.
type names struct {
	*templates.Scope
	env *Env
}

// Eval implements tasks.Vars.
func (v names) Eval(expression string) (any, error) {
	c, ok := v.env.compiled[expression]
	if !ok {
		var err error
		if c, err = templates.ParseCondition(expression, templates.Origin{Indent: -1}); err != nil {
			return nil, err
		}
		v.env.compiled[expression] = c
	}
	return c.Eval(v.Scope)
}
