package tasks

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// linkSpec is one link: from a local address to a remote one. host is the remote
// host as written, and to its address, invalid where host is a name.
type linkSpec struct {
	from   netip.AddrPort
	host   string
	to     netip.Addr
	toPort uint16
	dev    string
	source string
}

// linkMap is a link given as a map.
type linkMap struct {
	From      string `arg:"from,required" doc:"local address, or address and port"`
	FromPort  string `arg:"from_port" doc:"local port"`
	To        string `arg:"to,required" doc:"remote host, or host and port"`
	ToPort    string `arg:"to_port" doc:"remote port"`
	Interface IfName `arg:"interface" doc:"link through which it leaves"`
	Source    Addr   `arg:"source" doc:"source address with which it leaves"`
}

// Check implements Task.
func (m *linkMap) Check() error { return nil }

var linkMapKind = Kind{Name: "a link", New: func() Task { return new(linkMap) }}

// parseLinkItem reads one item of links.
func parseLinkItem(item any) (linkSpec, error) {
	switch item := item.(type) {
	case string:
		return parseLinkText(item)
	case map[string]any:
		return linkFromMap(item)
	}
	return linkSpec{}, &ArgError{Msg: fmt.Sprintf("%s is not a link", describe(item)), Hint: "write 6379:10.16.138.4:50000"}
}

// parseLinkText reads [LOCAL_HOST:]LOCAL_PORT:REMOTE_HOST:REMOTE_PORT.
func parseLinkText(text string) (linkSpec, error) {
	parts := strings.Split(text, ":")
	if len(parts) == 3 {
		parts = append([]string{""}, parts...)
	}
	switch {
	case strings.Contains(text, ",") && len(parts) > 4:
		return linkSpec{}, linkError(text, "several links are a list, one item each")
	case strings.Contains(text, "[") || strings.Contains(text, "::") && len(parts) > 4:
		return linkSpec{}, linkError(text, "links are IPv4 only: IPv6 has no route_localnet")
	case len(parts) != 4:
		return linkSpec{}, linkError(text, fmt.Sprintf("%d parts where 3 or 4 are wanted", len(parts)))
	}
	return newLink(text, linkMap{From: parts[0], FromPort: parts[1], To: parts[2], ToPort: parts[3]})
}

func linkError(text, msg string) *ArgError {
	return (&ArgError{Msg: fmt.Sprintf("link %q: %s", text, msg)}).
		WithHint("a link is [LOCAL_HOST:]LOCAL_PORT:REMOTE_HOST:REMOTE_PORT, as in 6379:10.16.138.4:50000")
}

// linkFromMap reads a link given as a map, where from and to may hold the port.
func linkFromMap(m map[string]any) (linkSpec, error) {
	t, _, err := linkMapKind.Decode(m)
	if err != nil {
		return linkSpec{}, err
	}
	lm := *t.(*linkMap)
	text := fmt.Sprintf("%s -> %s", lm.From, lm.To)
	for _, side := range []struct {
		host, port *string
		local      bool
	}{{&lm.From, &lm.FromPort, true}, {&lm.To, &lm.ToPort, false}} {
		if strings.Count(*side.host, ":") > 1 {
			return linkSpec{}, linkError(text, "links are IPv4 only: IPv6 has no route_localnet")
		}
		host, port, both := strings.Cut(*side.host, ":")
		switch {
		case both && *side.port != "":
			return linkSpec{}, linkError(text, "the port is there twice")
		case both:
			*side.host, *side.port = host, port
		case side.local && *side.port == "":
			*side.host, *side.port = "", host // the port alone
		}
	}
	return newLink(text, lm)
}

func newLink(text string, m linkMap) (linkSpec, error) {
	s := linkSpec{host: m.To, dev: string(m.Interface), source: m.Source.text()}
	from, err := localHost(m.From)
	if err != nil {
		return s, linkError(text, err.Error())
	}
	fromPort, err := parsePort(m.FromPort)
	if err != nil {
		return s, linkError(text, "local port: "+err.Error())
	}
	s.from = netip.AddrPortFrom(from, fromPort)
	if s.toPort, err = parsePort(m.ToPort); err != nil {
		return s, linkError(text, "remote port: "+err.Error())
	}
	if m.Source.Is6() {
		return s, linkError(text, "the source address is IPv6: links are IPv4 only")
	}
	s.to, err = remoteHost(m.To)
	if err != nil {
		return s, linkError(text, err.Error())
	}
	return s, nil
}

func localHost(text string) (netip.Addr, error) {
	if text == "" {
		return netip.AddrFrom4([4]byte{127, 0, 0, 1}), nil
	}
	addr, err := netip.ParseAddr(text)
	switch {
	case err != nil:
		return addr, fmt.Errorf("local host %q is not an IPv4 address", text)
	case !addr.Is4():
		return addr, fmt.Errorf("local host %q: links are IPv4 only: IPv6 has no route_localnet", text)
	case addr.IsUnspecified() || addr.IsMulticast():
		return addr, fmt.Errorf("local host %q is not an address that one can connect to", text)
	}
	return addr, nil
}

// remoteHost is the address, or an invalid one for a name.
func remoteHost(text string) (netip.Addr, error) {
	addr, err := netip.ParseAddr(text)
	switch {
	case err == nil && !addr.Is4():
		return addr, fmt.Errorf("remote host %q: links are IPv4 only", text)
	case err == nil && (addr.IsUnspecified() || addr.IsMulticast()):
		return addr, fmt.Errorf("remote host %q is not an address that one can connect to", text)
	case err == nil && addr.IsLoopback():
		return addr, fmt.Errorf("remote host %q is the container's own loopback: give the address of the host on which the port is published", text)
	case err == nil:
		return addr, nil
	case text == "":
		return addr, fmt.Errorf("the remote host is missing")
	case text == "localhost":
		return addr, fmt.Errorf("remote host %q would be the container itself: give the address of the host on which the port is published", text)
	}
	if !hostName(text) {
		return netip.Addr{}, fmt.Errorf("remote host %q is neither an IPv4 address nor a name", text)
	}
	return netip.Addr{}, nil
}

func hostName(text string) bool {
	ok := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '.' || r == '_'
	}
	for _, r := range text {
		if !ok(r) {
			return false
		}
	}
	return len(text) < 254 && text[0] != '-' && strings.Trim(text, "0123456789.") != ""
}

func parsePort(text string) (uint16, error) {
	if text == "" {
		return 0, fmt.Errorf("it is missing")
	}
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("%q is not a number from 1 to 65535", text)
	}
	return uint16(n), nil
}

// asMap is the link as a map that linkFromMap reads.
func (s linkSpec) asMap() map[string]any {
	m := map[string]any{"from": s.from.String(), "to": netip.AddrPortFrom(s.to, s.toPort).String()}
	if s.dev != "" {
		m["interface"] = s.dev
	}
	if s.source != "" {
		m["source"] = s.source
	}
	return m
}
