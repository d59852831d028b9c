package rig

import (
	"bufio"
	"fmt"
	"net"
	"testing"
	"time"
)

// echo answers every line it is sent, until the test ends.
func echo(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				in := bufio.NewScanner(c)
				for in.Scan() {
					fmt.Fprintln(c, in.Text())
				}
			}()
		}
	}()
	return l.Addr().String()
}

func TestProxyCountsTurns(t *testing.T) {
	p, err := NewProxy(echo(t), 10*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", p.Port()))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	in := bufio.NewReader(c)
	cases := []struct{ lines, want int }{{1, 1}, {3, 3}, {2, 2}}
	for _, tc := range cases {
		for range tc.lines {
			fmt.Fprintln(c, "one")
			fmt.Fprintln(c, "two") // sent before the first is answered: no turn of its own
			for range 2 {
				if _, err := in.ReadString('\n'); err != nil {
					t.Fatal(err)
				}
			}
		}
		if got := p.Turns(); got != tc.want {
			t.Errorf("%d rounds: got %d turns; want %d", tc.lines, got, tc.want)
		}
	}
}

func TestProxyDelaysBothWays(t *testing.T) {
	const delay = 50 * time.Millisecond
	p, err := NewProxy(echo(t), delay)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", p.Port()))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	began := time.Now()
	fmt.Fprintln(c, "one")
	if _, err := bufio.NewReader(c).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took < 2*delay {
		t.Errorf("got an answer after %s; want at least %s", took, 2*delay)
	}
}

func TestProxyCutEndsConnections(t *testing.T) {
	p, err := NewProxy(echo(t), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", p.Port()))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	in := bufio.NewReader(c)
	fmt.Fprintln(c, "one")
	if _, err := in.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	p.Cut()
	if line, err := in.ReadString('\n'); err == nil {
		t.Errorf("got %q; want the end of the connection", line)
	}
}
