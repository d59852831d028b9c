package dial

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"strings"
	"sync"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// passphraseTries is how often a person may mistype a passphrase.
const passphraseTries = 3

// keyring reads each key file, and lists each agent, once a run.
type keyring struct {
	dialer *Dialer
	mu     sync.Mutex
	files  map[string]func() (*identity, error)
	agents map[string]func() []ssh.Signer
	conns  []net.Conn
}

// identity is a key file: the key if it could be read, or only its public half.
type identity struct {
	pub    ssh.PublicKey
	signer ssh.Signer // nil: only the agent can sign
	locked bool       // signing asks for a passphrase
}

// signers are the keys to offer to an endpoint, in order. The error tells of
// key files that could not be used; the others are offered all the same.
func (k *keyring) signers(ep *endpoint) ([]ssh.Signer, error) {
	fromAgent := k.agent(ep.agent)
	var list, rest []ssh.Signer
	var errs []error
	used := map[string]bool{}
	for _, file := range ep.keys {
		signers, err := k.file(file, fromAgent)
		if err != nil {
			errs = append(errs, err)
		}
		list = append(list, signers...)
	}
	for _, s := range list {
		used[string(s.PublicKey().Marshal())] = true
	}
	for _, s := range fromAgent {
		if !ep.only && !used[string(s.PublicKey().Marshal())] {
			rest = append(rest, s)
		}
	}
	if len(ep.keys) > 0 && !ep.keys[0].named {
		list, rest = rest, list
	}
	return append(list, rest...), errors.Join(errs...)
}

// file gives the signers of one key file: its certificates, then the key. A
// key that the agent holds too is left to it rather than asking a passphrase.
func (k *keyring) file(file keyFile, fromAgent []ssh.Signer) ([]ssh.Signer, error) {
	id, err := k.read(file.path)
	if errors.Is(err, fs.ErrNotExist) && !file.named {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read key: %w", err)
	}
	signer := id.signer
	if signer == nil || id.locked {
		for _, s := range fromAgent {
			if sameKey(s.PublicKey(), id.pub) {
				signer = s
			}
		}
	}
	if signer == nil {
		return nil, fmt.Errorf("key %s: only its public half is here, and the agent does not hold it", file.path)
	}
	return append(k.certified(file, signer), signer), nil
}

// certified signs with the certificates that belong to the key.
func (k *keyring) certified(file keyFile, signer ssh.Signer) []ssh.Signer {
	var list []ssh.Signer
	for _, path := range append([]string{strings.TrimSuffix(file.path, ".pub") + "-cert.pub"}, file.certs...) {
		cert, err := readCert(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			k.dialer.cfg.Logf("certificate ignored: %v", err)
			continue
		}
		if !sameKey(cert.Key, signer.PublicKey()) {
			continue
		}
		if s, err := ssh.NewCertSigner(cert, signer); err == nil {
			list = append(list, s)
		}
	}
	return list
}

func readCert(path string) (*ssh.Certificate, error) {
	pub, err := readPublic(path)
	if err != nil {
		return nil, err
	}
	cert, ok := pub.(*ssh.Certificate)
	if !ok {
		return nil, fmt.Errorf("%s: a plain public key", path)
	}
	return cert, nil
}

func readPublic(path string) (ssh.PublicKey, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	pub, _, _, _, err := ssh.ParseAuthorizedKey(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return pub, nil
}

func sameKey(a, b ssh.PublicKey) bool {
	return a != nil && b != nil && bytes.Equal(a.Marshal(), b.Marshal())
}

func (k *keyring) read(path string) (*identity, error) {
	k.mu.Lock()
	if k.files == nil {
		k.files = map[string]func() (*identity, error){}
	}
	if k.files[path] == nil {
		k.files[path] = sync.OnceValues(func() (*identity, error) { return k.parse(path) })
	}
	read := k.files[path]
	k.mu.Unlock()
	return read()
}

func (k *keyring) parse(path string) (*identity, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		// The private half may be on a token that only the agent reaches.
		if pub, pubErr := readPublic(path + ".pub"); pubErr == nil && errors.Is(err, fs.ErrNotExist) {
			return &identity{pub: pub}, nil
		}
		return nil, err
	}
	signer, err := ssh.ParsePrivateKey(text)
	if err == nil {
		return &identity{pub: signer.PublicKey(), signer: signer}, nil
	}
	var missing *ssh.PassphraseMissingError
	if errors.As(err, &missing) {
		return k.parseLocked(path, text, missing.PublicKey)
	}
	if pub, _, _, _, pubErr := ssh.ParseAuthorizedKey(text); pubErr == nil {
		return &identity{pub: pub}, nil
	}
	return nil, fmt.Errorf("%s: %w", path, err)
}

// parseLocked puts the question for the passphrase off until a host accepts the
// public half. Old PEM files hide that half too, and may have it beside them.
func (k *keyring) parseLocked(path string, text []byte, pub ssh.PublicKey) (*identity, error) {
	unlock := sync.OnceValues(func() (ssh.Signer, error) { return k.unlock(path, text) })
	if pub == nil {
		pub, _ = readPublic(path + ".pub")
	}
	if pub == nil {
		signer, err := unlock()
		if err != nil {
			return nil, err
		}
		return &identity{pub: signer.PublicKey(), signer: signer}, nil
	}
	return &identity{pub: pub, signer: &lockedSigner{pub: pub, unlock: unlock}, locked: true}, nil
}

func (k *keyring) unlock(path string, text []byte) (ssh.Signer, error) {
	// Making a key of a passphrase is slow on purpose, and so counts as asking.
	k.dialer.asking.Add(1)
	defer k.dialer.asking.Add(-1)
	prompt := fmt.Sprintf("passphrase for key %s: ", path)
	for try := 1; ; try++ {
		phrase, err := k.dialer.ask(prompt)
		if err != nil {
			return nil, fmt.Errorf("ask for the passphrase of key %s: %w", path, err)
		}
		signer, err := ssh.ParsePrivateKeyWithPassphrase(text, []byte(phrase))
		if err == nil {
			return signer, nil
		}
		if !errors.Is(err, x509.IncorrectPasswordError) || try == passphraseTries {
			return nil, fmt.Errorf("unlock key %s: %w", path, err)
		}
		prompt = fmt.Sprintf("wrong passphrase; passphrase for key %s: ", path)
	}
}

// lockedSigner knows its public half, and asks for the passphrase when a
// signature is wanted.
type lockedSigner struct {
	pub    ssh.PublicKey
	unlock func() (ssh.Signer, error)
}

func (s *lockedSigner) PublicKey() ssh.PublicKey { return s.pub }

func (s *lockedSigner) Sign(rand io.Reader, data []byte) (*ssh.Signature, error) {
	return s.SignWithAlgorithm(rand, data, s.Algorithms()[0])
}

// Algorithms lists the signatures that the key can make, the best one first.
func (s *lockedSigner) Algorithms() []string {
	if s.pub.Type() == ssh.KeyAlgoRSA {
		return []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}
	}
	return []string{s.pub.Type()}
}

func (s *lockedSigner) SignWithAlgorithm(rand io.Reader, data []byte, algorithm string) (*ssh.Signature, error) {
	signer, err := s.unlock()
	if err != nil {
		return nil, err
	}
	if with, ok := signer.(ssh.AlgorithmSigner); ok {
		return with.SignWithAlgorithm(rand, data, algorithm)
	}
	return signer.Sign(rand, data)
}

// agent lists the keys of the agent behind a socket, once. An agent that does
// not answer is said, and not missed.
func (k *keyring) agent(socket string) []ssh.Signer {
	if socket == "" {
		return nil
	}
	k.mu.Lock()
	if k.agents == nil {
		k.agents = map[string]func() []ssh.Signer{}
	}
	if k.agents[socket] == nil {
		k.agents[socket] = sync.OnceValue(func() []ssh.Signer { return k.askAgent(socket) })
	}
	list := k.agents[socket]
	k.mu.Unlock()
	return list()
}

func (k *keyring) askAgent(socket string) []ssh.Signer {
	conn, err := net.Dial("unix", socket)
	if err != nil {
		k.dialer.cfg.Logf("ssh agent ignored: %v", err)
		return nil
	}
	k.mu.Lock()
	k.conns = append(k.conns, conn)
	k.mu.Unlock()
	signers, err := agent.NewClient(conn).Signers()
	if err != nil {
		k.dialer.cfg.Logf("ssh agent ignored: %s: %v", socket, err)
	}
	return signers
}

// close ends the connections to agents, and any signing that waits for one.
func (k *keyring) close() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, conn := range k.conns {
		conn.Close()
	}
	k.conns = nil
}
