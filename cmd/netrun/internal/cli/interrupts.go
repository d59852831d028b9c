package cli

import (
	"context"
	"os"
	"sync"
)

// interrupts does what SIGINT and SIGTERM ask for: the first one stops the command
// in the way it has chosen, the second one ends its context.
type interrupts struct {
	cancel context.CancelCauseFunc
	mu     sync.Mutex
	stop   func()
	count  int
}

func newInterrupts(cancel context.CancelCauseFunc) *interrupts { return &interrupts{cancel: cancel} }

// stopBy makes stop the answer to the first signal; without it, that ends the context.
func (i *interrupts) stopBy(stop func()) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.stop = stop
}

// seen reports whether a signal has come.
func (i *interrupts) seen() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.count > 0
}

// listen handles signals until the context ends.
func (i *interrupts) listen(ctx context.Context, signals <-chan os.Signal) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-signals:
			i.handle()
		}
	}
}

func (i *interrupts) handle() {
	i.mu.Lock()
	i.count++
	stop := i.stop
	if i.count > 1 {
		stop = nil
	}
	i.mu.Unlock()
	if stop == nil {
		i.cancel(errInterrupted)
		return
	}
	stop()
}
