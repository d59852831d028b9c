package probe

import (
	"context"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"
)

func TestWorkingKeepsWhatAnswers(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := dead.Addr().String()
	if err := dead.Close(); err != nil {
		t.Fatal(err)
	}
	got := Working(context.Background(), []Probe{{TCP: closed}, {TCP: l.Addr().String()}})
	if len(got) != 1 || got[0].TCP != l.Addr().String() {
		t.Errorf("got %v, want only the listening one", got)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	if err := Require(ctx, []Probe{{TCP: closed}}); err == nil {
		t.Error("a closed port passed")
	}
}

func TestPing(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("raw sockets need root; probed: uid is not 0")
	}
	for _, ip := range []string{"127.0.0.1", "::1"} {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		if err := Ping(ctx, netip.MustParseAddr(ip)); err != nil {
			t.Errorf("ping %s: %v", ip, err)
		}
		cancel()
	}
}
