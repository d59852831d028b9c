package report

import (
	"time"

	"netrun/inventory/diag"
	"netrun/playbooks/script"
	"netrun/remote-helper/wire"
	"netrun/tasks/state"
)

// What an Event is about: the values of its field "event".
const (
	EventPlay        = "play"        // a play begins on the hosts of a batch
	EventResult      = "result"      // a task, or one item of its loop, has ended on a host
	EventUnreachable = "unreachable" // a host could not be connected to, or was lost
	EventPhase       = "phase"       // what a host is busy with
	EventFound       = "found"       // what an earlier play had left on a host, and what was done about it
	EventNote        = "note"        // a line for people
	EventConfirm     = "confirm"     // a host waits for a confirmation over a fresh connection
	EventSettled     = "settled"     // how that ended
	EventEnded       = "ended"       // how a play ended on a host
	EventUndone      = "undone"      // what an undo did on a host
	EventFacts       = "facts"       // the facts of a host
	EventHistory     = "history"     // the plays that a host's journals know
	EventStatus      = "status"      // what is wanted of a host, and how it stands
	EventWarning     = "warning"     // something about the playbook or the inventory
	EventRecap       = "recap"       // the counts of all hosts; the last event of a play command
)

// Event is one line of --json. Fields without a value are left out; names are
// stable, and new ones may come.
type Event struct {
	Event string    `json:"event"`
	Time  time.Time `json:"time"`
	Host  string    `json:"host,omitempty"` // inventory name
	On    string    `json:"on,omitempty"`   // the host that ran the task for it (delegate_to)

	Run   string   `json:"run,omitempty"`   // play: the run's id, which undo takes
	Play  string   `json:"play,omitempty"`  // play: its name
	Hosts []string `json:"hosts,omitempty"` // play: of this batch
	Check bool     `json:"check,omitempty"` // play, undone: nothing is changed

	Task      *Task         `json:"task,omitempty"`     // result
	Item      string        `json:"item,omitempty"`     // result: label of the loop's item
	Status    script.Status `json:"status,omitempty"`   // result: ok, changed, failed, skipped, ignored, rescued
	Msg       string        `json:"msg,omitempty"`      // result, unreachable, note, warning, ...
	Changes   []Change      `json:"changes,omitempty"`  // result: what was (with check: would be) changed
	Censored  bool          `json:"censored,omitempty"` // result: no_log
	Register  any           `json:"register,omitempty"` // result, with -v
	Attempts  int           `json:"attempts,omitempty"` // result: of until
	ElapsedMS int64         `json:"elapsed_ms,omitempty"`

	Phase      string   `json:"phase,omitempty"`       // phase: connect, run, confirm
	Found      []string `json:"found,omitempty"`       // found
	DeadlineMS int      `json:"deadline_ms,omitempty"` // confirm
	Confirmed  *bool    `json:"confirmed,omitempty"`   // settled
	Changed    *int     `json:"changed,omitempty"`     // ended: changes that stand
	Undone     bool     `json:"undone,omitempty"`      // result, ended: what had been changed was put back
	UndoneActs []string `json:"undone_acts,omitempty"` // ended: acts that were put back, last first
	Acts       []string `json:"acts,omitempty"`        // ended, undone: done, and not undone
	Left       []string `json:"left,omitempty"`        // undone: left as it is, and why
	Plays      []string `json:"plays,omitempty"`       // undone: names, last first
	Lines      []string `json:"lines,omitempty"`       // undone: the changes made
	Error      *Failure `json:"error,omitempty"`       // ended, undone
	Path       string   `json:"path,omitempty"`        // result: of a fetched file, on the controller

	Facts    map[string]any  `json:"facts,omitempty"`    // facts
	History  []wire.PastPlay `json:"history,omitempty"`  // history: oldest first
	Standing *wire.Standing  `json:"standing,omitempty"` // status

	Pos   *diag.Pos        `json:"pos,omitempty"`   // warning
	Stats map[string]Stats `json:"stats,omitempty"` // recap: by host

	explained bool      // ended: a result has said already what failed
	failures  []failure // recap: of all hosts
}

// Task is what a report says of a task.
type Task struct {
	ID      int       `json:"id"`
	Name    string    `json:"name"` // rendered for the host where that is known
	Kind    string    `json:"kind,omitempty"`
	Role    string    `json:"role,omitempty"`
	Handler bool      `json:"handler,omitempty"`
	Pos     *diag.Pos `json:"pos,omitempty"`
}

// Change is one change of an object.
type Change struct {
	Op     state.Op          `json:"op"` // create, update or delete
	Kind   state.Kind        `json:"kind"`
	Scope  state.Scope       `json:"scope,omitempty"`
	Name   string            `json:"name"`
	Fields []state.FieldDiff `json:"fields,omitempty"`
	Text   string            `json:"text"`
	// Lines are what changes in a file's text, with --diff, a sign before each.
	Lines []string `json:"lines,omitempty"`
	// Commands are what a person would have typed, with --explain.
	Commands []string `json:"commands,omitempty"`
}

// Failure is why something failed.
type Failure struct {
	Kind string `json:"kind"` // task, locked, verify, confirm, canceled, undo, host
	Msg  string `json:"msg"`
}

// Stats are a host's counts of tasks, as Ansible's recap has them: OK includes
// Changed and Ignored.
type Stats struct {
	OK          int  `json:"ok"`
	Changed     int  `json:"changed"`
	Unreachable int  `json:"unreachable"`
	Failed      int  `json:"failed"`
	Skipped     int  `json:"skipped"`
	Rescued     int  `json:"rescued"`
	Ignored     int  `json:"ignored"`
	Undone      bool `json:"undone,omitempty"` // a play was undone there
}
