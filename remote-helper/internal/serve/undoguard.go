package serve

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"netrun/remote-helper/internal/guard"
	"netrun/remote-helper/internal/journal"
	"netrun/remote-helper/internal/lock"
	"netrun/remote-helper/internal/store"
	"netrun/tasks/reconcile"
	"netrun/tasks/state"
)

// Guard is the guard process: it waits for its session to be done, and undoes the
// journal's play if the session cannot.
func Guard(ctx context.Context, host state.Host, journalPath, lockPath string, session int) error {
	held := lock.Inherited(guard.Lock(), lockPath)
	if !guard.Watch(ctx, guard.Pipe(), session) {
		return nil // the session releases the lock itself
	}
	// Nobody may confirm any more what is about to be undone.
	err := removeTokens(filepath.Dir(lockPath))
	err = errors.Join(err, undoJournal(context.WithoutCancel(ctx), host, journalPath))
	return errors.Join(err, held.Release())
}

func undoJournal(ctx context.Context, host state.Host, path string) error {
	e, err := journal.Read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // undone or committed already
	}
	if err != nil {
		return err
	}
	if _, err := reconcile.Undo(ctx, host, e.Records, reconcile.UndoOptions{}); err != nil {
		return err // the journal stays, and the next play tries again
	}
	stateDir := filepath.Dir(filepath.Dir(path))
	if err := store.Open(stateDir).Revert(e.Run, e.Kept); err != nil {
		return err
	}
	dir, err := journal.Open(stateDir)
	if err != nil {
		return err
	}
	return dir.Remove(path)
}

// removeTokens is for confirmations that their session could not take away.
func removeTokens(dir string) error {
	names, err := filepath.Glob(filepath.Join(dir, "*"+pending))
	if err != nil {
		return err
	}
	for _, n := range names {
		if err := os.Remove(n); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
