package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"netrun/e2e/rig"
)

// tripDelay is how late each byte comes, in each direction.
const tripDelay = 100 * time.Millisecond

// trips counts the round trips of plays beyond what logging in costs.
func (b *bench) trips(ctx context.Context) error {
	return b.withLab(ctx, 1, func(lab *rig.Lab) error {
		node, err := lab.Host("node1")
		if err != nil {
			return err
		}
		proxy, err := rig.NewProxy(node.Addr.String()+":22", tripDelay)
		if err != nil {
			return err
		}
		return errors.Join(b.tripsOver(ctx, lab, proxy), proxy.Close())
	})
}

// tripsOver plays 20 tasks through the proxy: some that know nothing of each
// other, and a chain in which each needs the result of the one before.
func (b *bench) tripsOver(ctx context.Context, lab *rig.Lab, proxy *rig.Proxy) error {
	far, err := lab.Behind(ctx, filepath.Join(b.dir, "far"), "node1", proxy.Port())
	if err != nil {
		return err
	}
	p := &player{b: b, lab: far}
	plays := []struct{ name, text string }{
		{"20 tasks", netrunPlay("node1", hundredths(20))},
		{"20 tasks, each with the result of the one before", netrunPlay("node1", rig.Chain(20))},
	}
	// The helper must be there, and the first login's costs are not the plays'.
	warm, err := b.file("warm.yaml", netrunPlay("node1", []string{"ping:"}))
	if err != nil {
		return err
	}
	if err := p.play(ctx, warm, false); err != nil {
		return err
	}
	turns, took, err := far.LoginCost(ctx, "node1", proxy)
	if err != nil {
		return err
	}
	rows := [][]string{{"through a proxy, 100 ms each way", "turns", "beyond login", "elapsed", "beyond login, in round trips"},
		{"log in only", fmt.Sprint(turns), "0", seconds(took.Seconds()), "0"}}
	for i, play := range plays {
		path, err := b.file(fmt.Sprintf("trips%d.yaml", i), play.text)
		if err != nil {
			return err
		}
		proxy.Turns()
		began := time.Now()
		if err := p.anyPlay(ctx, path); err != nil {
			return err
		}
		all, elapsed := proxy.Turns(), time.Since(began)
		rows = append(rows, []string{play.name, fmt.Sprint(all), fmt.Sprint(all - turns), seconds(elapsed.Seconds()),
			fmt.Sprintf("%.1f", (elapsed-took).Seconds()/(2*tripDelay).Seconds())})
	}
	fmt.Fprint(b.out, table(rows))
	return nil
}

// anyPlay plays without a word on whether something should change.
func (p *player) anyPlay(ctx context.Context, path string) error {
	_, err := rig.Output(ctx, rig.Command{Argv: []string{p.b.netrun, "play", "-i", p.lab.Inventory, path}})
	return err
}

// hundredths are n tasks that know nothing of each other.
func hundredths(n int) []string {
	var out []string
	for i := range n {
		out = append(out, strings.ReplaceAll(`route: {to: 10.200.N.0/24, via: 198.18.255.254, dev: eth1}`, "N", fmt.Sprint(i)))
	}
	return out
}
