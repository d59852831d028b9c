package deployment

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestShapes: what the source webb sees of dbdb, for each shape of a link.
func TestShapes(t *testing.T) {
	for name, tt := range map[string]struct{ link, want string }{
		"plain":                   {`{To: dbdb}`, "127.0.0.1:5432 127.0.0.1:5433 127.0.0.1:5434"},
		"match port":              {`{To: dbdb, MatchPort: true}`, "127.0.0.1:5432 127.0.0.2:5432 127.0.0.3:5432"},
		"non-local":               {`{To: dbdb, NonLocal: true}`, "192.168.1.1:5432 192.168.1.1:5433 192.168.1.1:5434"},
		"non-local, match port":   {`{To: dbdb, NonLocal: true, MatchPort: true}`, "192.168.1.1:5432 192.168.1.2:5432 192.168.1.3:5432"},
		"alias":                   {`{To: dbdb, AliasPorts: [{Internal: 5432, External: 6000}]}`, "127.0.0.1:6000 127.0.0.2:6000 127.0.0.3:6000"},
		"alias, non-local":        {`{To: dbdb, NonLocal: true, AliasPorts: [{Internal: 5432, External: 6000}]}`, "192.168.1.1:6000 192.168.1.2:6000 192.168.1.3:6000"},
		"older form of the ports": {`{To: dbdb, Ports: [5432]}`, "127.0.0.1:5432 127.0.0.1:5433 127.0.0.1:5434"},
	} {
		d := parse(t, `{Containers: [{Name: webb, Count: 1, Links: [`+tt.link+`]}, {Name: dbdb, Count: 3, PublicPorts: [{Internal: 5432}]}]}`)
		if got := from(t, plan(t, d, "n1"), "webb-1"); got != tt.want {
			t.Errorf("%s: got %s; want %s", name, got, tt.want)
		}
	}
}

// TestOneTable: the addresses of a deployment are one table.
func TestOneTable(t *testing.T) {
	const cluster = `{Name: %s, Count: 2, PublicPorts: [{Internal: 80}], Links: [{To: %s, NonLocal: true, MatchPort: true}]}`
	for name, tt := range map[string]struct {
		text string
		want map[string]string
	}{
		"two clusters": {
			fmt.Sprintf(`{Containers: [`+cluster+`, `+cluster+`]}`, "aaaa", "aaaa", "bbbb", "bbbb"),
			map[string]string{"aaaa-1": "192.168.1.1:80 192.168.1.2:80", "bbbb-2": "192.168.1.3:80 192.168.1.4:80"},
		},
		"two targets of one port": {
			`{Containers: [{Name: webb, Count: 1, Links: [{To: aaaa}, {To: bbbb}]}, {Name: aaaa, Count: 1, PublicPorts: [{Internal: 80}]}, {Name: bbbb, Count: 1, PublicPorts: [{Internal: 80}]}]}`,
			map[string]string{"webb-1": "127.0.0.1:80 127.0.0.1:81"},
		},
		"by port, then instance": {
			`{Containers: [{Name: webb, Count: 1, Links: [{To: dbdb}]}, {Name: dbdb, Count: 2, PublicPorts: [{Internal: 5432}, {Internal: 5433}]}]}`,
			map[string]string{"webb-1": "127.0.0.1:5432 127.0.0.1:5434 127.0.0.1:5433 127.0.0.1:5435"},
		},
		"the link of a cluster first": {
			fmt.Sprintf(`{Containers: [{Name: webb, Count: 1, Links: [{To: dbdb}]}, `+cluster+`]}`, "dbdb", "dbdb"),
			map[string]string{"webb-1": "192.168.1.1:80 192.168.1.2:80", "dbdb-1": "192.168.1.1:80 192.168.1.2:80"},
		},
	} {
		p := plan(t, parse(t, tt.text), "n1")
		for id, want := range tt.want {
			if got := from(t, p, id); got != want {
				t.Errorf("%s: %s: got %s; want %s", name, id, got, want)
			}
		}
	}
}

// TestFixtures: the descriptors that came with geard, on one host.
func TestFixtures(t *testing.T) {
	for name, want := range map[string]string{
		"lb_eap_mongo": `lb-1 80:8080 links 127.0.0.1:8080:localhost:4000,127.0.0.1:8081:localhost:4001
backend-1 8080:4000 links 192.168.1.1:27017:localhost:4002,192.168.1.2:27017:localhost:4003,192.168.1.3:27017:localhost:4004
backend-2 8080:4001 links 192.168.1.1:27017:localhost:4002,192.168.1.2:27017:localhost:4003,192.168.1.3:27017:localhost:4004
db-1 27017:4002 links 192.168.1.1:27017:localhost:4002,192.168.1.2:27017:localhost:4003,192.168.1.3:27017:localhost:4004
db-2 27017:4003 links 192.168.1.1:27017:localhost:4002,192.168.1.2:27017:localhost:4003,192.168.1.3:27017:localhost:4004
db-3 27017:4004 links 192.168.1.1:27017:localhost:4002,192.168.1.2:27017:localhost:4003,192.168.1.3:27017:localhost:4004`,
		"openshift_deploy": `origin-broker-1 443:6060 links 127.0.0.1:27017:localhost:4000
origin-db-1 27017:4000 links `,
		"rockmongo_mongo": `rockmongo-1 80:6060 links 127.0.0.1:27017:localhost:4000
mongodb-1 27017:4000 links `,
		"redis_martini_deploy": `martini-web-1 3000:4000 links 127.0.0.1:6379:localhost:4001
martini-redis-1 6379:4001 links `,
		"mongo_deploy_existing": `db-1 27017:4203 links 192.168.1.1:27017:localhost:4203,192.168.1.2:27017:localhost:4204,192.168.1.3:27017:localhost:4206
db-2 27017:4204 links 192.168.1.1:27017:localhost:4203,192.168.1.2:27017:localhost:4204,192.168.1.3:27017:localhost:4206
db-3 27017:4206 links 192.168.1.1:27017:localhost:4203,192.168.1.2:27017:localhost:4204,192.168.1.3:27017:localhost:4206`,
	} {
		p := plan(t, fixture(t, name), "localhost")
		giveOut(t, p)
		if diff := cmp.Diff(want, summary(p)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func summary(p *Plan) string {
	var lines []string
	for _, in := range p.Instances {
		line := in.Instance.ID
		for _, port := range in.Instance.Ports {
			line += fmt.Sprintf(" %d:%d", port.Internal, port.External)
		}
		lines = append(lines, line+" links "+strings.Join(compact(p, in), ","))
	}
	return strings.Join(lines, "\n")
}

// TestParksMap is a balancer before backends that see their database as their own.
func TestParksMap(t *testing.T) {
	p := plan(t, parse(t, `
IdPrefix: parks-
Containers:
- {Name: lb, Count: 1, PublicPorts: [{Internal: 8080, External: 14000}], Links: [{To: backend, NonLocal: true, AliasPorts: [{Internal: 3000, External: 8080}]}]}
- {Name: backend, Count: 3, PublicPorts: [{Internal: 3000}], Links: [{To: db}]}
- {Name: db, Count: 1, PublicPorts: [{Internal: 27017}]}
`), "localhost")
	giveOut(t, p)
	want := `parks-lb-1 8080:14000 links 192.168.1.1:8080:localhost:4000,192.168.1.2:8080:localhost:4001,192.168.1.3:8080:localhost:4002
parks-backend-1 3000:4000 links 127.0.0.1:27017:localhost:4003
parks-backend-2 3000:4001 links 127.0.0.1:27017:localhost:4003
parks-backend-3 3000:4002 links 127.0.0.1:27017:localhost:4003
parks-db-1 27017:4003 links `
	if diff := cmp.Diff(want, summary(p)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// The cases of geard's own tests follow.

func TestPrepare(t *testing.T) {
	d := parse(t, `{Containers: [{Name: web, Count: 2, PublicPorts: [{Internal: 8080, External: 0}]}, {Name: db, Count: 3}]}`)
	if got := placed(plan(t, d)); got != "" {
		t.Errorf("no hosts: got %s; want nothing", got)
	}
	p := plan(t, d, "127.0.0.1")
	if want := "web-1@127.0.0.1 web-2@127.0.0.1 db-1@127.0.0.1 db-2@127.0.0.1 db-3@127.0.0.1"; placed(p) != want || len(p.Removed) != 0 {
		t.Errorf("got %s, removed %v; want %s", placed(p), p.Removed, want)
	}
}

func TestExternal(t *testing.T) {
	p := plan(t, parse(t, `{Containers: [{Name: web, Count: 2, PublicPorts: [{Internal: 8080, External: 80}]}]}`), "127.0.0.1")
	want := []InstancePort{{Internal: 8080, External: 80}}
	if diff := cmp.Diff(want, p.Deployed.Instances[0].Ports); diff != "" || len(p.Instances) != 2 {
		t.Errorf("%d instances, ports (-want +got):\n%s", len(p.Instances), diff)
	}
}

func TestRemoveMissing(t *testing.T) {
	const text = `{Containers: [{Name: web, Count: 2}], Instances: [{Id: foo, From: db%s}]}`
	if p := plan(t, parse(t, fmt.Sprintf(text, "")), "h"); len(p.Instances) != 2 || len(p.Removed) != 0 {
		t.Errorf("never placed: got %s, removed %v; want it forgotten", placed(p), p.Removed)
	}
	p := plan(t, parse(t, fmt.Sprintf(text, ", On: h")), "h")
	if len(p.Instances) != 2 || len(p.Removed) != 1 || p.Removed[0].From != "db" {
		t.Errorf("placed: got %s, removed %v; want it removed", placed(p), p.Removed)
	}
}

func TestLinkErrors(t *testing.T) {
	d := parse(t, `{Containers: [{Name: web, Count: 2, PublicPorts: [{Internal: 8080}], Links: [{To: web}]}, {Name: db, Count: 3}]}`)
	plan(t, d, "h")
	d.Containers[0].Links[0].Ports = []int{8081}
	wantMsg(t, d, "deployment: target port 8081 on web is not found, cannot link from web")
	d.Containers[0].Links[0] = Link{To: "db"}
	wantMsg(t, d, "deployment: target db has no public ports to link to from web")
	d.Containers[1].PublicPorts = []Port{{Internal: 27017}}
	p := plan(t, d, "h")
	if len(p.Instances) != 5 || len(p.Instances[0].Links) != 3 || len(p.Removed) != 0 {
		t.Errorf("got %v; want 5 instances, the first with 3 links", describe(p))
	}
	d.RandomizeIDs = true
	d.Containers[0].Links = append(d.Containers[0].Links, Link{To: "web"})
	p = planWith(t, d, Options{Hosts: []string{"h"}, Random: bytes.NewReader([]byte(strings.Repeat("0123456789abcdef", 9)))})
	if len(p.Instances) != 5 || len(p.Instances[0].Links) != 5 || p.Instances[0].Instance.ID == "web-1" {
		t.Errorf("got %v; want 5 instances with random ids, the first with 5 links", describe(p))
	}
}

func wantMsg(t *testing.T, d *Deployment, want string) {
	t.Helper()
	if _, err := resolve(t, d, Options{Hosts: []string{"h"}}); msg(err) != want {
		t.Errorf("got %q; want %q", msg(err), want)
	}
}

func TestLinkAliasing(t *testing.T) {
	p := plan(t, fixture(t, "link_alias"), "127.0.0.1")
	if got := p.Deployed.Instances[1].Ports[0].Target.Port; got != 8080 {
		t.Errorf("target of db-1: got port %d; want 8080", got)
	}
	if got := from(t, p, "web-1"); got != "127.0.0.1:8080 127.0.0.2:8080" {
		t.Errorf("got %s", got)
	}
}

func TestInterlink(t *testing.T) {
	p := plan(t, fixture(t, "complex_deploy"), "127.0.0.1")
	if _, port := p.Link(p.Instances[0].Links[0]); port != 0 {
		t.Errorf("got port %d before any host gave one out; want 0", port)
	}
	giveOut(t, p)
	for _, in := range p.Instances {
		for _, l := range in.Links {
			if host, port := p.Link(l); port == 0 || host != "127.0.0.1" {
				t.Errorf("%s: link %s leads nowhere", in.Instance.ID, p.Compact(l))
			}
		}
	}
	if len(p.Instances) != 5 {
		t.Errorf("%d instances; want 5", len(p.Instances))
	}
}

func TestMongo(t *testing.T) {
	const want = "192.168.1.1:27017 192.168.1.2:27017 192.168.1.3:27017"
	for _, name := range []string{"mongo_deploy", "mongo_deploy_existing"} {
		p := plan(t, fixture(t, name), "127.0.0.1")
		for _, in := range p.Instances {
			if got := from(t, p, in.Instance.ID); got != want {
				t.Errorf("%s: %s: got %s; want %s", name, in.Instance.ID, got, want)
			}
		}
	}
	if p := plan(t, fixture(t, "mongo_deploy_existing")); len(p.Instances) != 0 || len(p.Removed) != 3 {
		t.Errorf("no hosts: got %s, removed %v; want 3 removed", placed(p), ids(p.Removed))
	}
}

// TestScale: addresses stay, and those that become free are given anew.
func TestScale(t *testing.T) {
	d := deployed(t, fixture(t, "mongo_deploy"), "n1", "n2")
	d.Containers[0].Count = 5
	d = deployed(t, d, "n1", "n2")
	d.Containers[0].Count = 2
	p := plan(t, d, "n1", "n2")
	if got, want := placed(p), "db-1@n1 db-2@n2"; got != want || cmp.Diff([]string{"db-3", "db-4", "db-5"}, ids(p.Removed)) != "" {
		t.Errorf("got %s, removed %v; want %s", got, ids(p.Removed), want)
	}
	p = plan(t, d, "n1")
	if got, want := placed(p), "db-1@n1 db-3@n1"; got != want {
		t.Errorf("without n2: got %s; want %s", got, want)
	}
}
