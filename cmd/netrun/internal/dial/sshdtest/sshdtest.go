// Package sshdtest starts a real OpenSSH server on loopback for a test, with its
// own host key and one client key. It knows nothing of the packages it tests.
package sshdtest

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// Server is a running sshd. Its directory holds the client's key and key.pub,
// the host key host and host.pub, and a known_hosts that names it.
type Server struct {
	Dir     string
	Port    int
	HostKey ssh.PublicKey
}

// Options change the server.
type Options struct {
	Config string // lines for sshd_config; they win over the defaults
	Setup  string // shell commands run in a mount namespace of the server's own; $DIR is Server.Dir
}

// Start runs sshd for root's logins by key until the test ends. It skips the
// test where there is no sshd, no root, or Setup wants a namespace that the
// machine refuses.
func Start(t testing.TB, opts Options) *Server {
	t.Helper()
	const bin = "/usr/sbin/sshd"
	if _, err := os.Stat(bin); err != nil || os.Getuid() != 0 {
		t.Skipf("probed %s as uid %d: the OpenSSH server is needed, as root", bin, os.Getuid())
	}
	if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
		t.Fatal(err)
	}
	s := &Server{Dir: t.TempDir(), Port: FreePort(t)}
	Keygen(t, "-t", "ed25519", "-f", s.Path("host"))
	Keygen(t, "-t", "ed25519", "-f", s.Path("key"))
	s.HostKey = PublicKey(t, s.Path("host.pub"))
	WriteFile(t, s.Path("known_hosts"), fmt.Sprintf("[127.0.0.1]:%d %s", s.Port, ssh.MarshalAuthorizedKey(s.HostKey)))
	// The first value of a keyword counts, so the extra lines come first.
	WriteFile(t, s.Path("sshd_config"), opts.Config+fmt.Sprintf(`
Port %d
ListenAddress 127.0.0.1
HostKey %s
PidFile none
AuthorizedKeysFile %s
StrictModes no
UsePAM no
PermitRootLogin yes
PasswordAuthentication no
`, s.Port, s.Path("host"), s.Path("key.pub")))
	s.run(t, bin, opts.Setup)
	return s
}

func (s *Server) run(t testing.TB, bin, setup string) {
	t.Helper()
	log := &buffer{}
	cmd := exec.Command(bin, "-D", "-e", "-f", s.Path("sshd_config"))
	if setup != "" {
		if out, err := exec.Command("unshare", "--mount", "true").CombinedOutput(); err != nil {
			t.Skipf("probed unshare --mount: %v: %s", err, out)
		}
		cmd = exec.Command("unshare", "--mount", "/bin/sh", "-ec", setup+"\nexec \"$@\"", "sh", bin, "-D", "-e", "-f", s.Path("sshd_config"))
		cmd.Env = append(os.Environ(), "DIR="+s.Dir)
	}
	cmd.Stderr = log
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
	for range 500 {
		conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.Port))
		if err == nil {
			conn.Close()
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("sshd does not listen; it says:\n%s", log.String())
}

// Path is a file in the server's directory.
func (s *Server) Path(name string) string { return filepath.Join(s.Dir, name) }

// FreePort is a TCP port of loopback that nothing listens on.
func FreePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// Keygen runs ssh-keygen, without a passphrase unless the arguments give one.
func Keygen(t testing.TB, args ...string) {
	t.Helper()
	if !strings.Contains(strings.Join(args, " "), "-N ") {
		args = append(args, "-N", "")
	}
	out, err := exec.Command("ssh-keygen", append([]string{"-q"}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("ssh-keygen %v: %v\n%s", args, err, out)
	}
}

// PublicKey reads a .pub file.
func PublicKey(t testing.TB, path string) ssh.PublicKey {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	key, _, _, _, err := ssh.ParseAuthorizedKey(text)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// WriteFile writes a file that only its owner can read.
func WriteFile(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// buffer is a bytes.Buffer that a process may write while a test reads it.
type buffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
