// Command bench measures netrun on labs of throwaway hosts, beside the least that
// anything could do over SSH on the same hosts, OpenSSH's client, and Ansible
// where it is installed. It prints tables in Markdown. It knows the command line
// of netrun and nothing of what is inside it.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"

	"netrun/e2e/rig"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		os.Exit(1)
	}
}

// bench is one run of the program.
type bench struct {
	netrun  string
	dir     string // temporary, of this run
	out     io.Writer
	log     io.Writer
	rounds  int
	ansible int   // rounds of Ansible, which takes its time
	hosts   []int // sizes of the fleets
	peak    int   // size of the fleet for the controller's memory
}

// section is a part of the benchmarks that -run chooses by name.
type section struct {
	name string
	what string
	run  func(*bench, context.Context) error
}

func sections() []section {
	return []section{
		{"fleet", "12 network tasks on many hosts", (*bench).fleets},
		{"single", "one host: 10 tasks, and a loop over 100 items", (*bench).single},
		{"trips", "round trips after authentication", (*bench).trips},
		{"veths", "1,000 veth ports", (*bench).veths},
		{"containers", "50 running containers, and the watch", (*bench).containers},
		{"mesh", "a mesh of 20 hosts through Open vSwitch", (*bench).mesh},
		{"memory", "the controller's memory", (*bench).memory},
		{"helper", "the helper's size and memory", (*bench).helper},
	}
}

func run(ctx context.Context, args []string, out, log io.Writer) error {
	b := &bench{out: out, log: log}
	chosen, err := b.flags(args)
	if err != nil {
		return err
	}
	if missing := rig.Missing(); missing != "" {
		return fmt.Errorf("probe this machine: %s", missing)
	}
	if b.dir, err = os.MkdirTemp("", "netrun-bench-"); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	if b.netrun, err = rig.Build(ctx); err != nil {
		return err
	}
	fmt.Fprintf(out, "%s\n", machine(ctx, b.netrun))
	for _, s := range chosen {
		fmt.Fprintf(out, "\n## %s\n\n", s.what)
		if err := s.run(b, ctx); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
}

func (b *bench) flags(args []string) ([]section, error) {
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	pattern := f.String("run", "", "regular expression: run only the sections whose name it matches")
	hosts := f.String("hosts", "10,50", "numbers of hosts of a fleet")
	f.IntVar(&b.rounds, "rounds", 5, "rounds of everything but Ansible")
	f.IntVar(&b.ansible, "ansible", 1, "rounds of Ansible; 0 leaves it out")
	f.IntVar(&b.peak, "peak", 200, "hosts for the controller's memory")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	for text := range strings.SplitSeq(*hosts, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxFleet {
			return nil, fmt.Errorf("-hosts %q: want numbers from 1 to %d", *hosts, maxFleet)
		}
		b.hosts = append(b.hosts, n)
	}
	re, err := regexp.Compile(*pattern)
	if err != nil {
		return nil, fmt.Errorf("-run: %w", err)
	}
	var chosen []section
	for _, s := range sections() {
		if re.MatchString(s.name) {
			chosen = append(chosen, s)
		}
	}
	return chosen, nil
}

// maxFleet is what the plays' addresses, 10.100.N.0/24, have room for.
const maxFleet = 250

// withLab brings up a lab of n hosts for the time of f.
func (b *bench) withLab(ctx context.Context, n int, f func(*rig.Lab) error) (err error) {
	name := fmt.Sprintf("bench%d", n)
	topology := filepath.Join(b.dir, name+".topology.yaml")
	if err := os.WriteFile(topology, []byte(topologyOf(n)), 0o600); err != nil {
		return err
	}
	fmt.Fprintf(b.log, "lab of %d hosts\n", n)
	lab, err := rig.Up(ctx, b.netrun, name, filepath.Join(b.dir, name), "--topology", topology)
	if err != nil {
		return err
	}
	defer func() {
		if downErr := lab.Down(context.WithoutCancel(ctx)); err == nil {
			err = downErr
		}
	}()
	return f(lab)
}

func topologyOf(n int) string {
	var s strings.Builder
	s.WriteString("switches: {sw1: }\nhosts:\n")
	for i := 1; i <= n; i++ {
		fmt.Fprintf(&s, "  node%d: {groups: [nodes], interfaces: {eth1: {switch: sw1, address: 198.18.0.%d/16}}, vars: {n: %d, underlay: 198.18.0.%d}}\n", i, i, i, i)
	}
	return s.String()
}

// file writes a file of this run and returns its path.
func (b *bench) file(name, text string) (string, error) {
	path := filepath.Join(b.dir, name)
	return path, os.WriteFile(path, []byte(text), 0o600)
}
