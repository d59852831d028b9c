package tasks

import (
	"strings"
	"testing"

	"netrun/tasks/state"
)

// checked decodes and checks, and gives the error's text, "" for none.
func checked(t *testing.T, kind string, args map[string]any) (Task, string) {
	t.Helper()
	k, ok := Lookup(kind)
	if !ok {
		t.Fatalf("there is no kind %s", kind)
	}
	task, _, err := k.Decode(args)
	if err == nil {
		err = task.Check()
	}
	if err != nil {
		return task, err.Error()
	}
	return task, ""
}

func TestPublishCheck(t *testing.T) {
	list := func(items ...any) []any { return items }
	for _, c := range []struct {
		args map[string]any
		want string // the beginning of the error
	}{
		{map[string]any{"container": "web", "ports": 80}, ""},
		{map[string]any{"container": "shop/web/2", "pairs": "80:0,81:0"}, ""},
		{map[string]any{"container": "web", "state": "absent"}, ""},
		{map[string]any{"container": "web", "ports": list("80:80", "80:80/udp", "127.0.0.1:81:80", "127.0.0.2:81:80", "80", "80")}, ""},
		{map[string]any{"container": "web"}, "ports: which ports? give ports, or pairs"},
		{map[string]any{"ports": 80}, "container: which container?"},
		{map[string]any{"container": "web", "netns": "web", "ports": 80}, "container: netns and container both say where"},
		{map[string]any{"container": "web", "ports": "[::1]:80:80"}, "ports[0]: ::1: no rule leads ::1 elsewhere"},
		{map[string]any{"container": "web", "ports": list(80, "localhost:80:80")}, "ports[1]: invalid IP address: localhost"},
		{map[string]any{"container": "web", "ports": list("80:80", "80:81")}, "ports: port 80/tcp of the host is there twice: for 80 and 81"},
		{map[string]any{"container": "web", "ports": list("127.0.0.1:80:80", "80:81")}, "ports: port 80/tcp of the host is there twice"},
		{map[string]any{"container": "web", "ports": list("80-82:80-82", "82:8")}, "ports: port 82/tcp of the host is there twice"},
		{map[string]any{"container": "web", "ports": "80:80", "pairs": "81:80"}, "ports: port 80/tcp of the host is there twice"},
		{map[string]any{"container": "web", "ports": 80, "address": list("10.0.0.1", "10.0.0.2")}, "address[1]: 10.0.0.2: give one address a family"},
		{map[string]any{"container": "web", "ports": 80, "address": "127.0.0.1"}, "address[0]: 127.0.0.1 is not an address at which"},
		{map[string]any{"container": "web", "ports": 80, "name": "a\nb"}, "name: "},
	} {
		if _, got := checked(t, "publish", c.args); (got == "") != (c.want == "") || !strings.HasPrefix(got, c.want) {
			t.Errorf("%v: got error %q; want one that begins with %q", c.args, got, c.want)
		}
	}
}

// TestPublishFamilies wants each port where it was asked for, and nowhere else.
func TestPublishFamilies(t *testing.T) {
	for _, c := range []struct {
		family, port string
		want         string
	}{
		{"ipv4", "80:80", "4"},
		{"ipv6", "80:80", "6"},
		{"both", "80:80", "4 6"},
		{"ipv6", "0.0.0.0:80:80", "4"},
		{"ipv4", "[::]:80:80", "6"},
		{"both", "192.0.2.1:80:80", "4"},
		{"ipv4", "[2001:db8::1]:80:80", "6"},
	} {
		task, problem := checked(t, "publish", map[string]any{"container": "web", "family": c.family, "ports": c.port})
		if problem != "" {
			t.Fatal(problem)
		}
		var got []string
		guarded := false
		for _, w := range task.(Wanter).Want() {
			chain, ok := w.Object.(state.Chain)
			if !ok {
				continue
			}
			guarded = guarded || chain.Table == "raw"
			if strings.HasSuffix(chain.Name, "-D") {
				got = append(got, map[int]string{4: "4", 6: "6"}[chain.Family])
			}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("family %s, port %s: got chains of %v; want %s", c.family, c.port, got, c.want)
		}
		if local := strings.Contains(c.want, "4") && !strings.Contains(c.port, "192"); guarded != local {
			t.Errorf("family %s, port %s: 127.0.0.1 guarded: got %v; want %v", c.family, c.port, guarded, local)
		}
	}
}

func TestContainerLinkCheck(t *testing.T) {
	registered := map[string]any{"host_ip": "", "host_port": 4000, "container_port": 5432, "proto": "tcp", "address": "172.17.0.5"}
	for _, c := range []struct {
		args map[string]any
		want string // the beginning of the error
	}{
		{map[string]any{"container": "web", "source": "db"}, ""},
		{map[string]any{"container": "web", "source": "db", "ports": []any{5432, "53/udp", registered}}, ""},
		{map[string]any{"container": "web", "source": "web", "host": "node4", "address": "192.0.2.4", "env": map[string]any{"A": 1}}, ""},
		{map[string]any{"container": "pid:7", "source": "db", "hosts": false}, ""},
		{map[string]any{"source": "db"}, "container: which container?"},
		{map[string]any{"container": "web"}, "container_link needs the argument \"source\""},
		{map[string]any{"container": "web", "source": "web"}, "source: cannot link web to itself"},
		{map[string]any{"container": "web", "source": "db", "alias": "a b"}, "alias: \"a b\" is not a name"},
		{map[string]any{"container": "web", "source": "db", "alias": "db #"}, "alias: \"db #\" is not a name"},
		{map[string]any{"container": "web", "source": "db", "env": map[string]any{"A": 1}}, "env: the environment of a container on this host is read from it"},
		{map[string]any{"container": "web", "source": "db", "hostname": "x"}, "hostname: the host name of a container on this host is read"},
		{map[string]any{"container": "web", "source": "db", "host": "node4", "address": "192.0.2.4", "env": map[string]any{"A B": 1}}, "env: \"A B\" is not the name of a variable"},
		{map[string]any{"container": "web", "source": "db", "host": "node4"}, "host: its address is not known when the task runs"},
		{map[string]any{"container": "web", "source": "db", "ports": []any{80, "80/icmp"}}, "ports[1]: \"80/icmp\" is not a port of a link"},
		{map[string]any{"container": "web", "source": "db", "ports": []any{map[string]any{"host_port": 1}}}, "ports[0]: a port that publish registered has container_port"},
		{map[string]any{"container": "pid:7", "source": "db"}, "hosts: where the hosts file of a process is, nobody knows"},
		{map[string]any{"container": "web", "source": "db", "hosts": false, "variables": false}, "hosts: neither hosts nor variables"},
	} {
		if _, got := checked(t, "container_link", c.args); (got == "") != (c.want == "") || !strings.HasPrefix(got, c.want) {
			t.Errorf("%v: got error %q; want one that begins with %q", c.args, got, c.want)
		}
	}
}

// TestContainerLinkNames has the names that follow from a compose service's.
func TestContainerLinkNames(t *testing.T) {
	task, problem := checked(t, "container_link", map[string]any{"container": "shop/web/2", "source": "docker:db-1", "host": "node4",
		"address": "192.0.2.4", "ports": "4000:5432", "env": map[string]any{"PASSWORD": "gordon"}})
	if problem != "" {
		t.Fatal(problem)
	}
	var file state.File
	var line state.HostsLine
	for _, w := range task.(Wanter).Want() {
		switch o := w.Object.(type) {
		case state.File:
			file = o
		case state.HostsLine:
			line = o
		}
	}
	if file.Path != "/var/lib/netrun/links/shop_web_2.db-1.env" || !file.Secret || file.Mode != "0600" {
		t.Errorf("got %+v; want a secret file of the container and the alias", file)
	}
	for _, want := range []string{"DB_1_PORT=tcp://192.0.2.4:4000\n", "DB_1_NAME=/web_2/db-1\n", "DB_1_ENV_PASSWORD=gordon\n"} {
		if !strings.Contains(string(file.Content), want) {
			t.Errorf("got %q; want %q in it", file.Content, want)
		}
	}
	if got := line.Text(); line.Scope != "container:shop/web/2" || got != "192.0.2.4\tdb-1\t# netrun" {
		t.Errorf("got %q in %s; want the other host's address", got, line.Scope)
	}
}

func FuzzPublish(f *testing.F) {
	addAll(f, "80:80", "127.0.0.1::80/udp", "[::]:1-2:3-4")
	f.Fuzz(func(t *testing.T, text string) {
		var spec PortSpec
		if spec.UnmarshalText([]byte(text)) != nil || spec.Container.len() > 50 {
			return
		}
		task := &Publish{Container: "web", Ports: []PortSpec{spec}, Family: "both", State: present}
		if task.Check() == nil {
			safeObjects(t, task.Want())
		}
	})
}
