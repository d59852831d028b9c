package inventory

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"netrun/inventory/diag"
)

func vars(pairs ...any) map[string]Var {
	m := map[string]Var{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i].(string)] = Var{Value: pairs[i+1], Pos: diag.Pos{File: "f", Line: i/2 + 1, Col: 1}}
	}
	return m
}

func TestConnection(t *testing.T) {
	no, yes := false, true
	for name, tt := range map[string]struct {
		vars map[string]Var
		want Connection
	}{
		"nothing": {vars(), Connection{Type: "ssh", Host: "h"}},
		"ansible": {
			vars("ansible_host", "10.0.0.1", "ansible_port", "2222", "ansible_user", "root", "ansible_ssh_pass", 12345, "ansible_ssh_private_key_file", "~/k",
				"ansible_become", "yes", "ansible_become_method", "sudo", "ansible_become_user", "admin", "ansible_become_pass", "x", "ansible_timeout", 5, "ansible_host_key_checking", "False"),
			Connection{Type: "ssh", Host: "10.0.0.1", Port: 2222, User: "root", Password: "12345", KeyFile: "~/k", Become: true, BecomeMethod: "sudo", BecomeUser: "admin", BecomePassword: "x", ConnectTimeout: 5, HostKeyChecking: &no},
		},
		"netrun wins": {
			vars("ansible_host", "a", "netrun_host", "b", "ansible_connection", "smart", "netrun_connection", "local", "netrun_proxy_jump", "j"),
			Connection{Type: "local", Host: "b", ProxyJump: "j"},
		},
		"args": {
			vars("ansible_ssh_common_args", `-J admin@bastion:2222 -o StrictHostKeyChecking=yes -oUserKnownHostsFile=/dev/null -o "ServerAliveInterval 5" -C -o ControlMaster=auto`, "ansible_ssh_extra_args", "-o connecttimeout=7 -p 24 -l me -i key"),
			Connection{Type: "ssh", Host: "h", Port: 24, User: "me", KeyFile: "key", ProxyJump: "admin@bastion:2222", HostKeyChecking: &yes, ConnectTimeout: 7, SSHArgs: []string{"UserKnownHostsFile=/dev/null", "ServerAliveInterval=5"}},
		},
		"proxy command": {
			vars("ansible_port", 9, "ansible_ssh_common_args", `-o ProxyCommand="ssh -W %h:%p -q -p 2200 -l joe bastion" -p 24`),
			Connection{Type: "ssh", Host: "h", Port: 9, ProxyJump: "joe@bastion:2200"},
		},
		"docker": {
			vars("ansible_connection", "community.docker.docker", "ansible_host", "web-1", "ansible_docker_extra_args", "--context 'my lab'", "ansible_user", "app"),
			Connection{Type: "docker", Host: "web-1", User: "app", RuntimeArgs: []string{"--context", "my lab"}},
		},
		"podman":        {vars("ansible_connection", "podman"), Connection{Type: "podman", Host: "h"}},
		"null is unset": {vars("ansible_host", nil, "netrun_user", nil, "ansible_user", "u"), Connection{Type: "ssh", Host: "h", User: "u"}},
	} {
		got, err := ConnectionFrom("h", tt.vars)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		type bare Connection
		if diff := cmp.Diff(bare(tt.want), bare(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestConnectionErrors(t *testing.T) {
	for _, tt := range []struct {
		name  string
		value any
		want  string
	}{
		{"ansible_port", "x", `f:1:1: ansible_port "x" is no whole number`},
		{"ansible_port", 70000, "f:1:1: ansible_port 70000 is no port (a number between 1 and 65535)"},
		{"ansible_become", "maybe", `f:1:1: ansible_become "maybe" is no boolean (yes or no)`},
		{"ansible_connection", "winrm", `f:1:1: ansible_connection "winrm" is no connection (known: docker, local, podman, ssh)`},
		{"ansible_become_method", "runas", `f:1:1: ansible_become_method "runas" is no become method (known: doas, su, sudo)`},
		{"ansible_host", []any{"a"}, "f:1:1: ansible_host (a list) is no text"},
		{"ansible_host", "-oProxyCommand=x", `f:1:1: ansible_host "-oProxyCommand=x" is no name (it begins with - or holds blanks)`},
		{"ansible_user", "a\nb", "f:1:1: ansible_user holds a line break or NUL"},
		{"ansible_password", []any{"geheim"}, "f:1:1: ansible_password is no text"},
		{"ansible_ssh_common_args", "-o ProxyJmp=x", `f:1:1: ansible_ssh_common_args: unknown keyword "ProxyJmp" after -o (did you mean "ProxyJump"?)`},
		{"ansible_ssh_common_args", "-F /x", `f:1:1: ansible_ssh_common_args: unknown argument "-F" (known: -J HOST, -o KEYWORD=VALUE, -l USER, -p PORT, -i FILE)`},
		{"ansible_ssh_common_args", "-J", "f:1:1: ansible_ssh_common_args: an argument is missing after -J"},
		{"ansible_ssh_common_args", "-o 'ProxyCommand=nc %h %p'", `f:1:1: ansible_ssh_common_args: ProxyCommand runs a program, which is not supported (write -J [USER@]HOST[:PORT], or -o ProxyCommand="ssh -W %h:%p HOST")`},
		{"ansible_ssh_common_args", "-J 'x", "f:1:1: ansible_ssh_common_args: a quote without an end"},
	} {
		_, err := ConnectionFrom("h", vars(tt.name, tt.value))
		if err == nil {
			t.Errorf("%s=%v: no error", tt.name, tt.value)
			continue
		}
		if got, _, _ := strings.Cut(err.Error(), "\n"); got != tt.want {
			t.Errorf("%s=%v:\n got %s\nwant %s", tt.name, tt.value, got, tt.want)
		}
	}
}

func TestConnectionHidesPasswords(t *testing.T) {
	c, err := ConnectionFrom("h", vars("ansible_password", "geheim", "ansible_become_password", "geheim", "ansible_user", "u", "ansible_port", 22))
	if err != nil {
		t.Fatal(err)
	}
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		if got := fmt.Sprintf(format, c); got != "ssh u@h:22" {
			t.Errorf("%s: got %q; want %q", format, got, "ssh u@h:22")
		}
	}
}

func FuzzSSHArgs(f *testing.F) {
	for _, s := range []string{"-J a@b:22", "-o ProxyCommand='ssh -W %h:%p x'", "-oPort=3 -l me", "-o X", "-", "-J\x00", "-J 'a\nb'"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, err := ConnectionFrom("h", vars("ansible_ssh_common_args", s))
		if err != nil {
			return
		}
		for _, v := range append([]string{c.ProxyJump, c.User}, c.SSHArgs...) {
			if strings.HasPrefix(v, "-") || strings.ContainsAny(v, "\n\x00") {
				t.Errorf("%q let through %q", s, v)
			}
		}
	})
}
