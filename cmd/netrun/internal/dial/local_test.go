package dial

import (
	"errors"
	"io"
	"strings"
	"testing"
)

func TestLocal(t *testing.T) {
	conn := mustDial(t, dialer(t, home(t), nil), Target{Name: "here", Local: true})
	if out, err := output(t, conn, `echo "a  b"`); out != "a  b\n" || err != nil {
		t.Errorf("echo: got %q, %v; want a  b", out, err)
	}
	if _, err := output(t, conn, "echo no >&2; exit 7"); err == nil || err.Error() != "exit status 7: no" {
		t.Errorf("exit: got %v; want exit status 7: no", err)
	}
	if _, err := output(t, conn, "kill -KILL $$"); err == nil || err.Error() != "killed by signal KILL" {
		t.Errorf("signal: got %v; want killed by signal KILL", err)
	}
	if _, err := conn.SFTP(); !errors.Is(err, ErrNoSFTP) {
		t.Errorf("sftp: got %v; want ErrNoSFTP", err)
	}
}

// TestLocalCloseEndsTheGroup: what a command left in the background ends too.
func TestLocalCloseEndsTheGroup(t *testing.T) {
	conn := mustDial(t, dialer(t, home(t), nil), Target{Local: true})
	s, err := conn.Start(t.Context(), "sleep 1000 & echo up; cat")
	if err != nil {
		t.Fatal(err)
	}
	up := make([]byte, 3)
	if _, err := io.ReadFull(s.Stdout, up); err != nil || string(up) != "up\n" {
		t.Fatalf("read: got %q, %v; want up", up, err)
	}
	s.Close()
	if err := s.Wait(); err == nil || !strings.Contains(err.Error(), "KILL") {
		t.Errorf("wait: got %v; want killed", err)
	}
}

func TestTailIsBounded(t *testing.T) {
	var tail Tail
	for range 10 {
		_, _ = tail.Write([]byte(strings.Repeat("x", tailSize/2)))
	}
	_, _ = tail.Write([]byte("end"))
	if got := tail.String(); len(got) != tailSize || !strings.HasSuffix(got, "xend") {
		t.Errorf("tail: got %d bytes ending %q; want %d ending xend", len(got), got[len(got)-4:], tailSize)
	}
}
