package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"netrun/e2e/rig"
)

// payloads would make the canary file if they ever got to a shell, or a rule of
// their own if they got into a line of iptables-restore.
func payloads(canary string) []string {
	touch := "touch " + canary
	return []string{
		"$(" + touch + ")",
		"`" + touch + "`",
		"; " + touch + " ;",
		"| " + touch + " &",
		"' ; " + touch + " ; '",
		"\" ; " + touch + " ; \"",
		"a\n" + touch + "\n",
		"\nCOMMIT\n*filter\n-A INPUT -s 192.0.2.66 -j DROP\nCOMMIT\n",
		"-oProxyCommand=" + touch,
		"\\\"; " + touch + "; \\\"",
		"${IFS}$(" + touch + ")%s%n\x1b[2J",
	}
}

// literal are tasks that take any text as data. %s is the text as a YAML string.
var literal = []string{
	"copy: {dest: /tmp/hostile.content, content: %s}",
	"command: {argv: [printf, '%%s', %s], probe: true}\nregister: printed",
	"command: {argv: [cat], stdin: %s, probe: true}\nregister: fed",
	"shell: {cmd: 'printf %%s \"$TEXT\"', env: {TEXT: %s}, probe: true}\nregister: env",
	"copy: {dest: /tmp/hostile.printed, content: '{{ .printed.stdout }}'}",
	"copy: {dest: /tmp/hostile.fed, content: '{{ .fed.stdout }}'}",
	"copy: {dest: /tmp/hostile.env, content: '{{ .env.stdout }}'}",
	"copy: {dest: /tmp/hostile.var, content: '{{ .evil }}'}",
	"debug: {msg: %s}",
	"set_fact: {fact: %s}",
	"assert: {that: fact == evil}",
	"fail: {msg: %s}\nignore_errors: true",
}

// lines are tasks that take any text of one line as data.
var lines = []string{
	"lineinfile: {path: /tmp/hostile.line, line: %s, create: true}",
	"iptables: {chain: EVIL, rules: [['-m', comment, '--comment', %s, '-j', ACCEPT]]}",
	"wait_for: {port: 80, host: %s, timeout: 1}\nignore_errors: true",
	"ping: {to: %s, count: 1, timeout: 1}\nignore_errors: true",
}

// named are tasks in which the text stands where only a name or an address may.
var named = []string{
	"bridge: {name: %s}",
	"netns: {name: %s}",
	"veth: {name: %s, peer: v2}",
	"interface: {name: %s, state: up}",
	"address: {address: %s, dev: eth1}",
	"address: {address: 10.0.0.1/24, dev: %s}",
	"address: {address: 10.0.0.1/24, dev: eth1, label: %s}",
	"route: {to: %s, via: 10.0.0.1}",
	"route: {to: 10.9.0.0/16, via: %s}",
	"rule: {priority: 5, from: %s, table: 7}",
	"sysctl: {name: %s, value: '1'}",
	"static_ip: {netns: %s, bridge: br0, addresses: 10.0.0.2/24}",
	"static_ip: {container: %s, bridge: br0, addresses: 10.0.0.2/24}",
	"iptables: {chain: %s}",
	"iptables: {chain: WEB, jump_from: [%s]}",
	"command: {cmd: 'true', netns: %s}",
	"wait_for: {path: %s, timeout: 1}",
	"fetch: {src: %s, dest: fetched}",
	"copy: {dest: %s, content: x}",
	"service: {name: %s, state: started}",
	"package: {name: %s}",
}

func fill(tasks []string, text string) []string {
	quoted := yamlQuoted(text)
	var out []string
	for _, task := range tasks {
		if strings.Contains(task, "%s") {
			task = fmt.Sprintf(task, quoted)
		}
		out = append(out, task)
	}
	return out
}

// yamlQuoted is the text as a double-quoted YAML string, templates being taken literally.
func yamlQuoted(text string) string { return strconv.QuoteToASCII(text) }

// canaryAway ends the test if the file is anywhere: something has run it.
func canaryAway(t *testing.T, host, canary, what string) {
	t.Helper()
	if _, err := os.Stat(canary); err == nil {
		t.Fatalf("%s: it ran on the controller", what)
	}
	if out := shell(t, the.hosts, host, `ls "$1" 2>/dev/null; true`, canary); out != "" {
		t.Fatalf("%s: it ran on the host", what)
	}
}

func TestHostileTextIsData(t *testing.T) {
	need(t)
	t.Parallel()
	const host = "hostile"
	canary := filepath.Join(os.TempDir(), fmt.Sprintf("netrun-canary-%d", os.Getpid()))
	before := snapshot(t, the.hosts, host)
	for _, text := range payloads(canary) {
		vars := fmt.Sprintf("{%q: %s}", "evil", yamlQuoted(text))
		tasks := literal
		if !strings.ContainsAny(text, "\n\x1b") {
			tasks = append(tasks[:len(tasks):len(tasks)], lines...)
		}
		play(t, the.hosts, on(host, fill(tasks, text)...), "-e", vars).want(t, 0)
		canaryAway(t, host, canary, fmt.Sprintf("%q as data", text))
		stdout := strings.TrimRight(text, "\n") // as registered results have it
		for file, want := range map[string]string{"content": text, "var": text, "printed": stdout, "fed": stdout, "env": stdout} {
			if got := shell(t, the.hosts, host, `cat "/tmp/hostile.$1"`, file); got != want {
				t.Errorf("%q through %s: got %q on the host; want %q", text, file, got, want)
			}
		}
		rules := shell(t, the.hosts, host, "iptables-save; ip6tables-save")
		if strings.Contains(rules, "192.0.2.66") && !strings.Contains(rules, "--comment") {
			t.Errorf("%q made a rule of its own:\n%s", text, rules)
		}
		undo(t, the.hosts, host)
	}
	if diff := sameAs(t, the.hosts, host, before); diff != "" {
		t.Errorf("(-before +now):\n%s", diff)
	}
}

func TestHostileNamesAreRefused(t *testing.T) {
	need(t)
	t.Parallel()
	const host = "hostile"
	canary := filepath.Join(os.TempDir(), fmt.Sprintf("netrun-canary-names-%d", os.Getpid()))
	for _, text := range payloads(canary) {
		// A name of the inventory may stand in these, which are looked at last.
		play(t, the.hosts, on(host, fill([]string{"link: {netns: web, from: 127.0.0.1:1, to: %s}"}, text)...)).want(t, 1)
		tasks := fill(named, text)
		if strings.Contains(text, "\n") {
			tasks = append(tasks, fill(lines, text)...)
		}
		p := play(t, the.hosts, on(host, tasks...)).want(t, 1)
		// Each task's mistake is told, with its place, and no host has heard of it.
		line := 4
		for _, task := range tasks {
			place := fmt.Sprintf("site.yaml:%d:", line)
			line += 1 + strings.Count(task, "\n")
			if !strings.Contains(p.Stderr, place) {
				t.Errorf("%q: got no error at %s, of %s", text, place, task)
			}
		}
		if strings.Contains(p.Stderr, "\x1b") {
			t.Errorf("%q: the terminal's escape sequences are printed as they are", text)
		}
		canaryAway(t, host, canary, fmt.Sprintf("%q as a name", text))
	}
}

func TestHostileInventoriesAndFlags(t *testing.T) {
	need(t)
	t.Parallel()
	const host = "hostile"
	canary := filepath.Join(os.TempDir(), fmt.Sprintf("netrun-canary-flags-%d", os.Getpid()))
	path := site(t, on("all", "ping:"))
	for _, text := range payloads(canary) {
		quoted := yamlQuoted(text)
		inventories := []string{
			fmt.Sprintf("all: {hosts: {%s: }}\n", quoted),
			fmt.Sprintf("all: {hosts: {a: {ansible_host: %s}}}\n", quoted),
			fmt.Sprintf("all: {hosts: {a: {ansible_host: 127.0.0.1, ansible_port: 1, ansible_user: %s}}}\n", quoted),
			fmt.Sprintf("all: {hosts: {a: {ansible_host: 127.0.0.1, ansible_port: %s}}}\n", quoted),
			fmt.Sprintf("all: {hosts: {a: {ansible_host: 127.0.0.1, ansible_port: 1, ansible_ssh_common_args: %s}}}\n", quoted),
			fmt.Sprintf("all: {hosts: {a: {ansible_host: 127.0.0.1, ansible_port: 1, netrun_proxy_jump: %s}}}\n", quoted),
			fmt.Sprintf("all: {hosts: {a: {ansible_connection: local, ansible_become: true, ansible_become_user: %s}}}\n", quoted),
		}
		for _, inv := range inventories {
			file := filepath.Join(t.TempDir(), "inventory.yaml")
			if err := os.WriteFile(file, []byte(inv), 0o600); err != nil {
				t.Fatal(err)
			}
			refused(t, text, "play", "-i", file, "--timeout", "2s", path)
		}
		refused(t, text, "play", "-i", the.hosts.Inventory, "--limit", text, path)
		refused(t, text, "play", "-i", "127.0.0.1,", "-u", text, path, "--private-key", text)
		refused(t, text, "play", "-i", "127.0.0.1,", path, "--known-hosts", text, "--ssh-config", text)
		refused(t, text, "play", "-i", text, path)
		refused(t, text, "task", "-i", the.hosts.Inventory, text, "ping")
		refused(t, text, "task", "-i", the.hosts.Inventory, host, text)
		canaryAway(t, host, canary, fmt.Sprintf("%q in inventory or flags", text))
	}
}

// refused runs netrun, which must not take the text for what it stands for.
func refused(t *testing.T, text string, args ...string) {
	t.Helper()
	r, err := rig.Run(t.Context(), rig.Command{Argv: append([]string{the.netrun}, args...), Env: userEnv(t.TempDir())})
	if err != nil {
		t.Fatal(err)
	}
	if r.Exit != 1 && r.Exit != 4 && r.Exit != 2 {
		t.Errorf("%q: netrun %q: got exit status %d; want 1, 2 or 4\n%s%s", text, args, r.Exit, r.Stdout, r.Stderr)
	}
	if strings.Contains(r.Stdout+r.Stderr, "panic:") {
		t.Errorf("%q: netrun %q panics:\n%s", text, args, r.Stderr)
	}
}
