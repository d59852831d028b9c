package tasks

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"netrun/tasks/state"
)

// LinkSpec is one link as it was written. ToHost may be the name of an inventory host,
// which becomes its address (ExpandLinks). With Container, ToPort is that container's own
// port: which one its host publishes for it stands in the argument ports.
type LinkSpec struct {
	state.NetLink
	Container string
	On        string // the host of the container, by its name in the inventory
}

// linkMap is a link given as a map.
type linkMap struct {
	From      string `arg:"from,required" doc:"local address, or address and port"`
	FromPort  string `arg:"from_port" doc:"local port"`
	To        string `arg:"to" doc:"remote host, or host and port"`
	ToPort    string `arg:"to_port" doc:"remote port"`
	Container string `arg:"container" doc:"a container of the remote host: to_port is its own port"`
	On        string `arg:"on" doc:"name of the container's host, where to is its address"`
	Proto     string `arg:"proto" default:"tcp" choices:"tcp,udp,sctp" doc:"protocol"`
	Interface IfName `arg:"interface" doc:"link through which it leaves"`
	Source    Addr   `arg:"source" doc:"source address with which it leaves"`
}

// Check implements Task.
func (m *linkMap) Check() error { return nil }

var linkMapKind = Kind{Name: "a link", New: func() Task { return new(linkMap) }}

// ParseLinkItem reads one item of links: a text with one link or more, or a map.
func ParseLinkItem(item any) ([]LinkSpec, error) {
	switch item := item.(type) {
	case string:
		return ParseLinks(item)
	case map[string]any:
		spec, err := linkFromMap(item)
		return []LinkSpec{spec}, err
	}
	return nil, &ArgError{Msg: fmt.Sprintf("%s is not a link", describe(item)), Hint: "write 6379:10.16.138.4:50000"}
}

// linkForm is geard's word for what a link looks like.
const linkForm = "must be of the form <from_host>:<from_port>:<to_host>:<to_port> where <from_host> is optional"

// ParseLinks reads links with commas between them, each
// [LOCAL_HOST:]LOCAL_PORT:REMOTE_HOST:REMOTE_PORT[/tcp|udp|sctp]: geard's form, with
// IPv6 addresses in brackets, and HOST/CONTAINER for REMOTE_HOST where the port of a
// container is meant.
func ParseLinks(text string) ([]LinkSpec, error) {
	var specs []LinkSpec
	for _, one := range strings.Split(text, ",") {
		spec, err := parseLinkText(one)
		if err != nil {
			return nil, err
		}
		specs = append(specs, spec)
	}
	return specs, nil
}

func parseLinkText(text string) (LinkSpec, error) {
	rest, proto := cutProto(text)
	parts := splitLink(rest)
	if len(parts) == 3 {
		parts = append([]string{""}, parts...)
	}
	if len(parts) != 4 {
		err := &ArgError{Msg: fmt.Sprintf("The network link '%s' %s", text, linkForm), Hint: "for example 6379:10.16.138.4:50000, or 127.0.0.1:6379:10.16.138.4:50000"}
		if len(parts) > 4 && strings.Contains(text, "::") {
			err.Hint = "IPv6 addresses stand in brackets: [fd00::1]:6379:[2001:db8::2]:50000"
		}
		return LinkSpec{}, err
	}
	host, container, _ := strings.Cut(parts[2], "/")
	if strings.Contains(parts[2], "/") && (host == "" || container == "") {
		return LinkSpec{}, linkError(text, "You must specify <host>/<id> or <id>")
	}
	if parts[3] != "" {
		if err := checkLinkPort(parts[3], "To"); err != nil {
			return LinkSpec{}, linkError(text, err.Error())
		}
	}
	return newLink(text, linkMap{From: parts[0], FromPort: parts[1], To: host, ToPort: parts[3], Container: container, Proto: proto})
}

// cutProto takes the protocol off the end, tcp if there is none.
func cutProto(text string) (rest, proto string) {
	port := strings.LastIndexByte(text, ':') + 1
	rest, proto, given := strings.Cut(text[port:], "/")
	if !given {
		return text, "tcp"
	}
	return text[:port] + rest, strings.ToLower(proto)
}

// splitLink splits at the colons that are not in brackets, and drops the brackets.
func splitLink(text string) []string {
	parts := []string{""}
	depth := 0
	for _, r := range text {
		switch {
		case r == ':' && depth == 0:
			parts = append(parts, "")
			continue
		case r == '[':
			depth++
		case r == ']':
			depth--
		}
		parts[len(parts)-1] += string(r)
	}
	for i, p := range parts {
		if inner, ok := strings.CutPrefix(p, "["); ok && strings.HasSuffix(inner, "]") && strings.Contains(inner, ":") {
			parts[i] = strings.TrimSuffix(inner, "]")
		}
	}
	return parts
}

func linkError(text, msg string) *ArgError {
	return (&ArgError{Msg: msg}).WithHint("in the link %q; a link is [LOCAL_HOST:]LOCAL_PORT:REMOTE_HOST:REMOTE_PORT, as in 6379:10.16.138.4:50000", text)
}

// checkLinkPort wants a port in geard's words; side is From or To.
func checkLinkPort(text, side string) error {
	n, err := strconv.Atoi(text)
	switch {
	case err != nil:
		return err
	case n < 1 || n > 65535:
		return fmt.Errorf("%s port value must be between 0 and 65535", side)
	}
	return nil
}

// linkFromMap reads a link given as a map, where from and to may hold the port.
func linkFromMap(m map[string]any) (LinkSpec, error) {
	t, _, err := linkMapKind.Decode(m)
	if err != nil {
		return LinkSpec{}, err
	}
	lm := *t.(*linkMap)
	text := fmt.Sprintf("%s -> %s", lm.From, lm.To)
	from := splitLink(lm.From)
	switch {
	case len(from) == 1 && lm.FromPort == "" && !isAddress(from[0]):
		lm.From, lm.FromPort = "", from[0] // the port alone
	case len(from) == 1:
		lm.From = from[0]
	case len(from) == 2 && lm.FromPort == "":
		lm.From, lm.FromPort = from[0], from[1]
	case len(from) == 2:
		return LinkSpec{}, linkError(text, "the local port is there twice")
	case !isAddress(lm.From): // an IPv6 address without brackets is one too
		return LinkSpec{}, linkError(text, fmt.Sprintf("%q is not a local address and port", lm.From))
	}
	switch to := splitLink(lm.To); {
	case len(to) == 1:
		lm.To = to[0]
	case len(to) == 2 && lm.ToPort == "":
		lm.To, lm.ToPort = to[0], to[1]
	case len(to) == 2:
		return LinkSpec{}, linkError(text, "the remote port is there twice")
	case !isAddress(lm.To):
		return LinkSpec{}, linkError(text, fmt.Sprintf("%q is not a remote host and port", lm.To))
	}
	if host, container, found := strings.Cut(lm.To, "/"); found && lm.Container == "" {
		lm.To, lm.Container = host, container
	}
	if lm.ToPort == "0" {
		lm.ToPort = "" // not known yet
	}
	if lm.ToPort != "" {
		if err := checkLinkPort(lm.ToPort, "To"); err != nil {
			return LinkSpec{}, linkError(text, err.Error())
		}
	}
	return newLink(text, lm)
}

func isAddress(text string) bool {
	_, err := netip.ParseAddr(text)
	return err == nil
}

// newLink makes a link of its parts. The remote port has been looked at.
func newLink(text string, m linkMap) (LinkSpec, error) {
	s := LinkSpec{Container: m.Container, On: m.On}
	if s.Container != "" && s.On == "" {
		s.On = m.To
	}
	s.ToHost, s.Proto, s.Dev, s.Source = m.To, m.Proto, string(m.Interface), m.Source.text()
	if err := checkLinkPort(m.FromPort, "From"); err != nil {
		return s, linkError(text, err.Error())
	}
	s.FromPort, _ = strconv.Atoi(m.FromPort) // just looked at
	s.ToPort, _ = strconv.Atoi(m.ToPort)     // "" is 0
	if !contains([]string{"tcp", "udp", "sctp"}, s.Proto) {
		return s, linkError(text, fmt.Sprintf("invalid proto: %s", s.Proto))
	}
	if err := checkRemoteHost(s.ToHost); err != nil {
		return s, linkError(text, err.Error())
	}
	var err error
	if s.FromHost, err = localHost(m.From, s.ToHost); err != nil {
		return s, linkError(text, err.Error())
	}
	if s.Container != "" {
		if s.ToPort == 0 {
			return s, linkError(text, "the container's own port is missing")
		}
		var c Container
		if err := c.UnmarshalText([]byte(s.Container)); err != nil {
			return s, linkError(text, err.Error())
		}
	}
	return s, s.checkFamilies(text)
}

// localHost is the local address; 127.0.0.1 where there is none.
func localHost(text, remote string) (string, error) {
	if text == "" {
		if ip, err := netip.ParseAddr(remote); err == nil && ip.Is6() {
			return "", fmt.Errorf("a link to an IPv6 address needs a local one, and ::1 leads nowhere else: IPv6 has no route_localnet")
		}
		return "127.0.0.1", nil
	}
	addr, err := netip.ParseAddr(text)
	switch {
	case err != nil && !state.IsName(text):
		return "", fmt.Errorf("local host %q is neither an address nor a name", text)
	case err != nil:
		return text, nil
	case addr.Zone() != "" || addr.IsUnspecified() || addr.IsMulticast() || addr.IsLinkLocalUnicast():
		return "", fmt.Errorf("local host %q is not an address that one can connect to", text)
	case addr.Is6() && addr.IsLoopback():
		return "", fmt.Errorf("local host %q leads nowhere else: IPv6 has no route_localnet", text)
	}
	return addr.Unmap().String(), nil
}

// checkRemoteHost takes an address, a name, or nothing: such a link is incomplete.
func checkRemoteHost(text string) error {
	addr, err := netip.ParseAddr(text)
	switch {
	case text == "" || err != nil && state.IsName(text):
		return nil
	case err != nil:
		return fmt.Errorf("remote host %q is neither an address nor a name", text)
	case addr.Zone() != "" || addr.IsUnspecified() || addr.IsMulticast():
		return fmt.Errorf("remote host %q is not an address that one can connect to", text)
	}
	return nil
}

// checkFamilies wants one family on both sides: nothing translates between the two.
func (s LinkSpec) checkFamilies(text string) error {
	remote, err := netip.ParseAddr(s.ToHost)
	if err == nil && !remote.IsLoopback() && remote.Is6() != (s.family() == 6) {
		return linkError(text, fmt.Sprintf("%s and %s are of two families", s.FromHost, s.ToHost))
	}
	if source, err := netip.ParseAddr(s.Source); err == nil && source.Is6() != (s.family() == 6) {
		return linkError(text, fmt.Sprintf("the source address %s is of another family", s.Source))
	}
	return nil
}

// family is 6 where the local address is an IPv6 one.
func (s LinkSpec) family() int {
	if ip, err := netip.ParseAddr(s.FromHost); err == nil && ip.Is6() {
		return 6
	}
	return 4
}

// asMap is the link as a map that linkFromMap reads.
func (s LinkSpec) asMap() map[string]any {
	m := map[string]any{"from": s.FromHost, "from_port": strconv.Itoa(s.FromPort), "to": s.ToHost, "to_port": strconv.Itoa(s.ToPort), "proto": s.Proto}
	for name, value := range map[string]string{"container": s.Container, "interface": s.Dev, "source": s.Source, "on": s.On} {
		if value != "" {
			m[name] = value
		}
	}
	return m
}
