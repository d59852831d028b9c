package ipam

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"netrun/inventory"
)

func TestNumber(t *testing.T) {
	for name, want := range map[string]string{
		"node1": "1", "node12.example.org": "12", "web-03": "3", "7": "7", "node": "none", "2nd": "none",
		"192.0.2.7": "none", "fd00::7": "none", "n99999999999999999999": "none", "node1a": "none",
	} {
		got := "none"
		if n, ok := Number(name); ok {
			got = fmt.Sprint(n)
		}
		if got != want {
			t.Errorf("%s: got %s; want %s", name, got, want)
		}
	}
}

func plan(t *testing.T, text string) (map[string]string, []string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "hosts.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	inv, err := inventory.Load(context.Background(), []string{path}, inventory.Options{})
	if err != nil {
		t.Fatal(err)
	}
	slices, errs := Plan(inv)
	out := map[string]string{}
	for host, list := range slices {
		for _, s := range list {
			out[host+" "+s.Range] = s.Subnet.String()
		}
	}
	var texts []string
	for _, err := range errs {
		texts = append(texts, err.Error())
	}
	return out, texts
}

const ranges = `
  vars:
    ipam:
      docker: {group: docker, range: 172.16.0.0/12, slice: 24}
      six: {group: docker, range: "fd00:ffff:ffff:fff0::/60", slice: 64}
`

// TestNobodyMoves adds hosts one by one, at each place, and takes others away.
func TestNobodyMoves(t *testing.T) {
	hosts := []string{"node9", "node15", "node1", "db3"}
	all, errs := plan(t, "docker:\n  hosts: {node9: , node15: , node1: , db3: }\nall:"+ranges)
	want := map[string]string{
		"node9 docker": "172.16.9.0/24", "node15 docker": "172.16.15.0/24", "node1 docker": "172.16.1.0/24", "db3 docker": "172.16.3.0/24",
		"node9 six": "fd00:ffff:ffff:fff9::/64", "node15 six": "fd00:ffff:ffff:ffff::/64", "node1 six": "fd00:ffff:ffff:fff1::/64", "db3 six": "fd00:ffff:ffff:fff3::/64",
	}
	if diff := cmp.Diff(want, all); diff != "" || errs != nil {
		t.Fatalf("errors %v (-want +got):\n%s", errs, diff)
	}
	for set := range 1 << len(hosts) {
		var some []string
		for i, h := range hosts {
			if set>>i&1 == 1 {
				some = append([]string{h + ": "}, some...)
			}
		}
		got, errs := plan(t, "docker:\n  hosts: {"+strings.Join(some, ", ")+"}\nall:"+ranges)
		for name, subnet := range got {
			if subnet != want[name] {
				t.Errorf("with %v: %s has %s; want %s", some, name, subnet, want[name])
			}
		}
		if len(got) != 2*len(some) || errs != nil {
			t.Errorf("with %v: got %d slices, errors %v", some, len(got), errs)
		}
	}
}

func TestMistakes(t *testing.T) {
	for _, test := range []struct{ name, ipam, want string }{
		{"range", "{range: 10.0.0.0, slice: 24}", `range "10.0.0.0" is not a subnet`},
		{"no range", "{slice: 24}", `range (none) is not a subnet`},
		{"bits", "{range: 10.0.1.0/8, slice: 24}", "bits beyond its length"},
		{"no slice", "{range: 10.0.0.0/8}", "slice (none) is not a prefix length"},
		{"slice too large", "{range: 10.0.0.0/8, slice: 8}", "slice 8 does not fit: 9 to 30"},
		{"slice too small", "{range: 10.0.0.0/8, slice: 31}", "slice 31 does not fit: 9 to 30"},
		{"group", "{range: 10.0.0.0/8, slice: 24, group: dokcer}", `no group "dokcer"`},
		{"template", `{range: "{{ .r }}", slice: 24}`, `range "{{ .r }}" is not a subnet`},
		{"full", "{range: 10.0.0.0/30, slice: 30}", "does not fit"},
		{"beyond", "{range: 10.0.0.0/29, slice: 30}", "slice 2 of range r, which has 2: 0 to 1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, errs := plan(t, "docker:\n  hosts: {n1: , n2: }\n  vars:\n    ipam: {r: "+test.ipam+"}\n")
			if len(errs) != 1 || !strings.Contains(errs[0], test.want) {
				t.Errorf("got %q; want one with %q", errs, test.want)
			}
		})
	}
	got, errs := plan(t, "docker:\n  hosts: {n1: }\n  vars: {ipam: netbox}\nother:\n  hosts: {n2: }\n  vars: {ipam: {url: http://netbox, token: {x: 1}}}\n")
	if len(got) > 0 || errs != nil {
		t.Errorf("somebody else's variable ipam: got %v, %v; want nothing", got, errs)
	}
}
