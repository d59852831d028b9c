package tasks_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"netrun/tasks"
)

// equipped is a machine with the programs and paths of has.
type equipped struct {
	machine
	has []string
}

func (e *equipped) lists(name string) bool {
	for _, h := range e.has {
		if h == name {
			return true
		}
	}
	return false
}

// Exists implements tasks.Disk.
func (e *equipped) Exists(path string) bool { return e.lists(path) }

// Glob implements tasks.Disk.
func (e *equipped) Glob(pattern string) bool { return e.lists(pattern) }

// Find implements tasks.Disk.
func (e *equipped) Find(program string) string {
	if e.lists(program) {
		return "/usr/bin/" + program
	}
	return ""
}

var managerCases = []struct {
	name, kind string
	args       args
	has        []string
	answers    map[string]tasks.Output
	needed     string
	ran        string // the last program
}{
	{"systemd start", "service", args{"name": "web", "state": "started"}, []string{"/run/systemd/system"},
		map[string]tasks.Output{"systemctl is-active --quiet -- web": {Status: 1}}, "start web", "systemctl start -- web"},
	{"systemd stopped already", "service", args{"name": "web", "state": "stopped"}, []string{"/run/systemd/system"},
		map[string]tasks.Output{"systemctl is-active --quiet -- web": {Status: 1}}, "", ""},
	{"systemd disable", "service", args{"name": "web", "enabled": false}, []string{"/run/systemd/system"}, nil, "disable web", "systemctl disable -- web"},
	{"openrc enable", "service", args{"name": "web", "enabled": true}, []string{"rc-service"},
		map[string]tasks.Output{"rc-update show default": {Stdout: " sshd | default\n"}}, "enable web", "rc-update add web default"},
	{"openrc restart", "service", args{"name": "sshd", "state": "restarted", "enabled": true}, []string{"rc-service"},
		map[string]tasks.Output{"rc-update show default": {Stdout: " sshd | default\n"}}, "restart sshd", "rc-service sshd restart"},
	{"sysv start", "service", args{"name": "web", "state": "started"}, []string{"/etc/init.d", "service"},
		map[string]tasks.Output{"service web status": {Status: 3}}, "start web", "service web start"},
	{"init.d stop", "service", args{"name": "web", "state": "stopped"}, []string{"/etc/init.d"}, nil, "stop web", "/etc/init.d/web stop"},
	{"sysv enable", "service", args{"name": "web", "enabled": true}, []string{"/etc/init.d", "update-rc.d"}, nil, "enable web", "update-rc.d web enable"},
	{"sysv enabled already", "service", args{"name": "web", "enabled": true}, []string{"/etc/init.d", "/etc/rc[2-5].d/S[0-9][0-9]web"}, nil, "", ""},

	{"apt present", "package", args{"name": "curl"}, []string{"apt-get"},
		map[string]tasks.Output{"dpkg-query -W -f ${binary:Package}\\t${db:Status-Status}\\n -- curl": {Stdout: "curl\tinstalled\n"}}, "", ""},
	{"apt multi-arch", "package", args{"name": "libc6:amd64"}, []string{"apt-get"},
		map[string]tasks.Output{"dpkg-query -W -f ${binary:Package}\\t${db:Status-Status}\\n -- libc6:amd64": {Stdout: "libc6:amd64\tinstalled\n"}}, "", ""},
	{"apt latest", "package", args{"name": []any{"curl", "vim"}, "state": "latest"}, []string{"apt-get"},
		map[string]tasks.Output{"dpkg-query -W -f ${binary:Package}\\t${db:Status-Status}\\n -- curl vim": {Stdout: "curl\tinstalled\nvim\tinstalled\n"},
			"apt-get -q -s install -- curl vim": {Stdout: "Reading...\nInst vim [1] (2 Debian)\nConf vim\n"}},
		"install or update vim", "apt-get -q -y -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold install -- vim"},
	{"dnf", "package", args{"name": []any{"curl", "vim"}}, []string{"dnf", "yum"},
		map[string]tasks.Output{"rpm -q --quiet --whatprovides vim": {Status: 1}}, "install vim", "dnf -q -y install vim"},
	{"dnf latest", "package", args{"name": "vim", "state": "latest"}, []string{"dnf"},
		map[string]tasks.Output{"dnf -q check-update vim": {Status: 100, Stdout: "\nvim.x86_64   2:9.1-1.fc40   updates\n"}}, "install or update vim", "dnf -q -y install vim"},
	{"apk", "package", args{"name": []any{"curl", "vim"}}, []string{"apk"},
		map[string]tasks.Output{"apk info -e curl vim": {Status: 1, Stdout: "curl\n"}}, "install vim", "apk -q add -u vim"},
	{"apk latest", "package", args{"name": "py3-pip", "state": "latest"}, []string{"apk"},
		map[string]tasks.Output{"apk info -e py3-pip": {Stdout: "py3-pip\n"}, "apk version -l < py3-pip": {Stdout: "py3-pip-23.1-r0 < 23.2-r1\n"}}, "install or update py3-pip", "apk -q add -u py3-pip"},
	{"pacman absent", "package", args{"name": "vim", "state": "absent"}, []string{"pacman"},
		map[string]tasks.Output{"pacman -Qq -- vim": {Stdout: "vim\n"}}, "remove vim", "pacman -R --noconfirm -- vim"},
	{"zypper latest", "package", args{"name": "vim", "state": "latest"}, []string{"zypper"},
		map[string]tasks.Output{"zypper -n -q list-updates vim": {Stdout: "S | Repository | Name | Current\nv | main | vim | 1\n"}}, "install or update vim", "zypper -n -q install -- vim"},
}

// TestManagers runs services and packages against each manager: what is needed,
// and the programs that run for it.
func TestManagers(t *testing.T) {
	for _, test := range managerCases {
		t.Run(test.name, func(t *testing.T) {
			m := &equipped{machine{answers: test.answers}, test.has}
			task := act(t, test.kind, test.args)
			needed, err := task.Needed(t.Context(), m)
			if err != nil || needed != test.needed {
				t.Fatalf("needed: got %q, %v; want %q", needed, err, test.needed)
			}
			if needed == "" {
				return
			}
			out, err := task.Do(t.Context(), m)
			if err != nil || !out.Changed {
				t.Errorf("do: got changed %v, %v; want true", out.Changed, err)
			}
			if diff := cmp.Diff(test.ran, m.ran[len(m.ran)-1]); diff != "" {
				t.Errorf("ran (-want +got):\n%s", diff)
			}
		})
	}
}

func TestNoManager(t *testing.T) {
	for kind, args := range map[string]map[string]any{"service": {"name": "web", "state": "started"}, "package": {"name": "curl"}} {
		_, err := act(t, kind, args).Needed(t.Context(), &equipped{})
		if err == nil || !strings.Contains(err.Error(), "no "+kind+" manager") {
			t.Errorf("%s: got %v; want that there is no manager", kind, err)
		}
	}
}

func TestProgramFails(t *testing.T) {
	m := &equipped{machine{answers: map[string]tasks.Output{"/etc/init.d/web stop": {Status: 4, Stderr: "no right\n"}}}, []string{"/etc/init.d"}}
	_, err := act(t, "service", map[string]any{"name": "web", "state": "stopped"}).Do(t.Context(), m)
	var failure *tasks.Failure
	if !errors.As(err, &failure) || failure.Data["rc"] != 4 || !strings.Contains(err.Error(), "stop service web: /etc/init.d/web stop: status 4: no right") {
		t.Errorf("got %v; want a Failure with status 4 and its words", err)
	}
}

func TestNamesThatCouldBeOptions(t *testing.T) {
	for kind, names := range map[string][]string{
		"service": {"-H", "a b", "../x", "a;b", "x\ny", ""},
		"package": {"-y", "a b", "curl-", "a=1", "$(id)", "x\ny", "./local.deb"},
	} {
		for _, name := range names {
			if _, err := decode(kind, map[string]any{"name": name, "state": map[string]string{"service": "started", "package": "present"}[kind]}); err == nil {
				t.Errorf("%s %q: got no error; want it refused", kind, name)
			}
		}
	}
}

func TestWaitFor(t *testing.T) {
	m := &equipped{has: []string{"/run/x"}}
	for _, test := range []struct {
		args map[string]any
		want string
	}{
		{map[string]any{"path": "/run/x", "timeout": 1}, ""},
		{map[string]any{"path": "/run/x", "state": "absent", "timeout": "0.02", "sleep": "0.005"}, "not absent after 20ms"},
		{map[string]any{"port": 1, "timeout": "0.02", "sleep": "0.005"}, "wait for 127.0.0.1:1: not started"},
		{map[string]any{"port": 1, "state": "stopped"}, ""},
	} {
		_, err := act(t, "wait_for", test.args).Do(t.Context(), m)
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v: got %v; want %q", test.args, err, test.want)
		}
	}
}
