package state_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"netrun/tasks/fakehost"
	"netrun/tasks/reconcile"
	"netrun/tasks/state"
)

func linkPorts(t *testing.T, texts ...string) []state.LinkPort {
	t.Helper()
	var out []state.LinkPort
	for _, text := range texts {
		p, err := state.ParseLinkPort(text)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, p)
	}
	return out
}

// TestLinkVariables has what docker run --link gave for each case.
func TestLinkVariables(t *testing.T) {
	for name, c := range map[string]struct {
		recipient, alias, ip string
		ports, env           []string
		want                 string
	}{
		"one port": {"web2", "db", "172.17.0.5", []string{"5432/tcp"}, []string{"PATH=/bin", "HOME=/", "PGDATA=/data", "EMPTY=", "bad"}, `
DB_PORT=tcp://172.17.0.5:5432
DB_PORT_5432_TCP=tcp://172.17.0.5:5432
DB_PORT_5432_TCP_ADDR=172.17.0.5
DB_PORT_5432_TCP_PORT=5432
DB_PORT_5432_TCP_PROTO=tcp
DB_NAME=/web2/db
DB_ENV_EMPTY=
DB_ENV_PGDATA=/data
`},
		"a run of ports, not in order": {"db", "docker", "172.0.17.2", []string{"6381/tcp", "6379", "6380/TCP"}, []string{"PASSWORD=gordon"}, `
DOCKER_PORT=tcp://172.0.17.2:6379
DOCKER_PORT_6379_TCP_START=tcp://172.0.17.2:6379
DOCKER_PORT_6379_TCP_PORT_START=6379
DOCKER_PORT_6379_TCP_END=tcp://172.0.17.2:6381
DOCKER_PORT_6379_TCP_PORT_END=6381
DOCKER_PORT_6379_TCP=tcp://172.0.17.2:6379
DOCKER_PORT_6379_TCP_ADDR=172.0.17.2
DOCKER_PORT_6379_TCP_PORT=6379
DOCKER_PORT_6379_TCP_PROTO=tcp
DOCKER_PORT_6380_TCP=tcp://172.0.17.2:6380
DOCKER_PORT_6380_TCP_ADDR=172.0.17.2
DOCKER_PORT_6380_TCP_PORT=6380
DOCKER_PORT_6380_TCP_PROTO=tcp
DOCKER_PORT_6381_TCP=tcp://172.0.17.2:6381
DOCKER_PORT_6381_TCP_ADDR=172.0.17.2
DOCKER_PORT_6381_TCP_PORT=6381
DOCKER_PORT_6381_TCP_PROTO=tcp
DOCKER_NAME=/db/docker
DOCKER_ENV_PASSWORD=gordon
`},
		"tcp comes first, an alias with a dash and a dot": {"web", "docker-1.x", "10.0.0.1", []string{"53/udp", "80/tcp"}, nil, `
DOCKER_1.X_PORT=tcp://10.0.0.1:80
DOCKER_1.X_PORT_80_TCP=tcp://10.0.0.1:80
DOCKER_1.X_PORT_80_TCP_ADDR=10.0.0.1
DOCKER_1.X_PORT_80_TCP_PORT=80
DOCKER_1.X_PORT_80_TCP_PROTO=tcp
DOCKER_1.X_PORT_53_UDP=udp://10.0.0.1:53
DOCKER_1.X_PORT_53_UDP_ADDR=10.0.0.1
DOCKER_1.X_PORT_53_UDP_PORT=53
DOCKER_1.X_PORT_53_UDP_PROTO=udp
DOCKER_1.X_NAME=/web/docker-1.x
`},
		"no tcp": {"web", "ns", "10.0.0.1", []string{"9999/udp", "7/sctp"}, nil, `
NS_PORT=sctp://10.0.0.1:7
NS_PORT_7_SCTP=sctp://10.0.0.1:7
NS_PORT_7_SCTP_ADDR=10.0.0.1
NS_PORT_7_SCTP_PORT=7
NS_PORT_7_SCTP_PROTO=sctp
NS_PORT_9999_UDP=udp://10.0.0.1:9999
NS_PORT_9999_UDP_ADDR=10.0.0.1
NS_PORT_9999_UDP_PORT=9999
NS_PORT_9999_UDP_PROTO=udp
NS_NAME=/web/ns
`},
		"no port": {"web", "db", "10.0.0.1", nil, []string{"A=1"}, `
DB_NAME=/web/db
DB_ENV_A=1
`},
		"published elsewhere, by IPv6": {"web", "db", "fd00::4", []string{"4000:5432"}, nil, `
DB_PORT=tcp://[fd00::4]:4000
DB_PORT_5432_TCP=tcp://[fd00::4]:4000
DB_PORT_5432_TCP_ADDR=fd00::4
DB_PORT_5432_TCP_PORT=4000
DB_PORT_5432_TCP_PROTO=tcp
DB_NAME=/web/db
`},
		"variables of several lines": {"web", "db", "10.0.0.1", nil, []string{"KEY=a\nb", "B\nC=1", "D=x=y z"}, `
DB_NAME=/web/db
DB_ENV_D=x=y z
# DB_ENV_KEY spans lines
`},
	} {
		got := state.LinkVariables(c.recipient, c.alias, netip.MustParseAddr(c.ip), linkPorts(t, c.ports...), c.env)
		if diff := cmp.Diff(strings.TrimPrefix(c.want, "\n"), string(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestParseLinkPort(t *testing.T) {
	for _, text := range []string{"", "0", "65536", "80/icmp", "80/", "x", "1:2:3", ":80", "80:", "-1", "80-81"} {
		if p, err := state.ParseLinkPort(text); err == nil {
			t.Errorf("%q: got %+v; want an error", text, p)
		}
	}
}

// containers are a host with two subnets and two containers, and one that does not run.
func containers(more ...state.Object) *fakehost.Host {
	prefix := netip.MustParsePrefix
	objects := []state.Object{
		state.Link{Name: "docker0", Type: "bridge", State: "up"},
		state.Address{Link: "docker0", Prefix: prefix("172.17.0.1/16")},
		state.Route{Dst: prefix("0.0.0.0/0"), Via: "172.17.0.254", Dev: "docker0"},
		state.Container{Name: "docker:db", Scope: "docker:db", Pid: "7", Hostname: "6e5cdeb2d300", Exposed: []string{"5432/tcp"}, Env: []string{"PGDATA=/data"}},
		state.Container{Name: "db", Scope: "docker:db", Pid: "7", Hostname: "6e5cdeb2d300", Exposed: []string{"5432/tcp"}, Env: []string{"PGDATA=/data"}},
		state.Container{Name: "docker:web", Scope: "docker:web", Pid: "8"},
		state.Container{Name: "web", Scope: "docker:web", Pid: "8"},
		state.Container{Name: "off", Scope: "docker:off"},
	}
	for _, scope := range []state.Scope{"docker:db", "docker:web"} {
		objects = append(objects, state.Link{Scope: scope, Name: "lo", Type: "loopback", State: "up"},
			state.Link{Scope: scope, Name: "eth0", Type: "dummy", State: "up"}, state.Address{Scope: scope, Link: "lo", Prefix: prefix("127.0.0.1/8")})
	}
	objects = append(objects,
		state.Address{Scope: "docker:db", Link: "eth0", Prefix: prefix("10.9.0.5/24")},
		state.Address{Scope: "docker:db", Link: "eth0", Prefix: prefix("172.17.0.5/16")},
		state.Address{Scope: "docker:db", Link: "eth0", Prefix: prefix("fe80::5/64")},
		state.Address{Scope: "docker:web", Link: "eth0", Prefix: prefix("10.9.0.6/24")},
	)
	return fakehost.New(append(objects, more...)...)
}

func plan(t *testing.T, host state.Host, wants ...state.Object) (*reconcile.Planner, []state.Change, error) {
	t.Helper()
	p := reconcile.New(host, reconcile.Options{})
	changes, err := p.Plan(t.Context(), 1, state.Present(wants...))
	return p, changes, err
}

// TestHostsLine takes the address that the container sees, and what the source calls itself.
func TestHostsLine(t *testing.T) {
	line := func(family int) state.HostsLine {
		return state.HostsLine{Scope: "container:web", Family: family, Alias: "webdb", Of: "container:db",
			IP: map[int]string{4: "${to4}", 6: "${to6}"}[family], Names: []string{"${hostname}", "${name}"}, Optional: true}
	}
	_, changes, err := plan(t, containers(), line(4), line(6))
	if err != nil || len(changes) != 1 {
		t.Fatalf("got %v, error %v; want one line", changes, err)
	}
	got := changes[0].After.(state.HostsLine)
	if want := "10.9.0.5\twebdb 6e5cdeb2d300 db\t# netrun"; got.Text() != want {
		t.Errorf("got %q; want %q", got.Text(), want)
	}
	if again, ours := state.ParseHostsLine("docker:web", got.Text()); !ours || !cmp.Equal(again, got) {
		t.Errorf("read back: got %+v, %v; want %+v", again, ours, got)
	}
	for _, foreign := range []string{"", "127.0.0.1 localhost", "10.0.0.1\tx # netrun or not", "x y\t# netrun", "10.0.0.1\t# netrun", "# netrun"} {
		if l, ours := state.ParseHostsLine("docker:web", foreign); ours {
			t.Errorf("%q: got %+v; want nothing of netrun's", foreign, l)
		}
	}
}

// TestLinkFile takes the address that the host sees, since the file is there first.
func TestLinkFile(t *testing.T) {
	f := state.File{Path: "/etc/web.env", Type: "file", Secret: true, Of: "container:db", Link: &state.LinkEnv{Recipient: "web", Alias: "db"}}
	p, changes, err := plan(t, containers(), f)
	if err != nil || len(changes) != 1 {
		t.Fatalf("got %v, error %v; want one file", changes, err)
	}
	got := changes[0].After.(state.File)
	if text := string(got.Content); !strings.HasPrefix(text, "DB_PORT=tcp://172.17.0.5:5432\n") || !strings.HasSuffix(text, "DB_ENV_PGDATA=/data\n") {
		t.Errorf("got %q; want the port at 172.17.0.5 and PGDATA", text)
	}
	if line := changes[0].String(); strings.Contains(line, "/data") {
		t.Errorf("got %q; want no secret", line)
	}
	raw, err := state.Encode(got)
	if err != nil || strings.Contains(string(raw), "/data") || got.Link != nil {
		t.Errorf("encoded: got %s, error %v; want no content", raw, err)
	}
	podman := state.Container{Name: "podman:db", Scope: "podman:db", Pid: "9", Hostname: "abc", Env: []string{"HOSTNAME=abc", "TERM=xterm", "container=podman", "A=1"}}
	own := f
	own.Of = podman.Scope
	_, changes, err = plan(t, containers(podman, state.Link{Scope: own.Of, Name: "eth0", Type: "dummy"},
		state.Address{Scope: own.Of, Link: "eth0", Prefix: netip.MustParsePrefix("172.17.0.9/16")}), own)
	if err != nil || len(changes) != 1 || string(changes[0].After.(state.File).Content) != "DB_NAME=/web/db\nDB_ENV_A=1\n" {
		t.Errorf("what podman adds: got %v, error %v; want what was given only", changes, err)
	}
	f.Of = "container:off"
	changes, err = p.Plan(t.Context(), 2, state.Present(f))
	if waits := p.Deferred(2); err != nil || len(changes) != 0 || len(waits) != 1 || waits[0].Why != "container off does not run" {
		t.Errorf("a source that does not run: got %v, %v, error %v; want it deferred", changes, waits, err)
	}
}
