package inventory

import (
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"netrun/inventory/diag"
)

const maxNameLen = 253 // of a DNS name, and so of a host

// checkHost reports a name that no host can have. Such a name reaches ssh, file
// names and templates, so all that a shell or ssh would take for something else
// is refused.
func checkHost(name string, at diag.Pos) error {
	if name == "" {
		return diag.Errorf(at, "a host without a name")
	}
	if len(name) > maxNameLen {
		return diag.Errorf(at, "host name longer than %d bytes", maxNameLen)
	}
	if strings.Contains(name, "=") { // not shown: it may be a password
		return diag.Errorf(at, `a host name with "=" in it`).WithHint("the host's name comes first; variables of a group stand in [GROUP:vars]")
	}
	if strings.HasPrefix(name, "-") {
		return diag.Errorf(at, "host name %q begins with -", name)
	}
	for _, r := range name {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.Is(unicode.Mn, r) && !strings.ContainsRune("._-:/@%+", r) {
			return diag.Errorf(at, "host name %q holds %q", name, r).WithHint("a name has letters, digits and . _ - : only")
		}
	}
	return nil
}

// checkGroup reports a name that no group can have.
func checkGroup(name string, at diag.Pos) error {
	if name == "" {
		return diag.Errorf(at, "a group without a name")
	}
	if i := strings.IndexFunc(name, unicode.IsControl); i >= 0 {
		return diag.Errorf(at, "group name %q holds a control character", name)
	}
	return nil
}

var (
	bracketed = regexp.MustCompile(`^\[(.+)\]:([0-9]+)$`)
	hostPort  = regexp.MustCompile(`^((?:[^:\[\]]|\[[^\]]*\])*):([0-9]+)$`)
)

// splitPort takes the port off "name:22", "h[1:3]:22" and "[fe80::1]:22"; port is
// 0 where there is none.
func splitPort(pattern string, at diag.Pos) (name string, port int, err error) {
	m := bracketed.FindStringSubmatch(pattern)
	if m == nil {
		m = hostPort.FindStringSubmatch(pattern)
	}
	switch {
	case m != nil:
		port, err := strconv.Atoi(m[2])
		if err != nil || port < 1 || port > 65535 {
			return "", 0, diag.Errorf(at, "port %s of %q is not between 1 and 65535", m[2], m[1])
		}
		return m[1], port, nil
	case strings.HasSuffix(pattern, ":") && !strings.HasSuffix(pattern, "::"):
		return "", 0, diag.Errorf(at, "host %q ends in a colon", pattern).WithHint("write NAME:PORT or NAME; a YAML inventory has a name that ends in .yaml or .yml")
	case strings.HasPrefix(pattern, "[") && strings.HasSuffix(pattern, "]") && strings.Count(pattern, ":") > 2:
		return "", 0, diag.Errorf(at, "host %q stands in brackets without a port", pattern).WithHint("write %s or %s:22", strings.Trim(pattern, "[]"), pattern)
	}
	return pattern, 0, nil
}
