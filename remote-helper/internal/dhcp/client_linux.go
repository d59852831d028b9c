package dhcp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/vishvananda/netlink"

	"netrun/remote-helper/internal/arp"
)

// Client gets a lease for a link of the network namespace that it runs in, and keeps it.
type Client struct {
	Params Params
	Now    func() time.Time
	Random func() float64 // from 0 to 1: two clients that start together do not stay together
	Logf   func(format string, a ...any)
	// Told hears of each lease, and of its loss as nil.
	Told func(*Lease) error
	// Touched tells that the link has changed, and may have lost its routes.
	Touched <-chan struct{}

	mac  net.HardwareAddr
	held *Lease
}

// errRefused says that the server has taken an address back (DHCPNAK).
var errRefused = errors.New("the server refuses the address")

// Run asks for leases and holds them until the context ends, whose cause it gives.
// What the last lease gave stays on the link: see Release. A first lease that cannot
// be used is an error; later ones are waited for.
func (c *Client) Run(ctx context.Context) error {
	first, ask := true, c.Params.Ask
	for {
		lease, err := c.acquire(ctx, ask)
		if err != nil {
			return err
		}
		if err := c.take(lease); err != nil && first {
			return errors.Join(err, c.Release(ctx))
		} else if err != nil {
			c.Logf("%v", err)
		}
		first, ask = false, lease.Address.Addr()
		if err := c.hold(ctx); err != nil {
			return err
		}
		if err := c.lose(); err != nil {
			return err
		}
	}
}

// acquire asks until a server gives a lease.
func (c *Client) acquire(ctx context.Context, ask netip.Addr) (Lease, error) {
	for pause := time.Second; ; pause = min(2*pause, time.Minute) {
		lease, err := c.discover(ctx, ask)
		if ctx.Err() != nil {
			return lease, context.Cause(ctx)
		}
		if err == nil {
			return lease, nil
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) { // nobody answers: that took long enough
			c.Logf("%v", err)
			c.sleep(ctx, c.jitter(pause))
		}
	}
}

// discover finds a server and takes what it offers.
func (c *Client) discover(ctx context.Context, ask netip.Addr) (Lease, error) {
	link, err := netlink.LinkByIndex(c.Params.Index)
	if err != nil {
		return Lease{}, fmt.Errorf("look up %s: %w", c.Params.Where, err)
	}
	c.mac = link.Attrs().HardwareAddr
	sock, err := openRaw(c.Params.Index, netip.IPv4Unspecified())
	if err != nil {
		return Lease{}, err
	}
	defer sock.Close()
	m, err := c.Params.message(c.mac, dhcpv4.MessageTypeDiscover, askFor(ask))
	if err != nil {
		return Lease{}, err
	}
	var offer Lease
	_, err = c.exchange(ctx, sock, m, c.patience(5), func(a *dhcpv4.DHCPv4) bool {
		if a.MessageType() != dhcpv4.MessageTypeOffer {
			return false
		}
		var err error
		if offer, err = leaseOf(a, netip.Addr{}, c.Now()); err != nil {
			c.Logf("offer left: %v", err)
		}
		return err == nil
	})
	if err != nil {
		return Lease{}, err
	}
	return c.request(ctx, sock, offer, m.TransactionID, c.patience(3), askFor(offer.Address.Addr()), from(offer.Server))
}

// request asks for the lease, for the first time or again.
func (c *Client) request(ctx context.Context, sock conn, l Lease, id dhcpv4.TransactionID, patience []time.Duration, more ...dhcpv4.Modifier) (Lease, error) {
	m, err := c.Params.message(c.mac, dhcpv4.MessageTypeRequest, append(more, dhcpv4.WithTransactionID(id))...)
	if err != nil {
		return l, err
	}
	asked := c.Now() // a lease runs from when it was asked for
	answer, err := c.exchange(ctx, sock, m, patience, func(a *dhcpv4.DHCPv4) bool {
		return a.MessageType() == dhcpv4.MessageTypeAck || a.MessageType() == dhcpv4.MessageTypeNak
	})
	if err != nil {
		return l, err
	}
	if answer.MessageType() == dhcpv4.MessageTypeNak {
		return l, fmt.Errorf("%w %s: %s", errRefused, l.Address.Addr(), answer.Message())
	}
	return leaseOf(answer, l.Server, asked)
}

// exchange sends the message until an answer to it is accepted: again after each of
// the times in patience. os.ErrDeadlineExceeded says that there is none.
func (c *Client) exchange(ctx context.Context, sock conn, m *dhcpv4.DHCPv4, patience []time.Duration, accept func(*dhcpv4.DHCPv4) bool) (*dhcpv4.DHCPv4, error) {
	defer context.AfterFunc(ctx, func() { sock.Close() })()
	for _, p := range patience {
		if err := sock.send(m.ToBytes()); err != nil {
			return nil, err
		}
		deadline := time.Now().Add(p)
		for {
			raw, err := sock.receive(deadline)
			if errors.Is(err, os.ErrDeadlineExceeded) {
				break
			}
			if err != nil {
				return nil, err
			}
			if a, err := dhcpv4.FromBytes(raw); err == nil && answers(a, m) && accept(a) {
				return a, nil
			}
		}
	}
	return nil, fmt.Errorf("no answer: %w", os.ErrDeadlineExceeded)
}

// answers reports whether a is an answer to m.
func answers(a, m *dhcpv4.DHCPv4) bool {
	return a.OpCode == dhcpv4.OpcodeBootReply && a.TransactionID == m.TransactionID && bytes.Equal(a.ClientHWAddr, m.ClientHWAddr)
}

// hold renews the lease until it is lost, which is no error, or the context ends.
func (c *Client) hold(ctx context.Context) error {
	for {
		now, l := c.Now(), *c.held
		var err error
		switch {
		case now.Before(l.Renew):
			c.wait(ctx, l.Renew.Sub(now))
		case now.Before(l.Rebind):
			err = c.renew(ctx, l.Rebind, func() (conn, error) {
				return openUDP(ctx, c.linkName(), l.Address.Addr(), l.Server)
			})
		case now.Before(l.Until):
			err = c.renew(ctx, l.Until, func() (conn, error) { return openRaw(c.Params.Index, l.Address.Addr()) })
		default:
			c.Logf("lease of %s has run out", l.Address)
			return nil
		}
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(err, errRefused):
			c.Logf("%v", err)
			return nil
		}
	}
}

// renew asks once, and waits until it makes sense to ask again: half the time that
// is left, but no less than a second.
func (c *Client) renew(ctx context.Context, until time.Time, open func() (conn, error)) error {
	again := max(until.Sub(c.Now())/2, time.Second)
	lease, err := c.ask(ctx, min(again, 5*time.Second), open)
	if err == nil {
		err = c.take(lease)
	}
	if err != nil && ctx.Err() == nil && !errors.Is(err, errRefused) {
		c.Logf("renew %s: %v", c.held.Address, err)
		c.wait(ctx, again)
	}
	return err
}

func (c *Client) ask(ctx context.Context, patience time.Duration, open func() (conn, error)) (Lease, error) {
	sock, err := open()
	if err != nil {
		return Lease{}, err
	}
	defer sock.Close()
	id, err := dhcpv4.GenerateTransactionID()
	if err != nil {
		return Lease{}, fmt.Errorf("renew: %w", err)
	}
	return c.request(ctx, sock, *c.held, id, []time.Duration{patience}, holding(c.held.Address.Addr()))
}

// take gives the link what the lease says, and tells of it.
func (c *Client) take(l Lease) error {
	before := c.held
	c.held = &l
	anew := before == nil || before.Address != l.Address
	if anew {
		c.Logf("lease of %s from %s until %s", l.Address, l.Server, l.Until.UTC().Format(time.RFC3339))
	}
	if before != nil && anew {
		if err := Clear(c.Params, *before); err != nil {
			return err
		}
	}
	if err := c.set(l); err != nil {
		return err
	}
	if anew {
		if err := arp.Send(c.Params.Index, arp.Announcement(c.mac, l.Address.Addr())); err != nil {
			c.Logf("announce %s: %v", l.Address.Addr(), err) // the neighbours find out later
		}
	}
	return c.Told(&l)
}

// lose takes away what the lease gave.
func (c *Client) lose() error {
	l := *c.held
	c.held = nil
	return errors.Join(Clear(c.Params, l), c.Told(nil))
}

// Release gives the lease back to the server, and takes away what it gave.
func (c *Client) Release(ctx context.Context) error {
	if c.held == nil {
		return nil
	}
	return errors.Join(c.giveBack(ctx, *c.held), Clear(c.Params, *c.held))
}

func (c *Client) giveBack(ctx context.Context, l Lease) error {
	m, err := c.Params.message(c.mac, dhcpv4.MessageTypeRelease, holding(l.Address.Addr()), from(l.Server), dhcpv4.WithBroadcast(false))
	if err != nil {
		return err
	}
	sock, err := openUDP(ctx, c.linkName(), l.Address.Addr(), l.Server)
	if err != nil {
		return err
	}
	defer sock.Close()
	if err := sock.send(m.ToBytes()); err != nil {
		return err
	}
	// The kernel may have to find the server's MAC address before it can send, for
	// which it needs the address that goes next. No answer comes that could be waited for.
	time.Sleep(50 * time.Millisecond)
	return nil
}

// linkName is what the link is called now.
func (c *Client) linkName() string {
	link, err := netlink.LinkByIndex(c.Params.Index)
	if err != nil {
		return ""
	}
	return link.Attrs().Name
}
