package dial

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/ssh"
)

// knownLine is one line of a known_hosts file. The key is parsed when needed.
type knownLine struct {
	marker   string // "", "@cert-authority", "@revoked"
	patterns []string
	salt     []byte // of a hashed name
	hash     []byte
	blob     []byte // the key in wire format
	file     string
	line     int
}

// parseKnownLine reads "[@marker] names type base64 [comment]"; an empty line
// or a comment has no blob.
func parseKnownLine(text string) (l knownLine, err error) {
	fields := strings.Fields(text)
	if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
		return l, nil
	}
	if strings.HasPrefix(fields[0], "@") {
		if l.marker = fields[0]; l.marker != "@cert-authority" && l.marker != "@revoked" {
			return l, fmt.Errorf("unknown marker %q", l.marker)
		}
		fields = fields[1:]
	}
	if len(fields) < 3 {
		return l, errors.New("want: names, key type, key")
	}
	if l.blob, err = base64.StdEncoding.DecodeString(fields[2]); err != nil || len(l.blob) == 0 {
		return l, fmt.Errorf("key is not base64: %w", err)
	}
	if l.marker == "@revoked" {
		if _, err := ssh.ParsePublicKey(l.blob); err != nil {
			return l, err
		}
	}
	return l, l.names(fields[0])
}

func (l *knownLine) names(field string) (err error) {
	if !strings.HasPrefix(field, "|") {
		l.patterns = strings.Split(strings.ToLower(field), ",")
		return nil
	}
	parts := strings.Split(field, "|")
	if len(parts) != 4 || parts[1] != "1" {
		return errors.New("hashed name is not |1|salt|hash")
	}
	l.salt, err = base64.StdEncoding.DecodeString(parts[2])
	if err == nil {
		l.hash, err = base64.StdEncoding.DecodeString(parts[3])
	}
	return err
}

// matches reports whether the line is about a name in known_hosts form:
// "host", or "[host]:port" for another port than 22.
func (l *knownLine) matches(name string) bool {
	if l.hash != nil {
		mac := hmac.New(sha1.New, l.salt)
		mac.Write([]byte(name))
		return hmac.Equal(mac.Sum(nil), l.hash)
	}
	found := false
	for _, p := range l.patterns {
		negated := strings.HasPrefix(p, "!")
		if !wildcard(strings.TrimPrefix(p, "!"), name) {
			continue
		}
		if negated {
			return false
		}
		found = true
	}
	return found
}

// wildcard matches * and ? as OpenSSH does: dots and brackets mean nothing.
func wildcard(pattern, name string) bool {
	star, mark := -1, 0
	p, n := 0, 0
	for n < len(name) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, n
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == name[n]):
			p++
			n++
		case star >= 0:
			mark++
			p, n = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
