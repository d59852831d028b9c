package fleet

import (
	"context"
	"sync"

	"netrun/remote-helper/wire"
)

// Ask sends the request to the hosts side by side, and returns each host's answer:
// its first Past, Gathered, Undone, Standing or Failed. Unreachable hosts are reported, and
// have none.
func (f *Fleet) Ask(ctx context.Context, hosts []string, req wire.Request) map[string]wire.Event {
	answers := map[string]wire.Event{}
	r := &running{Fleet: f, ctx: ctx, outcomes: map[string]Outcome{}}
	alive, done := context.WithCancel(ctx)
	defer done()
	go f.keepAlive(alive)
	var mu sync.Mutex
	f.each(f.Connect(ctx, hosts), func(h string) {
		s := f.session(h)
		if s == nil {
			return
		}
		s.send(req)
		var answer wire.Event
		isAnswer := func(e wire.Event) bool {
			answer = e
			return e.Past != nil || e.Gathered != nil || e.Undone != nil || e.Standing != nil
		}
		if r.await(h, s, isAnswer) || answer.Failed != nil {
			mu.Lock()
			answers[h] = answer
			mu.Unlock()
		}
	})
	return answers
}
