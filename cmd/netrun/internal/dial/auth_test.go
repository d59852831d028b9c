package dial

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"netrun/cmd/netrun/internal/dial/sshdtest"
)

func TestPassphraseIsAskedOnce(t *testing.T) {
	dir := home(t)
	key := writeKey(t, filepath.Join(dir, ".ssh/id_ed25519"), "secret")
	ask := &prompter{answers: []string{"wrong", "secret"}}
	d := dialer(t, dir, func(c *Config) { c.Ask, c.AcceptNew = ask, true })
	var wg sync.WaitGroup
	for range 3 {
		host := newFakeHost(t)
		host.onlyKey(key)
		host.serve(t)
		for range 3 {
			wg.Go(func() {
				conn, err := d.Dial(t.Context(), host.target("n"))
				if err != nil {
					t.Error(err)
					return
				}
				conn.Close()
			})
		}
	}
	wg.Wait()
	if len(ask.asked) != 2 || !strings.HasPrefix(ask.asked[1], "wrong passphrase") {
		t.Errorf("asked: got %q; want once, and once more after a wrong answer", ask.asked)
	}
}

func TestPassphraseIsNotAskedInVain(t *testing.T) {
	dir := home(t)
	writeKey(t, filepath.Join(dir, ".ssh/id_ed25519"), "secret")
	host := newFakeHost(t)
	host.onlyKey(newSigner(t).PublicKey())
	host.serve(t)
	ask := &prompter{answers: []string{"secret"}}
	d := dialer(t, dir, func(c *Config) { c.Ask, c.AcceptNew = ask, true })
	wantError(t, d, host.target("n"), AuthFailed, `permission denied for "tester"; the host accepts publickey`)
	if len(ask.asked) != 0 {
		t.Errorf("asked: got %q; want nothing: the host does not accept the key", ask.asked)
	}
	if n := host.conns.Load(); n != 1 {
		t.Errorf("connections: got %d; want 1: a refusal is not tried again", n)
	}
}

func TestKeyTroubleIsTold(t *testing.T) {
	dir := home(t)
	locked := filepath.Join(dir, "locked")
	key := writeKey(t, locked, "secret")
	host := newFakeHost(t)
	host.onlyKey(key)
	host.serve(t)
	target := host.target("n")
	junk := filepath.Join(dir, "junk")
	sshdtest.WriteFile(t, junk, "not a key\n")
	tests := map[string]struct {
		keyFile string
		ask     Prompter
		want    string
	}{
		"nobody to ask":    {locked, nil, "ask for the passphrase of key " + locked + ": nobody to ask"},
		"wrong passphrase": {locked, &prompter{answers: []string{"wrong"}}, "unlock key " + locked},
		"missing":          {filepath.Join(dir, "none"), nil, "read key: open " + filepath.Join(dir, "none")},
		"not a key":        {junk, nil, junk + ": ssh: no key found"},
		"no key":           {"", nil, "no key to offer"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			d := dialer(t, dir, func(c *Config) { c.AcceptNew, c.Ask = true, tt.ask })
			target.KeyFile = tt.keyFile
			wantError(t, d, target, AuthFailed, tt.want)
		})
	}
}

func TestUserCertificate(t *testing.T) {
	ca := newSigner(t)
	dir := home(t)
	path := filepath.Join(dir, "key")
	cert := &ssh.Certificate{Key: writeKey(t, path, ""), CertType: ssh.UserCert, ValidPrincipals: []string{"tester"}, ValidBefore: ssh.CertTimeInfinity}
	if err := cert.SignCert(rand.Reader, ca); err != nil {
		t.Fatal(err)
	}
	sshdtest.WriteFile(t, path+"-cert.pub", string(ssh.MarshalAuthorizedKey(cert)))
	host := newFakeHost(t)
	checker := &ssh.CertChecker{IsUserAuthority: func(k ssh.PublicKey) bool { return sameKey(k, ca.PublicKey()) }}
	host.NoClientAuth, host.PublicKeyCallback = false, checker.Authenticate
	host.serve(t)
	target := host.target("n")
	target.KeyFile = path
	mustDial(t, dialer(t, dir, func(c *Config) { c.AcceptNew = true }), target)
}

// startAgent serves an agent with one key on a socket.
func startAgent(t testing.TB) (socket string, key ssh.PublicKey, private ed25519.PrivateKey) {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ring := agent.NewKeyring()
	if err := ring.Add(agent.AddedKey{PrivateKey: private}); err != nil {
		t.Fatal(err)
	}
	socket = filepath.Join(t.TempDir(), "agent")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _ = agent.ServeAgent(ring, c) }()
		}
	}()
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return socket, signer.PublicKey(), private
}

func TestAgent(t *testing.T) {
	socket, key, private := startAgent(t)
	host := newFakeHost(t)
	host.onlyKey(key)
	host.serve(t)
	dir := home(t, host.knows())
	with := func(c *Config) { c.Agent = socket }
	mustDial(t, dialer(t, dir, with), host.target("n"))

	// IdentitiesOnly leaves the agent's other keys alone ...
	config := filepath.Join(dir, ".ssh/config")
	sshdtest.WriteFile(t, config, "IdentitiesOnly yes\n")
	wantError(t, dialer(t, dir, with), host.target("n"), AuthFailed, "no key to offer")
	// ... but not the one that a public half or a locked file names.
	sshdtest.WriteFile(t, filepath.Join(dir, "named.pub"), string(ssh.MarshalAuthorizedKey(key)))
	sshdtest.WriteFile(t, config, "IdentitiesOnly yes\nIdentityFile ~/named\n")
	mustDial(t, dialer(t, dir, with), host.target("n"))
	sshdtest.Keygen(t, "-t", "ed25519", "-f", filepath.Join(dir, "unused"))
	writeLocked(t, filepath.Join(dir, "named"), private)
	mustDial(t, dialer(t, dir, with), host.target("n"))

	sshdtest.WriteFile(t, config, "IdentityAgent none\n")
	wantError(t, dialer(t, dir, with), host.target("n"), AuthFailed, "no key to offer")
	sshdtest.WriteFile(t, config, "IdentityAgent "+socket+"\n")
	mustDial(t, dialer(t, dir, func(c *Config) { c.Agent = "/nowhere" }), host.target("n"))
}

func writeLocked(t testing.TB, path string, key ed25519.PrivateKey) {
	t.Helper()
	block, err := ssh.MarshalPrivateKeyWithPassphrase(key, "", []byte("secret"))
	if err != nil {
		t.Fatal(err)
	}
	sshdtest.WriteFile(t, path, string(pem.EncodeToMemory(block)))
}

func TestPasswords(t *testing.T) {
	right := func(_ ssh.ConnMetadata, pw []byte) (*ssh.Permissions, error) {
		if string(pw) != "right" {
			return nil, errors.New("wrong")
		}
		return nil, nil
	}
	plain := newFakeHost(t)
	plain.NoClientAuth, plain.PasswordCallback = false, right
	plain.serve(t)
	interactive := newFakeHost(t)
	interactive.NoClientAuth = false
	interactive.KeyboardInteractiveCallback = func(m ssh.ConnMetadata, ask ssh.KeyboardInteractiveChallenge) (*ssh.Permissions, error) {
		answers, err := ask("", "", []string{"Password: "}, []bool{false})
		if err != nil {
			return nil, err
		}
		return right(m, []byte(answers[0]))
	}
	interactive.serve(t)
	dir := home(t, plain.knows(), interactive.knows())
	for name, host := range map[string]*fakeHost{"password": plain, "keyboard-interactive": interactive} {
		t.Run(name, func(t *testing.T) {
			target := host.target("n")
			target.Password = "right"
			mustDial(t, dialer(t, dir, nil), target)
			target.Password = "mistaken"
			err := wantError(t, dialer(t, dir, nil), target, AuthFailed, "the host accepts "+name)
			if strings.Contains(err.Error(), "mistaken") {
				t.Errorf("error: got %q; want no password in it", err)
			}
		})
	}
	ask := &prompter{answers: []string{"right"}}
	d := dialer(t, dir, func(c *Config) { c.Ask, c.AskPassword = ask, true })
	mustDial(t, d, plain.target("a"))
	mustDial(t, d, interactive.target("b"))
	if len(ask.asked) != 1 {
		t.Errorf("asked: got %q; want one question for both hosts", ask.asked)
	}
}

func TestKeyFilesAreReadOnce(t *testing.T) {
	dir := home(t)
	path := filepath.Join(dir, "key")
	host := newFakeHost(t)
	host.onlyKey(writeKey(t, path, ""))
	host.serve(t)
	d := dialer(t, dir, func(c *Config) { c.AcceptNew = true })
	target := host.target("n")
	target.KeyFile = path
	mustDial(t, d, target)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	mustDial(t, d, target)
}
