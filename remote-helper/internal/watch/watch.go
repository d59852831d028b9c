// Package watch puts networks back while the host runs: when a container starts,
// when what something had to wait for is there, and, where a playbook asks for it,
// whenever something else has changed them. It listens to runtimes and the kernel,
// and to nobody else.
package watch

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"netrun/remote-helper/internal/lock"
	"netrun/remote-helper/internal/restore"
	"netrun/remote-helper/internal/store"
	"netrun/tasks/state"
)

// Event is something that happened to a container.
type Event struct {
	Scope  state.Scope // docker:web; "" for Connected
	ID     string
	Action string // start, die, rename, destroy or Connected
}

// Connected says that a runtime answers (again), so that everything in its
// containers has to be looked at.
const Connected = "connected"

// Config is what a watch works with.
type Config struct {
	Host     state.Host
	Store    *store.Dir
	LockPath string
	Pid      int
	Now      func() time.Time
	// Find is which containers the names mean, as in linuxhost.Config.
	Find func(ctx context.Context, names []string) (map[string][]state.Container, error)
	// Events calls on for each event until the context ends.
	Events func(ctx context.Context, on func(Event)) error
	// Links calls on when the kernel's links, addresses or routes change.
	Links func(ctx context.Context, on func()) error
	// Returned gives network cards back that came out of a container that has ended,
	// and says which.
	Returned func(ctx context.Context) ([]string, error)
	Logf     func(format string, a ...any)
	// First says that nobody has watched since the host was booted: what had to wait
	// then may have come true before anybody looked.
	First bool
}

// The watch's pace.
const (
	gather  = 10 * time.Millisecond  // for events that come together
	settle  = 100 * time.Millisecond // after a change of the links, which come in bursts
	round   = 30 * time.Second       // for drift that the kernel does not tell of
	backoff = time.Minute            // for an item that is changed again each time
	anew    = 6 * time.Second        // for names: a resolver may go by what it read up to 5 s ago
)

// watch is one run.
type watch struct {
	Config
	events  chan Event
	links   chan struct{}
	waiting map[state.Key]bool // what waits for something of the host
	named   bool               // a name that nobody knew is among that
	lends   bool               // network cards of the host are wanted in containers
	repairs map[state.Key]int  // how often an item was repaired since the last rest
	rested  time.Time
	seen    time.Time // of the store
	damaged string    // what could not be read of it, told once
}

// Run watches until the context ends, or a source of events fails.
func Run(ctx context.Context, c Config) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	w := &watch{Config: c, events: make(chan Event, 256), links: make(chan struct{}, 1),
		waiting: map[state.Key]bool{}, repairs: map[state.Key]int{}}
	done := make(chan struct{}, 2)
	go func() { stop(c.Events(ctx, func(e Event) { w.note(ctx, e) })); done <- struct{}{} }()
	go func() { stop(c.Links(ctx, w.touch)); done <- struct{}{} }()
	w.loop(ctx)
	<-done
	<-done
	return context.Cause(ctx)
}

func (w *watch) note(ctx context.Context, e Event) {
	select {
	case w.events <- e:
	case <-ctx.Done(): // nobody reads any more
	}
}

func (w *watch) touch() {
	select {
	case w.links <- struct{}{}:
	default:
	}
}

func (w *watch) loop(ctx context.Context) {
	tick := time.NewTicker(round)
	defer tick.Stop()
	var names <-chan time.Time
	w.look(ctx, func(store.Item) bool { return w.First })
	w.welcome(ctx)
	for {
		select {
		case <-ctx.Done():
			return
		case e := <-w.events:
			w.containers(ctx, w.more(ctx, e))
			if w.named {
				names = time.After(anew)
			}
		case <-names:
			w.drifted(ctx)
		case <-w.links:
			pause(ctx, settle)
			w.hostChanged(ctx)
		case <-tick.C:
			w.drifted(ctx)
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// more gathers the events that come close after the first.
func (w *watch) more(ctx context.Context, first Event) []Event {
	out := []Event{first}
	for {
		timer := time.NewTimer(gather)
		select {
		case e := <-w.events:
			timer.Stop()
			out = append(out, e)
		case <-timer.C:
			return out
		case <-ctx.Done():
			timer.Stop()
			return out
		}
	}
}

// containers deals with what happened to containers.
func (w *watch) containers(ctx context.Context, events []Event) {
	started := map[string]bool{}
	all, ended := false, false
	for _, e := range events {
		switch e.Action {
		case Connected:
			all = true
		case "start", "rename":
			started[string(e.Scope)], started[e.ID] = true, true
		case "die", "destroy":
			ended = true
		}
	}
	if ended {
		w.welcome(ctx)
	}
	if all || len(started) > 0 {
		w.put(ctx, "a container has started", func(items []store.Item) []store.Item { return w.concerned(ctx, items, started, all) })
	}
}

// concerned lists the items that have to do with the containers.
func (w *watch) concerned(ctx context.Context, items []store.Item, started map[string]bool, all bool) []store.Item {
	// What hangs on a condition may have come to be wanted with the runtime's start.
	later := slices.DeleteFunc(slices.Clone(items), func(i store.Item) bool { return !state.Conditional(i.Object) })
	return append(later, w.concernedBy(ctx, items, started, all)...)
}

func (w *watch) concernedBy(ctx context.Context, items []store.Item, started map[string]bool, all bool) []store.Item {
	if all {
		return restore.Concerned(items, func(string) bool { return true })
	}
	var found map[string][]state.Container
	if names := slices.DeleteFunc(restore.Names(items), func(name string) bool { return !strings.Contains(name, "/") }); len(names) > 0 {
		var err error
		if found, err = w.Find(ctx, names); err != nil {
			w.Logf("find containers: %v", err)
		}
	}
	return restore.Concerned(items, func(name string) bool {
		return named(name, started) || slices.ContainsFunc(found[name], func(c state.Container) bool { return started[string(c.Scope)] })
	})
}

// named reports whether one of the containers has the name, or an id that begins so.
// To take one for concerned that is not does no harm: what is there stays.
func named(name string, started map[string]bool) bool {
	bare := state.ContainerScope(name).Bare()
	for s := range started {
		if state.Scope(s).Bare() == bare || strings.HasPrefix(s, bare) {
			return true
		}
	}
	return false
}

// welcome gives network cards back that came out of a container that has ended. The
// kernel brings them when it has the time, which the links tell.
func (w *watch) welcome(ctx context.Context) {
	if !w.lends {
		return
	}
	err := w.locked(ctx, func() error { w.giveBack(ctx); return nil })
	if err != nil && ctx.Err() == nil {
		w.Logf("%v", err)
	}
}

func (w *watch) giveBack(ctx context.Context) {
	if !w.lends {
		return
	}
	names, err := w.Returned(ctx)
	for _, n := range names {
		w.Logf("link %s is back from a container that has ended", n)
	}
	if err != nil && ctx.Err() == nil {
		w.Logf("%v", err)
	}
}

// hostChanged deals with a change of the host's links, addresses or routes.
func (w *watch) hostChanged(ctx context.Context) {
	w.welcome(ctx)
	w.look(ctx, func(i store.Item) bool { return i.Repair || w.waiting[i.Object.Key()] })
}

// drifted looks after what is to be repaired and of which the kernel does not tell, and
// asks again for names that had no answer.
func (w *watch) drifted(ctx context.Context) {
	w.look(ctx, func(i store.Item) bool { return i.Repair || w.waiting[i.Object.Key()] && state.Named(i.Object) })
}

// look puts the chosen items back, and learns what waits if the store has changed.
func (w *watch) look(ctx context.Context, chosen func(store.Item) bool) {
	if changed := w.Store.Changed(); !changed.Equal(w.seen) {
		w.seen = changed
		w.learn(ctx)
	}
	w.put(ctx, "repair", func(items []store.Item) []store.Item {
		return slices.DeleteFunc(slices.Clone(items), func(i store.Item) bool { return !chosen(i) })
	})
}

// learn finds out what waits for something of the host.
func (w *watch) learn(ctx context.Context) {
	items := w.items()
	w.lends = slices.ContainsFunc(items, lent)
	if len(items) == 0 {
		return
	}
	results, err := restore.Look(ctx, w.Host, items)
	if err == nil {
		w.waiting = map[state.Key]bool{}
		w.remember(results)
	} else if ctx.Err() == nil {
		w.Logf("look at what is wanted: %v", err)
	}
}

func lent(i store.Item) bool {
	l, ok := i.Object.(state.Link)
	return ok && l.NIC != ""
}

func (w *watch) remember(results []restore.Result) {
	named := false
	for _, r := range results {
		k := r.Item.Object.Key()
		delete(w.waiting, k)
		if r.Waits != "" && !r.Container {
			w.waiting[k] = true
			named = named || state.Named(r.Item.Object)
		}
	}
	w.named = named
}

// items are what all playbooks want whose books can be read.
func (w *watch) items() []store.Item {
	books, err := w.Store.Books()
	damaged := ""
	if err != nil {
		damaged = err.Error()
	}
	if damaged != w.damaged && err != nil {
		w.Logf("%v", err)
	}
	w.damaged = damaged
	var items []store.Item
	for _, b := range books {
		items = append(items, b.Items...)
	}
	return items
}

// put puts items back, holding the host's lock: a play that is at work goes first.
func (w *watch) put(ctx context.Context, why string, choose func([]store.Item) []store.Item) {
	if len(choose(w.items())) == 0 {
		return
	}
	err := w.locked(ctx, func() error {
		// A card that comes and goes with a restart must not be taken for one of that name.
		w.giveBack(ctx)
		items := w.unquarrelled(choose(w.items())) // the play may have changed them
		results, err := restore.Put(ctx, w.Host, items)
		w.remember(results)
		w.told(why, results)
		return err
	})
	debug.FreeOSMemory() // there may be nothing to do for weeks
	if err != nil && ctx.Err() == nil {
		w.Logf("%s: %v", why, err)
	}
}

func (w *watch) locked(ctx context.Context, f func() error) error {
	who := lock.Holder{By: lock.Watch, Play: "watch", Pid: w.Pid, Since: w.Now()}
	l, err := lock.Wait(ctx, w.LockPath, who, func(lock.Holder) bool { return true })
	if err != nil {
		return err
	}
	return errors.Join(f(), l.Release())
}

// told logs what was done.
func (w *watch) told(why string, results []restore.Result) {
	for _, r := range results {
		k := r.Item.Object.Key()
		switch {
		case r.Err != nil:
			w.Logf("%s: %s: %v", why, k, r.Err)
		case len(r.Changes) > 0:
			w.repairs[k]++
			w.Logf("%s: %s", why, summary(r.Changes))
		}
	}
}

func summary(changes []state.Change) string {
	var parts []string
	for _, c := range changes {
		if !c.Implied {
			parts = append(parts, c.String())
		}
	}
	return fmt.Sprint(strings.Join(parts, "; "))
}

// quarrel is how often an item may be put back within a backoff: if it takes more,
// something else wants it otherwise, and nobody gains by going on.
const quarrel = 20

func (w *watch) unquarrelled(items []store.Item) []store.Item {
	if now := w.Now(); now.Sub(w.rested) > backoff {
		w.rested = now
		clear(w.repairs)
	}
	return slices.DeleteFunc(items, func(i store.Item) bool {
		n := w.repairs[i.Object.Key()]
		if n == quarrel {
			w.repairs[i.Object.Key()]++
			w.Logf("%s: something else keeps changing it; left alone for %s", i.Object.Key(), backoff)
		}
		return n >= quarrel && i.Repair
	})
}
