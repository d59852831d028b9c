package linuxhost

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"netrun/tasks/state"
)

// errNoScope says that a scope's namespace does not exist (any more).
var errNoScope = errors.New("no such network namespace")

// session is what one Observe or Apply keeps open.
type session struct {
	host    *Host
	ctx     context.Context
	thread  *thread
	spaces  map[state.Scope]*space
	scopes  []state.Scope // that the keys or changes name: where the other ends of links are looked for first
	readers map[state.Kind]reader

	netfilter map[tableSet]*ruleset
	ovs       *ovsdb
	unplugged []string // new links that Open vSwitch has to open: see replug
}

// space is an open scope.
type space struct {
	scope  state.Scope
	fd     int
	ino    uint64 // identity of the namespace
	socket map[int]*nl.SocketHandle
	handle *netlink.Handle // for what the library does well enough; opened by lib

	links     *linkTable     // the last dump of the links
	index     map[string]int // link name -> index, as far as known
	names     map[int]string // and back, of links that were looked up one by one
	addresses map[int][]addressInfo
}

func (sp *space) String() string {
	if sp.scope == state.HostScope {
		return "the host's network namespace"
	}
	return "network namespace " + string(sp.scope)
}

func (h *Host) open(ctx context.Context) (*session, error) {
	if h.homeErr != nil {
		return nil, h.homeErr
	}
	return &session{host: h, ctx: ctx, thread: startThread(), spaces: map[state.Scope]*space{},
		readers: readers(), netfilter: map[tableSet]*ruleset{}}, nil
}

// close ends the thread and closes every socket and namespace.
func (s *session) close() {
	s.thread.stop()
	for _, sp := range s.spaces {
		sp.close(sp.fd != s.host.home)
	}
}

func (sp *space) close(ownsNamespace bool) {
	for _, sock := range sp.socket {
		sock.Close()
	}
	if sp.handle != nil {
		sp.handle.Close()
	}
	if ownsNamespace {
		unix.Close(sp.fd)
	}
}

// forget closes the scope, whose namespace is about to end.
func (s *session) forget(scope state.Scope) {
	sp, ok := s.spaces[scope]
	if !ok {
		return
	}
	if s.thread.at == sp {
		s.thread.stop()
		s.thread = startThread()
	}
	delete(s.spaces, scope)
	sp.close(sp.fd != s.host.home)
}

// note remembers the scopes that keys name, in their order.
func (s *session) note(keys []state.Key) {
	seen := map[state.Scope]bool{state.HostScope: true}
	add := func(scope state.Scope) {
		if !seen[scope] {
			seen[scope] = true
			s.scopes = append(s.scopes, scope)
		}
	}
	for _, k := range keys {
		add(k.Scope)
		if k.Kind == state.KindProcess && k.Name != "" {
			add(state.PidScope(k.Name))
		}
		if k.Kind == state.KindNetns && k.Name != "" {
			add(state.NetnsScope(k.Name))
		}
		if _, sought := state.Scope(k.Name).Sought(); sought && k.Kind == state.KindContainer {
			add(state.Scope(k.Name))
		}
	}
}

// space opens the scope, or gives the one that is open. errNoScope says that it does not exist.
func (s *session) space(scope state.Scope) (*space, error) {
	if sp, ok := s.spaces[scope]; ok {
		return sp, nil
	}
	fd, err := s.openScope(scope)
	if err != nil {
		return nil, err
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, fmt.Errorf("stat %s: %w", scope, err)
	}
	sp := &space{scope: scope, fd: fd, ino: st.Ino, index: map[string]int{}}
	if err := s.connect(sp); err != nil {
		sp.close(fd != s.host.home)
		return nil, err
	}
	s.spaces[scope] = sp
	return sp, nil
}

// connect opens the space's own netlink socket. The kernel explains its errors on it.
func (s *session) connect(sp *space) error {
	return s.thread.in(sp, func() error {
		sock, err := nl.GetNetlinkSocketAt(netns.None(), netns.None(), unix.NETLINK_ROUTE)
		if err != nil {
			return fmt.Errorf("open netlink socket in %s: %w", sp, err)
		}
		sp.socket = map[int]*nl.SocketHandle{unix.NETLINK_ROUTE: {Socket: sock}}
		if err := sock.SetReceiveTimeout(&unix.Timeval{Sec: 60}); err != nil {
			return fmt.Errorf("set netlink timeout in %s: %w", sp, err)
		}
		// Not every kernel has it (4.12), and nothing hangs on it but the words of errors.
		_ = sock.SetExtAck(true)
		return nil
	})
}

// lib is the library's handle to the space.
func (s *session) lib(sp *space) (*netlink.Handle, error) {
	if sp.handle != nil {
		return sp.handle, nil
	}
	err := s.thread.in(sp, func() error {
		h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
		sp.handle = h
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("open netlink handle in %s: %w", sp, err)
	}
	return sp.handle, nil
}

// openScope opens the namespace of the scope. The host's own is shared, never to be closed.
func (s *session) openScope(scope state.Scope) (int, error) {
	path := ""
	switch sort, name := scope.Split(); {
	case scope == state.HostScope:
		return s.host.home, nil
	case sort == "netns" && validName(name):
		path = filepath.Join(s.host.cfg.NetnsDir, name)
	case sort == "pid" && isDecimal(name):
		path = "/proc/" + name + "/ns/net"
	default:
		return s.openContainer(scope)
	}
	return openNamespace(path)
}

// openNamespace opens a network namespace by path; a file that is none (left
// behind by a reboot or a failed ip netns add) counts as absent.
func openNamespace(path string) (int, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ESRCH) {
		return -1, fmt.Errorf("%s: %w", path, errNoScope)
	}
	if err != nil {
		return -1, fmt.Errorf("open network namespace %s: %w", path, err)
	}
	var fs unix.Statfs_t
	if err := unix.Fstatfs(fd, &fs); err != nil || fs.Type != unix.NSFS_MAGIC {
		unix.Close(fd)
		return -1, fmt.Errorf("%s is not a network namespace: %w", path, errNoScope)
	}
	return fd, nil
}

// validName reports whether the name can stand in a directory.
func validName(name string) bool {
	return name != "" && name != "." && name != ".." && !strings.ContainsAny(name, "/\x00")
}

func isDecimal(text string) bool {
	return text != "" && strings.Trim(text, "0123456789") == ""
}
