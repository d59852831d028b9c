package tasks

import (
	"context"
	"io"
	"time"

	"netrun/tasks/state"
)

// Task is one task kind's arguments, decoded.
type Task interface {
	// Check reports what is wrong with the arguments that the decoder could not
	// see: an *ArgError, or several joined. It reads nothing but the arguments.
	Check() error
}

// Wanter is a task that is objects. Want is pure: the same arguments give the
// same objects, in the order in which they are to be made.
type Wanter interface {
	Task
	Want() []state.Want
}

// Teller is a Wanter that knows more once it is planned, such as a port that was
// given out. What Told reads from the simulated state is what register gets.
type Teller interface {
	Wanter
	Told(view state.View) map[string]any
}

// Impatient is a Wanter that may be told not to wait for what is not there yet.
type Impatient interface {
	Wanter
	Impatient() bool
}

// Act is a task that does something which is not an object's state.
type Act interface {
	Task
	// Needed only reads, and says in a few words what Do would do ("start redis");
	// "" means that there is nothing to do. It is what --check prints.
	Needed(ctx context.Context, m Machine) (string, error)
	// Do does it. It is called only when Needed gave a text.
	Do(ctx context.Context, m Machine) (Outcome, error)
}

// Wirer is an Act that wants objects too, once it is done: a container, and the links in it.
type Wirer interface {
	Act
	// Wires is pure, as Wanter's Want is.
	Wires() []state.Want
}

// Wired is the objects of a Wirer as a task of their own.
type Wired struct{ Wirer }

// Want implements Wanter.
func (w Wired) Want() []state.Want { return w.Wires() }

// Reader is an Act that changes nothing: it runs in --check too.
type Reader interface {
	Act
	Reads()
}

// Inline is a task that works on variables only (debug, assert, set_fact).
type Inline interface {
	Task
	Inline(vars Vars) (Outcome, error)
}

// Expander is a task whose arguments name hosts or groups of the inventory. The
// controller calls Expand, which replaces them by plain values (in place), so that
// the host needs no inventory and Want stays pure.
type Expander interface {
	Task
	Expand(inv Inventory) error
}

// PartExpander is an Expander that need not know all of its arguments: those that
// only the host knows are unset when Expand is called, and stay what they were.
type PartExpander interface {
	Expander
	ExpandsInPart()
}

// Inventory is what Expand may ask. Variables are those of that host, rendered.
type Inventory interface {
	Self() string                                // inventory name of the host that the task is for
	Group(name string) (hosts []string, ok bool) // in inventory order; a host's name is a group of one
	Var(host, name string) (value any, ok bool, err error)
}

// Vars is what an Inline task may ask of the variables in force.
type Vars interface {
	Lookup(name string) (any, error)     // an unknown name is an error that names the nearest one
	Eval(expression string) (any, error) // an expr expression, as in when
}

// Outcome is what an act or an inline task did.
type Outcome struct {
	Changed bool
	Msg     string         // one line for people
	Data    map[string]any // what register gets: stdout, stderr, rc, ... (JSON values)
	Facts   map[string]any // set_fact: variables from here on
	Blob    *Blob          // fetch: a file for the controller
	// Gone are containers, by their names, that are no more: what the playbook wanted in
	// them is no longer kept.
	Gone []string

	// Undo puts back what an act's Do did, if its play fails later; nil: nobody can,
	// and the act is named as not undone. It is called once at most, after what was done
	// later has been undone, and with a context that the play's end does not end. Of a Do
	// that fails it puts back what is left: an act that has put all of it back, or did
	// nothing, gives NothingLeft.
	Undo func(context.Context) error
	// Keep is called once when the play stands, instead of Undo: it lets go of what was
	// kept for Undo. nil: there is nothing to let go of.
	Keep func(context.Context) error
}

// NothingLeft is the Undo of an act that has left nothing to put back.
func NothingLeft(context.Context) error { return nil }

// Blob is a file that goes to the controller.
type Blob struct {
	Source string // path on the host
	Dest   string // path on the controller
	Flat   bool   // Dest is the file itself, else <Dest>/<host>/<Source>
	Open   func() (io.ReadCloser, error)
}

// Machine is the host as an act sees it.
type Machine interface {
	// Run runs a program and waits for it. An exit status other than 0 is not an
	// error: see Output.Status. Output beyond 1 MiB a stream is cut, and said to be.
	Run(ctx context.Context, c Command) (Output, error)
	// In calls f on a thread that is in the scope's network namespace.
	In(scope state.Scope, f func() error) error
	// Facts are the facts of the host: os, distribution, arch, hostname, kernel, interfaces, ...
	Facts(ctx context.Context) (map[string]any, error)
}

// Command is a program to run: never a shell line, unless Argv begins with a shell.
type Command struct {
	Argv  []string
	Env   map[string]string // added to the environment
	Dir   string
	Stdin string
	User  string      // "" is the user that the play runs as
	Scope state.Scope // the network namespace to run in
}

// Output is what a program printed, and its exit status.
type Output struct {
	Stdout, Stderr string
	Status         int
	Elapsed        time.Duration
}
