//go:build vm

package vm

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"netrun/e2e/rig"
)

// TestLinuxhost runs the tests of what touches the kernel on a kernel that has all
// its modules: the laws for every kind of task and object, also those which must be
// skipped where the modules are missing.
func TestLinuxhost(t *testing.T) {
	one, _ := pair(t)
	program := filepath.Join(t.TempDir(), "linuxhost.test")
	if _, err := rig.Output(t.Context(), rig.Command{
		Argv: []string{"go", "test", "-c", "-o", program, "./remote-helper/internal/linuxhost"},
		Dir:  the.root, Env: []string{"CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64"},
	}); err != nil {
		t.Fatal(err)
	}
	one.put(t, "/root/linuxhost.test", program)
	// Loading some of these puts links such as gre0 into every namespace: not while the
	// tests look at one.
	one.sh(t, "modprobe -a ip_gre ip6_gre sit ipip ip6_tunnel openvswitch geneve")
	// The exit status is in the events too.
	out := one.sh(t, "mkdir -p /root/work && cd /root/work && PATH=$PATH:/usr/sbin ../linuxhost.test -test.v=test2json -test.timeout=20m 2>&1 || true")
	one.sh(t, "rm -rf /root/work /root/linuxhost.test")
	report(t, out)
}

// result is what a test in the machine came to.
type result struct {
	action string
	output strings.Builder
}

// report makes a subtest of each test in the output.
func report(t *testing.T, out string) {
	t.Helper()
	cmd := exec.Command("go", "tool", "test2json")
	cmd.Stdin = strings.NewReader(out)
	events, err := cmd.Output()
	if err != nil {
		t.Fatalf("go tool test2json: %v", err)
	}
	results := map[string]*result{}
	var order []string
	ended := ""
	for line := range strings.Lines(string(events)) {
		var e struct{ Action, Test, Output string }
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("read %q: %v", line, err)
		}
		if e.Test == "" {
			ended = e.Action
			continue
		}
		r := results[e.Test]
		if r == nil {
			r = &result{}
			results[e.Test] = r
			order = append(order, e.Test)
		}
		if e.Action == "output" {
			r.output.WriteString(e.Output)
		} else {
			r.action = e.Action
		}
	}
	passed := 0
	for _, name := range order {
		r := results[name]
		switch r.action {
		case "pass":
			passed++
		case "skip":
			t.Run(name, func(t *testing.T) { t.Skip(said(r)) })
		default:
			t.Run(name, func(t *testing.T) { t.Error(said(r)) })
		}
	}
	t.Logf("%d tests passed in the machine", passed)
	if passed < 50 || (ended != "pass" && !t.Failed()) {
		t.Errorf("got %d tests that passed, and %q at the end; want more than 50, and pass\n%s", passed, ended, tail(out, 40))
	}
}

// said is what a test printed, without the marks around it.
func said(r *result) string {
	var text strings.Builder
	for line := range strings.Lines(r.output.String()) {
		if trimmed := strings.TrimSpace(line); !strings.HasPrefix(trimmed, "=== ") && !strings.HasPrefix(trimmed, "--- ") {
			text.WriteString(line)
		}
	}
	return strings.TrimSpace(text.String())
}
