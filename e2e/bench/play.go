package main

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/vishvananda/netlink"

	"netrun/e2e/rig"
)

// player runs playbooks on the hosts of a lab.
type player struct {
	b    *bench
	lab  *rig.Lab
	last rig.Result // of the last play
}

// play runs a playbook with netrun. Every host must come through, and change
// something or nothing, as changes says.
func (p *player) play(ctx context.Context, path string, changes bool, args ...string) error {
	argv := append([]string{p.b.netrun, "play", "-i", p.lab.Inventory, "--forks", fmt.Sprint(concurrency), path}, args...)
	r, err := rig.Run(ctx, rig.Command{Argv: argv})
	p.last = r
	if err != nil {
		return err
	}
	if r.Exit != 0 {
		return fmt.Errorf("netrun play: exit status %d\n%s%s", r.Exit, r.Stdout, r.Stderr)
	}
	return checkRecap(r.Stdout, changes)
}

// player returns contenders' function that plays.
func (p *player) runs(path string, changes bool, args ...string) func(context.Context) error {
	return func(ctx context.Context) error { return p.play(ctx, path, changes, args...) }
}

var changed = regexp.MustCompile(`(?m)^(\S+)\s*: .*\bchanged=(\d+)`)

// checkRecap reads the recap that netrun and Ansible print alike.
func checkRecap(out string, changes bool) error {
	hosts := changed.FindAllStringSubmatch(out, -1)
	if len(hosts) == 0 {
		return fmt.Errorf("no recap in:\n%s", out)
	}
	for _, h := range hosts {
		if (h[2] != "0") != changes {
			return fmt.Errorf("%s changed %s things in a run that should change something: %v\n%s", h[1], h[2], changes, out)
		}
	}
	return nil
}

// everywhere runs a shell script on hosts of the lab, some at a time, without SSH.
func (p *player) everywhere(ctx context.Context, hosts []string, script string) error {
	var wg sync.WaitGroup
	var mu sync.Mutex
	var failed []string
	slots := make(chan struct{}, 8)
	for _, h := range hosts {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			if _, err := p.lab.Shell(ctx, h, script); err != nil {
				mu.Lock()
				failed = append(failed, err.Error())
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if len(failed) > 0 {
		return fmt.Errorf("%s", strings.Join(failed, "\n"))
	}
	return nil
}

// clean returns the preparation that takes back what plays did, and more if told.
func (p *player) clean(hosts []string, more ...string) func(context.Context) error {
	script := cleanup + strings.Join(more, "\n")
	return func(ctx context.Context) error {
		if err := p.everywhere(ctx, hosts, script); err != nil {
			return err
		}
		return settle(ctx)
	}
}

// settle waits until the kernel has done with deleted namespaces: until then it
// holds the lock that every change of a network needs, time and again.
func settle(ctx context.Context) error {
	deadline := time.Now().Add(30 * time.Second)
	for quick := 0; quick < 50 && time.Now().Before(deadline); {
		began := time.Now()
		if _, err := netlink.LinkByName("lo"); err != nil {
			return err
		}
		if quick++; time.Since(began) > 2*time.Millisecond {
			quick = 0
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
