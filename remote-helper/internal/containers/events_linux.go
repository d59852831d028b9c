package containers

import (
	"context"
	"errors"
	"sync"
	"time"
)

const (
	// The daemon that comes back is to be heard well within a second.
	dockerRetry = 200 * time.Millisecond
	// One that is not installed may be, some day.
	absentRetry = 5 * time.Second
	podmanRetry = time.Second
	// A podman that cannot tell (events_logger none) fails each time.
	refusedRetry = 30 * time.Second
)

// Events calls on for each event, one at a time, until ctx ends, and returns ctx's
// error. A runtime may come and go: each time that it can be heard (again), on is
// called with Connected, since what was in between is not known. An event may come
// twice, and with one that came before Connected.
func (f *Finder) Events(ctx context.Context, on func(Event)) error {
	w := &watcher{finder: f, on: on, heard: map[string]bool{}}
	w.wg.Go(func() { w.docker(ctx) })
	w.wg.Go(func() {
		for ctx.Err() == nil {
			w.podmans(ctx)
			wait(ctx, podmanRetry)
		}
	})
	w.wg.Wait()
	return context.Cause(ctx)
}

// watcher hears several runtimes.
type watcher struct {
	finder *Finder
	wg     sync.WaitGroup

	mu    sync.Mutex
	on    func(Event)
	heard map[string]bool // users whose podman is being listened to
}

func (w *watcher) docker(ctx context.Context) {
	for ctx.Err() == nil {
		pause := dockerRetry
		if err := w.listen(ctx, w.finder.docker()); errors.Is(err, errAbsent) {
			pause = absentRetry
		}
		wait(ctx, pause)
	}
}

func (w *watcher) listen(ctx context.Context, r runtime) error {
	kind, user := r.who()
	return r.events(ctx, time.Now(), func(e Event) {
		w.mu.Lock()
		defer w.mu.Unlock()
		e.Runtime, e.User = kind, user
		w.on(e)
	})
}

// podmans starts to listen to each user's podman that is not being listened to.
func (w *watcher) podmans(ctx context.Context) {
	all, _ := w.finder.podmans(nil)
	for _, p := range all {
		if !w.begin(p.user) {
			continue
		}
		w.wg.Go(func() {
			defer w.end(p.user)
			began := time.Now()
			err := w.listen(ctx, p)
			var status *statusError
			if errors.As(err, &status) && status.status > 0 && time.Since(began) < refusedRetry {
				wait(ctx, refusedRetry)
			}
		})
	}
}

func (w *watcher) begin(user string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.heard[user] {
		return false
	}
	w.heard[user] = true
	return true
}

func (w *watcher) end(user string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.heard, user)
}

func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
