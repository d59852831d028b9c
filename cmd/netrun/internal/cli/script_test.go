package cli

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"netrun/cmd/netrun/internal/push/binaries"
)

var update = flag.Bool("update", false, "rewrite what scripts compare with")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"netrun": func() { os.Exit(testMain()) }})
}

// testMain is netrun with the helper that the tests have built.
func testMain() int {
	if err := isolate(); err != nil {
		fmt.Fprintln(os.Stderr, "isolate:", err)
		return 125
	}
	p, err := OS("v1.2.3-test", "0123456789abcdef")
	if err == nil {
		p.Helpers, err = binaries.New(os.DirFS(os.Getenv("TEST_HELPERS")))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 125
	}
	return Main(context.Background(), p)
}

// isolate gives root's netrun a /var/lib and a /run of the script's own, where the
// local helper keeps its things.
func isolate() error {
	if os.Geteuid() != 0 || os.Getenv("TEST_ISOLATED") != "" {
		return nil
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	unshare, err := exec.LookPath("unshare")
	if err != nil {
		return err
	}
	const script = `mount --bind "$0/lib" /var/lib && mount --bind "$0/run" /run && exec "$@"`
	argv := append([]string{"unshare", "--mount", "sh", "-c", script, os.Getenv("TEST_STATE"), self}, os.Args[1:]...)
	// The program's name tells testscript which command it is.
	argv[6] = filepath.Join(filepath.Dir(self), filepath.Base(os.Args[0]))
	return syscall.Exec(unshare, argv, append(os.Environ(), "TEST_ISOLATED=1"))
}

func TestScripts(t *testing.T) {
	helpers := t.TempDir()
	if err := buildHelper(helpers); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 {
		if out, err := exec.Command("unshare", "--mount", "true").CombinedOutput(); err != nil {
			t.Skipf("unshare --mount: %v: %s", err, out)
		}
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", UpdateScripts: *update, RequireUniqueNames: true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"netrun-code": wantCode},
		Setup: func(e *testscript.Env) error {
			state := filepath.Join(e.WorkDir, ".state")
			e.Setenv("TEST_HELPERS", helpers)
			e.Setenv("TEST_STATE", state)
			e.Setenv("HOME", e.WorkDir)
			return errors.Join(os.MkdirAll(filepath.Join(state, "lib"), 0o755), os.MkdirAll(filepath.Join(state, "run"), 0o755))
		},
	})
}

// wantCode is the command "netrun-code CODE ARGUMENT...": netrun must end with that code.
func wantCode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: netrun-code CODE ARGUMENT...")
	}
	err := ts.Exec("netrun", args[1:]...)
	var exit *exec.ExitError
	code := 0
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	}
	if fmt.Sprint(code) != args[0] {
		ts.Fatalf("exit code %d, want %s (%v)", code, args[0], err)
	}
}

// buildHelper puts this machine's helper into dir.
func buildHelper(dir string) error {
	path := filepath.Join(dir, "helper")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w -buildid=", "-o", path, "netrun/remote-helper")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build helper: %w\n%s", err, out)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var packed bytes.Buffer
	w, err := gzip.NewWriterLevel(&packed, gzip.BestSpeed)
	if err != nil {
		return err
	}
	_, err = w.Write(raw)
	base := filepath.Join(dir, "helper-linux-"+runtime.GOARCH)
	return errors.Join(err, w.Close(), os.WriteFile(base+".gz", packed.Bytes(), 0o644),
		os.WriteFile(base+".sha256", fmt.Appendf(nil, "%x\n", sha256.Sum256(raw)), 0o644), os.Remove(path))
}
