// Package cli is netrun's command line: one file a verb, each with its options,
// its flags and the function that does it.
//
// It reads flags, asks on the terminal, and turns errors into exit codes. What
// the verbs do is done by other packages: inventory, playbooks, fleet, report,
// lint, lab. All that belongs to the process (arguments, streams, environment,
// clock, signals) comes in as a Process, so that tests need no process.
package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"netrun/cmd/netrun/internal/push"
	"netrun/inventory/diag"
)

// Process is what a netrun process has.
type Process struct {
	Args           []string // without the program's name
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Getenv         func(name string) string
	Now            func() time.Time
	Terminal       Terminal          // to ask on; nil where there is none
	Size           func() (int, int) // columns and rows of standard output; nil where it is no terminal
	Interrupts     <-chan os.Signal  // SIGINT and SIGTERM
	Helpers        push.Source
	User, Hostname string // who runs netrun, and where
	Home           string
	Version        string
	Commit         string
}

// Main runs the command line and returns the exit code.
func Main(ctx context.Context, p *Process) int {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	a := &app{Process: p, sources: &diag.Sources{}, interrupts: newInterrupts(cancel)}
	go a.interrupts.listen(ctx, p.Interrupts)
	root := a.rootCommand()
	root.SetArgs(p.Args)
	root.SetIn(p.Stdin)
	root.SetOut(p.Stdout)
	root.SetErr(p.Stderr)
	cmd, err := root.ExecuteContextC(ctx)
	if a.interrupts.seen() {
		err = interrupted(err)
	}
	a.explain(cmd, err)
	return exitCode(err)
}

// app is one call of Main.
type app struct {
	*Process
	sources    *diag.Sources // the texts of inventories and playbooks, to show mistakes in
	interrupts *interrupts
}

func (a *app) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "netrun",
		Short:         "Wire containers together across plain Linux hosts",
		Long:          "netrun wires containers together across plain Linux hosts, from one inventory and\none playbook, over SSH, with no agent, no overlay daemon and no orchestrator.",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	lab := labCommand()
	a.leaveInterrupts(lab, "exec", "init")
	root.AddCommand(a.deployCommand(), a.docCommand(), a.factsCommand(), a.historyCommand(), a.inventoryCommand(), lab, a.linkCommand(), a.lintCommand(),
		a.pipeworkCommand(), a.playCommand(), a.removeCommand(), a.statusCommand(), a.taskCommand(), a.undoCommand(), a.verifyCommand(), a.versionCommand())
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	for _, cmd := range root.Commands() {
		addExitCodes(cmd)
	}
	return root
}

// leaveInterrupts is for commands that pass signals on, or wait for them themselves.
func (a *app) leaveInterrupts(parent *cobra.Command, names ...string) {
	for _, name := range names {
		if cmd, _, err := parent.Find([]string{name}); err == nil && cmd != parent {
			cmd.PreRun = func(*cobra.Command, []string) { a.interrupts.stopBy(func() {}) }
		}
	}
}

// explain prints why the command did not do its work.
func (a *app) explain(cmd *cobra.Command, err error) {
	if err == nil || isSaid(err) {
		return
	}
	if isUsage(cmd, err) {
		fmt.Fprintf(a.Stderr, "%s: %s\nsee %s --help\n", cmd.CommandPath(), strings.TrimSpace(err.Error()), cmd.CommandPath())
		return
	}
	// Nothing is left to be done where standard error is gone.
	_ = a.sources.Show(a.Stderr, err)
}
