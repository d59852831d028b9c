package main

import (
	"context"
	"fmt"
	"strings"

	"netrun/e2e/rig"
)

// The figures of the veth section: ports, spread evenly over namespaces, all on
// one bridge.
const (
	ports      = 1000
	namespaces = 100
)

// port is where the i-th port is and what its address is.
func port(i int) (namespace, link, address string) {
	return fmt.Sprintf("c%d", i%namespaces), fmt.Sprintf("eth%d", i/namespaces), fmt.Sprintf("10.90.%d.%d/16", i/250+1, i%250+1)
}

// veths measures many ports on one bridge beside a bare netlink loop that makes the same.
func (b *bench) veths(ctx context.Context) error {
	return b.withLab(ctx, 1, func(lab *rig.Lab) error {
		node, err := lab.Host("node1")
		if err != nil {
			return err
		}
		play, err := b.file("veths.yaml", vethPlay())
		if err != nil {
			return err
		}
		p := &player{b: b, lab: lab}
		hosts := []string{"node1"}
		loop := &bareLoop{prefix: "bench" + lab.ID, host: node.Netns}
		if err := p.anyPing(ctx); err != nil { // the helper is there
			return err
		}
		samples, err := interleave(ctx, b.log, []contender{
			{"bare netlink loop", b.rounds, p.clean(hosts), loop.run},
			{"netrun, apply", b.rounds, func(ctx context.Context) error {
				loop.clean()
				return p.clean(hosts)(ctx)
			}, p.runs(play, true)},
			{"netrun, no change", b.rounds, nil, p.runs(play, false)},
		})
		loop.clean()
		if err == nil {
			fmt.Fprintf(b.out, "%d ports in %d namespaces:\n\n%s", ports, namespaces, timesTable(samples, "the bare loop"))
		}
		return err
	})
}

// anyPing brings the helper to the lab's hosts.
func (p *player) anyPing(ctx context.Context) error {
	path, err := p.b.file("ping.yaml", netrunPlay("all", []string{"ping:"}))
	if err != nil {
		return err
	}
	return p.play(ctx, path, false)
}

func vethPlay() string {
	var names, items strings.Builder
	for i := range namespaces {
		fmt.Fprintf(&names, "\n  - c%d", i)
	}
	for i := range ports {
		ns, link, addr := port(i)
		fmt.Fprintf(&items, "\n  - {ns: %s, link: %s, address: %s}", ns, link, addr)
	}
	return netrunPlay("node1", []string{
		"bridge: {name: br0, addresses: 10.90.0.1/16}",
		"netns: {name: \"{{ .item }}\"}\nloop:" + names.String(),
		"static_ip: {netns: \"{{ .item.ns }}\", bridge: br0, interface: \"{{ .item.link }}\", addresses: \"{{ .item.address }}\", announce: false}\nloop:" + items.String(),
	})
}
