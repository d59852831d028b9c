package script

import (
	"time"

	"netrun/inventory/diag"
	"netrun/templates"
)

// Script is what one host does in one play. Nodes may be shared between the
// scripts of several hosts and are not to be changed. It is JSON both ways.
type Script struct {
	Play string `json:"play,omitempty"` // the play's name
	Host string `json:"host"`           // inventory name
	// Vars are the variables that templates left for the host refer to. Those of a Node win.
	Vars templates.Map `json:"vars,omitempty"`
	// Segments are run one after the other. All hosts of a batch have the same
	// number, and a segment may need what others exported from the ones before.
	Segments      [][]*Node `json:"segments"`
	Handlers      []*Node   `json:"handlers,omitempty"` // in the order in which they are run
	ForceHandlers bool      `json:"force_handlers,omitempty"`
}

// Node is a task, a handler or a block.
type Node struct {
	ID   int             `json:"id"` // the same for all hosts, unique within the play, never 0
	Name templates.Value `json:"name,omitzero"`
	Role string          `json:"role,omitempty"`
	Pos  diag.Pos        `json:"pos"`

	// Kind is the task's kind; "" is a block, and "meta" what Meta says.
	Kind string          `json:"kind,omitempty"`
	Args templates.Value `json:"args,omitzero"`
	// Fills are the contents of the controller's files that the task reads (see tasks.Sourcer).
	Fills []templates.Value `json:"fills,omitempty"`

	// Skip says why the task is not run at all on this host, as found by the controller.
	Skip string                 `json:"skip,omitempty"`
	When []*templates.Condition `json:"when,omitempty"` // all must hold

	Loop  *Loop  `json:"loop,omitempty"`
	Cases []Case `json:"cases,omitempty"` // a loop's items, where the controller knows them

	Vars  templates.Map `json:"vars,omitempty"`  // weaker than registered results and facts
	Fixed templates.Map `json:"fixed,omitempty"` // stronger: of includes, extra variables, magic

	Register     string                 `json:"register,omitempty"`
	ChangedWhen  []*templates.Condition `json:"changed_when,omitempty"`
	FailedWhen   []*templates.Condition `json:"failed_when,omitempty"`
	Until        []*templates.Condition `json:"until,omitempty"`
	Retries      int                    `json:"retries,omitempty"`
	Delay        time.Duration          `json:"delay,omitempty"`
	Timeout      time.Duration          `json:"timeout,omitempty"`
	IgnoreErrors bool                   `json:"ignore_errors,omitempty"`
	Notify       []string               `json:"notify,omitempty"`
	Listen       []string               `json:"listen,omitempty"` // of a handler
	NoLog        bool                   `json:"no_log,omitempty"`
	CheckMode    *bool                  `json:"check_mode,omitempty"`
	Fleeting     bool                   `json:"fleeting,omitempty"` // persist: false; not put back after a restart
	Repair       bool                   `json:"repair,omitempty"`   // put back whenever something else changes it
	Become       bool                   `json:"become,omitempty"`   // run acts as RunAs
	RunAs        string                 `json:"run_as,omitempty"`   // "" with Become is root
	Env          templates.Value        `json:"env,omitzero"`       // a map of texts, added to an act's environment

	// Delegate names the host that runs the task for this one. Its segment is the task alone.
	Delegate string `json:"delegate,omitempty"`
	// RunOnce is a task that only the first host of the batch runs. Its segment is the task alone.
	RunOnce bool `json:"run_once,omitempty"`
	// Export makes Register and new facts part of Env.Exports.
	Export bool `json:"export,omitempty"`
	// Imports lists the hosts whose exports the task reads ("*" for all of the play);
	// it begins a segment.
	Imports []string `json:"imports,omitempty"`

	Block  []*Node `json:"block,omitempty"`
	Rescue []*Node `json:"rescue,omitempty"`
	Always []*Node `json:"always,omitempty"`
}

// Loop is a task's loop.
type Loop struct {
	Items    templates.Value `json:"items,omitzero"` // a list; not used where the node has Cases
	Var      string          `json:"var,omitempty"`  // "" is item
	IndexVar string          `json:"index_var,omitempty"`
	Label    templates.Value `json:"label,omitzero"` // what a result shows; the item itself if not set
	Pause    time.Duration   `json:"pause,omitempty"`
}

// Case is one round of a loop whose items the controller knows.
type Case struct {
	Item  templates.Value   `json:"item"`
	Args  templates.Value   `json:"args,omitzero"`
	Fills []templates.Value `json:"fills,omitempty"`
	Skip  string            `json:"skip,omitempty"` // why this round is skipped
}

// IsBlock reports whether the node is a block of other nodes.
func (n *Node) IsBlock() bool { return n.Kind == "" }
