package dial

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// realSSHD is an OpenSSH server on loopback that lets root in with a key.
type realSSHD struct {
	dir  string // holds key, key.pub, known_hosts
	port int
	host ssh.PublicKey
}

// startSSHD starts Debian's sshd with extra lines of configuration.
func startSSHD(t testing.TB, extra ...string) *realSSHD {
	t.Helper()
	const bin = "/usr/sbin/sshd"
	if _, err := os.Stat(bin); err != nil || os.Getuid() != 0 {
		t.Skipf("probed %s as uid %d: the OpenSSH server is needed, as root", bin, os.Getuid())
	}
	if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
		t.Fatal(err)
	}
	s := &realSSHD{dir: t.TempDir(), port: freePort(t)}
	keygen(t, "-t", "ed25519", "-f", s.path("host"))
	keygen(t, "-t", "ed25519", "-f", s.path("key"))
	s.host = readPub(t, s.path("host.pub"))
	conf := fmt.Sprintf("Port %d\nListenAddress 127.0.0.1\nHostKey %s\nPidFile none\nAuthorizedKeysFile %s\nStrictModes no\nUsePAM no\nPermitRootLogin yes\nPasswordAuthentication no\n%s\n",
		s.port, s.path("host"), s.path("key.pub"), strings.Join(extra, "\n"))
	writeFile(t, s.path("sshd_config"), conf)
	writeFile(t, s.path("known_hosts"), fmt.Sprintf("[127.0.0.1]:%d %s", s.port, ssh.MarshalAuthorizedKey(s.host)))
	var log bytes.Buffer
	cmd := exec.Command(bin, "-D", "-e", "-f", s.path("sshd_config"))
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("sshd says:\n%s", log.String())
		}
	})
	s.await(t)
	return s
}

func (s *realSSHD) path(name string) string { return filepath.Join(s.dir, name) }

func (s *realSSHD) await(t testing.TB) {
	t.Helper()
	for range 200 {
		conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.port))
		if err == nil {
			conn.Close()
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("sshd does not listen")
}

func (s *realSSHD) config() Config {
	return Config{User: "root", Home: s.dir, SSHConfigFiles: []string{}, KnownHosts: []string{s.path("known_hosts")}, Identities: []string{s.path("key")}}
}

func (s *realSSHD) target() Target {
	return Target{Name: "node1", Addr: "127.0.0.1", Port: s.port}
}

func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func keygen(t testing.TB, args ...string) {
	t.Helper()
	out, err := exec.Command("ssh-keygen", append([]string{"-q", "-N", ""}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("ssh-keygen %v: %v\n%s", args, err, out)
	}
}

func readPub(t testing.TB, path string) ssh.PublicKey {
	t.Helper()
	pub, err := readPublic(path)
	if err != nil {
		t.Fatal(err)
	}
	return pub
}

func writeFile(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
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
	s := startSSHD(t, "Subsystem sftp internal-sftp")
	d := New(s.config())
	defer d.Close()
	conn, err := d.Dial(t.Context(), s.target())
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
	if _, err := files.Stat(s.path("key")); err != nil {
		t.Errorf("sftp stat: %v", err)
	}
}
