package inventory

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"netrun/inventory/yamlpos"
)

// needShell skips where the scripts of these tests cannot run.
func needShell(t *testing.T) {
	t.Helper()
	if _, err := os.Stat("/bin/sh"); err != nil {
		t.Skipf("probed for /bin/sh: %v", err)
	}
}

func loadScript(t *testing.T, text string) (*Inventory, error) {
	path := filepath.Join(tree(t, map[string]string{"inv*": text}), "inv")
	return Load(context.Background(), []string{path}, Options{})
}

func TestScriptWithMeta(t *testing.T) {
	needShell(t)
	inv, err := loadScript(t, `#!/bin/sh
[ "$1" = --list ] || exit 7
echo '{"web": {"hosts": ["w1", "w2"], "vars": {"mtu": 1400}}, "dc": {"children": ["web"]}, "lone": {"x": 1}, "_meta": {"hostvars": {"w1": {"y": 2}}}}'
`)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]any{"mtu": 1400, "y": 2}, values(inv.Host("w1"))); diff != "" {
		t.Errorf("w1 (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"dc", "web"}, inv.Host("w2").Groups()); diff != "" {
		t.Errorf("groups (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]any{"x": 1}, values(inv.Host("lone"))); diff != "" {
		t.Errorf("lone (-want +got):\n%s", diff)
	}
}

func TestScriptAskedForEachHost(t *testing.T) {
	needShell(t)
	inv, err := loadScript(t, `#!/bin/sh
if [ "$1" = --list ]; then echo '{"web": ["w1", "w2"], "all": ["w1"]}'; elif [ "$2" = w1 ]; then echo "{\"name\": \"$2\"}"; fi
`)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]any{"name": "w1"}, values(inv.Host("w1"))); diff != "" {
		t.Errorf("w1 (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]any{}, values(inv.Host("w2"))); diff != "" {
		t.Errorf("w2 (-want +got):\n%s", diff)
	}
}

func TestScriptErrors(t *testing.T) {
	needShell(t)
	for name, tt := range map[string]struct{ text, want string }{
		"fails":    {"#!/bin/sh\necho no token >&2; echo try login >&2; exit 3\n", "exit status 3: no token | try login"},
		"no JSON":  {"#!/bin/sh\necho '{\"a\": '\n", "inv --list:1:"},
		"a list":   {"#!/bin/sh\necho '[1]'\n", "prints a JSON object, not a list"},
		"too much": {"#!/bin/sh\nexec cat /dev/zero\n", "output is larger than 64 MiB"},
		"bad host": {"#!/bin/sh\necho '{\"a\": [\"x;reboot\"], \"_meta\": {\"hostvars\": {}}}'\n", `host name "x;reboot" holds ';'`},
		"bad meta": {"#!/bin/sh\necho '{\"a\": [\"x\"], \"_meta\": {\"hostvars\": {\"x\": [1]}}}'\n", `the variables of host "x" are a list`},
	} {
		if _, err := loadScript(t, tt.text); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %.300v; want %q", name, err, tt.want)
		}
	}
}

// A script that waits for a child of its own ends with its context, and so does
// the child.
func TestScriptEndsWithItsContext(t *testing.T) {
	needShell(t)
	dir := tree(t, map[string]string{"inv*": "#!/bin/sh\nsleep 600 & echo $! > pid; wait\n"})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() {
		_, err := Load(ctx, []string{filepath.Join(dir, "inv")}, Options{})
		done <- err
	}()
	pid := awaitFile(t, filepath.Join(dir, "pid"))
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v; want %v", err, context.Canceled)
	}
	for range 500 {
		if exec.Command("kill", "-0", pid).Run() != nil {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("process %s is still there", pid)
}

func awaitFile(t *testing.T, path string) string {
	t.Helper()
	for range 1000 {
		if text, err := os.ReadFile(path); err == nil && strings.HasSuffix(string(text), "\n") {
			return strings.TrimSpace(string(text))
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("%s did not appear", path)
	return ""
}

func TestRunIsAParameter(t *testing.T) {
	path := filepath.Join(tree(t, map[string]string{"inv*": "#!/none\n"}), "inv")
	var asked []string
	run := func(_ context.Context, _ string, args ...string) ([]byte, error) {
		asked = append(asked, strings.Join(args, " "))
		return []byte(`{"g": ["a"]}`), nil
	}
	if _, err := Load(context.Background(), []string{path}, Options{Run: run}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"--list", "--host a"}, asked); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestLargeFileIsRefused(t *testing.T) {
	path := filepath.Join(tree(t, map[string]string{"big": ""}), "big")
	if err := os.Truncate(path, yamlpos.MaxSize+1); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(context.Background(), []string{path}, Options{}); err == nil || !strings.Contains(err.Error(), "larger than 64 MiB") {
		t.Errorf("got %v; want an error about its size", err)
	}
}
