package dial

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"netrun/cmd/netrun/internal/dial/sshdtest"
)

// configFor has a server's key and known_hosts, and nothing of the person who
// runs the test.
func configFor(s *sshdtest.Server) Config {
	return Config{User: "root", Home: s.Dir, SSHConfigFiles: []string{}, KnownHosts: []string{s.Path("known_hosts")},
		Identities: []string{s.Path("key")}}
}

func targetOf(s *sshdtest.Server) Target {
	return Target{Name: "node1", Addr: "127.0.0.1", Port: s.Port}
}

// output runs a command and returns its stdout.
func output(t testing.TB, conn Conn, command string) (string, error) {
	t.Helper()
	s, err := conn.Start(context.Background(), command)
	if err != nil {
		t.Fatalf("start: %v", err)
	}
	defer s.Close()
	s.Stdin.Close()
	var out bytes.Buffer
	if _, err := out.ReadFrom(s.Stdout); err != nil {
		t.Fatalf("read: %v", err)
	}
	return out.String(), s.Wait()
}

func TestRealSSHD(t *testing.T) {
	s := sshdtest.Start(t, sshdtest.Options{Config: "Subsystem sftp internal-sftp"})
	d := New(configFor(s))
	defer d.Close()
	conn, err := d.Dial(t.Context(), targetOf(s))
	if err != nil {
		t.Fatalf("dial: %v", err)
	}
	defer conn.Close()
	if out, err := output(t, conn, "echo hello"); out != "hello\n" || err != nil {
		t.Errorf("echo: got %q, %v; want hello", out, err)
	}
	_, err = output(t, conn, "echo oops >&2; exit 3")
	if got, want := fmt.Sprint(err), "exit status 3: oops"; got != want {
		t.Errorf("exit: got %q; want %q", got, want)
	}
	files, err := conn.SFTP()
	if err != nil {
		t.Fatalf("sftp: %v", err)
	}
	defer files.Close()
	if _, err := files.Stat(s.Path("key")); err != nil {
		t.Errorf("sftp stat: %v", err)
	}
}
