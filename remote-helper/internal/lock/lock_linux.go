package lock

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"
)

// Acquire takes the lock at path for who, without waiting. Where another process
// holds it the error is a *HeldError.
func Acquire(path string, who Holder) (*Lock, error) {
	for range 10 {
		file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return nil, fmt.Errorf("open lock: %w", err)
		}
		if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
			return nil, held(file, err)
		}
		if current(file, path) {
			return write(file, path, who)
		}
		// The last holder removed the file between our open and our flock.
		if err := file.Close(); err != nil {
			return nil, fmt.Errorf("close lock: %w", err)
		}
	}
	return nil, fmt.Errorf("lock %s: it keeps being replaced", path)
}

// Wait takes the lock as Acquire does, and waits for it while patient says so of its holder.
func Wait(ctx context.Context, path string, who Holder, patient func(Holder) bool) (*Lock, error) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		l, err := Acquire(path, who)
		var busy *HeldError
		if err == nil || !errors.As(err, &busy) || !patient(busy.Holder) {
			return l, err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, errors.Join(busy, context.Cause(ctx))
		}
	}
}

func held(file *os.File, cause error) error {
	defer file.Close()
	if !errors.Is(cause, syscall.EWOULDBLOCK) {
		return fmt.Errorf("lock %s: %w", file.Name(), cause)
	}
	var who Holder
	raw, err := io.ReadAll(io.LimitReader(file, 4096))
	if err == nil {
		err = json.Unmarshal(raw, &who)
	}
	if err != nil {
		who = Holder{By: "unknown"} // it is just being written
	}
	return &HeldError{who}
}

func current(file *os.File, path string) bool {
	mine, err := file.Stat()
	if err != nil {
		return false
	}
	there, err := os.Stat(path)
	return err == nil && os.SameFile(mine, there)
}

func write(file *os.File, path string, who Holder) (*Lock, error) {
	raw, err := json.Marshal(who)
	if err == nil {
		err = file.Truncate(0)
	}
	if err == nil {
		_, err = file.WriteAt(raw, 0)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("write lock: %w", err), file.Close())
	}
	return &Lock{file: file, path: path}, nil
}

// Inherited is the lock that a parent process handed over as an open file.
func Inherited(file *os.File, path string) *Lock { return &Lock{file: file, path: path} }

// Release removes the file and lets go.
func (l *Lock) Release() error {
	return errors.Join(os.Remove(l.path), l.file.Close())
}
