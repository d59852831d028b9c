package dial

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// checkHostKey applies StrictHostKeyChecking to what the files say.
func (d *Dialer) checkHostKey(ep *endpoint, db *knownDB, key ssh.PublicKey) error {
	err := db.check(ep, key)
	var unknown *UnknownKey
	if !errors.As(err, &unknown) {
		return err
	}
	switch ep.strict {
	case strictAccept:
		return d.AcceptKeys([]*UnknownKey{unknown})
	case strictYes:
		return &hostKeyError{fmt.Errorf("%w, and StrictHostKeyChecking is yes", errors.New(unknown.Error()))}
	}
	return unknown
}

// AcceptKeys writes keys that Dial found unknown to the known_hosts file of
// their host, and remembers them for the dials that follow. Keys already there
// are left out; one that contradicts a key accepted meanwhile is a *ChangedKey.
func (d *Dialer) AcceptKeys(keys []*UnknownKey) error {
	for _, key := range keys {
		db, err := d.known.load(key.files, d.cfg.Logf)
		if err == nil {
			err = db.accept(key)
		}
		if err != nil {
			return fmt.Errorf("accept host key of %q: %w", key.Host, err)
		}
	}
	return nil
}

// accept holds the lock over both the check and the write: of two different
// keys for one host at the same moment, only the first is accepted.
func (db *knownDB) accept(key *UnknownKey) error {
	ep := &endpoint{name: key.Host, addr: key.Addr, entry: key.entry, known: key.files, hash: key.hash}
	db.mu.Lock()
	defer db.mu.Unlock()
	snapshot := &knownDB{lines: db.lines}
	err := snapshot.check(ep, key.Key)
	var unknown *UnknownKey
	if !errors.As(err, &unknown) {
		return err
	}
	if len(key.files) == 0 {
		return errors.New("no known_hosts file is named")
	}
	text := knownText(key)
	n, err := appendLine(key.files[0], text)
	if err != nil {
		return err
	}
	line, err := parseKnownLine(text)
	if err != nil {
		return err
	}
	line.file, line.line = key.files[0], n
	db.lines = append(db.lines, line)
	return nil
}

// knownText is the line for known_hosts, without its end.
func knownText(key *UnknownKey) string {
	if !key.hash {
		return knownhosts.Line([]string{key.entry}, key.Key)
	}
	hashed := knownhosts.HashHostname(knownhosts.Normalize(key.entry))
	_, typeAndKey, _ := bytes.Cut([]byte(knownhosts.Line([]string{key.entry}, key.Key)), []byte(" "))
	return hashed + " " + string(typeAndKey)
}

// appendLine adds one line to a file under a lock, in one write, and takes a
// half-written line back. It appends rather than renames: known_hosts may be a
// symbolic link, or /dev/null. It returns the line's number.
func appendLine(path, text string) (n int, err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return 0, fmt.Errorf("make directory: %w", err)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return 0, fmt.Errorf("open known hosts: %w", err)
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return 0, err
	}
	if err := lockFile(f); err != nil {
		return 0, fmt.Errorf("lock %s: %w", path, err)
	}
	old, err := io.ReadAll(f)
	if err != nil {
		return 0, fmt.Errorf("read known hosts: %w", err)
	}
	add := text + "\n"
	if len(old) > 0 && old[len(old)-1] != '\n' {
		add = "\n" + add
	}
	if _, err := f.WriteString(add); err != nil {
		return 0, errors.Join(fmt.Errorf("write known hosts: %w", err), f.Truncate(int64(len(old))))
	}
	return bytes.Count(append(old, add...), []byte("\n")), nil
}
