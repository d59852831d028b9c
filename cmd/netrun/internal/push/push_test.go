package push

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"netrun/cmd/netrun/internal/dial"
	"netrun/cmd/netrun/internal/dial/sshdtest"
)

// fakeSource is one binary for the architecture of this machine.
type fakeSource struct {
	hash string
	raw  []byte
}

func (f fakeSource) Hashes() map[string]string { return map[string]string{runtime.GOARCH: f.hash} }

func (f fakeSource) Binary(arch string, gzipped bool) ([]byte, error) {
	if arch != runtime.GOARCH {
		return nil, fmt.Errorf("no helper for linux/%s in this build", arch)
	}
	if !gzipped {
		return f.raw, nil
	}
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, err := w.Write(f.raw)
	err = errors.Join(err, w.Close())
	return packed.Bytes(), err
}

var buildHelper = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "netrun-fake-helper-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", filepath.Join(dir, "helper"), "./testdata/helper")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, out)
	}
	return os.ReadFile(filepath.Join(dir, "helper"))
})

func helperSource(t testing.TB) fakeSource {
	t.Helper()
	raw, err := buildHelper()
	if err != nil {
		t.Fatal(err)
	}
	// A tail of its own gives each test a helper that no other left behind.
	raw = append(bytes.Clone(raw), t.Name()+t.TempDir()...)
	return fakeSource{hash: fmt.Sprintf("%x", sha256.Sum256(raw)), raw: raw}
}

func connect(t testing.TB, s *sshdtest.Server) dial.Conn {
	t.Helper()
	d := dial.New(dial.Config{User: "root", Home: s.Dir, SSHConfigFiles: []string{}, KnownHosts: []string{s.Path("known_hosts")},
		Identities: []string{s.Path("key")}})
	t.Cleanup(d.Close)
	conn, err := d.Dial(t.Context(), dial.Target{Name: "node1", Addr: "127.0.0.1", Port: s.Port})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// greet reads the fake helper's second line and checks that it echoes.
func greet(t testing.TB, h *Helper) string {
	t.Helper()
	r := bufio.NewReader(h.Stdout)
	args, err := r.ReadString('\n')
	if err != nil {
		t.Fatalf("read: %v; stderr: %s", err, h.Stderr)
	}
	fmt.Fprintf(h.Stdin, "ping\n")
	if echo, err := r.ReadString('\n'); echo != "ping\n" {
		t.Fatalf("echo: got %q, %v; want ping", echo, err)
	}
	h.Stdin.Close()
	if err := h.Wait(); err != nil {
		t.Fatalf("wait: %v", err)
	}
	return strings.TrimSpace(args)
}
