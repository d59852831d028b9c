package doc_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/expr-lang/expr"
	"github.com/google/go-cmp/cmp"

	"netrun/tasks"
	"netrun/tasks/doc"
	"netrun/tasks/fakehost"
	"netrun/tasks/laws"
	"netrun/tasks/reconcile"
	"netrun/tasks/state"
)

var update = flag.Bool("update", false, "rewrite the tables and goldens of the pages")

func TestEveryKindHasAPage(t *testing.T) {
	if diff := cmp.Diff(tasks.Names(), doc.Kinds()); diff != "" {
		t.Errorf("pages (-kinds +pages):\n%s", diff)
	}
}

// TestPages compares each page with what it would be if it were made anew.
func TestPages(t *testing.T) {
	for _, kind := range doc.Kinds() {
		t.Run(kind, func(t *testing.T) {
			k, ok := tasks.Lookup(kind)
			if !ok {
				t.Fatalf("there is no kind %s", kind)
			}
			page, _ := doc.Page(kind)
			if !strings.HasPrefix(page, "# "+kind+"\n\n"+upper(k.Short)) {
				t.Errorf("the page begins with %q; want the title %q and %q", first(page), "# "+kind, upper(k.Short))
			}
			made := doc.ReplaceTable(page, doc.Table(k))
			given, example, err := laws.Example(kind)
			if err != nil {
				t.Fatal(err)
			}
			made = golden(t, made, given, example)
			if *update && made != page {
				if err := os.WriteFile(kind+".md", []byte(made), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(page, made); diff != "" {
				t.Errorf("the page is stale: run go test ./tasks/doc -update (-page +code):\n%s", diff)
			}
		})
	}
}

func upper(short string) string { return strings.ToUpper(short[:1]) + short[1:] }

func first(page string) string { return page[:min(len(page), 80)] }

// golden puts what the example does into the page's last block.
func golden(t *testing.T, page string, given, example []tasks.Task) string {
	t.Helper()
	host := fakehost.New()
	makeState(t, host, given)
	for _, g := range []struct {
		info string
		text func() string
	}{
		{"text plan", func() string { return plan(t, host, example) }},
		{"text needed", func() string { return needed(t, page, example) }},
		{"text says", func() string { return says(t, example) }},
	} {
		if _, ok := doc.Block(page, g.info); ok {
			return doc.Replace(page, g.info, g.text())
		}
	}
	t.Error("the page has no block text plan, text needed or text says")
	return page
}

func makeState(t *testing.T, host state.Host, given []tasks.Task) {
	t.Helper()
	p := reconcile.New(host, reconcile.Options{Owner: "someone"})
	if _, err := p.Plan(t.Context(), 0, laws.Wants(given)); err != nil {
		t.Fatalf("given: %v", err)
	}
	if err := p.Apply(t.Context()); err != nil {
		t.Fatalf("given: %v", err)
	}
}

// plan is the example's plan as commands.
func plan(t *testing.T, host state.Host, example []tasks.Task) string {
	t.Helper()
	p := reconcile.New(host, reconcile.Options{})
	var b strings.Builder
	for i, task := range example {
		changes, err := p.Plan(t.Context(), i, task.(tasks.Wanter).Want())
		if err != nil {
			t.Fatalf("plan: %v", err)
		}
		for _, c := range changes {
			for _, line := range state.Explain(c) {
				b.WriteString(line + "\n")
			}
		}
	}
	return b.String()
}

// needed is what the acts of the example would do, a line each, and then the
// programs that they run, on a machine that answers as "text machine" says.
func needed(t *testing.T, page string, example []tasks.Task) string {
	t.Helper()
	script, _ := doc.Block(page, "text machine")
	var b strings.Builder
	for _, task := range example {
		m := newMachine(t, script)
		text, err := task.(tasks.Act).Needed(t.Context(), m)
		if err != nil {
			t.Fatalf("needed: %v", err)
		}
		if text == "" {
			text = "nothing"
		}
		b.WriteString(text + "\n")
	}
	return b.String()
}

// says is what the example's tasks on variables say.
func says(t *testing.T, example []tasks.Task) string {
	t.Helper()
	vars := variables{"inventory_hostname": "web1", "mtu": 1450, "uptime": map[string]any{"rc": 0, "stdout": "up 3 days"}}
	var b strings.Builder
	for _, task := range example {
		out, err := task.(tasks.Inline).Inline(vars)
		var failure *tasks.Failure
		switch {
		case errors.As(err, &failure):
			fmt.Fprintf(&b, "failed: %s\n", failure.Msg)
		case err != nil:
			t.Fatalf("says: %v", err)
		default:
			fmt.Fprintf(&b, "ok: %s\n", out.Msg)
		}
		for name, value := range out.Facts {
			vars[name] = value
		}
	}
	return b.String()
}

type variables map[string]any

// Lookup implements tasks.Vars.
func (v variables) Lookup(name string) (any, error) { return v.Eval(name) }

// Eval implements tasks.Vars.
func (v variables) Eval(expression string) (any, error) {
	return expr.Eval(expression, map[string]any(v))
}

// machine answers as a page's block says: "has PATH-OR-PROGRAM", or
// "ARGV => STATUS OUTPUT", a line each.
type machine struct {
	has     map[string]bool
	answers map[string]tasks.Output
}

func newMachine(t *testing.T, script string) *machine {
	t.Helper()
	m := &machine{has: map[string]bool{}, answers: map[string]tasks.Output{}}
	for _, line := range strings.Split(strings.TrimSpace(script), "\n") {
		if name, ok := strings.CutPrefix(line, "has "); ok {
			m.has[name] = true
			continue
		}
		argv, answer, _ := strings.Cut(line, " => ")
		status, output, _ := strings.Cut(answer, " ")
		n, err := strconv.Atoi(status)
		if line != "" && err != nil {
			t.Fatalf("text machine: %q: %v", line, err)
		}
		output = strings.ReplaceAll(output, `\n`, "\n")
		m.answers[argv] = tasks.Output{Status: n, Stdout: output}
		if n != 0 {
			m.answers[argv] = tasks.Output{Status: n, Stdout: output, Stderr: output}
		}
	}
	return m
}

// Run implements tasks.Machine.
func (m *machine) Run(_ context.Context, c tasks.Command) (tasks.Output, error) {
	line := strings.Join(c.Argv, " ")
	out, ok := m.answers[line]
	if !ok {
		return out, fmt.Errorf("text machine says nothing about %q", line)
	}
	return out, nil
}

// In implements tasks.Machine.
func (m *machine) In(state.Scope, func() error) error { return nil }

// Facts implements tasks.Machine.
func (m *machine) Facts(context.Context) (map[string]any, error) { return map[string]any{}, nil }

// Exists implements tasks.Disk.
func (m *machine) Exists(path string) bool { return m.has[path] }

// Glob implements tasks.Disk.
func (m *machine) Glob(pattern string) bool { return m.has[pattern] }

// Find implements tasks.Disk.
func (m *machine) Find(program string) string { return map[bool]string{true: program}[m.has[program]] }
