package wire

import (
	"time"

	"netrun/playbooks/script"
	"netrun/templates"
)

// Request is what the controller says. One field is set.
type Request struct {
	Begin   *Begin   `json:"begin,omitempty"`
	Segment *Segment `json:"segment,omitempty"`
	End     *End     `json:"end,omitempty"`
	Decide  *Decide  `json:"decide,omitempty"`
	Cancel  *Cancel  `json:"cancel,omitempty"`
	Undo    *Undo    `json:"undo,omitempty"`
	History *History `json:"history,omitempty"`
	Facts   *Facts   `json:"facts,omitempty"`
	Alive   *Alive   `json:"alive,omitempty"`
	Abort   *Abort   `json:"abort,omitempty"`
	Confirm *Token   `json:"confirm,omitempty"`
	Status  *Status  `json:"status,omitempty"`
}

// Status asks what is wanted of the host, and how it stands. Answer: Standing.
type Status struct{}

// Abort ends the running play in its turn: it is undone. Answer: Ended.
type Abort struct {
	Why string `json:"why"`
}

// Token confirms, over a fresh connection, the change that another session of this
// host waits for. Answer: Settled, or Failed when it is too late.
type Token struct {
	Token string `json:"token"`
}

// Alive says that the controller is there. It comes every ten seconds; a helper
// that hears nothing for a minute takes the connection for cut. No answer.
type Alive struct{}

// Begin starts a play on the host: it takes the host's lock and deals with what
// an earlier play left unfinished. Answer: Began, or Failed.
type Begin struct {
	Run     string `json:"run"`
	Play    int    `json:"play"`
	Name    string `json:"name"`
	By      string `json:"by"`    // user@controller
	Owner   string `json:"owner"` // the mark on created objects
	Check   bool   `json:"check,omitempty"`
	Confirm string `json:"confirm,omitempty"` // auto, always or never
	// Deadline is how long the host waits for a confirmation, in milliseconds.
	Deadline int     `json:"deadline_ms,omitempty"`
	Verbose  bool    `json:"verbose,omitempty"` // registered values in all results
	Texts    bool    `json:"texts,omitempty"`   // what changes in files' texts
	Hold     bool    `json:"hold,omitempty"`    // wait for Decide before committing
	Probes   []Probe `json:"probes,omitempty"`
	// Playbook is under what name the host keeps what the play wants, for restarts;
	// "" keeps nothing.
	Playbook string `json:"playbook,omitempty"`
	// Drop takes away what the playbook wanted earlier: "stale" what this run has not
	// wanted, "all" everything.
	Drop string `json:"drop,omitempty"`
	// Prunes says that a play with Drop "stale" ends the run.
	Prunes bool `json:"prunes,omitempty"`
	// Script is what the host does. It is nil for a host that only runs tasks that
	// others delegate to it.
	Script *script.Script `json:"script,omitempty"`
}

// Segment runs one segment of the script, or of another host's. Answer: Result
// events, then SegmentDone.
type Segment struct {
	Index int `json:"index"`
	// For is the script of the host that delegates the segment to this one.
	For *script.Script `json:"for,omitempty"`
	// Imports are what other hosts exported, by host and variable.
	Imports map[string]templates.Map `json:"imports,omitempty"`
	// Own are registered results and facts of this host that another one found out for it.
	Own templates.Map `json:"own,omitempty"`
}

// Probe is something that the host must still reach afterwards, if it could before.
type Probe struct {
	Ping string `json:"ping,omitempty"`
	TCP  string `json:"tcp,omitempty"`
}

// End ends the play: what was wanted is verified, probes are required, and the
// journal is committed. Answer: Ended.
type End struct{}

// Decide answers Held: whether the play stands.
type Decide struct {
	Commit bool `json:"commit"`
}

// Cancel asks the running play to stop: it undoes itself unless it is past its
// last task. Answer: Ended.
type Cancel struct{}

// Undo takes back the plays of a run on this host. Answer: Undone.
type Undo struct {
	Run      string `json:"run"`
	By       string `json:"by"`
	Check    bool   `json:"check,omitempty"`
	Confirm  string `json:"confirm,omitempty"` // as in Begin
	Deadline int    `json:"deadline_ms,omitempty"`
}

// History asks for the host's journals. Answer: Past.
type History struct{}

// Facts asks for the host's facts. Answer: Gathered.
type Facts struct{}

// Event is what the helper says. One field is set.
type Event struct {
	Began    *Began         `json:"began,omitempty"`
	Result   *script.Result `json:"result,omitempty"`
	Segment  *SegmentDone   `json:"segment,omitempty"`
	Confirm  *Confirm       `json:"confirm,omitempty"`
	Settled  *Settled       `json:"settled,omitempty"`
	Held     *Held          `json:"held,omitempty"`
	Ended    *Ended         `json:"ended,omitempty"`
	Undone   *Undone        `json:"undone,omitempty"`
	Past     *Past          `json:"past,omitempty"`
	Gathered *Gathered      `json:"gathered,omitempty"`
	File     *File          `json:"file,omitempty"`
	Failed   *Failed        `json:"failed,omitempty"`
	Note     *Note          `json:"note,omitempty"`
	Standing *Standing      `json:"standing,omitempty"`
}

// Standing is what playbooks want of the host, in the order in which it came to be.
type Standing struct {
	Objects []Standpoint `json:"objects"`
	// Restore and Watch say how networks come back on this host after a reboot and a
	// container's restart: "enabled", "active", or what is the matter.
	Restore string `json:"restore"`
	Watch   string `json:"watch"`
	// Containers are those that run, with their addresses.
	Containers []RunningContainer `json:"containers,omitempty"`
	Problems   []string           `json:"problems,omitempty"` // what could not be found out
}

// Standpoint is how one object stands.
type Standpoint struct {
	Playbook string    `json:"playbook"`
	Play     string    `json:"play,omitempty"`
	Task     string    `json:"task,omitempty"`
	At       string    `json:"at,omitempty"` // file:line
	Object   string    `json:"object"`
	State    string    `json:"state"`            // present, drifted, deferred or failed
	Detail   string    `json:"detail,omitempty"` // what differs, or what it waits for
	Repair   bool      `json:"repair,omitempty"`
	Tunnel   bool      `json:"tunnel,omitempty"` // it leads to another host
	Since    time.Time `json:"since"`            // when a play changed it last
}

// RunningContainer is a container and where it can be reached.
type RunningContainer struct {
	Name      string   `json:"name"` // docker:web
	Addresses []string `json:"addresses,omitempty"`
}

// Began says that the play holds the lock.
type Began struct {
	Found []string `json:"found,omitempty"` // what an earlier play left, and what was done about it
}

// SegmentDone says that a segment's tasks have run.
type SegmentDone struct {
	Failed  bool          `json:"failed,omitempty"`
	Exports templates.Map `json:"exports,omitempty"` // registered values that other hosts read
}

// Confirm asks for a confirmation over a fresh connection.
type Confirm struct {
	Token    string `json:"token"`
	Deadline int    `json:"deadline_ms"`
	Why      string `json:"why,omitempty"` // the change that SSH hangs on; "" where every change is to be confirmed
}

// Settled says how a Confirm ended.
type Settled struct {
	Confirmed bool `json:"confirmed"`
}

// Held says that the play is done and verified, and waits for Decide.
type Held struct{}

// Ended says how the play ended on the host.
type Ended struct {
	Changed int     `json:"changed"`          // changes that stand (--check: that would be made)
	Undone  bool    `json:"undone,omitempty"` // what the play had changed was put back
	Error   *Failed `json:"error,omitempty"`
	// Of a play that failed: the acts that were put back, last first, and those that were
	// done and stay done, in the order of the play.
	UndoneActs []string `json:"undone_acts,omitempty"`
	Acts       []string `json:"acts,omitempty"`
}

// Undone says what an Undo did.
type Undone struct {
	Plays   []string `json:"plays,omitempty"`   // names, last first
	Changes []string `json:"changes,omitempty"` // one line each
	Left    []string `json:"left,omitempty"`    // what was left as it is, and why
	Acts    []string `json:"acts,omitempty"`    // what cannot be undone
	Error   *Failed  `json:"error,omitempty"`
}

// Past lists a host's plays, oldest first.
type Past struct {
	Plays []PastPlay `json:"plays"`
}

// PastPlay is one play of a host's history.
type PastPlay struct {
	Run     string    `json:"run"`
	Name    string    `json:"name"`
	By      string    `json:"by"`
	Started time.Time `json:"started"`
	Changes int       `json:"changes"`
	State   string    `json:"state"` // applied, or unfinished
}

// Gathered are the host's facts.
type Gathered struct {
	Facts map[string]any `json:"facts"`
}

// File is a fetched file; its bytes follow as blob frames.
type File struct {
	Source string `json:"source"`
	Dest   string `json:"dest"`
	Flat   bool   `json:"flat,omitempty"`
}

// Note is a line for people: a warning, or what is being waited for.
type Note struct {
	Text string `json:"text"`
}
