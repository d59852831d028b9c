package main

import (
	"context"
	"fmt"

	"netrun/e2e/rig"
)

// hundred is a task that loops over a hundred routes.
var hundred = []string{"route: {to: \"{{ .item }}\", via: 198.18.255.254, dev: eth1}\nloop:" + hundredRoutes()}

func hundredRoutes() string {
	text := ""
	for i := range 100 {
		text += fmt.Sprintf("\n  - 10.200.%d.0/24", i)
	}
	return text
}

// single measures plays on one host.
func (b *bench) single(ctx context.Context) error {
	return b.withLab(ctx, 1, func(lab *rig.Lab) error {
		bare, err := newLimit(lab, "node1")
		if err != nil {
			return err
		}
		ten, err := b.file("ten.yaml", netrunPlay("node1", twelve[:10]))
		if err != nil {
			return err
		}
		loop, err := b.file("loop.yaml", netrunPlay("node1", hundred))
		if err != nil {
			return err
		}
		p := &player{b: b, lab: lab}
		clean := p.clean([]string{"node1"})
		samples, err := interleave(ctx, b.log, []contender{
			{"limit: x/crypto/ssh, exec true", b.rounds, nil, bare.run},
			{"netrun, 10 tasks, first contact", b.rounds, p.clean([]string{"node1"}, forget), p.runs(ten, true)},
			{"netrun, 10 tasks, apply", b.rounds, clean, p.runs(ten, true)},
			{"netrun, 10 tasks, no change", b.rounds, nil, p.runs(ten, false)},
			{"netrun, loop of 100, apply", b.rounds, clean, p.runs(loop, true)},
			{"netrun, loop of 100, no change", b.rounds, nil, p.runs(loop, false)},
		})
		if err == nil {
			fmt.Fprint(b.out, timesTable(samples, "limit"))
		}
		return err
	})
}
