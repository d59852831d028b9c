package tasks

import (
	"context"
	"fmt"
	"sort"
	"strings"
)

// execution is one run of a program, as command and shell do it.
type execution struct {
	command          Command
	line             string // what people wrote, for messages
	creates, removes string
	probe            bool
}

// needed says what would be run, "" where creates or removes say that there is nothing to do.
func (e execution) needed(d Disk) string {
	switch {
	case e.creates != "" && d.Glob(e.creates):
		return ""
	case e.removes != "" && !d.Glob(e.removes):
		return ""
	}
	return "run " + e.text()
}

func (e execution) text() string {
	if e.line != "" {
		return cut(strings.ReplaceAll(e.line, "\n", "; "), 120)
	}
	return cut(quoteWords(e.command.Argv), 120)
}

func (e execution) do(ctx context.Context, m Machine) (Outcome, error) {
	out, err := m.Run(ctx, e.command)
	if err != nil {
		return Outcome{}, fmt.Errorf("run %s: %w", e.text(), err)
	}
	data := outputData(e.command.Argv, out)
	result := Outcome{Changed: !e.probe, Msg: lastLine(out.Stdout), Data: data}
	if out.Status != 0 {
		return result, &Failure{Msg: failureText(e.text(), out), Data: data}
	}
	return result, nil
}

// outputData is what register gets of a program.
func outputData(argv []string, out Output) map[string]any {
	stdout, stderr := strings.TrimRight(out.Stdout, "\r\n"), strings.TrimRight(out.Stderr, "\r\n")
	return map[string]any{"cmd": anyList(argv), "rc": out.Status, "stdout": stdout, "stderr": stderr,
		"stdout_lines": anyList(textLines(stdout)), "stderr_lines": anyList(textLines(stderr))}
}

func textLines(text string) []string {
	if text == "" {
		return nil
	}
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimSuffix(lines[i], "\r")
	}
	return lines
}

func anyList(texts []string) []any {
	out := make([]any, len(texts))
	for i, t := range texts {
		out[i] = t
	}
	return out
}

// failureText is one line that says what went wrong: the status and the last words.
func failureText(what string, out Output) string {
	text := fmt.Sprintf("%s: status %d", what, out.Status)
	said := lastWords(out.Stderr)
	if said == "" {
		said = lastLine(out.Stdout)
	}
	if said != "" {
		text += ": " + said
	}
	return text
}

// lastWords are the last lines of what a program complained about: some say the cause
// first, and that they failed after it.
func lastWords(text string) string {
	lines := textLines(strings.TrimSpace(text))
	return cut(strings.Join(lines[max(0, len(lines)-2):], "; "), 400)
}

func lastLine(text string) string {
	lines := textLines(strings.TrimSpace(text))
	if len(lines) == 0 {
		return ""
	}
	return cut(lines[len(lines)-1], 200)
}

// quoteWords is the command line that SplitWords, or a shell, makes into the words.
func quoteWords(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = quoteWord(w)
	}
	return strings.Join(quoted, " ")
}

func quoteWord(w string) string {
	if w != "" && strings.Trim(w, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=:,./@%^") == "" {
		return w
	}
	return "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

// runTool runs a program of the system's; a status other than 0 is an error that holds its last words.
func runTool(ctx context.Context, m Machine, argv ...string) (Output, error) {
	out, err := m.Run(ctx, toolCommand(argv...))
	if err != nil {
		return out, fmt.Errorf("run %s: %w", quoteWords(argv), err)
	}
	if out.Status != 0 {
		return out, &Failure{Msg: failureText(cut(quoteWords(argv), 120), out), Data: outputData(argv, out)}
	}
	return out, nil
}

// toolCommand is a program of which the output is read: it must not speak the user's language, nor ask.
func toolCommand(argv ...string) Command {
	return Command{Argv: argv, Env: map[string]string{"LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}}
}

// ask runs a program whose status is its answer.
func ask(ctx context.Context, m Machine, argv ...string) (Output, error) {
	out, err := m.Run(ctx, toolCommand(argv...))
	if err != nil {
		return out, fmt.Errorf("run %s: %w", quoteWords(argv), err)
	}
	return out, nil
}
