package diag

import (
	"regexp"
	"strings"
)

// masked stands for the value of a secret, whatever its length.
const masked = "********"

// Secret reports whether a variable's or argument's name says that its value
// must not be shown: password, passwd, passphrase, secret, token, private_key in
// any part of it, or "pass" as a last word. The name of a file that holds a
// secret is not one.
func Secret(name string) bool {
	n := strings.ReplaceAll(strings.ToLower(name), "-", "_")
	if strings.HasSuffix(n, "_file") || strings.HasSuffix(n, "_path") {
		return false
	}
	for _, part := range []string{"password", "passwd", "passphrase", "secret", "token", "private_key"} {
		if strings.Contains(n, part) {
			return true
		}
	}
	return n == "pass" || strings.HasSuffix(n, "_pass")
}

// assignment is NAME: or NAME= in YAML, JSON, INI and on command lines.
var (
	assignment = regexp.MustCompile(`([A-Za-z_][A-Za-z0-9_-]*)["']?\s*[:=]\s*`)
	quoted     = regexp.MustCompile(`^(?:"(?:[^"\\]|\\.)*"?|'[^']*'?)`)
	untilSpace = regexp.MustCompile(`^\S*`)
)

// secrets returns the byte ranges of values in line that are not to be shown.
func secrets(line []byte) [][2]int {
	var out [][2]int
	for off := 0; off < len(line); {
		m := assignment.FindSubmatchIndex(line[off:])
		if m == nil {
			return out
		}
		name, start := string(line[off+m[2]:off+m[3]]), off+m[1]
		off = start
		if !Secret(name) || start == len(line) {
			continue
		}
		off += valueLen(line[start:], strings.Contains(string(line[start-(m[1]-m[3]):start]), "="))
		if off > start {
			out = append(out, [2]int{start, off})
		}
	}
	return out
}

// valueLen is the length of the value that rest begins with: a quoted text, up
// to the next space after "=", else (YAML) all of the line.
func valueLen(rest []byte, ini bool) int {
	if q := quoted.Find(rest); q != nil {
		return len(q)
	}
	if ini {
		return len(untilSpace.Find(rest))
	}
	return len(rest)
}
