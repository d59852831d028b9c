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
	books, damaged := store.Open(p.state).Books()
	var items []store.Item
	for _, b := range books {
		items = append(items, b.Items...)
	}
	for try := 1; ; try++ {
		results, err := restore.Put(ctx, host, items)
		if err != nil {
			return errors.Join(damaged, err)
		}
		if err = tell(results); err == nil || try == putTries {
			return errors.Join(damaged, err)
		}
		fmt.Printf("once more in %v: %v\n", putPause, err)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(putPause):
		}
	}
}

// At boot others are still at work on the network: Open vSwitch sets up its bridges
// after it says that it has started.
const (
	putTries = 5
	putPause = 2 * time.Second
)

// tell says what became of the items. What went wrong is the error.
func tell(results []restore.Result) error {
	var errs []error
	for _, r := range results {
		key := r.Item.Object.Key()
		switch {
		case r.Err != nil:
			errs = append(errs, fmt.Errorf("%s: %w", key, r.Err))
		case r.Waits != "":
			fmt.Printf("%s waits: %s\n", key, r.Waits)
		case len(r.Changes) > 0:
			fmt.Printf("%s put back\n", key)
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
	first, err := firstWatch(p)
	if err != nil {
		return err
	}
	err = watch.Run(ctx, watch.Config{
		First: first,
		Host:  host, Store: store.Open(p.state), LockPath: p.lock(), Pid: os.Getpid(), Now: time.Now,
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

// firstWatch reports whether this is the first watch since boot, which empties /run.
func firstWatch(p place) (bool, error) {
	mark, err := os.OpenFile(filepath.Join(p.run, "watched"), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, os.ErrExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("note that the host is watched: %w", err)
	}
	return true, mark.Close()
}

func watchEvent(e containers.Event) watch.Event {
	if e.Name == "" {
		return watch.Event{Action: e.Action}
	}
	c := containers.Container{Runtime: e.Runtime, User: e.User, Name: e.Name}
	return watch.Event{Scope: c.Scope(), ID: e.ID, Action: e.Action}
}
