package serve

import (
	"context"
	"fmt"
	"strings"
	"time"

	"netrun/remote-helper/wire"
)

// Spanning tree takes twice the forward delay, which is 15 s and at most 30 s.
const (
	settleTime  = 60 * time.Second
	settleEvery = 500 * time.Millisecond
)

// settle waits until what the last batch made does its work, and says that it waits:
// ports are there long before spanning tree lets them forward. It gives up with a word
// to the user, since what was wanted is there, and an undo would mend nothing. The only
// error is that of the context.
func (p *play) settle(ctx context.Context) error {
	keys := p.planner.Settling()
	if len(keys) == 0 {
		return nil
	}
	begun, told := p.now(), false
	for {
		waiting, err := p.planner.Unsettled(ctx, keys)
		took := p.now().Sub(begun)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			p.note("whether all ports forward is not known: %v", err)
			return nil
		case len(waiting) == 0 && told:
			p.note("all ports forward after %.1f s", took.Seconds())
			return nil
		case len(waiting) == 0:
			return nil
		case took >= settleTime:
			p.note("not all ports forward after %.0f s: %s", took.Seconds(), few(waiting))
			return nil
		case !told:
			p.note("waiting until all ports forward: %s", few(waiting))
			told = true
		}
		if err := p.Clock.Sleep(ctx, settleEvery); err != nil {
			return err
		}
	}
}

// advise tells what is as wanted, and will not work all the same.
func (p *play) advise(ctx context.Context) {
	advice, err := p.planner.Advice(ctx)
	if err != nil {
		return // the verification reads the same, and fails by it
	}
	for _, text := range advice {
		p.note("%s", text)
	}
}

func (p *play) note(format string, a ...any) {
	p.out.send(wire.Event{Note: &wire.Note{Text: fmt.Sprintf(format, a...)}})
}

// few are the first of many words.
func few(words []string) string {
	const most = 4
	if len(words) <= most {
		return strings.Join(words, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(words[:most], ", "), len(words)-most)
}
