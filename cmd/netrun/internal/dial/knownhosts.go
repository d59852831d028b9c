package dial

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"slices"
	"strings"
	"sync"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// The library's own reader refuses a whole file for one line with a key type
// that it does not know, and does not tell which keys it knows for a host.
// This one leaves such lines out, as OpenSSH does.

// knownDB is what one list of files says. Keys accepted during the run are added.
type knownDB struct {
	mu    sync.RWMutex
	lines []knownLine
}

// knownCache reads each list of files once.
type knownCache struct {
	mu sync.Mutex
	by map[string]func() (*knownDB, error)
}

func (c *knownCache) load(files []string, logf func(string, ...any)) (*knownDB, error) {
	key := strings.Join(files, "\x00")
	c.mu.Lock()
	if c.by == nil {
		c.by = map[string]func() (*knownDB, error){}
	}
	if c.by[key] == nil {
		c.by[key] = sync.OnceValues(func() (*knownDB, error) { return readKnown(files, logf) })
	}
	load := c.by[key]
	c.mu.Unlock()
	return load()
}

func readKnown(files []string, logf func(string, ...any)) (*knownDB, error) {
	db := &knownDB{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read known hosts: %w", err)
		}
		if err := db.parse(file, text, logf); err != nil {
			return nil, fmt.Errorf("read known hosts: %w", err)
		}
	}
	return db, nil
}

// parse adds the lines of one file. A line that cannot be read is left out and
// said; one that would revoke a key is an error.
func (db *knownDB) parse(file string, text []byte, logf func(string, ...any)) error {
	n := 0
	for line := range bytes.Lines(text) {
		n++
		l, err := parseKnownLine(string(line))
		if err != nil && strings.HasPrefix(strings.TrimSpace(string(line)), "@revoked") {
			return fmt.Errorf("%s:%d: %w", file, n, err)
		}
		if err != nil {
			logf("%s:%d: line ignored: %v", file, n, err)
			continue
		}
		if l.blob != nil {
			l.file, l.line = file, n
			db.lines = append(db.lines, l)
		}
	}
	return nil
}

// about returns the lines with the marker that are about an entry (host:port).
func (db *knownDB) about(entry, marker string) []knownLine {
	db.mu.RLock()
	defer db.mu.RUnlock()
	name := knownhosts.Normalize(entry)
	var list []knownLine
	for i := range db.lines {
		if db.lines[i].marker == marker && db.lines[i].matches(name) {
			list = append(list, db.lines[i])
		}
	}
	return list
}

// portless is the entry that OpenSSH looks at next when it knows no key for a
// host on a port other than 22; empty for port 22.
func portless(entry string) string {
	host, port, err := net.SplitHostPort(entry)
	if err != nil || port == "22" {
		return ""
	}
	return net.JoinHostPort(host, "22")
}

// find returns what is known for an entry: its own lines, or if there are none
// and the port is unusual, those lines without a port.
func (db *knownDB) find(entry string) (lines []knownLine, exact bool) {
	if lines := db.about(entry, ""); len(lines) > 0 || portless(entry) == "" {
		return lines, true
	}
	return db.about(portless(entry), ""), false
}

// hostKeyAlgorithms are those that are offered, the cheapest to verify first.
func hostKeyAlgorithms() []string {
	return []string{ssh.KeyAlgoED25519, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521,
		ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}
}

func certAlgorithms() []string {
	return []string{ssh.CertAlgoED25519v01, ssh.CertAlgoECDSA256v01, ssh.CertAlgoECDSA384v01, ssh.CertAlgoECDSA521v01,
		ssh.CertAlgoRSASHA512v01, ssh.CertAlgoRSASHA256v01}
}

// algorithms is the order to ask for host keys: certificates if an authority is
// known for the host, then the types whose keys are known, then the rest.
// Without it a host would show a key of another type and look changed.
func (db *knownDB) algorithms(entry string) []string {
	known := map[string]bool{}
	lines, _ := db.find(entry)
	for _, l := range lines {
		if key, err := ssh.ParsePublicKey(l.blob); err == nil {
			known[key.Type()] = true
		}
	}
	known[ssh.KeyAlgoRSASHA256], known[ssh.KeyAlgoRSASHA512] = known[ssh.KeyAlgoRSA], known[ssh.KeyAlgoRSA]
	var list []string
	if len(db.about(entry, "@cert-authority")) > 0 {
		list = certAlgorithms()
	}
	var rest []string
	for _, algo := range hostKeyAlgorithms() {
		if known[algo] {
			list = append(list, algo)
		} else {
			rest = append(rest, algo)
		}
	}
	return append(list, rest...)
}

// check decides about a host's key: nil, *RevokedKey, *ChangedKey, *UnknownKey,
// or a certificate's error.
func (db *knownDB) check(ep *endpoint, key ssh.PublicKey) error {
	if err := db.revoked(key); err != nil {
		return err
	}
	if cert, ok := key.(*ssh.Certificate); ok {
		if db.authority(cert.SignatureKey, ep.entry) {
			return db.checkCert(cert, ep.entry)
		}
		key = cert.Key
	}
	lines, exact := db.find(ep.entry)
	changed := &ChangedKey{Host: ep.name, Addr: ep.addr, Got: key.Type() + " " + fingerprint(key), entry: knownhosts.Normalize(ep.entry)}
	blob := key.Marshal()
	for _, l := range lines {
		if bytes.Equal(l.blob, blob) {
			return nil
		}
		if known, err := ssh.ParsePublicKey(l.blob); err == nil && exact {
			changed.Known = append(changed.Known, KnownKey{File: l.file, Line: l.line, Type: known.Type(), Fingerprint: fingerprint(known)})
		}
	}
	if len(changed.Known) > 0 {
		return changed
	}
	return &UnknownKey{Host: ep.name, Addr: ep.addr, Key: key, Fingerprint: fingerprint(key),
		entry: ep.entry, files: ep.known, hash: ep.hash}
}

func (db *knownDB) revoked(key ssh.PublicKey) error {
	blobs := [][]byte{key.Marshal()}
	if cert, ok := key.(*ssh.Certificate); ok {
		blobs = [][]byte{cert.Key.Marshal(), cert.SignatureKey.Marshal()}
	}
	db.mu.RLock()
	defer db.mu.RUnlock()
	for _, l := range db.lines {
		if l.marker == "@revoked" && slices.ContainsFunc(blobs, func(b []byte) bool { return bytes.Equal(b, l.blob) }) {
			return &RevokedKey{File: l.file, Line: l.line, Fingerprint: fingerprint(key)}
		}
	}
	return nil
}

func (db *knownDB) authority(ca ssh.PublicKey, entry string) bool {
	blob := ca.Marshal()
	return slices.ContainsFunc(db.about(entry, "@cert-authority"), func(l knownLine) bool { return bytes.Equal(l.blob, blob) })
}

func (db *knownDB) checkCert(cert *ssh.Certificate, entry string) error {
	checker := &ssh.CertChecker{
		IsHostAuthority: func(ca ssh.PublicKey, _ string) bool { return db.authority(ca, entry) },
	}
	if err := checker.CheckHostKey(entry, nil, cert); err != nil {
		return &hostKeyError{fmt.Errorf("host certificate %q: %s", cert.KeyId, strings.TrimPrefix(err.Error(), "ssh: "))}
	}
	return nil
}

// hostKeyError is a refusal of a host key for another reason.
type hostKeyError struct{ err error }

func (e *hostKeyError) Error() string { return e.err.Error() }
func (e *hostKeyError) Unwrap() error { return e.err }
