package tasks

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"
)

// Ping asks whether the host is there, or whether it reaches another.
type Ping struct {
	To        string        `arg:"to" doc:"address or name to send ICMP echo requests to; unset, the host itself says pong"`
	Count     int           `arg:"count" default:"1" doc:"how many requests; one answer is enough"`
	Timeout   time.Duration `arg:"timeout" default:"2" doc:"how long to wait for each answer, in seconds"`
	Interval  time.Duration `arg:"interval" default:"0.2" doc:"time between an answer and the next request, in seconds"`
	Size      int           `arg:"size" default:"56" doc:"bytes of data in a request, 16 to 65000"`
	Source    Addr          `arg:"source" doc:"source address of the requests"`
	Netns     Netns         `arg:"netns" doc:"network namespace to send from, as ip netns lists it"`
	Container Container     `arg:"container" doc:"the same, by the name of a container (as in static_ip), or pid:N"`
}

func init() {
	Register(Kind{Name: "ping", Short: "whether the host is there, or reaches another", Free: "to", New: func() Task { return new(Ping) }})
}

// Check implements Task.
func (p *Ping) Check() error {
	errs := []error{place{p.Netns, p.Container}.check(), checkLine("to", p.To)}
	if p.Count < 1 || p.Count > 1000 {
		errs = append(errs, Wrong("count", "%d is not a number from 1 to 1000", p.Count))
	}
	if p.Size < 16 || p.Size > 65000 {
		errs = append(errs, Wrong("size", "%d is not a number from 16 to 65000", p.Size))
	}
	if p.Timeout <= 0 {
		errs = append(errs, Wrong("timeout", "the timeout is more than 0"))
	}
	if to, err := netip.ParseAddr(p.To); err == nil && p.Source.IsValid() && p.Source.Is6() != to.Is6() {
		errs = append(errs, Wrong("source", "%s is not of the same family as %s", p.Source, to))
	}
	return errors.Join(errs...)
}

func (p *Ping) where() string {
	if scope := (place{p.Netns, p.Container}).scope(); scope != "" {
		return " from " + string(scope)
	}
	return ""
}

// Needed implements Act. A ping is not sent in --check, since the way to the
// other host may be what the play is to make.
func (p *Ping) Needed(context.Context, Machine) (string, error) {
	if p.To == "" {
		return "pong", nil
	}
	return "ping " + p.To + p.where(), nil
}

// Observes implements Observer.
func (p *Ping) Observes() {}

// Do implements Act.
func (p *Ping) Do(ctx context.Context, m Machine) (Outcome, error) {
	if p.To == "" {
		return Outcome{Msg: "pong", Data: map[string]any{"ping": "pong"}}, nil
	}
	to, err := p.address(ctx)
	if err != nil {
		return Outcome{}, &Failure{Msg: fmt.Sprintf("ping %s: %v", p.To, err)}
	}
	var conn echoConn
	err = m.In(place{p.Netns, p.Container}.scope(), func() error {
		conn, err = dialEcho(ctx, to, p.Source.Addr)
		return err
	})
	if err != nil {
		return Outcome{}, fmt.Errorf("ping %s%s: %w", p.To, p.where(), err)
	}
	defer conn.Close()
	times, last := p.exchange(ctx, conn)
	data := roundTrips(p.Count, times)
	if err := ctx.Err(); err != nil {
		return Outcome{}, err
	}
	if len(times) == 0 {
		return Outcome{Data: data}, &Failure{Msg: fmt.Sprintf("ping %s%s: no answer to %d requests: %v", p.To, p.where(), p.Count, last), Data: data}
	}
	return Outcome{Msg: fmt.Sprintf("%d of %d answers, %v ms", len(times), p.Count, data["rtt_avg"]), Data: data}, nil
}

// address is the first address of the host that has the family of the source.
func (p *Ping) address(ctx context.Context) (netip.Addr, error) {
	addrs, err := lookupHost(ctx, p.To)
	if err != nil {
		return netip.Addr{}, err
	}
	for _, a := range addrs {
		if !p.Source.IsValid() || a.Unmap().Is6() == p.Source.Is6() {
			return a.Unmap(), nil
		}
	}
	return netip.Addr{}, errors.New("no address of the family of the source")
}

// exchange sends the requests; last is why the last one that failed did.
func (p *Ping) exchange(ctx context.Context, conn echoConn) (times []time.Duration, last error) {
	for seq := 1; seq <= p.Count && ctx.Err() == nil; seq++ {
		if seq > 1 {
			if err := sleep(ctx, p.Interval); err != nil {
				break
			}
		}
		took, err := conn.echo(seq, p.Size, p.Timeout)
		if err != nil {
			last = err
			continue
		}
		times = append(times, took)
	}
	return times, last
}

// roundTrips is what register gets: counts, and times in milliseconds.
func roundTrips(sent int, times []time.Duration) map[string]any {
	data := map[string]any{"sent": sent, "received": len(times)}
	if len(times) == 0 {
		return data
	}
	low, high, sum := times[0], times[0], time.Duration(0)
	for _, t := range times {
		low, high, sum = min(low, t), max(high, t), sum+t
	}
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	data["rtt_min"], data["rtt_max"], data["rtt_avg"] = ms(low), ms(high), ms(sum/time.Duration(len(times)))
	return data
}
