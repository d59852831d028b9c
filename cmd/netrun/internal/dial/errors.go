package dial

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/ssh"
)

// Kind says what sort of trouble an error is, and so what can be done about it.
type Kind string

// The kinds of errors that this package returns.
const (
	Unreachable Kind = "unreachable" // no connection, or none that speaks SSH
	AuthFailed  Kind = "auth failed" // the host accepts none of our credentials
	HostKey     Kind = "host key"    // unknown, changed or revoked host key
	BadConfig   Kind = "bad config"  // ssh config, key file, jump list
	LostKind    Kind = "lost"        // the connection broke after it stood
	Unsupported Kind = "unsupported" // the host does not offer what was asked
	Interrupted Kind = "interrupted" // the caller's context ended
	Other       Kind = ""            // not an error of this package
)

// ErrNoSFTP is returned by Conn.SFTP where the host offers no file transfer.
var ErrNoSFTP = errors.New("sftp is not available")

// Error is a dial that did not succeed.
type Error struct {
	Name, Addr string // as the person calls the host; host:port that was dialled
	Kind       Kind
	Hint       string // what to do about it; may be empty
	By         string // docker or podman; "" is ssh
	Err        error
}

// Error says which host, the cause, and what to do.
func (e *Error) Error() string {
	text := fmt.Sprintf("dial %s %q (%s): %v", firstOf(e.By, "ssh"), e.Name, e.Addr, e.Err)
	if e.Hint != "" {
		text += "; " + e.Hint
	}
	return text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// KindOf reports the kind of an error that came from this package.
func KindOf(err error) Kind {
	var dialErr *Error
	var lost *Lost
	switch {
	case errors.As(err, &dialErr):
		return dialErr.Kind
	case errors.As(err, &lost):
		return LostKind
	case errors.Is(err, ErrNoSFTP):
		return Unsupported
	case errors.Is(err, context.Canceled):
		return Interrupted
	}
	return Other
}

// UnknownKey is a host key that no known_hosts file mentions. AcceptKeys
// takes it when a person said that it is right.
type UnknownKey struct {
	Host        string // as the person calls the host
	Addr        string // host:port
	Key         ssh.PublicKey
	Fingerprint string // "SHA256:..."

	entry string // name in known_hosts
	files []string
	hash  bool
}

// Error names the key's type and fingerprint.
func (e *UnknownKey) Error() string {
	return fmt.Sprintf("host key is unknown: %s %s", e.Key.Type(), e.Fingerprint)
}

// ChangedKey is a host key that differs from the known one. It is never accepted.
type ChangedKey struct {
	Host, Addr string // as in UnknownKey
	Got        string // fingerprint
	Known      []KnownKey
	entry      string
}

// KnownKey is one line of a known_hosts file.
type KnownKey struct {
	File        string
	Line        int // from 1
	Type        string
	Fingerprint string
}

// Error names both fingerprints and the line that holds the known one.
func (e *ChangedKey) Error() string {
	var known []string
	for _, k := range e.Known {
		known = append(known, fmt.Sprintf("%s:%d has %s %s", k.File, k.Line, k.Type, k.Fingerprint))
	}
	return fmt.Sprintf("host key changed: got %s, but %s", e.Got, strings.Join(known, ", "))
}

// RevokedKey is a host key that a known_hosts file marks as revoked.
type RevokedKey struct {
	File        string
	Line        int // from 1
	Fingerprint string
}

// Error names the line that revokes the key.
func (e *RevokedKey) Error() string {
	return fmt.Sprintf("host key %s is revoked by %s:%d", e.Fingerprint, e.File, e.Line)
}

// Lost is a connection that broke after it had stood.
type Lost struct {
	Name string
	Via  string // the jump host that broke, if it was that one
	Err  error
}

// Error names the host, and the jump host if that one broke.
func (e *Lost) Error() string {
	if e.Via != "" {
		return fmt.Sprintf("connection to %q lost: jump host %q: %v", e.Name, e.Via, e.Err)
	}
	return fmt.Sprintf("connection to %q lost: %v", e.Name, e.Err)
}

// Unwrap returns the cause.
func (e *Lost) Unwrap() error { return e.Err }

// ExitError is a command that ended with another status than 0.
type ExitError struct {
	Status int    // 0..255; -1 if the host did not say
	Signal string // "KILL", or empty
	Stderr string // the last of what it wrote to stderr
}

// Error gives the status and the last line of stderr.
func (e *ExitError) Error() string {
	text := fmt.Sprintf("exit status %d", e.Status)
	if e.Signal != "" {
		text = "killed by signal " + e.Signal
	} else if e.Status < 0 {
		text = "ended without an exit status"
	}
	if last := lastLine(e.Stderr); last != "" {
		text += ": " + last
	}
	return text
}

func lastLine(s string) string {
	s = strings.TrimSpace(s)
	return strings.TrimSpace(s[strings.LastIndexByte(s, '\n')+1:])
}

// earlyError is one from before authentication, worth another try.
type earlyError struct{ err error }

func (e *earlyError) Error() string { return e.err.Error() }
func (e *earlyError) Unwrap() error { return e.err }

// authError is a refusal of our credentials.
type authError struct{ text string }

func (e *authError) Error() string { return e.text }

// fail wraps a cause with the endpoint, its kind and a hint.
func (ep *endpoint) fail(err error) error {
	e := &Error{Name: ep.name, Addr: ep.addr, Err: err, Kind: Unreachable}
	var unknown *UnknownKey
	var changed *ChangedKey
	var revoked *RevokedKey
	var refused *hostKeyError
	var auth *authError
	var inner *Error
	switch {
	case errors.As(err, &inner):
		e.Kind = inner.Kind
	case errors.As(err, &unknown):
		e.Kind = HostKey
	case errors.As(err, &changed):
		e.Kind = HostKey
		e.Hint = fmt.Sprintf("if the host was set up anew, run: ssh-keygen -f %s -R %s", quote(changed.Known[0].File), quote(changed.entry))
	case errors.As(err, &revoked), errors.As(err, &refused):
		e.Kind = HostKey
	case errors.As(err, &auth):
		e.Kind = AuthFailed
		e.Hint = fmt.Sprintf("check by hand with: ssh -p %d %s", ep.port, quote(ep.user+"@"+ep.host))
	case errors.Is(err, context.Canceled) && !errors.Is(err, errClosed):
		e.Kind = Interrupted
	}
	return e
}

// quote makes a word safe to paste into a shell.
func quote(word string) string {
	if word != "" && !strings.ContainsFunc(word, needsQuote) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

func needsQuote(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("@%+=:,./_-~", r))
}
