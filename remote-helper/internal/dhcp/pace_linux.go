package dhcp

import (
	"context"
	"time"
)

// patience is how long n tries wait for an answer: each twice as long as the one before.
func (c *Client) patience(n int) []time.Duration {
	out := make([]time.Duration, n)
	for i := range out {
		out[i] = c.jitter(time.Second << i)
	}
	return out
}

// jitter is d, give or take a tenth.
func (c *Client) jitter(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (0.9 + 0.2*c.Random()))
}

// wait waits, and looks after the link when it changes.
func (c *Client) wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			return
		case <-c.Touched:
			if err := c.set(*c.held); err != nil {
				c.Logf("%v", err)
			}
		}
	}
}

func (c *Client) sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
