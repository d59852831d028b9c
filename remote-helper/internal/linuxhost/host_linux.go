package linuxhost

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"netrun/tasks/state"
)

// Config says where a Host keeps things and whom it tells.
type Config struct {
	// BlobDir keeps the content of files that a change replaced or deleted, one
	// file each, named by its hex SHA-256. It is made (0700) when it is first
	// needed. Without it, no file can be changed.
	BlobDir string
	// NetnsDir holds the named network namespaces; "" is /run/netns, as for ip.
	NetnsDir string
	// EtcNetnsDir holds the files that ip netns exec shows in /etc; "" is /etc/netns.
	EtcNetnsDir string
	// Environ is the environment of the programs that are run (OVS_RUNDIR, ...);
	// nil is that of this process.
	Environ []string
	// Program is this program, which DHCP clients are started from, and LeaseDir is where
	// they write down what they hold. Without them there are none.
	Program, LeaseDir string
	// LeasesLater has nobody wait until a new DHCP client has a lease: it asks by itself
	// until it gets one.
	LeasesLater bool
	// Warnf is told what went wrong without a change having gone wrong, for
	// example a gratuitous ARP that could not be sent. nil drops it.
	Warnf func(format string, args ...any)
	// Find asks the runtimes for containers by the names that people give them; a
	// name's list holds all that it could mean. nil: no runtime is asked.
	Find func(ctx context.Context, names []string) (map[string][]state.Container, error)
}

// Host is this machine, as the thread that called New sees it: its network
// namespace is state.HostScope. It is not safe for concurrent use.
type Host struct {
	cfg     Config
	home    int // descriptor of the network namespace of state.HostScope
	homeErr error

	switchHung time.Time          // when ovs-vswitchd did not answer in time
	silent     time.Time          // when ovsdb-server last did not
	ovsLinks   map[string]bool    // see keepPorts
	found      map[string]located // containers by the names they were asked for
}

var _ state.Host = (*Host)(nil)

// New is the machine in whose network namespace the calling thread is.
func New(cfg Config) *Host {
	if cfg.NetnsDir == "" {
		cfg.NetnsDir = "/run/netns"
	}
	if cfg.EtcNetnsDir == "" {
		cfg.EtcNetnsDir = "/etc/netns"
	}
	if cfg.Warnf == nil {
		cfg.Warnf = func(string, ...any) {}
	}
	home, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		err = fmt.Errorf("open own network namespace: %w", err)
	}
	return &Host{cfg: cfg, home: home, homeErr: err, found: map[string]located{}}
}

// Close gives the host's namespace back. The Host is not usable afterwards.
func (h *Host) Close() error {
	if h.homeErr != nil {
		return nil
	}
	h.homeErr = errors.New("host is closed")
	if err := unix.Close(h.home); err != nil {
		return fmt.Errorf("close own network namespace: %w", err)
	}
	return nil
}

// Observe implements state.Host.
func (h *Host) Observe(ctx context.Context, keys []state.Key) (*state.State, error) {
	s, err := h.open(ctx)
	if err != nil {
		return nil, err
	}
	defer s.close()
	s.note(keys)
	out := state.New()
	for _, g := range group(keys) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		objects, err := s.read(g)
		if err != nil {
			return nil, fmt.Errorf("observe %s: %w", state.Key{Kind: g.kind, Scope: g.scope}, err)
		}
		for _, o := range objects {
			out.Put(o)
		}
	}
	out.NameOVSLinks()
	return out, nil
}

// query is what Observe reads at once: one kind in one scope.
type query struct {
	kind  state.Kind
	scope state.Scope
	all   bool     // some key had no name
	names []string // of the other keys, in their order
}

// group sorts keys by kind and scope, in the order of first appearance.
func group(keys []state.Key) []*query {
	var out []*query
	at := map[state.Key]*query{}
	for _, k := range keys {
		id := state.Key{Kind: k.Kind, Scope: k.Scope}
		if at[id] == nil {
			at[id] = &query{kind: k.Kind, scope: k.Scope}
			out = append(out, at[id])
		}
		if k.Name == "" {
			at[id].all = true
		} else {
			at[id].names = append(at[id].names, k.Name)
		}
	}
	return out
}

// reader reads one kind of object.
type reader func(*session, *query) ([]state.Object, error)

// readers has one reader a kind.
func readers() map[state.Kind]reader {
	return map[state.Kind]reader{
		state.KindNetns: (*session).readNetns, state.KindProcess: (*session).readProcesses,
		state.KindContainer: (*session).readContainers, state.KindName: (*session).readNames,
		state.KindLink: (*session).readLinks, state.KindMember: (*session).readMembers,
		state.KindAddress: (*session).readAddresses, state.KindNeighbour: (*session).readNeighbours,
		state.KindRoute: (*session).readRoutes, state.KindRule: (*session).readRules,
		state.KindLease: (*session).readLeases, state.KindSysctl: (*session).readSysctls, state.KindOffload: (*session).readOffloads,
		state.KindPortVLAN: (*session).readPortVLANs, state.KindQdisc: (*session).readQdiscs, state.KindUppers: (*session).readUppers,
		state.KindTable: (*session).readTables, state.KindChain: (*session).readChains,
		state.KindJump:      (*session).readJumps,
		state.KindOVSBridge: (*session).readOVSBridges, state.KindOVSPort: (*session).readOVSPorts,
		state.KindFile: (*session).readFiles, state.KindJSON: (*session).readJSONKeys,
		state.KindPort: (*session).readPorts, state.KindHostsLine: (*session).readHostsLines,
	}
}

func (s *session) read(q *query) ([]state.Object, error) {
	read, ok := s.readers[q.kind]
	if !ok {
		return nil, fmt.Errorf("unknown kind of object %q", q.kind)
	}
	objects, err := read(s, q)
	if errors.Is(err, errNoScope) {
		return nil, nil
	}
	return objects, err
}
