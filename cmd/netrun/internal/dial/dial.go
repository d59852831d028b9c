// Package dial reaches hosts: over SSH, directly or through jump hosts, on the
// controller itself, and in a container by its runtime's exec. It reads ~/.ssh/config and known_hosts, authenticates,
// and hands out connections on which a command can be started.
//
// It does not know inventories, plays or the helper that runs on a host, and it
// never asks about a host key: an unknown key comes back as an error, so that a
// whole fleet's keys can be shown and accepted at once.
package dial

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
)

// Target names one host and what is said about it explicitly. A zero field is
// taken from the ssh config files, then from Config, then from ssh's defaults.
type Target struct {
	Name      string // what people call the host; used in messages. Default: Addr
	Addr      string // host name, address, or alias of ~/.ssh/config
	Port      int    // 1..65535, 0: not said
	User      string // login name
	Password  string // for password and keyboard-interactive logins
	KeyFile   string // private key, tried before any other
	ProxyJump string // "[user@]host[:port],..." in the order travelled, or "none"
	Local     bool   // run on the controller, without SSH
	Runtime   string // docker or podman: run in its container Addr, without SSH
	// RuntimeArgs stand between the runtime's name and exec.
	RuntimeArgs []string
	Timeout     time.Duration // for the whole dial, retries included
	Options     []string      // of ssh_config(5), as "Keyword=value"; they win over the files
}

// Prompter asks the person at the keyboard.
type Prompter interface {
	// Ask shows the prompt and returns one line without its end. With
	// secret, what is typed is not shown.
	Ask(ctx context.Context, prompt string, secret bool) (string, error)
}

// Config is what all dials of a run share. New fills in the defaults given here.
type Config struct {
	User           string        // default login name: the local user
	Home           string        // home directory, for "~" and the default files
	SSHConfigFiles []string      // ~/.ssh/config, /etc/ssh/ssh_config; earlier ones win
	KnownHosts     []string      // ~/.ssh/known_hosts, /etc/ssh/ssh_known_hosts; new keys go to the first
	Agent          string        // socket of the ssh agent; "" for none
	Identities     []string      // ~/.ssh/id_ed25519, id_ecdsa, id_rsa
	AcceptNew      bool          // write unknown host keys to known_hosts instead of refusing them
	AskPassword    bool          // ask once for a login password for all hosts that want one
	Forks          int           // handshakes at the same time, 64
	Timeout        time.Duration // 10 s
	KeepAlive      time.Duration // Timeout/2; negative: none
	Retries        int           // 5; negative: none
	Ask            Prompter      // nil: never ask
	Logf           func(format string, args ...any)

	Jitter func() float64                                   // in [0,1)
	Sleep  func(ctx context.Context, d time.Duration) error // between retries
}

// Conn is a connection to one host.
type Conn interface {
	// Start runs a command by the login shell of the host. The context
	// bounds the start, not the command's life: Session.Close ends that.
	Start(ctx context.Context, command string) (*Session, error)
	// SFTP opens a file transfer; ErrNoSFTP if the host offers none.
	SFTP() (*sftp.Client, error)
	io.Closer
}

// Dialer opens connections. It is safe for concurrent use; what is asked, read
// or connected for one host (passphrases, keys, jump hosts) serves all others.
type Dialer struct {
	cfg    Config
	ctx    context.Context
	cancel context.CancelFunc

	config func() (*sshConfig, error)
	keys   keyring
	known  knownCache
	jumps  jumpCache
	gates  gates
	forks  chan struct{}
	asking atomic.Int32

	passwordOnce sync.Once
	password     string
	passwordErr  error
}

// New returns a Dialer; nothing is read or contacted before the first Dial.
func New(cfg Config) *Dialer {
	cfg.fill()
	d := &Dialer{cfg: cfg, forks: make(chan struct{}, cfg.Forks)}
	d.ctx, d.cancel = context.WithCancel(context.Background())
	d.config = sync.OnceValues(func() (*sshConfig, error) {
		return loadSSHConfig(cfg.SSHConfigFiles, cfg.Home, cfg.Logf)
	})
	d.keys.dialer = d
	return d
}

func (c *Config) fill() {
	dot := filepath.Join(c.Home, ".ssh")
	if c.SSHConfigFiles == nil {
		c.SSHConfigFiles = []string{filepath.Join(dot, "config"), "/etc/ssh/ssh_config"}
	}
	if c.KnownHosts == nil {
		c.KnownHosts = []string{filepath.Join(dot, "known_hosts"), "/etc/ssh/ssh_known_hosts"}
	}
	if c.Identities == nil {
		for _, name := range []string{"id_ed25519", "id_ecdsa", "id_rsa"} {
			c.Identities = append(c.Identities, filepath.Join(dot, name))
		}
	}
	if c.Logf == nil {
		c.Logf = func(string, ...any) {}
	}
	if c.Jitter == nil {
		c.Jitter = rand.Float64
	}
	if c.Sleep == nil {
		c.Sleep = sleep
	}
	c.fillNumbers()
}

func (c *Config) fillNumbers() {
	if c.Forks <= 0 {
		c.Forks = 64
	}
	if c.Timeout <= 0 {
		c.Timeout = 10 * time.Second
	}
	if c.KeepAlive == 0 {
		c.KeepAlive = c.Timeout / 2
	}
	if c.Retries == 0 {
		c.Retries = 5
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}

// Dial connects to the target and authenticates. The error is an *Error; look
// for *UnknownKey, *ChangedKey and *Lost in it, or ask KindOf.
func (d *Dialer) Dial(ctx context.Context, t Target) (Conn, error) {
	if t.Local {
		return localConn{name: t.name()}, nil
	}
	if t.Runtime != "" {
		return dialContainer(t)
	}
	conn, err := d.dial(ctx, t, nil)
	if err != nil {
		return nil, err
	}
	return conn, nil
}

// dial connects to a target that is a host of its own or a hop on the way to
// one; route holds the hops that led to it, for finding loops.
func (d *Dialer) dial(ctx context.Context, t Target, route []string) (*sshConn, error) {
	ep, err := d.resolve(t)
	if err != nil {
		return nil, &Error{Name: t.name(), Addr: t.Addr, Kind: BadConfig, Err: err}
	}
	ctx, cancel := d.patience(ctx, ep.timeout)
	defer cancel()
	var via *sshConn
	if len(ep.jump) > 0 {
		if via, err = d.through(ctx, ep.jump, route); err != nil {
			return nil, ep.fail(err)
		}
	}
	conn, err := d.retry(ctx, ep, via)
	if err != nil {
		return nil, ep.fail(err)
	}
	return conn, nil
}

func (t Target) name() string {
	if t.Name != "" {
		return t.Name
	}
	return t.Addr
}

// patience is a timeout that does not run out while a question is on the
// screen: a person may need longer for a passphrase than a host for an answer.
func (d *Dialer) patience(parent context.Context, timeout time.Duration) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	var timer *time.Timer
	var mu sync.Mutex
	mu.Lock()
	timer = time.AfterFunc(timeout, func() {
		mu.Lock()
		defer mu.Unlock()
		if d.asking.Load() > 0 {
			timer.Reset(timeout)
			return
		}
		cancel(timeoutError{timeout})
	})
	mu.Unlock()
	stop := context.AfterFunc(d.ctx, func() { cancel(errClosed) })
	return ctx, func() { timer.Stop(); stop(); cancel(context.Canceled) }
}

var errClosed = errors.New("dialer is closed")

type timeoutError struct{ after time.Duration }

func (e timeoutError) Error() string { return fmt.Sprintf("no answer within %v", e.after) }
func (e timeoutError) Timeout() bool { return true }

// retry tries until it works, the error is one that stays, or the context ends.
// Errors before authentication may come from sshd's MaxStartups, which drops
// connections at random when many arrive at once: waiting a random while helps.
func (d *Dialer) retry(ctx context.Context, ep *endpoint, via *sshConn) (*sshConn, error) {
	for attempt := 0; ; attempt++ {
		conn, err := d.attempt(ctx, ep, via)
		if err == nil {
			return conn, nil
		}
		var early *earlyError
		if !errors.As(err, &early) || attempt >= d.cfg.Retries || ctx.Err() != nil {
			return nil, err
		}
		if d.cfg.Sleep(ctx, d.backoff(attempt)) != nil {
			return nil, err
		}
	}
}

// backoff is 100 ms doubled for each attempt up to 3.2 s, times 0.5 to 1.5.
func (d *Dialer) backoff(attempt int) time.Duration {
	base := 100 * time.Millisecond << min(attempt, 5)
	return time.Duration(float64(base) * (0.5 + d.cfg.Jitter()))
}

// Close ends dials under way and closes the connections to jump hosts and to
// the agent. Connections that Dial returned are their callers' to close.
func (d *Dialer) Close() {
	d.cancel()
	d.jumps.close()
	d.keys.close()
}

// ask puts one question to the person, holding back every dial's timeout.
func (d *Dialer) ask(prompt string) (string, error) {
	if d.cfg.Ask == nil {
		return "", errors.New("nobody to ask")
	}
	d.asking.Add(1)
	defer d.asking.Add(-1)
	return d.cfg.Ask.Ask(d.ctx, prompt, true)
}

// fingerprint is a key as ssh-keygen -l shows it.
func fingerprint(key ssh.PublicKey) string { return ssh.FingerprintSHA256(key) }
