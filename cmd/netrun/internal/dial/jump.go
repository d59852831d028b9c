package dial

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Hop is one jump host.
type Hop struct {
	User string // may be empty
	Host string // name, address or alias; without brackets
	Port int    // 0: not said
}

// String writes the hop as ProxyJump takes it.
func (h Hop) String() string {
	s := h.Host
	if strings.Contains(s, ":") {
		s = "[" + s + "]"
	}
	if h.User != "" {
		s = h.User + "@" + s
	}
	if h.Port != 0 {
		s += ":" + strconv.Itoa(h.Port)
	}
	return s
}

func formatHops(hops []Hop) string {
	words := make([]string, len(hops))
	for i, h := range hops {
		words[i] = h.String()
	}
	return strings.Join(words, ",")
}

// ParseJump reads "[user@]host[:port],..." in the order travelled; an IPv6
// address with a port stands in brackets; "none" is no hop. A hop may be
// written as ssh://user@host:port.
func ParseJump(s string) ([]Hop, error) {
	if strings.EqualFold(strings.TrimSpace(s), "none") || strings.TrimSpace(s) == "" {
		return nil, nil
	}
	var hops []Hop
	for word := range strings.SplitSeq(s, ",") {
		hop, err := parseHop(strings.TrimSpace(word))
		if err != nil {
			return nil, fmt.Errorf("jump host %q: %w", word, err)
		}
		hops = append(hops, hop)
	}
	return hops, nil
}

func parseHop(word string) (Hop, error) {
	var h Hop
	word = strings.TrimSuffix(strings.TrimPrefix(word, "ssh://"), "/")
	if at := strings.LastIndexByte(word, '@'); at >= 0 {
		if h.User, word = word[:at], word[at+1:]; h.User == "" {
			return h, errors.New("no user before @")
		}
		if strings.ContainsFunc(h.User, func(r rune) bool { return r <= ' ' || r == 0x7f || r == ',' }) {
			return h, fmt.Errorf("user %q: contains a space or control character", h.User)
		}
	}
	host, port, err := splitHopPort(word)
	if err != nil {
		return h, err
	}
	h.Host = host
	if port != "" {
		if h.Port, err = strconv.Atoi(port); err != nil || h.Port < 1 || h.Port > 65535 {
			return h, fmt.Errorf("port %q: a port is 1 to 65535", port)
		}
	}
	return h, checkHost(h.Host)
}

// splitHopPort takes host, host:port, v6, [v6] and [v6]:port.
func splitHopPort(word string) (host, port string, err error) {
	bracketed := strings.HasPrefix(word, "[")
	switch {
	case bracketed && strings.HasSuffix(word, "]"):
		host = word[1 : len(word)-1]
	case bracketed || strings.Count(word, ":") == 1:
		if host, port, err = net.SplitHostPort(word); err == nil && port == "" {
			err = errors.New("no port after the colon")
		}
	default:
		host = word
	}
	if err == nil && strings.ContainsAny(host, "[]") {
		err = errors.New("misplaced bracket")
	}
	return host, port, err
}

// jumpCache holds the connections to jump hosts, one for each way to one.
type jumpCache struct {
	mu     sync.Mutex
	by     map[string]*jumpEntry
	closed bool
}

type jumpEntry struct {
	ready chan struct{}
	conn  *sshConn
	err   error
}

// through returns a connection to the last of the hops, made once for all that
// ask for it; one that died is made anew.
func (d *Dialer) through(ctx context.Context, hops []Hop, route []string) (*sshConn, error) {
	key := formatHops(hops)
	if slices.Contains(route, key) {
		return nil, fmt.Errorf("jump hosts lead back to %q", key)
	}
	e := d.jumps.entry(key, func(e *jumpEntry) {
		// The dial serves others too: it must not end with the first one's context.
		e.conn, e.err = d.dialHop(context.WithoutCancel(ctx), hops, append(slices.Clone(route), key))
		close(e.ready)
	})
	select {
	case <-e.ready:
	case <-ctx.Done():
		return nil, fmt.Errorf("through jump host %q: %w", key, context.Cause(ctx))
	}
	if e.err != nil {
		d.jumps.drop(key, e)
		return nil, e.err
	}
	return e.conn, nil
}

// dialHop reaches the last hop through those before it.
func (d *Dialer) dialHop(ctx context.Context, hops []Hop, route []string) (*sshConn, error) {
	last := hops[len(hops)-1]
	t := Target{Name: last.String(), Addr: last.Host, Port: last.Port, User: last.User}
	if len(hops) > 1 {
		t.ProxyJump = formatHops(hops[:len(hops)-1])
	}
	return d.dial(ctx, t, route)
}

// entry finds the live entry or starts a new one.
func (c *jumpCache) entry(key string, start func(*jumpEntry)) *jumpEntry {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.by[key]; e != nil && !e.dead() {
		return e
	}
	e := &jumpEntry{ready: make(chan struct{})}
	if c.closed {
		e.err = errClosed
		close(e.ready)
		return e
	}
	if c.by == nil {
		c.by = map[string]*jumpEntry{}
	}
	c.by[key] = e
	go start(e)
	return e
}

// dead reports whether the entry's connection stood and broke.
func (e *jumpEntry) dead() bool {
	select {
	case <-e.ready:
		return e.conn == nil || e.conn.lost.Load() != nil
	default:
		return false
	}
}

// drop forgets an entry that did not come to be, so that a later dial tries again.
func (c *jumpCache) drop(key string, e *jumpEntry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.by[key] == e {
		delete(c.by, key)
	}
}

// close ends every jump connection. Dials under way end by the Dialer's context.
func (c *jumpCache) close() {
	c.mu.Lock()
	entries := c.by
	c.by, c.closed = nil, true
	c.mu.Unlock()
	for _, e := range entries {
		<-e.ready
		if e.conn != nil {
			e.conn.Close()
		}
	}
}
