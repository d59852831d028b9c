package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"netrun/e2e/rig"
)

// meshed is how many hosts are connected, each with each.
const meshed = 20

// mesh measures what tunnels between all hosts of a group cost each of them.
func (b *bench) mesh(ctx context.Context) error {
	return b.withServices(ctx, meshed, "openvswitch", func(lab *rig.Lab) error {
		play, err := b.file("mesh.yaml", meshPlay())
		if err != nil {
			return err
		}
		p := &player{b: b, lab: lab}
		if err := p.anyPing(ctx); err != nil {
			return err
		}
		idle, err := p.cost(ctx, func() error { return p.anyPing(ctx) })
		if err != nil {
			return err
		}
		rows := [][]string{{fmt.Sprintf("mesh of %d hosts", meshed), "elapsed", "CPU a host", "less that of a ping"}}
		for _, run := range []struct {
			name    string
			changes bool
		}{{"apply", true}, {"no change", false}} {
			cpu, err := p.cost(ctx, func() error { return p.play(ctx, play, run.changes) })
			if err != nil {
				return err
			}
			rows = append(rows, []string{run.name, seconds(p.last.Elapsed.Seconds()), cpu.String(), (cpu - idle).String()})
		}
		fmt.Fprint(b.out, table(rows))
		return nil
	})
}

// meshPlay has the underlay's address on a bridge of Open vSwitch's own, where its
// userspace datapath finds it.
func meshPlay() string {
	return netrunPlay("nodes", []string{"mesh: {group: nodes, ovs_bridge: br-mesh, type: gre, loop: split_horizon, address_var: underlay}"})
}

// cost is the CPU time of what sshd has run on a host of the lab meanwhile, on average.
func (p *player) cost(ctx context.Context, do func() error) (time.Duration, error) {
	before, err := p.waited(ctx)
	if err != nil {
		return 0, err
	}
	if err := do(); err != nil {
		return 0, err
	}
	time.Sleep(time.Second) // for sshd to wait for its children
	after, err := p.waited(ctx)
	hosts := time.Duration(len(p.lab.Names()))
	return ((after - before) / hosts).Round(100 * time.Microsecond), err
}

// waited adds up, over all hosts, the CPU time of the processes that sshd has waited for.
func (p *player) waited(ctx context.Context) (time.Duration, error) {
	var sum time.Duration
	for _, h := range p.lab.Names() {
		out, err := p.lab.Shell(ctx, h, `for s in /proc/[0-9]*/stat; do awk '$2=="(sshd)" && $4==1 {print $16+$17}' $s 2>/dev/null; done`)
		if err != nil {
			return 0, err
		}
		var ticks int64
		if _, err := fmt.Sscan(strings.TrimSpace(out), &ticks); err != nil {
			return 0, fmt.Errorf("CPU time of sshd's children on %s: %q: %w", h, out, err)
		}
		sum += time.Duration(ticks) * 10 * time.Millisecond
	}
	return sum, nil
}
