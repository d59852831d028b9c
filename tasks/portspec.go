package tasks

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// PortSpec is what `docker run -p` takes, whole:
// [[IP:][HOST_PORT[-END]:]CONTAINER_PORT[-END][/tcp|udp|sctp].
type PortSpec struct {
	IP        netip.Addr // invalid: all addresses
	Host      portRange  // zero: one is given out
	Container portRange
	Proto     string // tcp, udp or sctp
}

// portRange is from the first port to the last.
type portRange struct{ first, last uint16 }

func (r portRange) len() int { return int(r.last) - int(r.first) + 1 }

func (r portRange) String() string {
	if r.first == r.last {
		return port(r.first)
	}
	return port(r.first) + "-" + port(r.last)
}

// UnmarshalText implements encoding.TextUnmarshaler. The words of its errors are Docker's.
func (p *PortSpec) UnmarshalText(text []byte) error {
	ip, host, rest := splitPortSpec(string(text))
	container, proto, given := strings.Cut(rest, "/")
	spec := PortSpec{Proto: strings.ToLower(proto)}
	if proto == "" {
		spec.Proto = "tcp"
	}
	var err error
	switch {
	case container == "":
		return fmt.Errorf("no port specified: %s<empty>", text)
	case given && spec.Proto != "tcp" && spec.Proto != "udp" && spec.Proto != "sctp":
		return fmt.Errorf("invalid proto: %s", proto)
	}
	if spec.IP, err = portAddress(ip); err != nil {
		return err
	}
	if spec.Container, err = parsePorts(container); err != nil || spec.Container.first == 0 {
		return fmt.Errorf("invalid containerPort: %s", container)
	}
	if host != "" {
		if spec.Host, err = parsePorts(host); err != nil || (spec.Host.first == 0 && spec.Host.last != 0) {
			return fmt.Errorf("invalid hostPort: %s", host)
		}
		if n := spec.Container.len(); n != spec.Host.len() && n > 1 {
			return fmt.Errorf("invalid ranges specified for container and host Ports: %s and %s", container, host)
		}
	}
	*p = spec
	return nil
}

// splitPortSpec splits at the last two colons: what is before them is an address, be it an IPv6 one.
func splitPortSpec(text string) (ip, host, container string) {
	rest, container, found := cutLast(text, ":")
	if !found {
		return "", "", text
	}
	ip, host, found = cutLast(rest, ":")
	if !found {
		return "", rest, container
	}
	return ip, host, container
}

func cutLast(text, sep string) (before, after string, found bool) {
	i := strings.LastIndex(text, sep)
	if i < 0 {
		return text, "", false
	}
	return text[:i], text[i+len(sep):], true
}

// portAddress is the address, invalid for "". IPv6 may stand in brackets.
func portAddress(text string) (netip.Addr, error) {
	if text == "" {
		return netip.Addr{}, nil
	}
	bare := text
	if inner, ok := strings.CutPrefix(text, "["); ok {
		inner, closed := strings.CutSuffix(inner, "]")
		if !closed || !strings.Contains(inner, ":") {
			return netip.Addr{}, fmt.Errorf("invalid IP address: %s", text)
		}
		bare = inner
	}
	ip, err := netip.ParseAddr(bare)
	if err != nil || ip.Zone() != "" {
		return netip.Addr{}, fmt.Errorf("invalid IP address: %s", text)
	}
	return ip.Unmap(), nil
}

// parsePorts reads PORT or FIRST-LAST.
func parsePorts(text string) (portRange, error) {
	first, last, isRange := strings.Cut(text, "-")
	if !isRange {
		last = first
	}
	from, err := strconv.ParseUint(first, 10, 16)
	if err != nil {
		return portRange{}, err
	}
	to, err := strconv.ParseUint(last, 10, 16)
	if err != nil {
		return portRange{}, err
	}
	if to < from {
		return portRange{}, fmt.Errorf("%s ends before it begins", text)
	}
	return portRange{uint16(from), uint16(to)}, nil
}

// PortPairs are geard's pairs, INTERNAL:EXTERNAL with commas between them, where the
// external port 0 stands for one that is given out. The order is the reverse of
// Docker's: they have an argument of their own, so that nobody has to guess.
type PortPairs []PortSpec

// UnmarshalText implements encoding.TextUnmarshaler. The words of its errors are geard's.
func (p *PortPairs) UnmarshalText(text []byte) error {
	var pairs PortPairs
	for _, pair := range strings.Split(string(text), ",") {
		internal, external, found := strings.Cut(pair, ":")
		if !found || strings.Contains(external, ":") {
			//lint:ignore ST1005 the words are geard's
			return fmt.Errorf("The port string '%s' must be a comma delimited list of pairs <internal>:<external>,...", text)
		}
		in, err := pairPort(internal)
		if err != nil {
			return err
		}
		out, err := pairPort(external)
		if err != nil {
			return err
		}
		if in == 0 {
			return fmt.Errorf("pair %q: the container has no port 0", pair)
		}
		pairs = append(pairs, PortSpec{Host: portRange{out, out}, Container: portRange{in, in}, Proto: "tcp"})
	}
	*p = pairs
	return nil
}

func pairPort(text string) (uint16, error) {
	n, err := strconv.Atoi(text)
	switch {
	case err != nil:
		return 0, err
	case n < 0 || n > 65535:
		//lint:ignore ST1005 the words are geard's
		return 0, errors.New("Port values must be between 0 and 65535")
	}
	return uint16(n), nil
}

// String is the spec as one could have written it.
func (p PortSpec) String() string {
	text := p.Container.String()
	if p.Host.last != 0 {
		text = p.Host.String() + ":" + text
	} else if p.IP.IsValid() {
		text = ":" + text
	}
	if p.IP.Is6() {
		text = "[" + p.IP.String() + "]:" + text
	} else if p.IP.IsValid() {
		text = p.IP.String() + ":" + text
	}
	return text + "/" + p.Proto
}

// binding is one port of the container and where it is to be had. choice is the host
// ports of which one is to be taken: one port alone, a range, or zero for any.
type binding struct {
	ip        netip.Addr
	proto     string
	container uint16
	choice    portRange
}

// bindings are the single ports of the spec.
func (p PortSpec) bindings() []binding {
	out := make([]binding, p.Container.len())
	for i := range out {
		b := binding{ip: p.IP, proto: p.Proto, container: p.Container.first + uint16(i), choice: p.Host}
		if len(out) > 1 && p.Host.last != 0 {
			b.choice = portRange{p.Host.first + uint16(i), p.Host.first + uint16(i)}
		}
		out[i] = b
	}
	return out
}

// automatic reports whether the host port is chosen on the host.
func (b binding) automatic() bool { return b.choice.last == 0 || b.choice.len() > 1 }

// name is what the binding is called in the comment of its rules: 80/tcp, or 127.0.0.1:80/tcp.
func (b binding) name() string {
	text := port(b.container) + "/" + b.proto
	if b.ip.IsValid() {
		text = b.ip.String() + "," + text
	}
	return text
}
