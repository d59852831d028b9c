package dial

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"
)

// attempt makes one TCP connection and one handshake.
func (d *Dialer) attempt(ctx context.Context, ep *endpoint, via *sshConn) (*sshConn, error) {
	gate := d.gates.of(ep.gateName())
	if err := gate.enter(ctx); err != nil {
		return nil, err
	}
	conn, err := d.forked(ctx, ep, via)
	var early *earlyError
	gate.leave(errors.As(err, &early))
	return conn, err
}

// forked is attempt within the limit of handshakes at the same time.
func (d *Dialer) forked(ctx context.Context, ep *endpoint, via *sshConn) (*sshConn, error) {
	select {
	case d.forks <- struct{}{}:
		defer func() { <-d.forks }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	begin := time.Now()
	raw, err := dialTCP(ctx, ep.addr, via)
	if err != nil {
		return nil, err
	}
	connecting := time.Since(begin)
	conn, err := d.handshake(ctx, ep, via, raw)
	if err == nil {
		conn.rtt = roundTrip(raw, connecting)
	}
	return conn, err
}

func dialTCP(ctx context.Context, addr string, via *sshConn) (net.Conn, error) {
	if via == nil {
		raw, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
		if err != nil {
			return nil, plainNetError(ctx, err)
		}
		return quickAck(raw), nil
	}
	raw, err := via.client.DialContext(ctx, "tcp", addr)
	if err == nil {
		return raw, nil
	}
	if lost := via.lost.Load(); lost != nil {
		return nil, lost
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return nil, fmt.Errorf("through jump host %q: %w", via.name, err)
}

// plainNetError drops what Error says anyway: "dial tcp 10.0.0.1:22: connect:".
func plainNetError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno
	}
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}

// progress is how far a handshake came; it decides what an error means.
type progress struct {
	hostKeyErr error
	auth       bool // the host told which logins it accepts
	allowed    []string
	authErr    error // our own trouble: a passphrase not given, an agent gone
	offered    []string
}

// handshake exchanges keys and logs in. It owns raw until it succeeds.
func (d *Dialer) handshake(ctx context.Context, ep *endpoint, via *sshConn, raw net.Conn) (*sshConn, error) {
	stop := context.AfterFunc(ctx, func() { raw.Close() })
	p := &progress{}
	config, err := d.clientConfig(ctx, ep, p)
	if err != nil {
		raw.Close()
		return nil, err
	}
	client, err := newClient(ctx, raw, ep.addr, config)
	if !stop() || ctx.Err() != nil {
		if client != nil {
			client.Close()
		}
		return nil, context.Cause(ctx)
	}
	if err != nil {
		return nil, p.explain(ep, via, err)
	}
	return d.watch(ep, via, client), nil
}

// newClient does not wait for an agent or a person after the context ended; the
// handshake then ends on its own, as raw is closed.
func newClient(ctx context.Context, raw net.Conn, addr string, config *ssh.ClientConfig) (*ssh.Client, error) {
	type result struct {
		client *ssh.Client
		err    error
	}
	ready := make(chan result, 1)
	go func() {
		c, chans, reqs, err := ssh.NewClientConn(raw, addr, config)
		if err != nil {
			ready <- result{err: err}
			return
		}
		ready <- result{client: ssh.NewClient(c, chans, reqs)}
	}()
	select {
	case r := <-ready:
		return r.client, r.err
	case <-ctx.Done():
		raw.Close()
		return nil, context.Cause(ctx)
	}
}

func (d *Dialer) clientConfig(ctx context.Context, ep *endpoint, p *progress) (*ssh.ClientConfig, error) {
	known, err := d.known.load(ep.known, d.cfg.Logf)
	if err != nil {
		return nil, &Error{Name: ep.name, Addr: ep.addr, Kind: BadConfig, Err: err}
	}
	config := &ssh.ClientConfig{
		Config:            ssh.Config{KeyExchanges: keyExchanges(), Ciphers: ciphers()},
		User:              ep.user,
		ClientVersion:     "SSH-2.0-netrun",
		HostKeyAlgorithms: known.algorithms(ep.entry),
		HostKeyCallback: func(_ string, _ net.Addr, key ssh.PublicKey) error {
			p.hostKeyErr = d.checkHostKey(ep, known, key)
			return p.hostKeyErr
		},
		AuthCallback: func(state *ssh.ClientAuthContext) (ssh.AuthMethod, error) {
			p.auth, p.allowed = true, state.AllowedMethods
			return nil, nil
		},
	}
	config.Auth = d.authMethods(ctx, ep, p)
	return config, nil
}

// keyExchanges leaves out the finite-field groups that cost a host
// milliseconds each, and SHA-1.
func keyExchanges() []string {
	return []string{ssh.KeyExchangeMLKEM768X25519, ssh.KeyExchangeCurve25519, ssh.KeyExchangeECDHP256,
		ssh.KeyExchangeECDHP384, ssh.KeyExchangeECDHP521, ssh.KeyExchangeDH14SHA256, ssh.KeyExchangeDH16SHA512}
}

func ciphers() []string {
	return []string{ssh.CipherAES128GCM, ssh.CipherAES256GCM, ssh.CipherChaCha20Poly1305,
		ssh.CipherAES128CTR, ssh.CipherAES192CTR, ssh.CipherAES256CTR}
}

// explain turns the library's text into a cause with a type.
func (p *progress) explain(ep *endpoint, via *sshConn, err error) error {
	var algo *ssh.AlgorithmNegotiationError
	switch {
	case p.hostKeyErr != nil:
		return p.hostKeyErr
	case errors.As(err, &algo):
		return algo
	case p.auth:
		return p.explainAuth(ep, err)
	}
	if via != nil && via.lost.Load() != nil {
		return via.lost.Load()
	}
	if errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) {
		return &earlyError{fmt.Errorf("the host closed the connection before the login: %w", innermost(err))}
	}
	return &earlyError{fmt.Errorf("ssh handshake: %w", innermost(err))}
}

// innermost drops the layers that say only which function was at work.
func innermost(err error) error {
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(err) {
		err = inner
	}
	return err
}

func (p *progress) explainAuth(ep *endpoint, err error) error {
	var netErr net.Error
	if errors.As(err, &netErr) || errors.Is(err, io.EOF) {
		return fmt.Errorf("the host closed the connection during the login as %q: %w", ep.user, innermost(err))
	}
	text := fmt.Sprintf("permission denied for %q", ep.user)
	if len(p.allowed) > 0 {
		text += "; the host accepts " + strings.Join(p.allowed, ", ")
	}
	switch {
	case p.authErr != nil:
		text += "; " + p.authErr.Error()
	case slices.Contains(p.allowed, "publickey") && len(p.offered) == 0:
		text += "; no key to offer"
	}
	// One layer is the library's own "handshake failed"; below it may stand
	// what a key or a prompt had to say.
	if inner := errors.Unwrap(err); inner != nil {
		err = inner
	}
	if cause := err.Error(); !strings.Contains(cause, "unable to authenticate") {
		text += "; " + strings.TrimPrefix(cause, "ssh: ")
	}
	return &authError{text}
}
