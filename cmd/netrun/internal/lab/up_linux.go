package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync"

	"github.com/vishvananda/netns"
)

func up(ctx context.Context, cfg Config) (*Lab, error) {
	if os.Geteuid() != 0 {
		return nil, errors.New("lab needs root: it makes namespaces, mounts and bridges (run it with sudo)")
	}
	unlock, err := lockDir(ctx, cfg.Dir)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := clearPredecessor(ctx, cfg); err != nil {
		return nil, err
	}
	return fresh(ctx, cfg)
}

// clearPredecessor removes what is left of a lab in the same directory.
func clearPredecessor(ctx context.Context, cfg Config) error {
	old, err := Open(cfg.Dir)
	if errors.Is(err, ErrNoLab) {
		return refuseForeign(cfg.Dir)
	}
	if err != nil {
		return err
	}
	if old.rec.Phase == phaseUp && !cfg.Replace && old.anyUp() {
		return fmt.Errorf("%w: %q in %s", ErrUp, old.Name(), old.Dir())
	}
	cfg.Log.Debug("clean up a predecessor", "id", old.ID(), "phase", old.rec.Phase)
	return old.destroy(ctx)
}

// refuseForeign keeps a directory with somebody's files from becoming a lab,
// and later from being deleted with it.
func refuseForeign(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("read state directory: %w", err)
	}
	for _, e := range entries {
		if e.Name() == recordFile+".new" { // killed while it wrote its very first file
			continue
		}
		return fmt.Errorf("use %s as state directory: it is not empty and holds no %s", dir, recordFile)
	}
	return nil
}

func (l *Lab) anyUp() bool {
	for _, h := range l.Hosts() {
		if h.Up {
			return true
		}
	}
	return false
}

func fresh(ctx context.Context, cfg Config) (*Lab, error) {
	boot, err := bootID()
	if err != nil {
		return nil, err
	}
	rec, err := plan(cfg, boot)
	if err != nil {
		return nil, err
	}
	if err := rec.save(); err != nil {
		return nil, err
	}
	l := newLab(rec, cfg.Log)
	if err := l.build(ctx, cfg); err != nil {
		// The caller's context may be what ended the work; cleaning up is bounded by itself.
		return nil, errors.Join(err, l.remove(context.WithoutCancel(ctx)))
	}
	return l, nil
}

func (l *Lab) build(ctx context.Context, cfg Config) error {
	sshd, err := findSshd()
	if err != nil {
		return err
	}
	if err := findPrograms(l.rec.Hosts); err != nil {
		return err
	}
	client, err := newKey(cfg.Rand)
	if err != nil {
		return err
	}
	network := &network{rec: l.rec}
	defer network.close()
	if err := network.addManagement(cfg); err != nil {
		return err
	}
	if err := network.addFabric(); err != nil {
		return err
	}
	s := &starter{lab: l, net: network, cfg: cfg, sshd: sshd, client: client}
	if err := s.startAll(ctx); err != nil {
		return err
	}
	if err := l.writeFiles(client); err != nil {
		return err
	}
	l.rec.Phase = phaseUp
	return l.rec.save()
}

func findSshd() (string, error) {
	// /usr/sbin is not in everybody's PATH, and sshd wants to be called by its whole path.
	for _, name := range []string{"sshd", "/usr/sbin/sshd", "/usr/local/sbin/sshd"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("find sshd: not installed (Debian and Ubuntu: apt-get install openssh-server)")
}

// starter brings up hosts, several at a time.
type starter struct {
	lab    *Lab
	net    *network
	cfg    Config
	sshd   string
	client keyPair
	random sync.Mutex // Config.Rand need not be safe for concurrent use
}

// startAll starts every host; the first error stops the rest.
func (s *starter) startAll(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	slots := make(chan struct{}, 4*runtime.NumCPU())
	var wg sync.WaitGroup
	for i := range s.lab.rec.Hosts {
		h := &s.lab.rec.Hosts[i]
		slots <- struct{}{}
		if ctx.Err() != nil {
			break
		}
		wg.Go(func() {
			defer func() { <-slots }()
			if err := s.start(ctx, h); err != nil {
				cancel(fmt.Errorf("start host %q: %w", h.Name, err))
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

// start makes one host and returns when its sshd listens and its services answer.
func (s *starter) start(ctx context.Context, h *hostRecord) error {
	key, err := s.hostKey()
	if err != nil {
		return err
	}
	h.HostKey = key.public
	c, err := s.spawn(h)
	if err != nil {
		return err
	}
	defer c.close()
	if err := c.send(s.spec(h, key)); err != nil {
		return err
	}
	p, err := newProcess(c.cmd.Process.Pid, s.lab.rec.BootID)
	if err != nil {
		return err
	}
	if err := writeJSON(s.lab.rec.hostDir(h)+"/"+processFile, p); err != nil {
		return err
	}
	if err := s.plug(h, p.Pid); err != nil {
		return err
	}
	if err := c.run(ctx); err != nil {
		return err
	}
	return s.lab.serve(ctx, h)
}

func (s *starter) hostKey() (keyPair, error) {
	s.random.Lock()
	defer s.random.Unlock()
	return newKey(s.cfg.Rand)
}

func (s *starter) plug(h *hostRecord, pid int) error {
	if err := pinNetns(h.Netns, fmt.Sprintf("/proc/%d/ns/net", pid)); err != nil {
		return err
	}
	ns, err := netns.GetFromPath(netnsPath(h.Netns))
	if err != nil {
		return fmt.Errorf("open network namespace %q: %w", h.Netns, err)
	}
	defer ns.Close()
	return s.net.plug(h, ns)
}
