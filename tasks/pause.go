package tasks

import (
	"context"
	"time"
)

// Pause waits.
type Pause struct {
	Length  time.Duration `arg:"seconds" doc:"how long, in seconds"`
	Minutes int           `arg:"minutes" doc:"how long, in minutes, instead of or besides seconds"`
}

func init() {
	Register(Kind{Name: "pause", Short: "wait for a while", Free: "seconds", New: func() Task { return new(Pause) }})
}

func (p *Pause) length() time.Duration { return p.Length + time.Duration(p.Minutes)*time.Minute }

// Check implements Task.
func (p *Pause) Check() error {
	if p.length() <= 0 || p.Minutes < 0 || p.length() > 24*time.Hour {
		return Wrong("seconds", "how long? give seconds or minutes, at most a day").WithHint("netrun asks nobody: there is no prompt")
	}
	return nil
}

// Needed implements Act.
func (p *Pause) Needed(context.Context, Machine) (string, error) {
	return "wait " + p.length().String(), nil
}

// Observes implements Observer.
func (p *Pause) Observes() {}

// Do implements Act.
func (p *Pause) Do(ctx context.Context, _ Machine) (Outcome, error) {
	return Outcome{Msg: "waited " + p.length().String()}, sleep(ctx, p.length())
}
