package linuxhost

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"

	"netrun/tasks/state"
)

// readPorts lists the ports that are taken: those of sockets that listen, and those
// that rules of other programs lead elsewhere (Docker's, where no proxy listens).
func (s *session) readPorts(q *query) ([]state.Object, error) {
	sp, err := s.space(q.scope)
	if err != nil {
		return nil, err
	}
	var out []state.Object
	err = s.thread.in(sp, func() error {
		for _, file := range []string{"tcp", "tcp6", "udp", "udp6"} {
			raw, err := os.ReadFile("/proc/thread-self/net/" + file)
			if errors.Is(err, os.ErrNotExist) {
				continue // a kernel without IPv6
			}
			if err != nil {
				return fmt.Errorf("read sockets: %w", err)
			}
			out = append(out, listening(q.scope, strings.TrimSuffix(file, "6"), string(raw))...)
		}
		raw, err := os.ReadFile("/proc/thread-self/net/sctp/eps")
		if err == nil {
			out = append(out, sctpEndpoints(q.scope, string(raw))...)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, family := range []int{4, 6} {
		rules, err := s.ruleset(tableSet{q.scope, family})
		if isNotInstalled(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if t := rules.table("nat"); t != nil {
			out = append(out, translated(q.scope, family, t)...)
		}
	}
	return out, nil
}

// listening reads /proc/net/tcp or udp: the sockets that wait for anybody.
func listening(scope state.Scope, proto, text string) []state.Object {
	waits := map[string]string{"tcp": "0A", "udp": "07"}[proto] // TCP_LISTEN; TCP_CLOSE is an unconnected one
	var out []state.Object
	for _, line := range strings.Split(text, "\n") {
		fields := strings.Fields(line)
		if len(fields) < 4 || fields[3] != waits {
			continue
		}
		at, err := kernelAddrPort(fields[1])
		if err != nil || at.Port() == 0 {
			continue // the line of titles
		}
		by := "a socket that listens on " + at.String()
		out = append(out, state.Port{Scope: scope, Proto: proto, IP: at.Addr(), Number: int(at.Port()), By: by})
	}
	return out
}

// kernelAddrPort reads 0100007F:0050: words of the address in the machine's byte order.
func kernelAddrPort(text string) (netip.AddrPort, error) {
	host, number, _ := strings.Cut(text, ":")
	raw, err := hex.DecodeString(host)
	if err != nil {
		return netip.AddrPort{}, err
	}
	if len(raw)%4 != 0 {
		return netip.AddrPort{}, fmt.Errorf("address %q", text)
	}
	for i := 0; i < len(raw); i += 4 {
		binary.NativeEndian.PutUint32(raw[i:], binary.BigEndian.Uint32(raw[i:]))
	}
	ip, ok := netip.AddrFromSlice(raw)
	if !ok {
		return netip.AddrPort{}, fmt.Errorf("address %q", text)
	}
	port, err := strconv.ParseUint(number, 16, 16)
	return netip.AddrPortFrom(ip.Unmap(), uint16(port)), err
}

// sctpEndpoints reads /proc/net/sctp/eps: LPORT is the sixth column, addresses from the ninth on.
func sctpEndpoints(scope state.Scope, text string) []state.Object {
	var out []state.Object
	for _, line := range strings.Split(text, "\n") {
		fields := strings.Fields(line)
		if len(fields) < 9 {
			continue
		}
		port, err := strconv.Atoi(fields[5])
		if err != nil || port == 0 {
			continue
		}
		for _, text := range fields[8:] {
			if ip, err := netip.ParseAddr(text); err == nil {
				out = append(out, state.Port{Scope: scope, Proto: "sctp", IP: ip.Unmap(), Number: port,
					By: "a socket that listens on " + netip.AddrPortFrom(ip.Unmap(), uint16(port)).String()})
			}
		}
	}
	return out
}

// translated lists the ports that rules of others lead elsewhere.
func translated(scope state.Scope, family int, t *ruleTable) []state.Object {
	var out []state.Object
	for _, r := range t.rules {
		target := slices.Index(r.args, "-j")
		if state.OwnChain(r.chain) || target < 0 || target+1 == len(r.args) || !slices.Contains([]string{"DNAT", "REDIRECT"}, r.args[target+1]) {
			continue
		}
		p := state.Port{Scope: scope, IP: netip.IPv4Unspecified(), By: "chain " + r.chain}
		if family == 6 {
			p.IP = netip.IPv6Unspecified()
		}
		ports := ""
		for i := 0; i+1 < len(r.args); i++ {
			switch value := r.args[i+1]; r.args[i] {
			case "-p":
				p.Proto = value
			case "-d":
				if prefix, err := netip.ParsePrefix(value); err == nil && prefix.IsSingleIP() {
					p.IP = prefix.Addr()
				}
			case "--dport", "--dports":
				ports = value
			}
		}
		out = append(out, eachPort(p, ports)...)
	}
	return out
}

// eachPort is the object for each port of 80, 80:90 or 80,90:95.
func eachPort(p state.Port, text string) []state.Object {
	var out []state.Object
	for _, part := range strings.Split(text, ",") {
		low, high, isRange := strings.Cut(part, ":")
		if !isRange {
			high = low
		}
		first, err := strconv.ParseUint(low, 10, 16)
		last, err2 := strconv.ParseUint(high, 10, 16)
		if err != nil || err2 != nil {
			continue
		}
		for n := first; n <= last; n++ {
			p.Number = int(n)
			out = append(out, p)
		}
	}
	return out
}
