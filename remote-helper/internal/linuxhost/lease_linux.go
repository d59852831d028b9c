package linuxhost

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"netrun/remote-helper/internal/dhcp"
	"netrun/remote-helper/internal/process"
	"netrun/tasks/state"
)

// readLeases lists the leases of a scope: of clients that run, for links that have
// the address. A client that still asks, or was killed, holds none.
func (s *session) readLeases(q *query) ([]state.Object, error) {
	if s.host.cfg.LeaseDir == "" {
		return nil, nil
	}
	records, err := dhcp.List(s.host.cfg.LeaseDir)
	if err != nil || len(records) == 0 {
		return nil, err
	}
	sp, err := s.space(q.scope)
	if err != nil {
		return nil, err
	}
	links, err := sp.dumpLinks()
	if err != nil {
		return nil, err
	}
	addresses, err := sp.dumpAddresses()
	if err != nil {
		return nil, err
	}
	var out []state.Object
	for _, r := range records {
		info := links.byIndex[r.Index]
		if r.Netns == sp.ino && info != nil && r.Lease != nil && hasAddress(addresses[r.Index], r.Lease.Address) && r.Process.Lives() {
			out = append(out, leaseObject(q.scope, info.name, r))
		}
	}
	return out, nil
}

func hasAddress(onLink []addressInfo, p netip.Prefix) bool {
	for _, a := range onLink {
		if a.prefix == p {
			return true
		}
	}
	return false
}

func leaseObject(scope state.Scope, link string, r dhcp.Record) state.Lease {
	return state.Lease{Scope: scope, Link: link, Hostname: r.Hostname, ClientID: r.ClientID, DefaultRoute: r.DefaultRoute, Metric: r.Metric,
		Address: r.Lease.Address.String(), Gateway: r.Lease.Gateway(), Server: r.Lease.Server.String()}
}

// asking is a client that has been started for a change and has no lease yet.
type asking struct {
	at      int // the change
	lease   state.Lease
	space   *space
	info    *linkInfo
	client  *dhcp.Starting
	waiting time.Time // until when it is waited for
}

// applyLeases starts the clients of neighbouring changes together, and waits for them
// together: a server may take seconds to make sure that an address is free.
func (s *session) applyLeases(changes []state.Change, i int) (int, error) {
	if changes[i].Op != state.Create {
		if err := s.dropLease(changes[i].Before.(state.Lease)); err != nil {
			return 0, &state.ApplyError{Index: i, Err: describe(changes[i], err)}
		}
		return 1, nil
	}
	var clients []*asking
	var failed *state.ApplyError
	n := 0
	for ; i+n < len(changes) && isNewLease(changes[i+n]) && failed == nil; n++ {
		c, err := s.ask(i+n, changes[i+n].After.(state.Lease))
		if err != nil {
			failed = &state.ApplyError{Index: i + n, Err: describe(changes[i+n], err)}
		} else if c != nil {
			clients = append(clients, c)
		}
	}
	for _, c := range clients {
		if err := s.answered(c, failed != nil); err != nil && failed == nil {
			failed = &state.ApplyError{Index: c.at, Err: describe(changes[c.at], err)}
		}
	}
	if failed != nil {
		return 0, failed
	}
	return n, nil
}

func isNewLease(c state.Change) bool {
	return c.Op == state.Create && c.Key().Kind == state.KindLease && !c.Implied
}

// ask starts a client, in place of one that may be there. There is nothing to wait for
// where leases come later and one with the same arguments asks already.
func (s *session) ask(at int, l state.Lease) (*asking, error) {
	if s.host.cfg.LeaseDir == "" || s.host.cfg.Program == "" {
		return nil, errors.New("no DHCP client can be started here")
	}
	sp, err := s.space(l.Scope)
	if err != nil {
		return nil, err
	}
	info, err := sp.linkByName(l.Link)
	if err != nil {
		return nil, err
	}
	if err := sendable(info); err != nil {
		return nil, err
	}
	p, err := s.leaseParams(sp, info, l)
	if err != nil {
		return nil, err
	}
	if done, err := s.replaceClient(sp, p); done || err != nil {
		return nil, err
	}
	c := &asking{at: at, lease: l, space: sp, info: info, waiting: time.Now().Add(time.Duration(leaseWait(l)) * time.Second)}
	err = s.thread.in(sp, func() error {
		var err error
		c.client, err = dhcp.Start(s.host.cfg.Program, s.host.cfg.LeaseDir, p)
		return err
	})
	return c, err
}

// leaseWait is for how many seconds the lease is waited for.
func leaseWait(l state.Lease) int { return cmp.Or(l.Wait, 10) }

// leaseParams says what the client is to know.
func (s *session) leaseParams(sp *space, info *linkInfo, l state.Lease) (dhcp.Params, error) {
	p := dhcp.Params{Netns: sp.ino, Index: info.index, Where: l.Link, Hostname: l.Hostname, ClientID: l.ClientID,
		DefaultRoute: l.DefaultRoute, Metric: l.Metric, Broadcast: info.kind == "ipvlan"}
	if l.Scope != state.HostScope {
		p.Where += " in " + string(l.Scope)
	}
	if before, err := netip.ParsePrefix(l.Address); err == nil {
		p.Ask = before.Addr()
	}
	switch sort, name := l.Scope.Split(); sort {
	case "":
	case "netns":
		p.Identity = dhcp.IdentityOf(machineName(), l.Scope.Bare(), l.Link)
		dir, err := filepath.Abs(s.host.cfg.NetnsDir)
		if err != nil {
			return p, fmt.Errorf("find %s: %w", l.Scope, err)
		}
		p.Name = filepath.Join(dir, name)
	case "pid":
		return p, withProcess(&p, name, process.Born(name))
	default:
		p.Identity = dhcp.IdentityOf(machineName(), l.Scope.Bare(), l.Link)
		found := s.host.found[string(l.Scope)]
		return p, withProcess(&p, found.container.Pid, found.born)
	}
	return p, nil
}

// machineName tells this machine from others. Copies of one have the same machine-id.
func machineName() string {
	id, _ := os.ReadFile("/etc/machine-id") // not every system has one
	name, _ := os.Hostname()
	return string(id) + name
}

func withProcess(p *dhcp.Params, pid, born string) error {
	n, err := strconv.Atoi(pid)
	if err != nil || born == "" {
		return fmt.Errorf("%s: its container has ended", p.Where)
	}
	p.With = process.Process{Pid: n, Born: born}
	return nil
}

// replaceClient ends a client of the link that is there. It is done where that one
// may go on.
func (s *session) replaceClient(sp *space, p dhcp.Params) (done bool, err error) {
	records, err := dhcp.List(s.host.cfg.LeaseDir)
	if err != nil {
		return false, err
	}
	for _, r := range records {
		if r.Netns != p.Netns || r.Index != p.Index {
			continue
		}
		if s.host.cfg.LeasesLater && r.Lease == nil && r.Process.Lives() && r.Same(p) {
			return true, nil
		}
		if err := s.thread.in(sp, func() error { return dhcp.Stop(s.host.cfg.LeaseDir, r) }); err != nil {
			return false, err
		}
	}
	return false, nil
}

// answered waits for the client's lease. Without one, the client ends.
func (s *session) answered(c *asking, giveUp bool) error {
	c.space.addresses = nil
	if giveUp {
		return errors.Join(c.client.End(), s.tidyLease(c))
	}
	if s.host.cfg.LeasesLater {
		return c.client.Leave()
	}
	defer context.AfterFunc(s.ctx, func() { c.client.Interrupt() })()
	err := c.client.Wait(c.waiting)
	if err == nil {
		return c.client.Leave()
	}
	if s.ctx.Err() != nil {
		err = context.Cause(s.ctx)
	}
	if errors.Is(err, dhcp.ErrNoAnswer) {
		err = fmt.Errorf("%w on %s within %d seconds", err, c.lease.Link, leaseWait(c.lease))
	}
	return errors.Join(err, c.client.End(), s.tidyLease(c))
}

// tidyLease removes the files of a client that has ended.
func (s *session) tidyLease(c *asking) error {
	_, err := s.replaceClient(c.space, dhcp.Params{Netns: c.space.ino, Index: c.info.index})
	return err
}

// dropLease ends the client, which gives its lease back.
func (s *session) dropLease(l state.Lease) error {
	sp, err := s.space(l.Scope)
	if err != nil {
		return err
	}
	info, err := sp.linkByName(l.Link)
	if err != nil {
		return err
	}
	sp.addresses = nil
	_, err = s.replaceClient(sp, dhcp.Params{Netns: sp.ino, Index: info.index})
	return err
}
