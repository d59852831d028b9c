package dial

import (
	"context"
	"sync"
)

// An sshd with the default MaxStartups 10:30:100 starts to drop connections at
// random when ten are not logged in yet. A gate admits eight, up to ten as long
// as nothing is dropped, and half as many after a drop.
const (
	gateStart = 8
	gateMax   = 10
)

// gates holds one gate for each address.
type gates struct {
	mu sync.Mutex
	by map[string]*gate
}

func (g *gates) of(addr string) *gate {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.by == nil {
		g.by = map[string]*gate{}
	}
	if g.by[addr] == nil {
		g.by[addr] = &gate{limit: gateStart, ceiling: gateMax}
	}
	return g.by[addr]
}

// gate limits the handshakes under way to one address.
type gate struct {
	mu      sync.Mutex
	inside  int
	limit   int
	ceiling int // what is known to be too many, less one
	passed  int // successes since the limit changed
	waiting []chan struct{}
}

func (g *gate) enter(ctx context.Context) error {
	g.mu.Lock()
	if g.inside < g.limit {
		g.inside++
		g.mu.Unlock()
		return nil
	}
	turn := make(chan struct{})
	g.waiting = append(g.waiting, turn)
	g.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
		g.giveUp(turn)
		return context.Cause(ctx)
	}
}

// giveUp takes a waiter out of the queue, or passes its turn on if it came
// at the same moment.
func (g *gate) giveUp(turn chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i, w := range g.waiting {
		if w == turn {
			g.waiting = append(g.waiting[:i], g.waiting[i+1:]...)
			return
		}
	}
	g.inside--
	g.admit()
}

// leave ends a handshake; dropped tells that the host closed it early.
func (g *gate) leave(dropped bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case dropped:
		g.ceiling = max(1, g.inside-1)
		g.limit, g.passed = max(1, g.limit/2), 0
	case g.limit < g.ceiling:
		// One more for each round of successes, as TCP does when it
		// avoids congestion.
		if g.passed++; g.passed >= g.limit {
			g.limit, g.passed = g.limit+1, 0
		}
	}
	g.inside--
	g.admit()
}

func (g *gate) admit() {
	for g.inside < g.limit && len(g.waiting) > 0 {
		g.inside++
		close(g.waiting[0])
		g.waiting = g.waiting[1:]
	}
}
