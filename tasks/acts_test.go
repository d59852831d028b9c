package tasks_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"netrun/tasks"
	"netrun/tasks/state"
)

// machine answers programs from a table of "argv" -> output, and notes what ran.
type machine struct {
	answers map[string]tasks.Output
	ran     []string
}

func (m *machine) Run(_ context.Context, c tasks.Command) (tasks.Output, error) {
	line := strings.Join(c.Argv, " ")
	if c.Scope != "" {
		line = "[" + string(c.Scope) + "] " + line
	}
	m.ran = append(m.ran, line)
	return m.answers[line], nil
}

func (m *machine) In(_ state.Scope, f func() error) error { return f() }

func (m *machine) Facts(context.Context) (map[string]any, error) {
	return map[string]any{"os": "linux"}, nil
}

func act(t *testing.T, kind string, args any) tasks.Act {
	t.Helper()
	task, err := decode(kind, args)
	if err != nil {
		t.Fatalf("decode %s %v: %v", kind, args, err)
	}
	return task.(tasks.Act)
}

func TestCommandOutcome(t *testing.T) {
	m := &machine{answers: map[string]tasks.Output{
		"[netns:blue] ip -br link": {Stdout: "lo UP\neth0 UP\n"},
		"false now":                {Stderr: "it is not\n", Status: 3},
	}}
	out, err := act(t, "command", map[string]any{"cmd": "ip -br 'link'", "netns": "blue"}).Do(t.Context(), m)
	if err != nil || !out.Changed {
		t.Fatalf("got changed %v, error %v; want true, none", out.Changed, err)
	}
	want := map[string]any{"cmd": []any{"ip", "-br", "link"}, "rc": 0, "stdout": "lo UP\neth0 UP", "stderr": "",
		"stdout_lines": []any{"lo UP", "eth0 UP"}, "stderr_lines": []any{}}
	if diff := cmp.Diff(want, out.Data); diff != "" {
		t.Errorf("data (-want +got):\n%s", diff)
	}
	_, err = act(t, "command", map[string]any{"argv": []any{"false", "now"}}).Do(t.Context(), m)
	var failure *tasks.Failure
	if !errors.As(err, &failure) || failure.Data["rc"] != 3 || failure.Msg != "false now: status 3: it is not" {
		t.Errorf("got error %#v; want a Failure with rc 3", err)
	}
}

func TestCommandIsNoShell(t *testing.T) {
	for _, line := range []string{"echo a | wc", "echo a && b", "echo > /etc/passwd"} {
		if _, err := decode("command", line); err == nil || !strings.Contains(err.Error(), "use shell") {
			t.Errorf("command %q: got error %v; want one that names shell", line, err)
		}
	}
	m := &machine{}
	for _, args := range []map[string]any{{"cmd": `echo '$(id)' "a;b" c\ d`}, {"argv": []any{"echo", "$(id)", "a;b", "c d"}}} {
		m.ran = nil
		if _, err := act(t, "command", args).Do(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"echo $(id) a;b c d"}, m.ran); diff != "" {
			t.Errorf("%v ran (-want +got):\n%s", args, diff)
		}
	}
}

func TestCommandCreates(t *testing.T) {
	dir := t.TempDir()
	for _, test := range []struct {
		args map[string]any
		want string
	}{
		{map[string]any{"cmd": "make it", "creates": dir}, ""},
		{map[string]any{"cmd": "make it", "creates": dir + "/no"}, "run make it"},
		{map[string]any{"cmd": "take it", "removes": dir + "/n*"}, ""},
		{map[string]any{"cmd": "take it", "removes": dir}, "run take it"},
	} {
		got, err := act(t, "command", test.args).Needed(t.Context(), &machine{})
		if err != nil || got != test.want {
			t.Errorf("%v: got %q, %v; want %q", test.args, got, err, test.want)
		}
	}
}

func TestProbeReadsOnly(t *testing.T) {
	for _, test := range []struct {
		kind string
		args any
		want bool
	}{
		{"command", map[string]any{"cmd": "true", "probe": true}, true}, {"command", "true", false},
		{"shell", map[string]any{"cmd": "true", "probe": "yes"}, true}, {"facts", nil, true}, {"ping", nil, false},
	} {
		task, err := decode(test.kind, test.args)
		if got := tasks.ReadsOnly(task); err != nil || got != test.want {
			t.Errorf("%s %v: got %v, %v; want %v", test.kind, test.args, got, err, test.want)
		}
	}
}

func TestChangesNothing(t *testing.T) {
	for _, test := range []struct {
		kind string
		args any
		want bool
	}{
		{"ping", nil, true}, {"pause", 1, true}, {"facts", nil, true}, {"wait_for", map[string]any{"port": 1}, true},
		{"fetch", map[string]any{"src": "/a", "dest": "b"}, true}, {"command", "true", false}, {"command", map[string]any{"cmd": "true", "probe": true}, true},
	} {
		task, err := decode(test.kind, test.args)
		if got := tasks.ChangesNothing(task); err != nil || got != test.want {
			t.Errorf("%s %v: got %v, %v; want %v", test.kind, test.args, got, err, test.want)
		}
	}
}

func TestShellIsOneArgument(t *testing.T) {
	m := &machine{}
	line := "echo $HOME | wc -c; 'x"
	if _, err := act(t, "shell", line).Do(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"/bin/sh -c " + line}, m.ran); diff != "" {
		t.Errorf("ran (-want +got):\n%s", diff)
	}
}

func TestPingLoopback(t *testing.T) {
	for _, to := range []string{"127.0.0.1", "::1"} {
		out, err := act(t, "ping", map[string]any{"to": to, "count": 2, "interval": 0, "size": 1000}).Do(t.Context(), &machine{})
		if err != nil && strings.Contains(err.Error(), "not permitted") || err != nil && to == "::1" {
			t.Logf("ping %s: no raw socket or no IPv6 here (%v)", to, err)
			continue
		}
		if err != nil || out.Data["received"] != 2 {
			t.Errorf("ping %s: got %v, %v; want 2 answers", to, out.Data, err)
		}
	}
}

// vars evaluates the names that it holds.
type vars map[string]any

func (v vars) Lookup(name string) (any, error) { return v.Eval(name) }

func (v vars) Eval(expression string) (any, error) {
	value, ok := v[expression]
	if !ok {
		return nil, fmt.Errorf("unknown name %s", expression)
	}
	return value, nil
}

func TestInline(t *testing.T) {
	v := vars{"n == 3": true, "n == 4": false, "n": 3}
	for _, test := range []struct {
		kind      string
		args      any
		msg, fail string
	}{
		{"debug", "hello", "hello", ""},
		{"debug", map[string]any{"var": "n"}, "n = 3", ""},
		{"debug", map[string]any{"msg": []any{"b", 1}}, `["b",1]`, ""},
		{"debug", map[string]any{"var": "m"}, "", `var "m": unknown name m`},
		{"assert", "n == 3", "all assertions hold", ""},
		{"assert", []any{}, "", "the list is empty"},
		{"assert", map[string]any{"that": []any{"n == 3", "n == 4"}}, "", "n == 4 does not hold"},
		{"assert", map[string]any{"that": "n == 4", "fail_msg": "no"}, "", "no"},
		{"assert", map[string]any{"that": "n"}, "", `that "n": the value is 3, not true or false`},
		{"fail", "because", "", "because"},
		{"set_fact", map[string]any{"a": 1, "b": 2}, "a, b", ""},
		{"set_fact", map[string]any{"a-b": 1}, "", `"a-b" is not the name of a variable`},
	} {
		msg, err := inline(test.kind, test.args, v)
		if msg != test.msg || (err == nil) != (test.fail == "") || err != nil && !strings.Contains(err.Error(), test.fail) {
			t.Errorf("%s %v: got %q, %v; want %q, %q", test.kind, test.args, msg, err, test.msg, test.fail)
		}
	}
}

func inline(kind string, args any, v vars) (string, error) {
	if list, ok := args.([]any); ok {
		args = map[string]any{"that": list}
	}
	task, err := decode(kind, args)
	if err != nil {
		return "", err
	}
	out, err := task.(tasks.Inline).Inline(v)
	return out.Msg, err
}
