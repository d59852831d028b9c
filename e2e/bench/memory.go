package main

import (
	"context"
	"fmt"
	"time"

	"netrun/e2e/rig"
)

// memory measures the most memory that the controller had resident.
func (b *bench) memory(ctx context.Context) error {
	return b.withLab(ctx, b.peak, func(lab *rig.Lab) error {
		play, err := b.file("twelve.yaml", netrunPlay("nodes", twelve))
		if err != nil {
			return err
		}
		p := &player{b: b, lab: lab}
		rows := [][]string{{fmt.Sprintf("%d hosts, 12 tasks", b.peak), "elapsed", "controller's peak"}}
		for _, run := range []struct {
			name    string
			changes bool
		}{{"first contact", true}, {"no change", false}} {
			if err := p.play(ctx, play, run.changes); err != nil {
				return err
			}
			rows = append(rows, []string{run.name, seconds(p.last.Elapsed.Seconds()), mebibytes(p.last.Peak)})
		}
		fmt.Fprint(b.out, table(rows))
		return nil
	})
}

func mebibytes(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }

// helper measures the helper: its file, and the most memory that it had resident
// while it served plays.
func (b *bench) helper(ctx context.Context) error {
	sizes, err := helperSizes()
	if err != nil {
		return err
	}
	fmt.Fprintln(b.out, table(sizes))
	return b.withLab(ctx, 1, func(lab *rig.Lab) error {
		rows := [][]string{{"play", "helper's peak"}}
		pause := "pause: {seconds: 2}" // the helper has done all else by then
		for _, play := range []struct{ name, text string }{
			{"12 network tasks", netrunPlay("nodes", append(twelve[:len(twelve):len(twelve)], pause))},
			{"1,000 veth ports", vethPlay() + "    - " + pause + "\n"},
		} {
			peak, err := b.helperPeak(ctx, lab, play.text)
			if err != nil {
				return err
			}
			rows = append(rows, []string{play.name, mebibytes(peak)})
		}
		fmt.Fprint(b.out, table(rows))
		return nil
	})
}

// helperPeak plays and watches the helper's peak until the play ends.
func (b *bench) helperPeak(ctx context.Context, lab *rig.Lab, text string) (int64, error) {
	path, err := b.file("peak.yaml", text)
	if err != nil {
		return 0, err
	}
	p := &player{b: b, lab: lab}
	if err := p.clean([]string{"node1"})(ctx); err != nil {
		return 0, err
	}
	watching, stop := context.WithCancel(ctx)
	peaks := make(chan int64, 1)
	go func() { peaks <- watchPeak(watching, lab) }()
	err = p.play(ctx, path, true)
	stop()
	return <-peaks, err
}

func watchPeak(ctx context.Context, lab *rig.Lab) int64 {
	var most int64
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		for _, peak := range helperPeaks(lab.Hosts[0].Pid) {
			most = max(most, peak)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return most
		}
	}
}
