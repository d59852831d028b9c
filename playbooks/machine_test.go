package playbooks

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"netrun/playbooks/script"
	"netrun/tasks"
	"netrun/tasks/fakehost"
	"netrun/tasks/reconcile"
	"netrun/tasks/state"
)

// testHost is the helper's side: a host in memory, and programs that do little.
type testHost struct {
	fleet   *testFleet
	name    string
	fake    *fakehost.Host
	planner *reconcile.Planner
	env     *script.Env
	now     time.Duration
	runs    int
	carried map[string]any
	docker  *testDocker    // nil for one that has nothing
	exports map[string]any // what other hosts may read
}

func (h *testHost) begin(env *script.Env) {
	h.env = env
	h.planner = reconcile.New(h.fake, reconcile.Options{})
}

func (h *testHost) Now() time.Time { return time.Unix(0, 0).Add(h.now) }

func (h *testHost) Sleep(ctx context.Context, d time.Duration) error {
	h.now += d
	return ctx.Err()
}

func (h *testHost) Plan(ctx context.Context, step script.Step, wants []state.Want) (script.Planned, error) {
	changes, err := h.planner.Plan(ctx, step.ID, wants)
	return script.Planned{Changes: changes, View: h.planner.View()}, err
}

func (h *testHost) Flush(ctx context.Context) error {
	if h.fleet.options.Check {
		h.fleet.t.Error("flush in check mode")
	}
	return h.planner.Apply(ctx)
}

func (h *testHost) Machine(n *script.Node, env map[string]string) tasks.Machine {
	return &testMachine{h, n, env}
}

type testMachine struct {
	host *testHost
	node *script.Node
	env  map[string]string
}

func (m *testMachine) In(_ state.Scope, f func() error) error { return f() }

func (m *testMachine) Facts(context.Context) (map[string]any, error) {
	return map[string]any{"os": "linux", "hostname": m.host.name, "cores": 2}, nil
}

// Run knows a few programs: echo, env, whoami, false, third-time (succeeds the third
// time), links (counts what is on the host), hang.
func (m *testMachine) Run(ctx context.Context, c tasks.Command) (tasks.Output, error) {
	m.host.runs++
	argv := c.Argv
	if m.host.docker != nil && argv[0] == "/bin/sh" && len(argv) > 4 { // a command with a file of variables
		argv = argv[4:]
	}
	if m.host.docker != nil && argv[0] == "docker" {
		return m.host.docker.run(ctx, argv)
	}
	switch c.Argv[0] {
	case "redis-server", "service":
		return tasks.Output{}, nil
	case "docker":
		if c.Argv[1] == "inspect" {
			return tasks.Output{Stderr: "Error: No such object: " + c.Argv[len(c.Argv)-1], Status: 1}, nil
		}
		return tasks.Output{}, nil
	case "echo":
		return tasks.Output{Stdout: strings.Join(c.Argv[1:], " ") + "\n"}, nil
	case "words":
		return tasks.Output{Stdout: fmt.Sprintf("%q", c.Argv[1:])}, nil
	case "env":
		return tasks.Output{Stdout: fmt.Sprint(m.env)}, nil
	case "whoami":
		return tasks.Output{Stdout: fmt.Sprintf("become=%v user=%q on %s", m.node.Become, m.node.RunAs, m.host.name)}, nil
	case "third-time":
		if m.host.runs < 3 {
			return tasks.Output{Stderr: "not yet", Status: 1}, nil
		}
		return tasks.Output{}, nil
	case "links":
		return tasks.Output{Stdout: strconv.Itoa(strings.Count(m.host.fake.Snapshot(), "type=dummy"))}, nil
	case "hang":
		<-ctx.Done()
		return tasks.Output{}, ctx.Err()
	}
	return tasks.Output{Stderr: "no such program", Status: 1}, nil
}
