package deployment

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// seeds are the descriptors of the test data.
func seeds(f *testing.F) (texts [][]byte) {
	f.Helper()
	files, err := filepath.Glob("testdata/geard/*/*.json")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		texts = append(texts, text)
	}
	var scenarios []scenario
	readJSON(f, "scenarios.json", &scenarios)
	for _, s := range scenarios {
		texts = append(texts, []byte(s.Descriptor))
	}
	return append(texts, []byte("Containers:\n- {name: web, count: 3, affinity: db, publicports: [{internal: 65535}], links: [{to: web, ports: [65535]}]}\n- {Name: db, Count: 1, Environment: [{Name: A, Value: b}]}\nRandomizeIds: true\n"))
}

// FuzzParse: no text panics, hosts are names or addresses, and what was read is written and
// read back the same.
func FuzzParse(f *testing.F) {
	for _, text := range seeds(f) {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		d, _, err := Parse("f", text)
		if (d == nil) == (err == nil) {
			t.Fatalf("got %v, %v; want either", d, err)
		}
		if err != nil {
			return
		}
		for _, in := range d.Instances {
			if _, err := ParseHost(in.On); err != nil || strings.ContainsAny(in.On, " \t\r\n,!&*{}'\"`$;|\\") {
				t.Errorf("host %q: %v", in.On, err)
			}
		}
		once := d.Text()
		again, warnings, err := Parse("f", once)
		if err != nil || len(warnings) > 0 {
			t.Fatalf("written and read: %v, warnings %v\n%s", err, warnings, once)
		}
		if diff := cmp.Diff(string(once), string(again.Text())); diff != "" {
			t.Errorf("written twice:\n%s", diff)
		}
	})
}

// FuzzResolve: no descriptor panics, each gives the same plan every time, and no local address
// leads to two places.
func FuzzResolve(f *testing.F) {
	for i, text := range seeds(f) {
		f.Add(text, []string{"localhost", "node1,node2", "node1", "n1,n2,n2", "local,[::1]:22", ""}[i%6], i%2 == 0)
	}
	f.Fuzz(func(t *testing.T, text []byte, hosts string, spread bool) {
		d, _, err := Parse("f", text)
		if err != nil {
			return
		}
		o := Options{Hosts: strings.FieldsFunc(hosts, func(r rune) bool { return r == ',' })}
		if spread {
			o.Placement = Spread
		}
		o.Random = rand.NewChaCha8([32]byte{})
		p, err := d.Resolve(o)
		o.Random = rand.NewChaCha8([32]byte{})
		p2, err2 := d.Resolve(o)
		if fmt.Sprint(err) != fmt.Sprint(err2) {
			t.Fatalf("got %v, then %v", err, err2)
		}
		if err != nil {
			return
		}
		if diff := cmp.Diff(p.Deployed, p2.Deployed); diff != "" {
			t.Errorf("resolved twice:\n%s", diff)
		}
		consistent(t, p)
		redeploys(t, p, o)
	})
}

// consistent wants addresses and ids of the plan to belong to one instance, and links to lead
// where their address belongs.
func consistent(t *testing.T, p *Plan) {
	t.Helper()
	owner := map[Target]portKey{}
	seen := map[string]bool{}
	for _, in := range p.Deployed.Instances {
		if seen[in.ID] || ParseIdentifier(in.ID) != nil {
			t.Errorf("id %q a second time, or no id", in.ID)
		}
		seen[in.ID] = true
		for _, port := range in.Ports {
			if first, taken := owner[port.Target]; taken && port.Target.set() {
				t.Errorf("%v belongs to %v and to %s", port.Target, first, in.ID)
			}
			if port.Target.Port < 0 || port.Target.Port > maxPort {
				t.Errorf("%s: target %v", in.ID, port.Target)
			}
			owner[port.Target] = portKey{in.ID, port.Internal}
		}
	}
	for _, in := range p.Instances {
		for _, l := range in.Links {
			if owner[l.From] != (portKey{l.Target, l.Internal}) {
				t.Errorf("%s: link %s is not the address of %s", in.Instance.ID, p.Compact(l), l.Target)
			}
		}
	}
	_ = p.Conflicts()
}

// redeploys wants the annotated form to change nothing where it is deployed.
func redeploys(t *testing.T, p *Plan, o Options) {
	t.Helper()
	again, err := p.Deployed.Resolve(o)
	if err != nil {
		t.Fatalf("deployed again: %v\n%s", err, p.Deployed.Text())
	}
	if diff := cmp.Diff(string(p.Deployed.Text()), string(again.Deployed.Text())); diff != "" {
		t.Errorf("deployed again:\n%s", diff)
	}
	for _, in := range again.Instances {
		if in.Added || in.Changed != nil {
			t.Errorf("deployed again: %s added %v, changed %v", in.Instance.ID, in.Added, in.Changed)
		}
	}
}
