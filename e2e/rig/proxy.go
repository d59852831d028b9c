package rig

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// Proxy passes TCP connections on, each byte Delay late in both directions, and
// counts how often the client spoke anew after it had heard from the server.
type Proxy struct {
	Delay time.Duration

	listener net.Listener
	target   string
	dialer   net.Dialer

	mu    sync.Mutex
	turns int
	last  map[net.Conn]bool // connection: whether the client was the last to speak
	conns sync.WaitGroup
}

// NewProxy listens on the loopback for connections to target, HOST:PORT, until Close.
func NewProxy(target string, delay time.Duration) (*Proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start proxy: %w", err)
	}
	p := &Proxy{Delay: delay, listener: l, target: target, last: map[net.Conn]bool{}}
	p.conns.Go(p.accept)
	return p, nil
}

// Port is where the proxy listens.
func (p *Proxy) Port() int { return p.listener.Addr().(*net.TCPAddr).Port }

// Turns returns, and sets back to 0, how often clients spoke after the server: the
// round trips that they waited for, and one for how they began.
func (p *Proxy) Turns() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := p.turns
	p.turns = 0
	return n
}

// Close ends the proxy and its connections.
func (p *Proxy) Close() error {
	err := p.listener.Close()
	p.Cut()
	p.conns.Wait()
	return err
}

// Cut closes the connections that are open, as a reset does; new ones are taken.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.last {
		_ = c.Close() // it may have ended by itself
	}
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.conns.Go(func() { p.pass(client) })
	}
}

func (p *Proxy) pass(client net.Conn) {
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	server, err := p.dialer.DialContext(ctx, "tcp", p.target)
	if err != nil {
		return // the client sees its connection end
	}
	defer server.Close()
	p.mu.Lock()
	p.last[client] = false
	p.mu.Unlock()
	var both sync.WaitGroup
	// The server's words count when the client hears them: what the client says
	// while they are under way is no answer to them.
	both.Go(func() { p.copy(server, client, func() { p.spoke(client, true) }, func() {}) })
	both.Go(func() { p.copy(client, server, func() {}, func() { p.spoke(client, false) }) })
	both.Wait()
	p.mu.Lock()
	delete(p.last, client)
	p.mu.Unlock()
}

// spoke notes who spoke on the connection.
func (p *Proxy) spoke(conn net.Conn, client bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if client && !p.last[conn] {
		p.turns++
	}
	p.last[conn] = client
}

// chunk is bytes and when they are due.
type chunk struct {
	data []byte
	due  time.Time
}

// copy passes bytes on, each Delay after it came, until either side ends. It calls
// came when bytes come in, and went before they go out.
func (p *Proxy) copy(dst, src net.Conn, came, went func()) {
	queue := make(chan chunk, 4096)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for c := range queue {
			time.Sleep(time.Until(c.due))
			went()
			if _, err := dst.Write(c.data); err != nil {
				_ = src.Close() // ends the reading below
				for range queue {
				}
				return
			}
		}
	}()
	err := p.read(src, queue, came)
	close(queue)
	<-done
	if half, ok := dst.(*net.TCPConn); ok && errors.Is(err, io.EOF) {
		_ = half.CloseWrite() // the other end may be gone already
		return
	}
	// Whatever is wrong with it, there is nobody left to tell.
	_ = dst.Close()
}

func (p *Proxy) read(src net.Conn, queue chan<- chunk, came func()) error {
	for {
		buf := make([]byte, 64<<10)
		n, err := src.Read(buf)
		if n > 0 {
			came()
			queue <- chunk{buf[:n], time.Now().Add(p.Delay)}
		}
		if err != nil {
			return err
		}
	}
}
