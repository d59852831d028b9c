package script

import (
	"context"
	"time"

	"netrun/tasks"
	"netrun/tasks/state"
	"netrun/templates"
)

// Status is how a task ended.
type Status string

// The ways in which a task ends. Rescued is a failure that a block's rescue took
// care of, Ignored one that ignore_errors let pass.
const (
	OK          Status = "ok"
	Changed     Status = "changed"
	Failed      Status = "failed"
	Skipped     Status = "skipped"
	Ignored     Status = "ignored"
	Rescued     Status = "rescued"
	Unreachable Status = "unreachable" // never from here: the controller's word
)

// Result is what came of a task, or of one item of its loop.
type Result struct {
	Task    int    `json:"task"`           // Node.ID
	Step    int    `json:"step,omitempty"` // what Executor.Plan got as task, 0 if it was not called
	Host    string `json:"host,omitempty"` // filled in by the controller
	Name    string `json:"name,omitempty"` // the task's name, rendered
	Item    string `json:"item,omitempty"` // a loop's label
	Looped  bool   `json:"looped,omitempty"`
	Handler bool   `json:"handler,omitempty"`
	Status  Status `json:"status"`
	Msg     string `json:"msg,omitempty"`
	// Changes are what an object task changed, or would change.
	Changes []state.Change `json:"changes,omitempty"`
	// Undone says that the changes were made and taken back, since a later task of the batch failed.
	Undone   bool            `json:"undone,omitempty"`
	Censored bool            `json:"censored,omitempty"` // no_log: Msg, Changes and Register are left out
	Register templates.Value `json:"register,omitzero"`  // a map, if Options.Verbose asks for it
	Blob     *tasks.Blob     `json:"-"`                  // of fetch: the executor's side sends it
	Attempts int             `json:"attempts,omitempty"` // of until, if more than one
	Elapsed  time.Duration   `json:"elapsed,omitempty"`
}

// Executor is the host as a script sees it.
type Executor interface {
	// Plan adds an object task to the batch: planned at once against the simulated
	// state, carried out at the next Flush. On an error nothing of it stays planned.
	Plan(ctx context.Context, step Step, wants []state.Want) (Planned, error)
	// Flush carries out what is planned as one batch. On an error that batch has
	// been undone, and a *reconcile.BatchError says whose fault it was. In check
	// mode it is never called.
	Flush(ctx context.Context) error
	// Machine is what an act of the node runs on (its user and environment are the
	// node's; env is rendered already). The node is nil for the host's facts.
	Machine(node *Node, env map[string]string) tasks.Machine
}

// Step is one run of an object task.
type Step struct {
	ID   int // within the play; it comes back in a *reconcile.BatchError
	Node *Node
	Item string // the label of the loop's item
}

// Planned is what planning a task gave.
type Planned struct {
	Changes []state.Change
	// Deferred says what has to wait, and for what; "" if nothing has to.
	Deferred string
	// View is the host as it will be with all that is planned; nil if nobody looks.
	View state.View
}

// Clock is time as the interpreter sees it.
type Clock interface {
	Now() time.Time
	// Sleep waits, or ends with the context's error.
	Sleep(ctx context.Context, d time.Duration) error
}

// FailedError ends a host's script: a task failed, and nothing rescued or ignored it.
type FailedError struct {
	Task int // Node.ID
	Msg  string
}

// Error implements error.
func (e *FailedError) Error() string { return e.Msg }
