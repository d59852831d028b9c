package dial

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
)

// sshConn is a connection over SSH.
type sshConn struct {
	name   string
	via    *sshConn
	client *ssh.Client
	done   chan struct{} // closed when the connection has ended
	rtt    time.Duration // a round trip by TCP
	answer time.Duration // a keepalive not answered for so long means a dead host
	once   sync.Once
	lost   atomic.Pointer[Lost]
}

// watch turns a client into a connection whose end is noticed and explained.
func (d *Dialer) watch(ep *endpoint, via *sshConn, client *ssh.Client) *sshConn {
	c := &sshConn{name: ep.name, via: via, client: client, done: make(chan struct{})}
	go func() {
		err := client.Wait()
		if via != nil && c.lost.Load() == nil && via.ping() != nil {
			<-via.done
		}
		c.fail(err)
		close(c.done)
	}()
	if d.cfg.KeepAlive > 0 {
		c.answer = max(d.cfg.Timeout-d.cfg.KeepAlive, d.cfg.KeepAlive)
		go c.keepAlive(d.cfg.KeepAlive)
	}
	return c
}

func (c *sshConn) keepAlive(every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-c.done:
			return
		case <-tick.C:
			if c.ping() != nil {
				return
			}
		}
	}
}

// ping asks for any answer; without one in time the connection is closed. The
// answer to an unknown request is a refusal, which is as good as any other.
func (c *sshConn) ping() error {
	if c.answer > 0 {
		dead := time.AfterFunc(c.answer, func() {
			c.fail(timeoutError{c.answer})
			c.client.Close()
		})
		defer dead.Stop()
	}
	_, _, err := c.client.SendRequest("keepalive@openssh.com", true, nil)
	return err
}

// fail records why the connection ended; the first reason stays.
func (c *sshConn) fail(err error) {
	lost := &Lost{Name: c.name, Err: err}
	if c.via != nil {
		if first := c.via.lost.Load(); first != nil {
			lost.Via, lost.Err = first.Name, first.Err
		}
	}
	c.lost.CompareAndSwap(nil, lost)
}

// Start opens a channel and runs the command in it: two round trips.
func (c *sshConn) Start(ctx context.Context, command string) (*Session, error) {
	type opened struct {
		s   *Session
		err error
	}
	ready := make(chan opened, 1)
	go func() {
		s, err := c.start(command)
		ready <- opened{s, err}
	}()
	select {
	case o := <-ready:
		return o.s, o.err
	case <-ctx.Done():
		go func() {
			if o := <-ready; o.s != nil {
				o.s.Close()
			}
		}()
		return nil, fmt.Errorf("start command on %q: %w", c.name, context.Cause(ctx))
	}
}

func (c *sshConn) start(command string) (*Session, error) {
	raw, err := c.client.NewSession()
	if err != nil {
		return nil, fmt.Errorf("open session on %q: %w", c.name, c.reason(err))
	}
	tail := &Tail{}
	raw.Stderr = tail
	stdin, err1 := raw.StdinPipe()
	stdout, err2 := raw.StdoutPipe()
	if err := errors.Join(err1, err2, raw.Start(command)); err != nil {
		raw.Close()
		return nil, fmt.Errorf("start command on %q: %w", c.name, c.reason(err))
	}
	s := NewSession(stdin, stdout, tail, func() error { return c.exit(raw.Wait(), tail) }, raw.Close)
	s.RTT = c.rtt
	return s, nil
}

// reason prefers the cause of a broken connection to its symptom.
func (c *sshConn) reason(err error) error {
	if lost := c.lost.Load(); lost != nil {
		return lost
	}
	return err
}

// exit translates what the library says about a command's end. A missing exit
// status means a broken connection or a host that gave none: a ping tells.
func (c *sshConn) exit(err error, tail *Tail) error {
	var status *ssh.ExitError
	var missing *ssh.ExitMissingError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &status):
		return &ExitError{Status: status.ExitStatus(), Signal: status.Signal(), Stderr: tail.String()}
	case errors.As(err, &missing) && c.ping() == nil:
		return &ExitError{Status: -1, Stderr: tail.String()}
	}
	<-c.done
	return c.reason(err)
}

// SFTP opens a second channel for files. A host may have switched the
// subsystem off, or allow one session only.
func (c *sshConn) SFTP() (*sftp.Client, error) {
	client, err := sftp.NewClient(c.client, sftp.UseConcurrentWrites(true))
	if err == nil {
		return client, nil
	}
	if lost := c.lost.Load(); lost != nil {
		return nil, lost
	}
	return nil, fmt.Errorf("open sftp on %q: %w: %w", c.name, ErrNoSFTP, err)
}

// Close ends the connection and with it everything started on it.
func (c *sshConn) Close() error {
	c.once.Do(func() {
		c.fail(net.ErrClosed)
		c.client.Close()
		<-c.done
	})
	return nil
}
