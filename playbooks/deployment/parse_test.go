package deployment

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseErrors(t *testing.T) {
	for text, want := range map[string]string{
		``:                      `f:1:1: a deployment is a mapping, not nothing`,
		`[1]`:                   `f:1:1: a deployment is a mapping, not a list`,
		`{"Containers": {}}`:    `f:1:16: Containers is a list, not a mapping`,
		`{"Containers": ["a"]}`: `f:1:17: a container is a mapping, not text`,
		`{"Containers": [{}]}`:  `f:1:17: a container without Name`,
		"Containers:\n- Name: web\n  Count: -1\n  Image: 5\n": `f:3:10: Count is between 0 and 2147483647, not -1
f:4:10: Image is text, not a number (put quotes around it: "5")`,
		`{Containers: [{Name: web, Count: 99999999999999999999}, {Name: db, Count: -99999999999999999999}, {Name: c, Count: "99999999999999999999"}]}`: `f:1:34: Count is too large: it is between 0 and 2147483647
f:1:75: Count is too small: it is between 0 and 2147483647
f:1:116: Count is a whole number, not text`,
		"Containers:\n- {Name: web, Count: two}\n- {name: web, COUNT: 1.5, Links: x}\n": `f:2:22: Count is a whole number, not text
f:3:3: container "web" a second time (the first is in line 2)
f:3:22: Count is a whole number, not 1.5
f:3:34: Links is a list, not text`,
		`{Containers: [{Name: web, PublicPorts: [{Internal: 0}, {Internal: 65536}, {External: 80}, {Internal: 80, External: 65536}]}]}`: `f:1:52: Internal is between 1 and 65535, not 0
f:1:67: Internal is between 1 and 65535, not 65536
f:1:75: a port without Internal
f:1:116: External is between 0 and 65535, not 65536`,
		`{Containers: [{Name: web, PublicPorts: [{Internal: 80}, {Internal: 80, External: 8080}]}]}`:                           `f:1:57: internal port 80 a second time`,
		`{Containers: [{Name: web, Links: [{NonLocal: 1}, {To: db, Ports: [0, a], AliasPorts: [80]}]}]}`:                       "f:1:35: a link without To\nf:1:46: NonLocal is true or false, not a number\nf:1:67: a port is between 1 and 65535, not 0\nf:1:70: a port is a whole number, not text\nf:1:87: a port is a mapping, not a number",
		`{Containers: [{Name: [], Environment: [{Value: x}, {Name: "A B", Value: ""}, {Name: A, Value: 1}]}]}`:                 "f:1:22: Name is text, not a list\nf:1:40: a variable without Name\nf:1:52: a name of a variable with blanks, control characters or \"=\"\nf:1:95: Value is text, not a number (put quotes around it)",
		`{Containers: [{Name: web, name: db}]}`:                                                                                `f:1:27: key "name" a second time, in another spelling`,
		`{Instances: [{From: web}, {Id: "../x"}, {Id: 5}]}`:                                                                    "f:1:14: an instance without Id\nf:1:27: id \"../x\": an id has letters, digits, \"_\", \"-\" and \".\" only\nf:1:46: Id is text, not a number (put quotes around it: \"5\")",
		`{Instances: [{Id: web-1, Ports: [{Internal: 80, Target: {Host: db, Port: 80}}, {Internal: 81, Target: {Port: 1}}]}]}`: "f:1:57: target \"db\" is no IPv4 address (such as \"127.0.0.1\"; take Target out to have one chosen)\nf:1:103: target \"\" is no IPv4 address (such as \"127.0.0.1\"; take Target out to have one chosen)",
	} {
		d, _, err := Parse("f", []byte(text))
		if err == nil || d != nil {
			t.Errorf("%s: no error", text)
			continue
		}
		if diff := cmp.Diff(want, err.Error()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
}

// TestUnknownKeys: geard does not heed them, so they are no errors; its older files have some.
func TestUnknownKeys(t *testing.T) {
	d, warnings, err := Parse("f", []byte(`{"Containers": [
  {"Name": "web", "Notify": false, "Publicport": []}], "Versoin": null}`))
	if err != nil || len(d.Containers) != 1 {
		t.Fatalf("got %v, error %v", d, err)
	}
	want := []string{
		`f:2:19: unknown key "Notify" of a container: it is ignored (known: Affinity, Count, Environment, Image, Links, Name, PublicPorts)`,
		`f:2:36: unknown key "Publicport" of a container: it is ignored (did you mean "PublicPorts"?)`,
		`f:2:56: unknown key "Versoin" of a deployment: it is ignored (known: Containers, IdPrefix, Instances, RandomizeIds)`,
	}
	var got []string
	for _, w := range warnings {
		got = append(got, w.Error())
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	many := ""
	for i := range 500 {
		many += fmt.Sprintf("key%d: 1\n", i)
	}
	if _, warnings, _ := Parse("f", []byte(many)); len(warnings) != maxWarnings {
		t.Errorf("%d warnings; want %d", len(warnings), maxWarnings)
	}
}

func TestParseYAML(t *testing.T) {
	got, warnings, err := Parse("site.yaml", []byte(`
idprefix: shop-
containers:
- name: web
  image: nginx
  count: 2
  publicports: [{internal: 80}]
  environment: [{name: A, value: "1"}]
  links:
  - {to: web, nonlocal: true, matchport: yes, ports: [80]}
`))
	if err != nil || len(warnings) > 0 {
		t.Fatal(err, warnings)
	}
	want := parse(t, `{"IdPrefix": "shop-", "Containers": [{"Name": "web", "Image": "nginx", "Count": 2, "PublicPorts": [{"Internal": 80}],
 "Environment": [{"Name": "A", "Value": "1"}], "Links": [{"To": "web", "NonLocal": true, "MatchPort": true, "Ports": [80]}]}]}`)
	if diff := cmp.Diff(want, got, noPos); diff != "" {
		t.Errorf("(-JSON +YAML):\n%s", diff)
	}
	if pos := got.Containers[0].Links[0].Pos.String(); pos != "site.yaml:10:5" {
		t.Errorf("the link stands at %s; want site.yaml:10:5", pos)
	}
}

func TestErrorsHavePlaces(t *testing.T) {
	for text, want := range map[string]string{
		"Containers:\n- {Name: web}\n- Name: db\n  Links:\n  - To: wbe\n":              `f:5:5: deployment: target wbe not found for source db (did you mean "web"?)`,
		"Containers:\n- {Name: w, Count: 1}\n":                                         `f:2:3: identifier must match \A[a-zA-Z0-9\_\-\.]{4,24}\z (the id "w-1" is IdPrefix, the name of the container and a number)`,
		"Containers: [{Name: web, Count: 1}]\nInstances:\n- {Id: w, From: web, On: h}": `f:3:3: identifier must match \A[a-zA-Z0-9\_\-\.]{4,24}\z`,
	} {
		d, _, err := Parse("f", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := resolve(t, d, Options{Hosts: []string{"h"}}); err == nil || err.Error() != want {
			t.Errorf("%s:\ngot  %v\nwant %s", text, err, want)
		}
	}
	if _, err := (&Deployment{}).Resolve(Options{Hosts: []string{"h", "n:0"}}); fmt.Sprint(err) != `read host "n:0": Port must be between 1 and 65535` {
		t.Errorf("got %v", err)
	}
	twice := &Deployment{Containers: []Container{{Name: "a"}, {Name: "a"}}}
	if _, err := twice.Resolve(Options{}); msg(err) != `container "a" a second time` {
		t.Errorf("got %v", err)
	}
}

// TestText: what is written is read back, and written the same.
func TestText(t *testing.T) {
	if got, want := string((&Deployment{}).Text()), "{\n  \"Containers\": [],\n  \"Instances\": [],\n  \"IdPrefix\": \"\",\n  \"RandomizeIds\": false\n}\n"; got != want {
		t.Errorf("nothing: got %s; want %s", got, want)
	}
	files, err := filepath.Glob("testdata/geard/*/*.json")
	if err != nil {
		t.Fatal(err)
	}
	full := &Deployment{
		IDPrefix: "a<b>", RandomizeIDs: true,
		Containers: []Container{{Name: "web", Image: "i", Count: 1, Affinity: "distribute", PublicPorts: []Port{{80, 8080}},
			Environment: []Variable{{"A", ""}, {"B", "x\n\"y\""}}, Links: []Link{{To: "web", NonLocal: true, MatchPort: true, Ports: []int{1}, AliasPorts: []Port{{80, 0}, {81, 82}}}}}},
		Instances: []Instance{{ID: "web-1", Image: "i", From: "web", On: "h", Environment: []Variable{{"A", "B"}}, Ports: []InstancePort{{80, 1, Target{"127.0.0.1", 80}}, {Internal: 81}}}, {ID: "web-2"}},
	}
	all := []*Deployment{full}
	for _, f := range files {
		if strings.HasSuffix(f, ".links.json") {
			continue
		}
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		d := parse(t, string(text))
		if strings.HasSuffix(f, ".deployed.json") && string(d.Text()) != string(text) {
			t.Errorf("%s (-want +got):\n%s", f, cmp.Diff(string(text), string(d.Text())))
		}
		all = append(all, d)
	}
	for _, d := range all {
		again := parse(t, string(d.Text()))
		if diff := cmp.Diff(d, again, noPos); diff != "" {
			t.Errorf("written and read (-before +after):\n%s", diff)
		}
	}
}

func TestSetExternal(t *testing.T) {
	p := plan(t, fixture(t, "simple_deploy"), "h")
	for _, tt := range []struct {
		id                 string
		internal, external int
		want               string
	}{
		{"web-1", 8080, 4000, "<nil>"},
		{"web-3", 8080, 4000, `set port 8080 of "web-3": the plan has no such port`},
		{"web-1", 81, 4000, `set port 81 of "web-1": the plan has no such port`},
		{"web-1", 8080, 65536, `set port 8080 of "web-1": 65536 is no port`},
	} {
		if err := p.SetExternal(tt.id, tt.internal, tt.external); fmt.Sprint(err) != tt.want {
			t.Errorf("got %v; want %s", err, tt.want)
		}
	}
	if got := p.Deployed.Instances[0].Ports[0].External; got != 4000 {
		t.Errorf("got %d in the annotated form; want 4000", got)
	}
}
