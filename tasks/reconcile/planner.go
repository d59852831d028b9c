package reconcile

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"netrun/tasks/state"
)

// Record is what a journal keeps of one batch of changes, written before the first of them.
type Record struct {
	Changes []state.Change
	// Collateral is what stood on the links and parameters that the changes touch,
	// and could go missing with them (addresses and routes of a link that goes down).
	Collateral []state.Object
}

// Journal keeps records. Write returns once the record would survive a power cut.
type Journal interface {
	Write(Record) error
}

// Options are a Planner's settings.
type Options struct {
	Owner   string  // the mark on what is created; "netrun" if empty
	Journal Journal // nil: none is kept (--check, tests)
	// Patient lets wants that need what is not there wait, and plans the rest: for
	// putting back what was wanted earlier.
	Patient bool
}

// Planner plans the wants of one play on one host against a simulated state:
// what is on the host, and what earlier tasks of the play have planned. It is not
// safe for concurrent use.
type Planner struct {
	host     state.Host
	options  Options
	base     *state.State // as observed
	sim      *state.State // base and what is planned
	seen     map[state.Key]bool
	pending  []state.Change
	side     []state.Object // collateral of pending
	records  []Record
	wants    map[state.Key]wanted
	order    []state.Key
	waiting  map[state.Key]hindrance // what is deferred
	deferred map[int][]Deferred      // by task
}

type wanted struct {
	state.Want
	origin state.Want // as the task gave it, with scopes as people name them
	task   int
	waits  bool
}

// Wanted is a want as the task gave it, and what became of it.
type Wanted struct {
	state.Want
	Task  int
	Key   state.Key // by which the host knows the object
	Waits bool      // deferred
}

// Wanted lists what is wanted by now, in order. Wants of one object are one.
func (p *Planner) Wanted() []Wanted {
	out := make([]Wanted, 0, len(p.order))
	for _, k := range p.order {
		w := p.wants[k]
		out = append(out, Wanted{w.origin, w.task, k, w.waits})
	}
	return out
}

// New is a planner for the host, which it does not touch until Plan is called.
func New(host state.Host, options Options) *Planner {
	if options.Owner == "" {
		options.Owner = "netrun"
	}
	p := &Planner{host: host, options: options, wants: map[state.Key]wanted{}, waiting: map[state.Key]hindrance{}, deferred: map[int][]Deferred{}}
	p.Forget()
	return p
}

// Forget makes the next Plan observe anew, because something other than this
// planner may have changed the host. Nothing may be pending.
func (p *Planner) Forget() {
	p.base, p.sim, p.seen = state.New(), state.New(), map[state.Key]bool{}
}

// Pending is what has been planned and not applied.
func (p *Planner) Pending() []state.Change { return p.pending }

// Deferred is what the task wants that has to wait.
func (p *Planner) Deferred(task int) []Deferred { return p.deferred[task] }

// Records are the batches that Apply has carried out.
func (p *Planner) Records() []Record { return p.records }

// Base is the host as it was observed, without what is planned.
func (p *Planner) Base() *state.State { return p.base }

// View is the host as it will be with what is planned.
func (p *Planner) View() state.View { return p.sim }

// Plan adds what the task wants, and returns the changes that it takes, none if
// all is there. Wants in containers that do not run are deferred. On an error nothing
// of the task stays planned. The error is a *state.MissingError where an object needs
// one that is neither there nor planned.
func (p *Planner) Plan(ctx context.Context, task int, wants []state.Want) ([]state.Change, error) {
	origins := wants
	wants, err := p.locate(ctx, wants)
	if err != nil {
		return nil, err
	}
	if err := p.observe(ctx, wants); err != nil {
		return nil, err
	}
	step := &planning{Planner: p, task: task}
	delete(p.deferred, task)
	if err := step.all(wants); err != nil {
		step.takeBack()
		return nil, err
	}
	for i, w := range wants {
		if h, waits := step.waits[i]; waits && w.Absent && p.unasked(w.Object) {
			step.takeBack()
			return nil, fmt.Errorf("remove %s: %s", w.Object.Key(), h.why)
		}
	}
	for i, w := range wants {
		k := w.Object.Key()
		h, waits := step.waits[i]
		if waits && !w.Absent {
			p.waiting[k] = h
			p.deferred[task] = append(p.deferred[task], Deferred{Key: k, Why: h.why, Container: h.container})
		} else {
			delete(p.waiting, k)
		}
		for _, why := range step.parts[i] {
			p.deferred[task] = append(p.deferred[task], Deferred{Key: k, Why: why, Part: true})
		}
		p.remember(wanted{w, origins[i], task, waits && !w.Absent})
	}
	for _, k := range step.cascaded {
		if !step.rewanted(k, wants) {
			p.unwant(k)
		}
	}
	p.pending = append(p.pending, step.changes...)
	p.side = append(p.side, step.side...)
	return step.changes, nil
}

// remember keeps the want for Verify; the last one about a key counts. What
// earlier ones asked for stays part of what is to be put back later.
func (p *Planner) remember(w wanted) {
	k := w.Object.Key()
	if earlier, ok := p.wants[k]; ok && !w.Absent && !earlier.Absent {
		switch was, now := earlier.origin.Object, w.origin.Object; {
		case sameType(was, now):
			w.origin.Object = state.Merge(was, now)
		case state.Plain(was) && !state.Plain(now):
			// A bridge with all that a task says of it, then one that a container needs. It
			// keeps its place: routes over it come between.
			w.origin = earlier.origin
			p.wants[k] = w
			return
		}
	}
	p.unwant(k)
	p.wants[k] = w
	p.order = append(p.order, k)
}

func sameType(a, b state.Object) bool { return reflect.TypeOf(a) == reflect.TypeOf(b) }

// unwantTasks forgets what the tasks of a batch wanted that was undone.
func (p *Planner) unwantTasks(changes []state.Change) {
	undone := map[int]bool{}
	for _, c := range changes {
		undone[c.Task] = true
	}
	for _, k := range slices.Clone(p.order) {
		if undone[p.wants[k].task] {
			p.unwant(k)
		}
	}
}

// unwant forgets the want: a later one took its place, or its object went with another.
func (p *Planner) unwant(k state.Key) {
	if _, ok := p.wants[k]; ok {
		delete(p.wants, k)
		p.order = slices.DeleteFunc(p.order, func(o state.Key) bool { return o == k })
	}
}

// Apply journals what is pending and carries it out as one batch. If that goes
// wrong, the batch is undone and the error is a *BatchError.
func (p *Planner) Apply(ctx context.Context) error {
	if len(p.pending) == 0 {
		return nil
	}
	record := Record{Changes: p.pending, Collateral: p.side}
	p.pending, p.side = nil, nil
	if p.options.Journal != nil {
		if err := p.options.Journal.Write(record); err != nil {
			return &BatchError{Task: record.Changes[0].Task, Err: fmt.Errorf("write journal: %w", err)}
		}
	}
	if err := p.host.Apply(ctx, record.Changes); err != nil {
		undoErr := p.putBack(context.WithoutCancel(ctx), []Record{record})
		if undoErr != nil {
			p.records = append(p.records, record) // for another try, and so that nobody takes it for undone
		}
		p.unwantTasks(record.Changes)
		p.Forget()
		return &BatchError{Task: guilty(err, record.Changes), Err: err, Undo: undoErr}
	}
	p.records = append(p.records, record)
	return nil
}

func guilty(err error, changes []state.Change) int {
	if i := applyIndex(err); i >= 0 && i < len(changes) {
		return changes[i].Task
	}
	return changes[0].Task
}

// Undo puts everything that this planner has applied back as it was.
func (p *Planner) Undo(ctx context.Context) error {
	p.pending, p.side = nil, nil
	err := p.putBack(ctx, p.records)
	p.records = nil
	p.Forget()
	return err
}

// putBack undoes the records. Something that had to be left is an error here: nobody
// may say of such a play that it was undone.
func (p *Planner) putBack(ctx context.Context, records []Record) error {
	report, err := Undo(ctx, p.host, records, UndoOptions{})
	if err == nil && len(report.Left) > 0 {
		err = fmt.Errorf("left: %s", strings.Join(report.Left, "; "))
	}
	return err
}

// Verify observes anew and plans everything wanted so far once more: what it
// returns is what is not as it was wanted, which must be nothing.
func (p *Planner) Verify(ctx context.Context) ([]state.Change, error) {
	if len(p.order) == 0 {
		return nil, nil
	}
	again := New(p.host, p.options)
	var all []state.Want
	for _, k := range p.order {
		if w := p.wants[k]; !w.waits {
			all = append(all, w.Want)
		}
	}
	if err := again.observe(ctx, all); err != nil {
		return nil, err
	}
	var left []state.Change
	for _, w := range all {
		changes, err := again.Plan(ctx, p.wants[w.Object.Key()].task, []state.Want{w})
		if err != nil {
			return nil, err
		}
		left = append(left, changes...)
	}
	return left, nil
}

// BatchError says that a batch went wrong and has been undone.
type BatchError struct {
	Task int   // whose change it was
	Err  error // the cause
	Undo error // what could not be put back, nil if all was
}

// Error implements error.
func (e *BatchError) Error() string {
	if e.Undo != nil {
		return fmt.Sprintf("%v; undo: %v", e.Err, e.Undo)
	}
	return e.Err.Error()
}

// Unwrap gives the cause.
func (e *BatchError) Unwrap() error { return e.Err }
