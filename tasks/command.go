package tasks

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode"
)

// CommandTask runs a program, without a shell.
type CommandTask struct {
	Cmd       string            `arg:"cmd" doc:"command line; quotes and backslashes group words, and that is all: no variables, pipes or globs"`
	Argv      []string          `arg:"argv" doc:"the words themselves, instead of cmd"`
	Chdir     FilePath          `arg:"chdir" doc:"folder to run in"`
	Creates   string            `arg:"creates" doc:"path or glob: if it is there, there is nothing to do"`
	Removes   string            `arg:"removes" doc:"path or glob: if it is not there, there is nothing to do"`
	Stdin     string            `arg:"stdin" doc:"what the program reads"`
	Env       map[string]string `arg:"env" doc:"additions to the environment"`
	Probe     bool              `arg:"probe" doc:"the program only reads: it runs in --check too, and counts as unchanged"`
	Netns     Netns             `arg:"netns" doc:"network namespace to run in, as ip netns lists it"`
	Container Container         `arg:"container" doc:"the same, by the name of a container (as in static_ip), or pid:N; the files stay those of the host"`
}

func init() {
	Register(Kind{Name: "command", Short: "run a program", Free: "cmd", New: func() Task { return new(CommandTask) }})
}

// Check implements Task.
func (c *CommandTask) Check() error {
	errs := []error{place{c.Netns, c.Container}.check(), checkEnv(c.Env)}
	switch {
	case (c.Cmd == "") == (len(c.Argv) == 0):
		errs = append(errs, Wrong("cmd", "which program? give either cmd or argv"))
	case c.Cmd != "":
		words, err := SplitWords(c.Cmd)
		if err != nil {
			errs = append(errs, Wrong("cmd", "%v", err))
		} else if len(words) == 0 || words[0] == "" {
			errs = append(errs, Wrong("cmd", "which program? the command line is empty"))
		} else if op := shellWord(words); op != "" {
			errs = append(errs, Wrong("cmd", "%q is for a shell, and command has none", op).WithHint("use shell, or argv to give the word as it is"))
		}
	case c.Argv[0] == "":
		errs = append(errs, Wrong("argv", "which program? the first word is empty"))
	}
	return errors.Join(append(errs, checkNUL("cmd", c.Cmd), checkNUL("argv", c.Argv...))...)
}

// shellWord is a word that stands alone where a person wanted a shell.
func shellWord(words []string) string {
	for _, w := range words[1:] {
		switch w {
		case "|", "||", "&&", ">", ">>", "<", ";", "&", "2>&1", "2>":
			return w
		}
	}
	return ""
}

func checkNUL(arg string, texts ...string) error {
	for _, t := range texts {
		if strings.ContainsRune(t, 0) {
			return Wrong(arg, "%q holds a NUL, which no program can be given", cut(t, 40))
		}
	}
	return nil
}

func checkEnv(env map[string]string) error {
	var errs []error
	for _, name := range sortedKeys(env) {
		if name == "" || strings.ContainsFunc(name, func(r rune) bool { return r == '=' || unicode.IsSpace(r) || unicode.IsControl(r) }) {
			errs = append(errs, &ArgError{Path: []any{"env", name}, Msg: fmt.Sprintf("%q is not the name of a variable", name), Key: true})
		}
		if strings.ContainsRune(env[name], 0) {
			errs = append(errs, &ArgError{Path: []any{"env", name}, Msg: "the value holds a NUL"})
		}
	}
	return errors.Join(errs...)
}

func (c *CommandTask) argv() []string {
	if c.Cmd == "" {
		return c.Argv
	}
	words, err := SplitWords(c.Cmd)
	if err != nil {
		return nil // Check refuses it
	}
	return words
}

func (c *CommandTask) readsOnly() bool { return c.Probe }

// Needed implements Act.
func (c *CommandTask) Needed(_ context.Context, m Machine) (string, error) {
	return c.exec(c.argv()).needed(diskOf(m)), nil
}

// Do implements Act.
func (c *CommandTask) Do(ctx context.Context, m Machine) (Outcome, error) {
	return c.exec(c.argv()).do(ctx, m)
}

func (c *CommandTask) exec(argv []string) execution {
	return execution{creates: c.Creates, removes: c.Removes, probe: c.Probe,
		command: Command{Argv: argv, Env: c.Env, Dir: string(c.Chdir), Stdin: c.Stdin, Scope: place{c.Netns, c.Container}.scope()}}
}
