package command

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"netrun/remote-helper/internal/containers"
	"netrun/remote-helper/internal/dhcp"
	"netrun/remote-helper/internal/linuxhost"
	"netrun/remote-helper/internal/machine"
	"netrun/remote-helper/internal/serve"
	"netrun/remote-helper/internal/units"
	"netrun/remote-helper/wire"
	"netrun/tasks"
)

// Main runs the helper and returns its exit status: 0, or 1 with the error on
// standard error.
func Main(args []string) int {
	// The session that started us may end at any time; only our own end ends us.
	signal.Ignore(syscall.SIGPIPE, syscall.SIGHUP)
	if err := run(args); err != nil {
		fmt.Fprintf(os.Stderr, "netrun-helper: %v\n", err)
		return 1
	}
	return 0
}

const usage = "usage: netrun-helper serve [--ssh CONNECTION] [--login USER] | guard JOURNAL LOCK PID | restore | watch | dhcp RECORD | install --sha256 HEX PATH | version"

func run(args []string) error {
	if len(args) < 2 {
		return fmt.Errorf("%s", usage)
	}
	verb, rest := args[1], args[2:]
	switch {
	case verb == "serve":
		return runServe(rest)
	case verb == "guard" && len(rest) == 3:
		return runGuard(rest)
	case verb == "restore" && len(rest) == 0:
		return runRestore(context.Background())
	case verb == "watch" && len(rest) == 0:
		return runWatch()
	case verb == "dhcp" && len(rest) == 1:
		return dhcp.Main(rest[0])
	case verb == "install" && len(rest) == 3 && rest[0] == "--sha256":
		return install(rest[1], rest[2])
	case verb == "version":
		fmt.Println(ownHash())
		return nil
	}
	return fmt.Errorf("%s", usage)
}

func runServe(args []string) error {
	flags, err := serveFlags(args)
	if err != nil {
		return err
	}
	p := places()
	runtimes := &containers.Finder{Brief: true}
	host := newHost(p, finder(runtimes))
	defer host.Close()
	if _, err := io.WriteString(os.Stdout, wire.Magic(ownHash())); err != nil {
		return fmt.Errorf("greet controller: %w", err)
	}
	env := os.Environ()
	return serve.Serve(context.Background(), serve.Config{
		In: os.Stdin, Out: os.Stdout, Host: host,
		Machine: func(user string, extra map[string]string) tasks.Machine {
			return machine.New(host, append(env[:len(env):len(env)], pairs(extra)...), user, time.Now)
		},
		StateDir: p.state, RunDir: p.run, Self: self(), Clock: clock{},
		Client: flags.client, Server: flags.server, LoginUser: flags.login,
		Persist: p.units().Ensure, Watching: p.units().Standing, Containers: running(runtimes),
	})
}

func runGuard(args []string) error {
	session, err := strconv.Atoi(args[2])
	if err != nil {
		return fmt.Errorf("guard: pid %q: %w", args[2], err)
	}
	host := newHost(places(), finder(&containers.Finder{}))
	defer host.Close()
	return serve.Guard(context.Background(), host, args[0], args[1], session)
}

func newHost(p place, find finds) *linuxhost.Host { return linuxhost.New(p.host(find)) }

// laterHost is the host of what puts back by itself: it does not hold up everything else
// until a DHCP server answers.
func laterHost(p place, find finds) *linuxhost.Host {
	c := p.host(find)
	c.LeasesLater = true
	return linuxhost.New(c)
}

func (p place) host(find finds) linuxhost.Config {
	return linuxhost.Config{BlobDir: p.blobs(), Warnf: warnf, Find: find, Program: self(), LeaseDir: filepath.Join(p.run, "dhcp")}
}

type flags struct {
	client, server netip.Addr
	login          string
}

// serveFlags reads --ssh "CLIENT PORT SERVER PORT", as sshd puts it into
// SSH_CONNECTION, and --login USER.
func serveFlags(args []string) (flags, error) {
	var f flags
	for len(args) >= 2 {
		switch args[0] {
		case "--ssh":
			f.client, f.server = connection(args[1])
		case "--login":
			f.login = args[1]
		default:
			return f, fmt.Errorf("serve: unknown flag %q", args[0])
		}
		args = args[2:]
	}
	if len(args) > 0 {
		return f, fmt.Errorf("serve: %q is not understood", args[0])
	}
	return f, nil
}

// connection is invalid addresses where there is no SSH connection.
func connection(text string) (client, server netip.Addr) {
	words := strings.Fields(text)
	if len(words) != 4 {
		return client, server
	}
	c, clientErr := netip.ParseAddr(words[0])
	s, serverErr := netip.ParseAddr(words[2])
	if clientErr != nil || serverErr != nil {
		return netip.Addr{}, netip.Addr{}
	}
	return c.Unmap().WithZone(""), s.Unmap().WithZone("")
}

// place is where the helper keeps its things.
type place struct{ state, run string }

func (p place) blobs() string { return filepath.Join(p.state, "journal", "blobs") }

func (p place) units() units.Config { return units.Config{Self: self(), State: p.state} }

// places are /var/lib/netrun and /run/netrun for root, and below the home
// directory for others, who can change no network but may run commands.
func places() place {
	if os.Geteuid() == 0 {
		return place{"/var/lib/netrun", "/run/netrun"}
	}
	home, err := os.UserHomeDir()
	if err != nil {
		home = filepath.Join(os.TempDir(), "netrun-"+strconv.Itoa(os.Geteuid()))
	}
	return place{filepath.Join(home, ".local/state/netrun"), filepath.Join(home, ".local/state/netrun/run")}
}

func self() string {
	path, err := os.Executable()
	if err != nil {
		return "/proc/self/exe"
	}
	return path
}

func pairs(env map[string]string) []string {
	var out []string
	for k, v := range env {
		out = append(out, k+"="+v)
	}
	return out
}

func warnf(format string, a ...any) { fmt.Fprintf(os.Stderr, "netrun-helper: "+format+"\n", a...) }

// clock is the real one.
type clock struct{}

// Now implements script.Clock.
func (clock) Now() time.Time { return time.Now() }

// Sleep implements script.Clock.
func (clock) Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
