package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"netrun/cmd/netrun/internal/lab"
)

// The exit codes.
const (
	exitOK          = 0
	exitError       = 1
	exitFailed      = 2
	exitUnreachable = 4
	exitInterrupted = 130
)

// exitCodes is what each command's help says about them.
var exitCodes = []struct {
	code    int
	meaning string
	hosts   bool // of verbs that work on hosts
}{
	{exitOK, "all is well", false},
	{exitError, "usage, or a mistake in an inventory or a playbook: no host was contacted", false},
	{exitFailed, "a host failed", true},
	{exitUnreachable, "a host was unreachable, and none failed", true},
	{exitInterrupted, "interrupted", false},
}

var (
	// errFailed and errUnreachable are the end of a command whose report has said why.
	errFailed      = errors.New("a host failed")
	errUnreachable = errors.New("a host was unreachable")
	errInterrupted = errors.New("interrupted")
	// errMistakes is the end of a command that has printed mistakes.
	errMistakes = errors.New("there are mistakes")
)

// exitCode is the one place where an error becomes an exit code.
func exitCode(err error) int {
	var own *lab.ExitError // of the command that lab exec ran
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errInterrupted), errors.Is(err, context.Canceled):
		return exitInterrupted
	case errors.Is(err, errFailed):
		return exitFailed
	case errors.Is(err, errUnreachable):
		return exitUnreachable
	case errors.As(err, &own):
		return own.Code
	}
	return exitError
}

// isSaid reports whether the person has been told already.
func isSaid(err error) bool {
	var own *lab.ExitError
	return errors.Is(err, errFailed) || errors.Is(err, errUnreachable) || errors.Is(err, errMistakes) || errors.As(err, &own)
}

// interrupted makes the end of a command that a signal came to.
func interrupted(err error) error {
	if err == nil || isSaid(err) || errors.Is(err, context.Canceled) {
		return errInterrupted
	}
	return fmt.Errorf("%w: %w", errInterrupted, err)
}

// usageError is a mistake on the command line.
type usageError struct{ error }

// Unwrap gives the cause.
func (e usageError) Unwrap() error { return e.error }

func usagef(format string, a ...any) error { return usageError{fmt.Errorf(format, a...)} }

// isUsage also knows cobra's own errors, which have no type.
func isUsage(cmd *cobra.Command, err error) bool {
	var usage usageError
	if errors.As(err, &usage) {
		return true
	}
	text := err.Error()
	return strings.HasPrefix(text, "unknown command") || strings.HasPrefix(text, "unknown flag") ||
		cmd.Args != nil && cmd.Args(cmd, cmd.Flags().Args()) != nil || cmd.ValidateFlagGroups() != nil
}

// worksOnHosts marks a command that contacts hosts.
const worksOnHosts = "hosts"

// addExitCodes ends the help of a command, and of those below it, with its exit codes.
func addExitCodes(cmd *cobra.Command) {
	text := cmd.Long
	if text == "" {
		text = cmd.Short + "."
	}
	var b strings.Builder
	b.WriteString(text + "\n\nExit status:\n")
	for _, c := range exitCodes {
		if !c.hosts || cmd.Annotations[worksOnHosts] != "" {
			fmt.Fprintf(&b, "  %-4d %s\n", c.code, c.meaning)
		}
	}
	cmd.Long = strings.TrimRight(b.String(), "\n")
	for _, sub := range cmd.Commands() {
		addExitCodes(sub)
	}
}
