package e2e

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"netrun/e2e/rig"
)

// world is what all tests share: the program, and the labs.
type world struct {
	netrun  string
	root    string   // of the module
	routing *rig.Lab // of the routing example, and a node4 that is not in its inventory
	link    *rig.Lab // of the link example
	gre     *rig.Lab // of the GRE example
	hosts   *rig.Lab // of testdata/hosts.topology.yaml
	missing string   // why there are no labs: nobody can run these tests here
}

// the is filled in before the first test runs, and not changed after.
var the world

func TestMain(m *testing.M) {
	parallel()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status, err := run(ctx, m)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		status = 1
	}
	os.Exit(status)
}

// parallel lets more tests run side by side than there are processors, unless
// somebody has said how many: most of the time they wait for deadlines.
func parallel() {
	flag.Parse()
	said := false
	flag.Visit(func(f *flag.Flag) { said = said || f.Name == "test.parallel" })
	if said {
		return
	}
	if err := flag.Set("test.parallel", "12"); err != nil {
		panic(err) // the flag is there in every test binary
	}
}

// run has its labs in a folder that only depends on where the module is, so that
// it finds and removes those of a killed predecessor.
func run(ctx context.Context, m *testing.M) (status int, err error) {
	if the.missing = rig.Missing(); the.missing != "" {
		return m.Run(), nil
	}
	if the.root, err = rig.Root(); err != nil {
		return 0, err
	}
	if the.netrun, err = rig.Build(ctx); err != nil {
		return 0, err
	}
	dir := rig.Dir(the.root, "e2e")
	unlock, err := rig.Lock(dir)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir), unlock()) }()
	defer func() { err = errors.Join(err, down()) }()
	if err := up(ctx, dir); err != nil {
		return 0, err
	}
	return m.Run(), nil
}

func up(ctx context.Context, dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	topology, err := withNode4(dir)
	if err != nil {
		return err
	}
	var wg sync.WaitGroup
	labs := []struct {
		name, topology string
		lab            **rig.Lab
	}{
		{"routing", topology, &the.routing},
		{"link", filepath.Join(the.root, linkTopology), &the.link},
		{"gre", filepath.Join(the.root, greTopology), &the.gre},
		{"hosts", "testdata/hosts.topology.yaml", &the.hosts},
	}
	errs := make([]error, len(labs))
	for i, l := range labs {
		wg.Go(func() {
			*l.lab, errs[i] = rig.Up(ctx, the.netrun, "e2e-"+l.name, filepath.Join(dir, l.name), "--topology", l.topology)
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return settle(ctx)
}

// settled waits until a host's interfaces are what they are going to be: the
// kernel takes its time with carriers and with IPv6 addresses.
const settled = `for i in $(seq 100); do ip addr | grep -q -E 'eth[0-9].*NO-CARRIER|tentative' || exit 0; sleep 0.1; done; exit 1`

// settle waits for all hosts.
func settle(ctx context.Context) error {
	slots := make(chan struct{}, 8)
	var wg sync.WaitGroup
	var mu sync.Mutex
	var errs []error
	for _, l := range []*rig.Lab{the.routing, the.link, the.gre, the.hosts} {
		for _, h := range l.Names() {
			slots <- struct{}{}
			wg.Go(func() {
				defer func() { <-slots }()
				_, err := l.Shell(ctx, h, settled)
				mu.Lock()
				errs = append(errs, err)
				mu.Unlock()
			})
		}
	}
	wg.Wait()
	return errors.Join(errs...)
}

func down() error {
	var errs []error
	for _, l := range []*rig.Lab{the.routing, the.link, the.gre, the.hosts} {
		if l != nil {
			errs = append(errs, l.Down(context.Background()))
		}
	}
	return errors.Join(errs...)
}
