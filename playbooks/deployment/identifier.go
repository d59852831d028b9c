package deployment

import (
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
)

// message is an error with a text of geard's: it begins with a capital where geard's does.
type message string

// Error returns the text.
func (m message) Error() string { return string(m) }

const (
	errNoID      message = "identifier may not be empty"
	errID        message = `identifier must match \A[a-zA-Z0-9\_\-\.]{4,24}\z`
	errSlash     message = "Host identifiers may not have a slash"
	errHostPort  message = "Port must be between 1 and 65535"
	errHostName  message = `a host has letters, digits, "_", "-" and "." only, or is an IP address in brackets with a port`
	errNoLocator message = "The identifier must be specified as <host>/<id> or <id>"
	errNoHost    message = "You must specify <host>/<id> or <id>"
)

// maxID is the length of the longest id: ids are part of names of files and units.
const maxID = 24

var identifier = regexp.MustCompile(`\A[a-zA-Z0-9_\-.]{4,24}\z`)

// ParseIdentifier wants the text to be the id of an instance: 4 to 24 letters, digits, "_",
// "-" and ".".
func ParseIdentifier(text string) error {
	switch {
	case text == "":
		return errNoID
	case !identifier.MatchString(text):
		return errID
	}
	return nil
}

// local is the locator of the machine that deploys.
const local = "local"

// Host is a place for instances.
type Host struct {
	Locator string // how it is listed, "node1:43273"; "local" for this machine
	Name    string // for links: without the port, "localhost" for this machine
	Remote  bool   // not this machine; "localhost" counts as remote, as in geard
}

// ParseHost reads "host", "host:port", or "" or "local" for this machine. An IPv6 address
// stands in brackets, with a port.
func ParseHost(text string) (Host, error) {
	switch {
	case strings.Contains(text, "/"):
		return Host{}, errSlash
	case text == "" || text == local:
		return Host{Locator: local, Name: "localhost"}, nil
	case !strings.Contains(text, ":"):
		return Host{Locator: text, Name: text, Remote: true}, nil
	}
	name, port, err := net.SplitHostPort(text)
	if err != nil {
		return Host{}, err
	}
	if err := checkHostPort(port); err != nil {
		return Host{}, err
	}
	return Host{Locator: text, Name: name, Remote: true}, nil
}

// hostText is what can stand in lists of hosts, patterns and files of one line a host.
var hostText = regexp.MustCompile(`\A(?:[a-zA-Z0-9._\-]+|\[[0-9a-fA-F:.]+\])(?::[0-9]*)?\z`)

// readHost is ParseHost for the hosts of a deployment. It wants more of a name than geard does.
func readHost(text string) (Host, error) {
	h, err := ParseHost(text)
	switch {
	case err != nil:
		return Host{}, err
	case text != "" && !hostText.MatchString(text):
		return Host{}, errHostName
	case strings.HasPrefix(text, "["):
		if _, err := netip.ParseAddr(h.Name); err != nil {
			return Host{}, errHostName
		}
	}
	return h, nil
}

// checkHostPort takes no port at all, as in "node1:", for the default one.
func checkHostPort(text string) error {
	if text == "" {
		return nil
	}
	n, err := strconv.Atoi(text)
	if err == nil && (n < 1 || n > maxPort) {
		return errHostPort
	}
	return err
}

// SplitLocator takes "[type://][host/]id" apart. What is left out is "". It does not check the
// host and the id: ParseHost and ParseIdentifier do.
func SplitLocator(text string) (typ, host, id string, err error) {
	if text == "" {
		return "", "", "", errNoLocator
	}
	if before, after, ok := strings.Cut(text, "://"); ok {
		typ, text = before, after
	}
	host, id, ok := strings.Cut(text, "/")
	switch {
	case !ok:
		return typ, "", host, nil
	case strings.TrimSpace(host) == "":
		return "", "", "", errNoHost
	}
	return typ, host, id, nil
}
