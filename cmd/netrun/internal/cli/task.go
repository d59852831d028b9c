package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"netrun/inventory/diag"
	"netrun/tasks"
)

// TaskOptions are the flags of netrun task.
type TaskOptions struct{ runOptions }

func (a *app) taskCommand() *cobra.Command {
	o := &TaskOptions{}
	cmd := &cobra.Command{
		Use:   "task PATTERN KIND [NAME=VALUE...] [-- WORD...]",
		Short: "Run one task",
		Long: `Run one task on the hosts of a pattern: a play with one task, which is journaled,
verified, confirmed and undone like any other. "netrun doc KIND" shows the
arguments. What follows -- is the command of command and shell.`,
		Example: `  netrun task -i hosts.ini all ping
  netrun task -i hosts.ini nodes bridge name=br0 mtu=1400 --check
  netrun task -i hosts.ini nodes command -- ip -d link show br0`,
		Args: cobra.MinimumNArgs(2),
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			return completeTask(args), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.task(cmd.Context(), o, args, cmd.ArgsLenAtDash())
		},
	}
	o.AddFlags(cmd)
	return cmd
}

func completeTask(args []string) []string {
	if len(args) == 1 {
		return tasks.Names()
	}
	var out []string
	if len(args) > 1 {
		if kind, ok := tasks.Lookup(args[1]); ok {
			for _, arg := range kind.Arguments() {
				out = append(out, arg.Name+"=")
			}
		}
	}
	return out
}

func (a *app) task(ctx context.Context, o *TaskOptions, args []string, dash int) error {
	if err := o.check(); err != nil {
		return err
	}
	made, err := adhocPlaybook(args, dash)
	if err != nil {
		return err
	}
	return a.playMade(ctx, &o.runOptions, made)
}

// playMade plays a playbook that is made of arguments.
func (a *app) playMade(ctx context.Context, o *runOptions, made *adhoc) error {
	s, err := a.loadSite(ctx, o, adhocFile, made.read)
	if err != nil {
		return made.explain(err)
	}
	s.adhoc, s.kept, s.prune = true, made.kept, made.prune
	plays, err := a.compile(s, o, selection{})
	if err != nil {
		return made.explain(err)
	}
	for _, w := range s.book.Warnings {
		if w.Pos.File == adhocFile {
			w.Pos = diag.Pos{File: made.place(w.Pos.Line)}
		}
	}
	return made.explain(a.runPlays(ctx, o, s, plays, s.book.Warnings))
}

// adhocFile is what the playbook that is made of arguments is called.
const adhocFile = "command line"

// adhoc is a playbook with one task, one argument a line.
type adhoc struct {
	text  []string
	args  []int  // the argument that each line is, counted from 1; 0 for none
	word  string // what an argument is called; "" is argument
	kept  string // under what name hosts keep what it wants; "" for that of single tasks
	prune bool   // the run ends by taking away what was wanted under that name and is no longer
	// files are texts that are read in the place of files.
	files map[string][]byte
}

func (d *adhoc) line(arg int, format string, a ...any) {
	d.text = append(d.text, fmt.Sprintf(format, a...))
	d.args = append(d.args, arg)
}

func (d *adhoc) read(path string) ([]byte, error) {
	if path == adhocFile {
		return []byte(strings.Join(d.text, "\n") + "\n"), nil
	}
	if text, ok := d.files[path]; ok {
		return text, nil
	}
	return os.ReadFile(path)
}

// explain gives mistakes the place that the person knows: which argument.
func (d *adhoc) explain(err error) error {
	if err == nil || isSaid(err) {
		return err
	}
	var list diag.List
	list.Add(err)
	leaves, ok := list.Err().(interface{ Unwrap() []error })
	if !ok {
		return err
	}
	var out []error
	for _, leaf := range leaves.Unwrap() {
		var e *diag.Error
		if errors.As(leaf, &e) && e.Pos.File == adhocFile {
			leaf = &diag.Error{Pos: diag.Pos{File: d.place(e.Pos.Line)}, Msg: e.Msg, Hint: e.Hint}
		}
		out = append(out, leaf)
	}
	return errors.Join(out...)
}

func (d *adhoc) place(line int) string {
	if line >= 1 && line <= len(d.args) && d.args[line-1] > 0 {
		return fmt.Sprintf("%s %d", cmp.Or(d.word, "argument"), d.args[line-1])
	}
	return adhocFile
}

// adhocPlaybook makes the playbook. What is not NAME=VALUE, and what stands behind
// the dashes, is the argument that the kind takes without a name.
func adhocPlaybook(args []string, dash int) (*adhoc, error) {
	d := &adhoc{}
	d.line(1, "- hosts: %s", quoted(args[0]))
	d.line(0, "  name: %s", quoted("task "+args[1]))
	d.line(0, "  tasks:")
	d.line(2, "  - %s:", quoted(args[1]))
	kind, known := tasks.Lookup(args[1])
	var words []string
	first := 0
	for i, arg := range args[2:] {
		name, value, named := strings.Cut(arg, "=")
		literal := dash >= 0 && i+2 >= dash
		if !literal && named && (!known || !takesCommand(kind) || hasArgument(kind, name)) {
			d.line(i+3, "      %s: %s", quoted(name), given(value))
			continue
		}
		if len(words) == 0 {
			first = i + 3
		}
		words = append(words, arg)
	}
	switch {
	case len(words) > 0 && known && kind.Free == "":
		return nil, usagef("argument %d: %s takes NAME=VALUE, not %q (netrun doc %s)", first, kind.Name, words[0], kind.Name)
	case len(words) > 1 && known && hasArgument(kind, "argv"):
		d.line(first, "      argv: %s", jsonText(words))
	case len(words) > 0 && known:
		d.line(first, "      %s: %s", quoted(kind.Free), quoted(strings.Join(words, " ")))
	}
	if len(d.text) == 4 {
		d.text[3] += " {}"
	}
	return d, nil
}

func hasArgument(kind *tasks.Kind, name string) bool {
	return slices.ContainsFunc(kind.Arguments(), func(a tasks.Argument) bool { return a.Name == name })
}

// takesCommand reports whether words with an equals sign may be part of a command.
func takesCommand(kind *tasks.Kind) bool { return hasArgument(kind, "chdir") }

// given is a value for YAML: a list or map if it is one in JSON, else a text.
func given(value string) string {
	if (strings.HasPrefix(value, "[") || strings.HasPrefix(value, "{") && !strings.HasPrefix(value, "{{")) && json.Valid([]byte(value)) {
		return value
	}
	return quoted(value)
}

// quoted is a text for YAML, which reads what JSON writes.
func quoted(s string) string { return jsonText(s) }

func jsonText(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		return `""` // texts and lists of texts never fail
	}
	return string(raw)
}
