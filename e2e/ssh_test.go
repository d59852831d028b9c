package e2e

import (
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"netrun/e2e/rig"
)

// plain is a play that makes something, to see that it can.
func plain(hosts string) string {
	return on(hosts, "ping:", "netns: {name: web}", "command: {cmd: uname -n, probe: true}\nregister: name", `copy: {dest: /tmp/name, content: "{{ .name.stdout }}"}`)
}

// worksOn plays twice and takes it back.
func worksOn(t *testing.T, inventory, host string, args ...string) {
	t.Helper()
	path := site(t, plain(host))
	playFile(t, inventory, path, args...).want(t, 0)
	playFile(t, inventory, path, args...).unchanged(t)
	if got := shell(t, the.hosts, host, "cat /tmp/name"); got != host {
		t.Errorf("got %q in the file; want %q", got, host)
	}
	undo(t, the.hosts, host)
}

// inventoryOf writes an inventory of hosts of the lab, each with its variables.
func inventoryOf(t *testing.T, lines ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "inventory.ini")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// login is the variables for a host of the lab at an address.
func login(lab *rig.Lab, addr string) string {
	return fmt.Sprintf("ansible_host=%s ansible_user=root ansible_ssh_private_key_file=%s", addr, lab.Identity)
}

func addrOf(t *testing.T, name string) string {
	t.Helper()
	h, err := the.hosts.Host(name)
	if err != nil {
		t.Fatal(err)
	}
	return h.Addr.String()
}

func TestHostWithoutSFTP(t *testing.T) {
	need(t)
	t.Parallel()
	worksOn(t, the.hosts.Inventory, "nosftp")
}

func TestHostWithBusyboxOnly(t *testing.T) {
	need(t)
	t.Parallel()
	worksOn(t, the.hosts.Inventory, "busybox")
}

// TestJumpHost reaches a host by its fabric address, which this machine has no
// way to but through the jump host.
func TestJumpHost(t *testing.T) {
	need(t)
	t.Parallel()
	lab := the.hosts
	key, err := lab.HostKey(t.Context(), "inner")
	if err != nil {
		t.Fatal(err)
	}
	jumpKey, err := lab.HostKey(t.Context(), "jump")
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	files := map[string]string{
		"known_hosts": fmt.Sprintf("198.18.4.2 %s\n%s %s\n", key, addrOf(t, "jump"), jumpKey),
		"config": fmt.Sprintf("Host gate\n  HostName %s\nHost 198.18.4.2\n  ProxyJump gate\nHost *\n  User root\n  IdentityFile %s\n",
			addrOf(t, "jump"), lab.Identity),
	}
	if err := os.Mkdir(filepath.Join(home, ".ssh"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(home, ".ssh", name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	inventory := inventoryOf(t, "inner ansible_host=198.18.4.2")
	r := command(t, home, "play", "--json", "-i", inventory, site(t, plain("inner")))
	readPlay(t, r).want(t, 0)
	if got := shell(t, lab, "inner", "cat /tmp/name"); got != "inner" {
		t.Errorf("got %q on the inner host; want its name", got)
	}
}

func TestUnknownHostKey(t *testing.T) {
	need(t)
	t.Parallel()
	home := t.TempDir()
	inventory := inventoryOf(t, "keys1 "+login(the.hosts, addrOf(t, "keys1")), "keys2 "+login(the.hosts, addrOf(t, "keys2")))
	path := site(t, on("all", "ping:"))

	refused := command(t, home, "play", "-i", inventory, path)
	if out := refused.Stdout + refused.Stderr; refused.Exit != 4 || !strings.Contains(out, "--accept-new") || !strings.Contains(out, "SHA256:") {
		t.Errorf("unknown keys: got exit status %d; want 4, the fingerprint, and the flag that helps\n%s", refused.Exit, out)
	}
	if _, err := os.Stat(filepath.Join(home, ".ssh", "known_hosts")); err == nil {
		t.Error("known_hosts was written without anybody's consent")
	}
	for _, args := range [][]string{{"--accept-new"}, nil} { // from then on they are known
		r := command(t, home, append([]string{"play", "-i", inventory, path}, args...)...)
		if r.Exit != 0 {
			t.Errorf("play %q: got exit status %d\n%s%s", args, r.Exit, r.Stdout, r.Stderr)
		}
	}
	other, err := the.hosts.HostKey(t.Context(), "well")
	if err != nil {
		t.Fatal(err)
	}
	line := fmt.Sprintf("%s %s\n", addrOf(t, "keys1"), other)
	if err := os.WriteFile(filepath.Join(home, ".ssh", "known_hosts"), []byte(line), 0o600); err != nil {
		t.Fatal(err)
	}
	changed := command(t, home, "play", "-i", inventory, path, "--limit", "keys1", "--accept-new")
	if changed.Exit != 4 {
		t.Errorf("a key that has changed, with --accept-new: got exit status %d; want 4\n%s%s", changed.Exit, changed.Stdout, changed.Stderr)
	}
}

func TestEncryptedKeyWithoutATerminal(t *testing.T) {
	need(t)
	t.Parallel()
	// The key that the hosts accept, but locked.
	text, err := os.ReadFile(the.hosts.Identity)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.ParseRawPrivateKey(text)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKeyWithPassphrase(key, "", []byte("secret"))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "id_locked")
	if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	known := fmt.Sprintf("ansible_ssh_common_args='-o UserKnownHostsFile=%s'", the.hosts.KnownHosts)
	inventory := inventoryOf(t, fmt.Sprintf("well ansible_host=%s ansible_user=root ansible_ssh_private_key_file=%s %s", addrOf(t, "well"), path, known))
	// setsid: the tests' own terminal, if there is one, is not netrun's.
	r, err := rig.Run(t.Context(), rig.Command{
		Argv: []string{"setsid", "--wait", the.netrun, "play", "-i", inventory, site(t, on("all", "ping:"))}, Env: userEnv(t.TempDir())})
	if err != nil {
		t.Fatal(err)
	}
	if out := r.Stdout + r.Stderr; r.Exit != 4 || !strings.Contains(out, "passphrase") || !strings.Contains(out, path) {
		t.Errorf("got exit status %d; want 4, and that the key %s needs a passphrase\n%s", r.Exit, path, out)
	}
}

// TestDeadHosts has one host that never answers, and one that nobody is at: both
// are given up within the timeout, and the others go on.
func TestDeadHosts(t *testing.T) {
	need(t)
	t.Parallel()
	shell(t, the.hosts, "deaf", deafen)
	defer shell(t, the.hosts, "deaf", undeafen)
	p := play(t, the.hosts, plain("well:deaf"), "--timeout", "3s").want(t, 4)
	if s := p.stats(); s["well"].Changed == 0 || s["deaf"].Unreachable != 1 {
		t.Errorf("got %+v; want well changed and deaf unreachable", s)
	}
	if p.Elapsed > 12*time.Second {
		t.Errorf("got the end after %s; want little more than the timeout of 3s", p.Elapsed)
	}
	undo(t, the.hosts, "well")
}

// TestHostDiesInAPlay drops all packets of a host that is at work.
func TestHostDiesInAPlay(t *testing.T) {
	need(t)
	t.Parallel()
	p := struck(t, the.hosts.Inventory, on("dying", "netns: {name: web}", "command: sleep 60"), 1, func() {
		strike(t, "dying", deafen)
	})
	if p.want(t, 4); p.Elapsed > 30*time.Second {
		t.Errorf("got the end after %s; want it within a few times the timeout of 5s", p.Elapsed)
	}
	if s := p.stats()["dying"]; s.Unreachable != 1 {
		t.Errorf("got %+v; want dying unreachable", s)
	}
}
