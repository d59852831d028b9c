package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"netrun/e2e/rig"
)

// bounds are what a command may take. They are generous: what they find is what
// grows without end. Its time is the processor's, which does not hang on what else
// the machine does.
type bounds struct {
	cpu  time.Duration
	peak int64
}

func within(t *testing.T, r rig.Result, b bounds) {
	t.Helper()
	t.Logf("took %s of CPU, %s and %d MiB, exit status %d", r.CPU, r.Elapsed, r.Peak>>20, r.Exit)
	if r.CPU > b.cpu || r.Peak > b.peak {
		t.Errorf("got %s of CPU and %d MiB; want at most %s and %d MiB", r.CPU, r.Peak>>20, b.cpu, b.peak>>20)
	}
}

// TestPlaybookOfTenMebibytes lints one that is all tasks: many mistakes or none,
// it ends.
func TestPlaybookOfTenMebibytes(t *testing.T) {
	need(t)
	t.Parallel()
	var s strings.Builder
	s.WriteString("- hosts: localhost\n  tasks:\n")
	for i := 0; s.Len() < 10<<20; i++ {
		fmt.Fprintf(&s, "    - name: route number %d of a very long list of routes\n      route: {to: 10.%d.%d.0/24, via: 192.0.2.1, dev: eth0}\n", i, i/250%250, i%250)
	}
	r := command(t, t.TempDir(), "lint", "-i", "localhost,", site(t, s.String()))
	within(t, r, bounds{time.Minute, 3 << 30})
	if r.Exit != 0 && !strings.Contains(r.Stderr, "site.yaml") {
		t.Errorf("got exit status %d and %.2000q; want 0, or an error that names the file", r.Exit, r.Stderr)
	}
}

// TestYAMLBomb is a file that is large only once its aliases are followed.
func TestYAMLBomb(t *testing.T) {
	need(t)
	t.Parallel()
	var s strings.Builder
	s.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n")
	for i := 1; i < 12; i++ {
		fmt.Fprintf(&s, "a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 10), ", "))
	}
	vars := filepath.Join(t.TempDir(), "bomb.yaml")
	if err := os.WriteFile(vars, []byte(s.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	cases := map[string][]string{
		"as playbook":        {"lint", "-i", "localhost,", vars},
		"as extra variables": {"lint", "-i", "localhost,", "-e", "@" + vars, site(t, on("localhost", "debug: {var: a11}"))},
		"as inventory":       {"inventory", "--list", "-i", vars},
	}
	for name, args := range cases {
		t.Run(name, func(t *testing.T) {
			r := command(t, t.TempDir(), args...)
			within(t, r, bounds{20 * time.Second, 1 << 30})
			if r.Exit != 1 || !strings.Contains(r.Stderr, "bomb.yaml") {
				t.Errorf("got exit status %d and %.2000q; want 1, and an error that names the file", r.Exit, r.Stderr)
			}
		})
	}
}

// TestHundredThousandHosts lists them, and plays on two of them.
func TestHundredThousandHosts(t *testing.T) {
	need(t)
	t.Parallel()
	inventory := filepath.Join(t.TempDir(), "inventory.ini")
	text := "[web]\nweb[00000:49999].example.org ansible_host=192.0.2.1\n[db]\ndb[00000:49999].example.org\n[all:vars]\nregion=north\n"
	if err := os.WriteFile(inventory, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	list := command(t, t.TempDir(), "inventory", "--list", "-i", inventory)
	within(t, list, bounds{20 * time.Second, 2 << 30})
	if list.Exit != 0 || !strings.Contains(list.Stdout, "db49999.example.org") {
		t.Errorf("inventory --list: got exit status %d; want 0 and every host\n%.2000s", list.Exit, list.Stderr)
	}
	hosts := command(t, t.TempDir(), "play", "--list-hosts", "-i", inventory, "--limit", "web00007.example.org,db*99.example.org", site(t, on("all", "ping:")))
	within(t, hosts, bounds{20 * time.Second, 2 << 30})
	if hosts.Exit != 0 || !strings.Contains(hosts.Stdout, "web00007.example.org") || strings.Contains(hosts.Stdout, "web00008.example.org") {
		t.Errorf("play --list-hosts: got exit status %d; want 0 and the hosts of the limit\n%.2000s%.2000s", hosts.Exit, hosts.Stdout, hosts.Stderr)
	}
}
