package dial

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"netrun/cmd/netrun/internal/dial/sshdtest"
)

// fakeHost is an SSH server in this process, for faults that a real one does
// not have on demand.
type fakeHost struct {
	*ssh.ServerConfig
	addr   *net.TCPAddr
	signer ssh.Signer
	conns  atomic.Int32                   // TCP connections so far
	admit  func(n int32, c net.Conn) bool // false: the connection is dropped
	login  atomic.Int32                   // handshakes under way
	silent atomic.Bool                    // answers nothing any more
	mu     sync.Mutex
	open   []net.Conn
}

// newFakeHost lets anybody in; change its ServerConfig before serve.
func newFakeHost(t testing.TB) *fakeHost {
	t.Helper()
	h := &fakeHost{ServerConfig: &ssh.ServerConfig{NoClientAuth: true}, signer: newSigner(t)}
	return h
}

func newSigner(t testing.TB) ssh.Signer {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

// writeKey makes a key file, with a passphrase if one is given.
func writeKey(t testing.TB, path, passphrase string) ssh.PublicKey {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(key, "")
	if passphrase != "" {
		block, err = ssh.MarshalPrivateKeyWithPassphrase(key, "", []byte(passphrase))
	}
	if err != nil {
		t.Fatal(err)
	}
	sshdtest.WriteFile(t, path, string(pem.EncodeToMemory(block)))
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return signer.PublicKey()
}

// onlyKey lets in who holds the key.
func (h *fakeHost) onlyKey(want ssh.PublicKey) {
	h.NoClientAuth = false
	h.PublicKeyCallback = func(_ ssh.ConnMetadata, got ssh.PublicKey) (*ssh.Permissions, error) {
		if !sameKey(got, want) {
			return nil, errors.New("another key")
		}
		return nil, nil
	}
}

func (h *fakeHost) serve(t testing.TB) *fakeHost {
	t.Helper()
	h.AddHostKey(h.signer)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h.addr = l.Addr().(*net.TCPAddr)
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { h.conn(c) })
		}
	})
	t.Cleanup(func() { l.Close(); h.cut(); wg.Wait() })
	return h
}

// cut breaks every connection.
func (h *fakeHost) cut() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range h.open {
		c.Close()
	}
}

func (h *fakeHost) conn(c net.Conn) {
	h.mu.Lock()
	h.open = append(h.open, c)
	h.mu.Unlock()
	defer c.Close()
	h.login.Add(1)
	if n := h.conns.Add(1); h.admit != nil && !h.admit(n, c) {
		h.login.Add(-1)
		return
	}
	_, chans, reqs, err := ssh.NewServerConn(c, h.ServerConfig)
	h.login.Add(-1)
	if err != nil {
		return
	}
	go h.requests(reqs)
	for ch := range chans {
		switch ch.ChannelType() {
		case "session":
			go h.session(ch)
		case "direct-tcpip":
			go h.forward(ch)
		}
	}
}

func (h *fakeHost) requests(reqs <-chan *ssh.Request) {
	for r := range reqs {
		if !h.silent.Load() {
			_ = r.Reply(false, nil)
		}
	}
}

// session answers a command with its text; "hang" never ends, "nostatus" ends
// without a status.
func (h *fakeHost) session(nc ssh.NewChannel) {
	ch, reqs, err := nc.Accept()
	if err != nil {
		return
	}
	for r := range reqs {
		command := ""
		if r.Type == "exec" {
			command = string(r.Payload[4:])
		}
		_ = r.Reply(r.Type == "exec", nil)
		switch command {
		case "", "hang":
			continue
		case "nostatus":
		default:
			_, _ = io.WriteString(ch, command)
			_, _ = ch.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{0}))
		}
		ch.Close()
	}
}

func (h *fakeHost) forward(nc ssh.NewChannel) {
	var to struct {
		Host     string
		Port     uint32
		From     string
		FromPort uint32
	}
	if err := ssh.Unmarshal(nc.ExtraData(), &to); err != nil {
		_ = nc.Reject(ssh.ConnectionFailed, err.Error())
		return
	}
	out, err := net.Dial("tcp", net.JoinHostPort(to.Host, fmt.Sprint(to.Port)))
	if err != nil {
		_ = nc.Reject(ssh.ConnectionFailed, "connection refused")
		return
	}
	ch, reqs, err := nc.Accept()
	if err != nil {
		out.Close()
		return
	}
	go ssh.DiscardRequests(reqs)
	go func() { _, _ = io.Copy(out, ch); out.Close() }()
	_, _ = io.Copy(ch, out)
	ch.Close()
}

// knows is the known_hosts line of the host.
func (h *fakeHost) knows() string {
	return knownText(&UnknownKey{entry: h.addr.String(), Key: h.signer.PublicKey()}) + "\n"
}

func (h *fakeHost) target(name string) Target {
	return Target{Name: name, Addr: "127.0.0.1", Port: h.addr.Port}
}

// home is a fresh home directory whose known_hosts has the given lines.
func home(t testing.TB, known ...string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, ".ssh"), 0o700); err != nil {
		t.Fatal(err)
	}
	sshdtest.WriteFile(t, filepath.Join(dir, ".ssh/known_hosts"), strings.Join(known, ""))
	return dir
}

// dialer works in a home of its own; change adapts the configuration.
func dialer(t testing.TB, home string, change func(*Config)) *Dialer {
	t.Helper()
	cfg := Config{User: "tester", Home: home, SSHConfigFiles: []string{filepath.Join(home, ".ssh/config")},
		KnownHosts: []string{filepath.Join(home, ".ssh/known_hosts")}, Timeout: 20 * time.Second, Logf: t.Logf}
	if change != nil {
		change(&cfg)
	}
	d := New(cfg)
	t.Cleanup(d.Close)
	return d
}

// prompter answers every question alike and counts them.
type prompter struct {
	answers []string
	mu      sync.Mutex
	asked   []string
}

func (p *prompter) Ask(_ context.Context, prompt string, _ bool) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = append(p.asked, prompt)
	return p.answers[min(len(p.asked), len(p.answers))-1], nil
}

func mustDial(t testing.TB, d *Dialer, target Target) Conn {
	t.Helper()
	conn, err := d.Dial(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// wantError dials and checks the error's kind and text.
func wantError(t testing.TB, d *Dialer, target Target, kind Kind, text string) error {
	t.Helper()
	conn, err := d.Dial(t.Context(), target)
	if err == nil {
		conn.Close()
		t.Fatalf("dial: got a connection; want an error with %q", text)
	}
	if got := KindOf(err); got != kind {
		t.Errorf("kind: got %q; want %q", got, kind)
	}
	if !strings.Contains(err.Error(), text) {
		t.Errorf("error: got %q; want it to contain %q", err, text)
	}
	return err
}
