package watch

import (
	"context"
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"netrun/remote-helper/internal/lock"
	"netrun/remote-helper/internal/store"
	"netrun/tasks/fakehost"
	"netrun/tasks/reconcile"
	"netrun/tasks/state"
)

// bench is a watch under test: a host in memory and events that the test sends.
type bench struct {
	t      *testing.T
	host   *locked
	store  *store.Dir
	lock   string
	events chan Event
	links  chan struct{}
	mu     sync.Mutex
	log    []string
	back   int // calls of Returned
}

// locked is a host in memory for several goroutines.
type locked struct {
	mu   sync.Mutex
	host *fakehost.Host
}

func (l *locked) Observe(ctx context.Context, keys []state.Key) (*state.State, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.host.Observe(ctx, keys)
}

func (l *locked) Apply(ctx context.Context, changes []state.Change) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.host.Apply(ctx, changes)
}

func start(t *testing.T, items ...store.Item) *bench {
	t.Helper()
	dir := t.TempDir()
	b := &bench{t: t, host: &locked{host: fakehost.New()}, store: store.Open(dir), lock: filepath.Join(dir, "lock"),
		events: make(chan Event), links: make(chan struct{})}
	if err := b.store.Save(&store.Book{ID: "a/site.yaml", Items: items}); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- Run(ctx, b.config()) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != context.Canceled {
			t.Errorf("the watch ended with %v, want that it was asked to", err)
		}
	})
	return b
}

func (b *bench) config() Config {
	return Config{
		First: true, Host: b.host, Store: b.store, LockPath: b.lock, Pid: 7, Now: time.Now,
		Find: func(context.Context, []string) (map[string][]state.Container, error) { return nil, nil },
		Events: func(ctx context.Context, on func(Event)) error {
			for {
				select {
				case e := <-b.events:
					on(e)
				case <-ctx.Done():
					return context.Cause(ctx)
				}
			}
		},
		Links: func(ctx context.Context, on func()) error {
			for {
				select {
				case <-b.links:
					on()
				case <-ctx.Done():
					return context.Cause(ctx)
				}
			}
		},
		Returned: func(context.Context) ([]string, error) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.back++
			return nil, nil
		},
		Logf: func(format string, a ...any) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.log = append(b.log, fmt.Sprintf(format, a...))
		},
	}
}

// make has somebody else change the host.
func (b *bench) make(wants ...state.Want) {
	b.t.Helper()
	p := reconcile.New(b.host, reconcile.Options{Owner: "someone"})
	if _, err := p.Plan(b.t.Context(), 1, wants); err != nil {
		b.t.Fatal(err)
	}
	if err := p.Apply(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) has(o state.Object) bool {
	b.t.Helper()
	changes, err := reconcile.New(b.host, reconcile.Options{}).Plan(b.t.Context(), 1, state.Present(o))
	return err == nil && len(changes) == 0
}

func (b *bench) eventually(what string, holds func() bool) {
	b.t.Helper()
	for range 300 {
		if holds() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.t.Fatalf("%s: not within 3s; the log:\n%s", what, strings.Join(b.log, "\n"))
}

func bridge(name string) store.Item {
	return store.Item{Object: state.Link{Name: name, Type: "bridge", State: "up"}}
}

func TestWhatConcernsAContainerComesBackWhenItStarts(t *testing.T) {
	web := state.ContainerScope("web")
	inside := state.Link{Scope: web, Name: "eth1", State: "up"}
	b := start(t, bridge("br0"), store.Item{Object: state.Link{Name: "v0", Type: "veth", Peer: "eth1", PeerScope: web}},
		store.Item{Object: state.Member{Link: "v0", Bridge: "br0"}}, store.Item{Object: inside})
	b.make(state.Present(state.Link{Name: "br0", Type: "bridge", State: "up"}, state.Netns{Name: "web"})...)
	b.events <- Event{Scope: "docker:other", ID: "1234", Action: "start"}
	b.events <- Event{Scope: "docker:web", ID: "abcd", Action: "start"}
	b.eventually("the container's link", func() bool { return b.has(inside) })
	b.eventually("the cable in its bridge", func() bool { return b.has(state.Member{Link: "v0", Bridge: "br0"}) })
}

func TestWhatWaitsForTheHostIsDoneWhenItCan(t *testing.T) {
	route := state.Address{Link: "docker0", Prefix: prefix("10.5.0.1/24")}
	b := start(t, store.Item{Object: route}, bridge("mine"))
	b.eventually("what the boot had left", func() bool { return b.has(bridge("mine").Object) })
	b.make(state.Absent(bridge("mine").Object)...)
	b.make(state.Present(state.Link{Name: "docker0", Type: "bridge", State: "up"})...)
	b.links <- struct{}{}
	b.eventually("the address on docker0", func() bool { return b.has(route) })
	if b.has(bridge("mine").Object) {
		t.Error("a bridge that nobody asked to repair was put back")
	}
}

func TestRepairEndsInAQuarrel(t *testing.T) {
	item := bridge("br0")
	item.Repair = true
	b := start(t, item)
	b.links <- struct{}{}
	b.eventually("the bridge", func() bool { return b.has(item.Object) })
	quarrels := func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return strings.Contains(strings.Join(b.log, "\n"), "something else keeps changing it")
	}
	rounds := 0
	for ; rounds < 2*quarrel && !quarrels(); rounds++ {
		b.make(state.Absent(item.Object)...)
		b.links <- struct{}{}
		b.eventually("the bridge, or the end of the quarrel", func() bool { return b.has(item.Object) || quarrels() })
	}
	if rounds < quarrel-1 || rounds > quarrel+1 {
		t.Errorf("the watch gave up after %d repairs, want %d", rounds, quarrel)
	}
}

func TestAPlayGoesFirst(t *testing.T) {
	item := bridge("br0")
	item.Repair = true
	b := start(t)
	held, err := lock.Acquire(b.lock, lock.Holder{By: "ann@desk", Play: "site", Pid: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.store.Save(&store.Book{ID: "a/site.yaml", Items: []store.Item{item}}); err != nil {
		t.Fatal(err)
	}
	b.links <- struct{}{}
	time.Sleep(settle + 200*time.Millisecond)
	if b.has(item.Object) {
		t.Error("the watch worked while a play held the host")
	}
	if err := held.Release(); err != nil {
		t.Fatal(err)
	}
	b.eventually("the bridge, after the play", func() bool { return b.has(item.Object) })
}

func TestCardsComeBackOnlyWhereTheyWereLent(t *testing.T) {
	lent := store.Item{Object: state.Link{Scope: state.ContainerScope("web"), Name: "eth1", NIC: "ens4"}}
	b := start(t, lent)
	b.events <- Event{Scope: "docker:web", Action: "die"}
	b.eventually("the card", func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return b.back > 1 // at the start, and now
	})
	without := start(t, bridge("br0"))
	without.events <- Event{Scope: "docker:web", Action: "die"}
	without.events <- Event{Action: Connected}
	time.Sleep(100 * time.Millisecond)
	without.mu.Lock()
	defer without.mu.Unlock()
	if without.back > 0 {
		t.Error("nothing was lent, and yet the links were looked through")
	}
}

var prefix = netip.MustParsePrefix
