package tasks

import (
	"context"
	"errors"
	"strings"
)

// Shell runs a line in the host's shell.
type Shell struct {
	Cmd        string            `arg:"cmd,required" doc:"line, or several, for the shell"`
	Executable FilePath          `arg:"executable" default:"/bin/sh" doc:"the shell; it is given -c and the line"`
	Chdir      FilePath          `arg:"chdir" doc:"folder to run in"`
	Creates    string            `arg:"creates" doc:"path or glob: if it is there, there is nothing to do"`
	Removes    string            `arg:"removes" doc:"path or glob: if it is not there, there is nothing to do"`
	Stdin      string            `arg:"stdin" doc:"what the shell reads"`
	Env        map[string]string `arg:"env" doc:"additions to the environment: the safe way to give the line a value"`
	Probe      bool              `arg:"probe" doc:"the line only reads: it runs in --check too, and counts as unchanged"`
	Netns      Netns             `arg:"netns" doc:"network namespace to run in, as ip netns lists it"`
	Container  Container         `arg:"container" doc:"the same, by the name of a container (as in static_ip), or pid:N; the files stay those of the host"`
}

func init() {
	Register(Kind{Name: "shell", Short: "run a line in the shell", Free: "cmd", New: func() Task { return new(Shell) }})
}

// Check implements Task.
func (s *Shell) Check() error {
	errs := []error{place{s.Netns, s.Container}.check(), checkEnv(s.Env), checkNUL("cmd", s.Cmd)}
	if strings.TrimSpace(s.Cmd) == "" {
		errs = append(errs, Wrong("cmd", "the line is empty"))
	}
	return errors.Join(errs...)
}

func (s *Shell) readsOnly() bool { return s.Probe }

// Needed implements Act.
func (s *Shell) Needed(_ context.Context, m Machine) (string, error) {
	return s.exec().needed(diskOf(m)), nil
}

// Do implements Act.
func (s *Shell) Do(ctx context.Context, m Machine) (Outcome, error) { return s.exec().do(ctx, m) }

func (s *Shell) exec() execution {
	return execution{line: s.Cmd, creates: s.Creates, removes: s.Removes, probe: s.Probe,
		command: Command{Argv: []string{string(s.Executable), "-c", s.Cmd}, Env: s.Env, Dir: string(s.Chdir), Stdin: s.Stdin,
			Scope: place{s.Netns, s.Container}.scope()}}
}
