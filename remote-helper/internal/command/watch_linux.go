package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"syscall"
	"time"

	"netrun/remote-helper/internal/containers"
	"netrun/remote-helper/internal/journal"
	"netrun/remote-helper/internal/linuxhost"
	"netrun/remote-helper/internal/lock"
	"netrun/remote-helper/internal/restore"
	"netrun/remote-helper/internal/serve"
	"netrun/remote-helper/internal/store"
	"netrun/remote-helper/internal/watch"
	"netrun/tasks/state"
)

func (p place) lock() string { return filepath.Join(p.run, "lock") }

// runRestore undoes what a play left half done when the power went, and puts back
// what is kept. It asks no runtime: at boot those wait for it. What is in containers
// is the watch's business.
func runRestore(ctx context.Context) (err error) {
	p := places()
	if err := os.MkdirAll(p.run, 0o700); err != nil {
		return fmt.Errorf("make run directory: %w", err)
	}
	held, err := lock.Wait(ctx, p.lock(), lock.Holder{By: lock.Watch, Play: "restore", Pid: os.Getpid(), Since: time.Now()},
		func(lock.Holder) bool { return true })
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, held.Release()) }()
	host := laterHost(p, nil)
	defer host.Close()
	return errors.Join(repair(ctx, p, host), putBack(ctx, p, host))
}

func repair(ctx context.Context, p place, host state.Host) error {
	dir, err := journal.Open(p.state)
	if err != nil {
		return err
	}
	found, err := serve.Repair(ctx, host, dir, store.Open(p.state), false)
	for _, f := range found {
		fmt.Println(f)
	}
	return err
}

func putBack(ctx context.Context, p place, host state.Host) error {
	books, err := store.Open(p.state).Books()
	if err != nil {
		return err
	}
	var items []store.Item
	for _, b := range books {
		items = append(items, b.Items...)
	}
	results, err := restore.Put(ctx, host, items)
	errs := []error{err}
	for _, r := range results {
		switch {
		case r.Err != nil:
			errs = append(errs, r.Err)
		case r.Waits != "":
			fmt.Printf("%s waits: %s\n", r.Item.Object.Key(), r.Waits)
		case len(r.Changes) > 0:
			fmt.Printf("%s put back\n", r.Item.Object.Key())
		}
	}
	return errors.Join(errs...)
}

// watchMemory is what the watch's own memory is kept near; it is there for weeks and
// has little to do.
const watchMemory = 12 << 20

func runWatch() error {
	debug.SetMemoryLimit(watchMemory)
	debug.SetGCPercent(25)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	p := places()
	if err := os.MkdirAll(p.run, 0o700); err != nil {
		return fmt.Errorf("make run directory: %w", err)
	}
	runtimes := &containers.Finder{}
	host := laterHost(p, finder(runtimes))
	defer host.Close()
	err := watch.Run(ctx, watch.Config{
		Host: host, Store: store.Open(p.state), LockPath: p.lock(), Pid: os.Getpid(), Now: time.Now,
		Find: finder(runtimes), Links: linuxhost.Changes, Returned: host.ReturnNICs, Logf: warnf,
		Events: func(ctx context.Context, on func(watch.Event)) error {
			return runtimes.Events(ctx, func(e containers.Event) { on(watchEvent(e)) })
		},
	})
	if ctx.Err() != nil {
		return nil // asked to end
	}
	return err
}

func watchEvent(e containers.Event) watch.Event {
	if e.Name == "" {
		return watch.Event{Action: e.Action}
	}
	c := containers.Container{Runtime: e.Runtime, User: e.User, Name: e.Name}
	return watch.Event{Scope: c.Scope(), ID: e.ID, Action: e.Action}
}
