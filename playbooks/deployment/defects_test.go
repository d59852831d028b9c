package deployment

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The tests of this file are each about something that geard gets wrong, or does not do.
// That a deployed file can be deployed where it is, TestRedeploy wants.

// noise is the same bytes each time, and has no end.
func noise() io.Reader { return rand.NewChaCha8([32]byte{}) }

func TestRandomIDs(t *testing.T) {
	d := parse(t, `{IdPrefix: shop-, RandomizeIds: true, Containers: [{Name: web, Count: 200}, {Name: a-name-that-is-too-long-for-an-id, Count: 2}]}`)
	p := planWith(t, d, Options{Hosts: []string{"h"}, Random: noise()})
	seen := map[string]bool{}
	for _, in := range p.Deployed.Instances {
		if err := ParseIdentifier(in.ID); err != nil || seen[in.ID] || !strings.HasPrefix(in.ID, "shop-"+in.From[:3]) {
			t.Errorf("id %q: error %v, seen before: %v", in.ID, err, seen[in.ID])
		}
		seen[in.ID] = true
	}
	for name, tt := range map[string]struct {
		prefix string
		random io.Reader
		want   string
	}{
		"none":   {"", nil, "RandomizeIds without a source of randomness"},
		"at end": {"", strings.NewReader("abc"), "make an id for web: unexpected EOF"},
		"stuck":  {"", bytes.NewReader(make([]byte, 1000)), "no random id for web that is not in use"},
		"prefix": {"more-than-fifteen-", noise(), errID.Error()},
	} {
		d.IDPrefix = tt.prefix
		if _, err := d.Resolve(Options{Hosts: []string{"h"}, Random: tt.random}); msg(err) != tt.want {
			t.Errorf("%s: got %q; want %q", name, msg(err), tt.want)
		}
	}
}

func TestNumbersFillHoles(t *testing.T) {
	const text = `{Containers: [{Name: db, Count: 4}], Instances: [{Id: db-2, From: db, On: h}, {Id: db-3, From: db, On: gone}, {Id: db-4, From: db, On: h}]}`
	p := plan(t, parse(t, text), "h")
	if got, want := placed(p), "db-2@h db-4@h db-1@h db-3@h"; got != want {
		t.Errorf("got %s; want %s", got, want)
	}
	if diff := cmp.Diff([]string{"db-3"}, ids(p.Removed)); diff != "" {
		t.Errorf("removed (-want +got):\n%s", diff)
	}
}

func TestIDTwice(t *testing.T) {
	d := parse(t, `{"Containers": [{"Name": "db", "Count": 2}],
"Instances": [{"Id": "db-2", "From": "db", "On": "h1"},
  {"Id": "db-2", "From": "db", "On": "h2"}]}`)
	want := `site.json:3:3: instance "db-2" a second time, on h2 (the first is on h1; delete one there and take it out of the file)`
	if _, err := d.Resolve(Options{Hosts: []string{"h1", "h2"}}); fmt.Sprint(err) != want {
		t.Errorf("got %v; want %s", err, want)
	}
}

// TestPortsRunOut: 65536 is never given out, and where no port is left that is said.
func TestPortsRunOut(t *testing.T) {
	d := parse(t, `{Containers: [{Name: webb, Count: 1, Links: [{To: dbdb}]}, {Name: dbdb, Count: 4, PublicPorts: [{Internal: 65534}]}]}`)
	if got, want := from(t, plan(t, d, "h"), "webb-1"), "127.0.0.1:65534 127.0.0.1:65535 127.0.0.1:40000 127.0.0.1:40001"; got != want {
		t.Errorf("got %s; want %s", got, want)
	}
	tb := &table{used: map[Target]bool{}, steps: map[Target]int{}, ports: map[string]*ports{}}
	for range maxPort - firstAgain + 1 {
		if _, ok := tb.stepPort(loopback, 65535); !ok {
			t.Fatal("no port; want one")
		}
	}
	if got, ok := tb.stepPort(loopback, 65535); ok {
		t.Errorf("got %v; want none left", got)
	}
	if got, ok := tb.stepPort(loopback, 80); !ok || got.Port != 80 {
		t.Errorf("got %v, %v; want port 80, which is free", got, ok)
	}
}

func TestAddressesStep(t *testing.T) {
	tb := &table{used: map[Target]bool{}, steps: map[Target]int{}, ports: map[string]*ports{}}
	var got []string
	for i := range addresses {
		a, ok := tb.stepAddress(defaultNonLocal, 80)
		if !ok {
			t.Fatalf("no address at step %d", i)
		}
		if i == 0 || i == 253 || i == 254 || i == addresses-1 {
			got = append(got, a.Host)
		}
	}
	if diff := cmp.Diff([]string{"192.168.1.1", "192.168.1.254", "192.168.2.1", "192.168.0.254"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if a, ok := tb.stepAddress(defaultNonLocal, 80); ok {
		t.Errorf("got %v; want none left", a)
	}
}

// TestConflicts: a fixed port can be given once on a host.
func TestConflicts(t *testing.T) {
	d := parse(t, `{"Containers": [
  {"Name": "web", "Count": 2, "PublicPorts": [{"Internal": 80, "External": 8080}]},
  {"Name": "blog", "Count": 1, "PublicPorts": [{"Internal": 81, "External": 8080}]}]}`)
	if errs := plan(t, d, "n1", "n2", "n3").Conflicts(); errs != nil {
		t.Errorf("three hosts: got %v; want none", errs)
	}
	want := []string{
		"site.json:2:3: port 8080 of host n1 is wanted by web-1 and by web-2",
		"site.json:3:3: port 8080 of host n1 is wanted by web-1 and by blog-1",
	}
	var got []string
	for _, err := range plan(t, d, "n1").Conflicts() {
		text, _, _ := strings.Cut(err.Error(), " (")
		got = append(got, text)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestNonLocal(t *testing.T) {
	d := fixture(t, "mongo_deploy")
	p := planWith(t, d, Options{Hosts: []string{"h"}, NonLocal: addr("10.9.8.253")})
	if got, want := from(t, p, "db-1"), "10.9.8.253:27017 10.9.8.254:27017 10.9.9.1:27017"; got != want {
		t.Errorf("got %s; want %s", got, want)
	}
	for _, bad := range []string{"127.0.0.1", "10.0.0.0", "10.0.0.255", "fd00::1", "0.0.0.0", "224.0.0.1"} {
		if _, err := d.Resolve(Options{Hosts: []string{"h"}, NonLocal: addr(bad)}); err == nil {
			t.Errorf("%s: no error; want one", bad)
		}
	}
}

// TestKeptChange: what changed of a container is applied to its instances.
func TestKeptChange(t *testing.T) {
	const containers = `Containers: [{Name: webb, Count: 1, Image: new, Environment: [{Name: A, Value: "2"}],
  PublicPorts: [{Internal: 80}, {Internal: 81, External: 8081}, {Internal: 82}]},
  {Name: apia, Count: 1, Links: [{To: webb, AliasPorts: [{Internal: 90}]}]}], `
	d := parse(t, `{`+containers+`Instances: [{Id: webb-1, From: webb, On: h, Image: old, Environment: [{Name: A, Value: "1"}],
  Ports: [{Internal: 80, External: 4000}, {Internal: 81, External: 4001}, {Internal: 90, External: 4002}, {Internal: 91, External: 4003}]}]}`)
	p := plan(t, d, "h")
	want := Instance{ID: "webb-1", From: "webb", On: "h", Image: "new", Environment: []Variable{{"A", "2"}}, Ports: []InstancePort{
		{Internal: 80, External: 4000}, {Internal: 81, External: 8081},
		{Internal: 90, External: 4002, Target: Target{"127.0.0.1", 90}}, {Internal: 82},
	}}
	if diff := cmp.Diff(want, p.Deployed.Instances[0], noPos); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"image", "environment", "ports"}, p.Instances[0].Changed); diff != "" {
		t.Errorf("changed (-want +got):\n%s", diff)
	}
	if p.Instances[0].Added || p.Instances[1].Changed != nil {
		t.Errorf("got %v", describe(p))
	}
	if again := plan(t, p.Deployed, "h"); again.Instances[0].Changed != nil {
		t.Errorf("once more: changed %v; want nothing", again.Instances[0].Changed)
	}
}

func TestEnvironmentIsTheSame(t *testing.T) {
	a := []Variable{{"A", "0"}, {"A", "1"}, {"B", "2"}}
	if b := []Variable{{"B", "2"}, {"A", "1"}}; !sameVariables(a, b) || sameVariables(a, b[:1]) || sameVariables(a, []Variable{{"B", "2"}, {"C", "1"}}) {
		t.Error("want the order and overwritten variables not to count, and all else to")
	}
}

// TestSecondLocalAddress: geard takes 127.0.0.2 for a non-local address.
func TestSecondLocalAddress(t *testing.T) {
	d := parse(t, `{Containers: [{Name: webb, Count: 1, Links: [{To: dbdb, NonLocal: true}]}, {Name: dbdb, Count: 1, PublicPorts: [{Internal: 80}]}],
  Instances: [{Id: dbdb-1, From: dbdb, On: h, Ports: [{Internal: 80, Target: {Host: 127.0.0.2, Port: 80}}]}]}`)
	wantMsg(t, d, "deployment: A local host IP is already bound to non-local link webb-dbdb, needs to be reset.")
	const hint = "it is at 127.0.0.2:80 now; take the Target of port 80 of instance dbdb-1 out of the file, and it gets a new address"
	if _, err := d.Resolve(Options{Hosts: []string{"h"}}); err == nil || !strings.Contains(err.Error(), hint) {
		t.Errorf("got %v; want the hint %q", err, hint)
	}
}

// TestAliasAndMatchPort: geard chooses the alias, and refuses it when it looks again.
func TestAliasAndMatchPort(t *testing.T) {
	const link = `[{To: dbdb, MatchPort: true, AliasPorts: [{Internal: 80, External: 8080}]}]`
	d := parse(t, `{Containers: [{Name: webb, Count: 1, Links: `+link+`}, {Name: apia, Count: 1, Links: `+link+`}, {Name: dbdb, Count: 1, PublicPorts: [{Internal: 80}]}]}`)
	if got, want := from(t, plan(t, deployed(t, d, "h"), "h"), "apia-1"), "127.0.0.1:8080"; got != want {
		t.Errorf("got %s; want %s", got, want)
	}
}

func TestLinksInOrderWhateverTheirNumber(t *testing.T) {
	var links []string
	for range 30 {
		links = append(links, "{To: dbdb, AliasPorts: [{Internal: 80}]}", "{To: dbdb, AliasPorts: [{Internal: 81}]}")
	}
	d := parse(t, `{Containers: [{Name: webb, Count: 1, Links: [`+strings.Join(links, ", ")+`]}, {Name: dbdb, Count: 1, PublicPorts: [{Internal: 80}, {Internal: 81}]}]}`)
	want := strings.TrimSpace(strings.Repeat("127.0.0.1:80 127.0.0.1:81 ", 30))
	if got := from(t, plan(t, d, "h"), "webb-1"); got != want {
		t.Errorf("got %s; want %s", got, want)
	}
}

func TestBounds(t *testing.T) {
	var many []Port
	for i := range 200 {
		many = append(many, Port{Internal: i + 1})
	}
	for name, d := range map[string]*Deployment{
		"more than 10000 instances, reached with container dbdb": {Containers: []Container{
			{Name: "webb", Count: 1}, {Name: "dbdb", Count: math.MaxInt - 1}}},
		"more than 200000 ports of instances, reached with container dbdb": {Containers: []Container{
			{Name: "dbdb", Count: 9000, PublicPorts: many}}},
		"more than 200000 links from instance to instance, reached with webb-dbdb": {Containers: []Container{
			{Name: "webb", Count: 1001, Links: []Link{{To: "dbdb"}}}, {Name: "dbdb", Count: 1000, PublicPorts: many[:1]}}},
		"no local address is left for port 5 of dbdb-1 on link webb-dbdb": {
			Containers: []Container{{Name: "webb", Links: []Link{{To: "dbdb"}}}, {Name: "dbdb", Count: 1, PublicPorts: []Port{{Internal: 5}}}},
			Instances:  []Instance{{ID: "full", From: "webb", On: "h"}},
		},
	} {
		if len(d.Instances) > 0 {
			d.Containers[0].Count = 1
			for i := 5; i <= maxPort; i++ {
				d.Containers[0].PublicPorts = append(d.Containers[0].PublicPorts, Port{Internal: i})
				d.Instances[0].Ports = append(d.Instances[0].Ports, InstancePort{Internal: i, Target: Target{"127.0.0.1", i}})
			}
		}
		wantMsg(t, d, name)
	}
}
