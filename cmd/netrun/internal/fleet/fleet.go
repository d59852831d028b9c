// Package fleet works on many hosts at once: it connects to them, starts the
// helper on each, and runs plays, undos and questions on all of them side by side.
// It knows the wire protocol, but no playbook syntax and no terminal.
package fleet

import (
	"context"
	"errors"
	"io"
	"maps"
	"sync"
	"time"

	"netrun/cmd/netrun/internal/dial"
	"netrun/cmd/netrun/internal/push"
	"netrun/remote-helper/wire"
	"netrun/templates"
)

// Target is a host to work on.
type Target struct {
	Dial   dial.Target // its Name is the inventory's
	Become push.Become
}

// Reporter is told what happens, from one goroutine per host: it must be safe for
// concurrent use.
type Reporter interface {
	// Event is what a host said.
	Event(host string, e wire.Event)
	// Unreachable says that a host could not be connected to, or was lost.
	Unreachable(host string, err error)
	// Phase says what a host is busy with ("connect", "confirm", ...), for a live view.
	Phase(host, phase string)
}

// Config is what a Fleet works with.
type Config struct {
	Dialer *dial.Dialer
	Source push.Source
	Report Reporter
	Forks  int // hosts that are connected to at once
	// AcceptKeys is asked once about all unknown host keys; nil refuses them.
	AcceptKeys func(keys []*dial.UnknownKey) bool
	// Save opens the controller's file for a fetched one.
	Save func(host string, f wire.File) (io.WriteCloser, error)
}

// Fleet is the hosts of one netrun command. Its sessions stay open from play to
// play: one connection and one exec a host.
type Fleet struct {
	Config
	targets map[string]Target

	mu       sync.Mutex
	sessions map[string]*session
	failed   map[string]error         // hosts that are given up
	exports  map[string]templates.Map // what hosts registered that others read, play after play
	stopping chan struct{}            // closed by Stop
}

// New is a fleet of the targets, to none of which it connects yet.
func New(c Config, targets []Target) *Fleet {
	f := &Fleet{Config: c, targets: map[string]Target{}, sessions: map[string]*session{}, failed: map[string]error{}, exports: map[string]templates.Map{}, stopping: make(chan struct{})}
	for _, t := range targets {
		f.targets[t.Dial.Name] = t
	}
	return f
}

// Add makes a further host known (one that a task is delegated to).
func (f *Fleet) Add(t Target) {
	if _, known := f.targets[t.Dial.Name]; !known {
		f.targets[t.Dial.Name] = t
	}
}

// Exports are what the hosts registered that left them, by host, of all plays so far.
func (f *Fleet) Exports() map[string]templates.Map {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.exports)
}

// Connect connects to those of the hosts that are not connected yet. It reports
// the ones that it can not reach, and returns the others.
func (f *Fleet) Connect(ctx context.Context, hosts []string) []string {
	ctx, done := f.untilStop(ctx)
	defer done()
	unknown := f.connectAll(ctx, hosts)
	if keys := keysOf(unknown); len(keys) > 0 {
		f.again(ctx, unknown, keys)
	}
	var up []string
	for _, h := range hosts {
		if f.session(h) != nil {
			up = append(up, h)
		}
	}
	return up
}

// again asks about the unknown keys and, if they are accepted, connects anew.
func (f *Fleet) again(ctx context.Context, unknown map[string]error, keys []*dial.UnknownKey) {
	accepted := f.AcceptKeys != nil && f.AcceptKeys(keys)
	if accepted {
		if err := f.Dialer.AcceptKeys(keys); err != nil {
			for h := range unknown {
				unknown[h] = err
			}
			accepted = false
		}
	}
	var hosts []string
	for h, err := range unknown {
		if !accepted {
			f.giveUp(h, err)
			continue
		}
		hosts = append(hosts, h)
	}
	for h, err := range f.connectAll(ctx, hosts) {
		f.giveUp(h, err)
	}
}

func keysOf(unknown map[string]error) []*dial.UnknownKey {
	var keys []*dial.UnknownKey
	for _, err := range unknown {
		var key *dial.UnknownKey
		if errors.As(err, &key) {
			keys = append(keys, key)
		}
	}
	return keys
}

// connectAll gives up the hosts that fail, but returns those whose key is unknown.
func (f *Fleet) connectAll(ctx context.Context, hosts []string) map[string]error {
	unknown := map[string]error{}
	var mu sync.Mutex
	f.each(hosts, func(h string) {
		if f.session(h) != nil || f.failure(h) != nil {
			return
		}
		f.Report.Phase(h, "connect")
		s, err := f.open(ctx, h)
		var key *dial.UnknownKey
		switch {
		case errors.As(err, &key):
			mu.Lock()
			unknown[h] = err
			mu.Unlock()
		case err != nil:
			f.giveUp(h, err)
		default:
			f.keep(s)
		}
	})
	return unknown
}

// each runs do for the hosts, Forks at a time, and waits.
func (f *Fleet) each(hosts []string, do func(host string)) {
	slots := make(chan struct{}, max(f.Forks, 1))
	var wg sync.WaitGroup
	for _, h := range hosts {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			do(h)
		})
	}
	wg.Wait()
}

func (f *Fleet) session(host string) *session {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.sessions[host]
}

func (f *Fleet) failure(host string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.failed[host]
}

func (f *Fleet) keep(s *session) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sessions[s.host] = s
}

// giveUp reports a host as unreachable, once, and drops its session.
func (f *Fleet) giveUp(host string, err error) {
	f.mu.Lock()
	known := f.failed[host]
	if known == nil {
		f.failed[host] = err
	}
	s := f.sessions[host]
	delete(f.sessions, host)
	f.mu.Unlock()
	if s != nil {
		s.close()
	}
	if known == nil {
		f.Report.Unreachable(host, err)
	}
}

// Stop asks all hosts to stop: each undoes its play, or finishes it if it is past
// its last task. Hosts that are not connected yet are given up, and no further play
// begins. It does not wait.
func (f *Fleet) Stop() {
	f.mu.Lock()
	defer f.mu.Unlock()
	select {
	case <-f.stopping:
		return
	default:
		close(f.stopping)
	}
	for _, s := range f.sessions {
		go s.send(wire.Request{Cancel: &wire.Cancel{}})
	}
}

// Stopped reports whether Stop was called.
func (f *Fleet) Stopped() bool {
	select {
	case <-f.stopping:
		return true
	default:
		return false
	}
}

// untilStop is ctx, ended by Stop too.
func (f *Fleet) untilStop(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-f.stopping:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// Close ends all sessions. A helper whose play is under way undoes it by itself.
func (f *Fleet) Close() {
	f.mu.Lock()
	sessions := f.sessions
	f.sessions = map[string]*session{}
	f.mu.Unlock()
	var wg sync.WaitGroup
	for _, s := range sessions {
		wg.Go(s.close)
	}
	wg.Wait()
}

// aliveEvery is how often the hosts are told that the controller is there.
const aliveEvery = 10 * time.Second

// keepAlive tells the hosts so until ctx ends.
func (f *Fleet) keepAlive(ctx context.Context) {
	tick := time.NewTicker(aliveEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		f.mu.Lock()
		for _, s := range f.sessions {
			go s.send(wire.Request{Alive: &wire.Alive{}})
		}
		f.mu.Unlock()
	}
}
