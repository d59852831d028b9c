package main

import (
	"context"
	"fmt"

	"netrun/e2e/rig"
)

// meshed is how many hosts are connected, each with each.
const meshed = 20

// mesh measures how long tunnels between all hosts of a group take.
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
		rows := [][]string{{fmt.Sprintf("mesh of %d hosts", meshed), "elapsed"}}
		for _, run := range []struct {
			name    string
			changes bool
		}{{"apply", true}, {"no change", false}} {
			if err := p.play(ctx, play, run.changes); err != nil {
				return err
			}
			rows = append(rows, []string{run.name, seconds(p.last.Elapsed.Seconds())})
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
