package lab

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

func down(ctx context.Context, l *Lab) error {
	if _, err := os.Stat(l.rec.Dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	unlock, err := lockDir(ctx, l.rec.Dir)
	if err != nil {
		return err
	}
	defer unlock()
	current, err := readRecord(l.rec.Dir)
	if errors.Is(err, ErrNoLab) || (err == nil && current.ID != l.rec.ID) {
		return nil // somebody else took it down, and perhaps up again
	}
	if err != nil {
		return err
	}
	return l.remove(ctx)
}

// remove destroys the lab and its directory.
func (l *Lab) remove(ctx context.Context) error {
	if err := l.destroy(ctx); err != nil {
		return err
	}
	if err := os.Remove(l.rec.Dir); err != nil {
		return fmt.Errorf("remove state directory: %w", err)
	}
	return nil
}

// destroy removes all that the record names; none of it need exist. Of the
// state directory, which its caller has locked, it leaves an empty folder.
func (l *Lab) destroy(ctx context.Context) error {
	boot, err := bootID()
	if err != nil {
		return err
	}
	if boot == l.rec.BootID {
		if err := l.unmake(ctx); err != nil {
			return fmt.Errorf("take down lab %q: %w", l.rec.Name, err)
		}
	}
	return emptyState(l.rec.Dir)
}

// unmake removes what does not outlive the machine's boot.
func (l *Lab) unmake(ctx context.Context) error {
	if err := l.killAll(ctx); err != nil {
		return err
	}
	names := []string{l.rec.Fabric}
	for _, h := range l.rec.Hosts {
		names = append(names, h.Netns)
	}
	var errs []error
	for _, name := range names {
		errs = append(errs, unpinNetns(name))
	}
	errs = append(errs, l.rec.deleteLinks(), l.rec.removeCgroups())
	return errors.Join(errs...)
}

// killAll kills all hosts, then waits for all of them.
func (l *Lab) killAll(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	var fds []int
	var errs []error
	for i := range l.rec.Hosts {
		p, err := l.rec.process(&l.rec.Hosts[i])
		if err != nil {
			continue // never started
		}
		fd, err := p.kill()
		errs = append(errs, err)
		if fd >= 0 {
			fds = append(fds, fd)
		}
	}
	for _, fd := range fds {
		errs = append(errs, awaitExit(ctx, fd))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	l.procs.reap()
	return nil
}

// deleteLinks removes the lab's links from the machine's namespace, by their
// group: one by one, 50 veth pairs take the kernel seconds.
func (r *record) deleteLinks() error {
	left, err := r.links()
	if err != nil || left == 0 {
		return err
	}
	req := nl.NewNetlinkRequest(unix.RTM_DELLINK, unix.NLM_F_ACK)
	req.AddData(nl.NewIfInfomsg(unix.AF_UNSPEC))
	req.AddData(nl.NewRtAttr(unix.IFLA_GROUP, nl.Uint32Attr(r.Group)))
	if _, err := req.Execute(unix.NETLINK_ROUTE, 0); err != nil && !errors.Is(err, unix.ENODEV) {
		return fmt.Errorf("delete link group %d: %w", r.Group, err)
	}
	return nil
}

// links counts the lab's links. A link of the group that is not named by the
// record stops everything: it is somebody else's.
func (r *record) links() (int, error) {
	ours := map[string]bool{r.Bridge: true}
	for _, h := range r.Hosts {
		ours[h.Veth] = true
	}
	all, err := netlink.LinkList()
	for try := 0; try < 10 && errors.Is(err, netlink.ErrDumpInterrupted); try++ {
		all, err = netlink.LinkList()
	}
	if err != nil {
		return 0, fmt.Errorf("list links: %w", err)
	}
	n := 0
	for _, link := range all {
		if link.Attrs().Group != r.Group {
			continue
		}
		if !ours[link.Attrs().Name] {
			return 0, fmt.Errorf("delete link group %d: %q is in it and not the lab's", r.Group, link.Attrs().Name)
		}
		n++
	}
	return n, nil
}

// emptyState empties the state directory, the record last: killed on the way,
// it is still a lab's.
func emptyState(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("read state directory: %w", err)
	}
	for _, e := range entries {
		if e.Name() == recordFile {
			continue
		}
		if err := removeTree(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return removeTree(filepath.Join(dir, recordFile))
}

// removeTree deletes path. A first process that was never let go may be making
// folders until it sees its pipe end, so it tries again.
func removeTree(path string) error {
	var err error
	for range 20 {
		if err = os.RemoveAll(path); err == nil {
			return nil
		}
		time.Sleep(25 * time.Millisecond)
	}
	return fmt.Errorf("remove lab files: %w", err)
}
