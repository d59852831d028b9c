package fleet

import (
	"context"
	"time"

	"netrun/remote-helper/wire"
)

// confirm shows the host, over a fresh connection, that it can still be reached.
// Until its deadline it tries again and again: an address may take its time to move.
func (r *running) confirm(h string, c wire.Confirm) {
	ctx, cancel := context.WithTimeout(r.ctx, time.Duration(c.Deadline)*time.Millisecond)
	defer cancel()
	r.Report.Phase(h, "confirm")
	for ctx.Err() == nil {
		if r.confirmOnce(ctx, h, c.Token) {
			r.Report.Phase(h, "run")
			return
		}
		select {
		case <-time.After(500 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}

// confirmOnce reports whether there is nothing more to try.
func (r *running) confirmOnce(ctx context.Context, h, token string) bool {
	s, err := r.open(ctx, h)
	if err != nil {
		return false
	}
	defer s.close()
	s.send(wire.Request{Confirm: &wire.Token{Token: token}})
	for e := range s.events {
		if e.Settled != nil || e.Failed != nil {
			return true
		}
	}
	return false
}
