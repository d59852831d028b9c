package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"netrun/e2e/rig"
)

// need skips the test where no lab can be.
func need(t *testing.T) {
	t.Helper()
	if the.missing != "" {
		t.Skipf("probed this machine for a lab: %s", the.missing)
	}
}

// event is a line of netrun play --json, as far as tests look at it.
type event struct {
	Event   string                `json:"event"`
	Host    string                `json:"host"`
	Status  string                `json:"status"`
	Msg     string                `json:"msg"`
	Item    string                `json:"item"`
	Task    struct{ Name string } `json:"task"`
	Changes []struct{ Text string }
	Found   []string
	Changed *int
	Undone  bool
	Error   *struct{ Kind, Msg string }
	Stats   map[string]stats
}

type stats struct {
	OK, Changed, Unreachable, Failed, Skipped, Rescued, Ignored int
	Undone                                                      bool
}

// played is a run of netrun play --json.
type played struct {
	rig.Result
	events []event
}

// command runs netrun. Where it reads and writes files of its user, it is in home.
func command(t *testing.T, home string, args ...string) rig.Result {
	t.Helper()
	r, err := rig.Run(t.Context(), rig.Command{Argv: append([]string{the.netrun}, args...), Env: userEnv(home)})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// userEnv is that of a person without any configuration, agent or terminal.
func userEnv(home string) []string {
	return []string{"HOME=" + home, "SSH_AUTH_SOCK=", "NETRUN_INVENTORY=", "NO_COLOR=1"}
}

// site writes a playbook and returns its path.
func site(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "site.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// on is a play of the tasks, each as it would stand in a list, on the hosts.
func on(hosts string, tasks ...string) string {
	var s strings.Builder
	fmt.Fprintf(&s, "- name: test\n  hosts: %q\n  tasks:\n", hosts)
	for _, task := range tasks {
		fmt.Fprintf(&s, "    - %s\n", strings.ReplaceAll(strings.TrimSpace(task), "\n", "\n      "))
	}
	return s.String()
}

// play plays the text with the inventory of the lab.
func play(t *testing.T, lab *rig.Lab, text string, args ...string) played {
	t.Helper()
	return playFile(t, lab.Inventory, site(t, text), args...)
}

func playFile(t *testing.T, inventory, path string, args ...string) played {
	t.Helper()
	argv := append([]string{"play", "--json", "-i", inventory, path}, args...)
	return readPlay(t, command(t, t.TempDir(), argv...))
}

func readPlay(t *testing.T, r rig.Result) played {
	t.Helper()
	p := played{Result: r}
	for line := range strings.Lines(r.Stdout) {
		e, err := readEvent([]byte(line))
		if err != nil {
			t.Fatalf("line of --json %q: %v", line, err)
		}
		p.events = append(p.events, e)
	}
	return p
}

func readEvent(line []byte) (event, error) {
	var e event
	err := json.NewDecoder(bytes.NewReader(line)).Decode(&e)
	return e, err
}

// want ends the test unless the play ended with the exit status.
func (p played) want(t *testing.T, exit int) played {
	t.Helper()
	if p.Exit != exit {
		t.Fatalf("got exit status %d; want %d\n%s%s", p.Exit, exit, p.Stdout, p.Stderr)
	}
	return p
}

// unchanged ends the test unless the play is done and has changed nothing.
func (p played) unchanged(t *testing.T) {
	t.Helper()
	p.want(t, 0)
	if changes := p.changes(); len(changes) > 0 {
		t.Fatalf("got changes %q; want none", changes)
	}
	for host, s := range p.stats() {
		if s.Changed != 0 {
			t.Fatalf("%s: got changed=%d; want 0\n%s", host, s.Changed, p.Stdout)
		}
	}
}

// changes are the changes that results tell of, "host: task: text", sorted.
func (p played) changes() []string {
	var out []string
	for _, e := range p.events {
		for _, c := range e.Changes {
			out = append(out, fmt.Sprintf("%s: %s: %s", e.Host, e.Task.Name, c.Text))
		}
	}
	slices.Sort(out)
	return out
}

// stats is the recap by host.
func (p played) stats() map[string]stats {
	for _, e := range slices.Backward(p.events) {
		if e.Event == "recap" {
			return e.Stats
		}
	}
	return nil
}

// found is what hosts said that earlier plays had left.
func (p played) found() string {
	var out []string
	for _, e := range p.events {
		out = append(out, e.Found...)
	}
	return strings.Join(out, "\n")
}

// says reports whether the text stands anywhere in what was printed.
func (p played) says(text string) bool {
	return strings.Contains(p.Stdout, text) || strings.Contains(p.Stderr, text)
}

// shell runs a shell script on a lab host, without SSH.
func shell(t *testing.T, lab *rig.Lab, host, script string, args ...string) string {
	t.Helper()
	out, err := lab.Shell(t.Context(), host, script, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// eventually waits until check finds nothing wrong any more, and ends the test
// with what it found last if that takes longer than patience.
func eventually(t *testing.T, patience time.Duration, check func() string) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		wrong := check()
		if wrong == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("after %s still: %s", patience, wrong)
		}
		time.Sleep(100 * time.Millisecond)
	}
}
