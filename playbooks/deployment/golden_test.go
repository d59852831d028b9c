package deployment

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// scenario is a descriptor with what geard made of it.
type scenario struct {
	Name       string
	Descriptor jsonText
	Hosts      []string
	Instances  []string
	Removed    []string
	Error      string
}

// jsonText is JSON kept as it stands.
type jsonText string

func (j *jsonText) UnmarshalJSON(text []byte) error {
	*j = jsonText(text)
	return nil
}

// exceptions are the scenarios in which geard has a defect: what is right, and why.
var exceptions = map[string]struct {
	reason    string
	instances []string
}{
	"port wrap at 65535": {
		"65536 is no port, and 40000 is one: geard gives out the first and skips the second",
		[]string{
			"webb-1 on=node1 added=true ports=[] links=[127.0.0.1:65535:node1:0,127.0.0.1:40000:node1:0,127.0.0.1:40001:node1:0]",
			"dbdb-1 on=node1 added=true ports=[int=65535 ext=0 target=127.0.0.1:65535] links=[]",
			"dbdb-2 on=node1 added=true ports=[int=65535 ext=0 target=127.0.0.1:40000] links=[]",
			"dbdb-3 on=node1 added=true ports=[int=65535 ext=0 target=127.0.0.1:40001] links=[]",
		},
	},
	"redeploy same hosts, as geard HEAD does it (single call)": {
		"a deployed file is input for its own hosts: geard forgets the host of a kept instance and fails; the next scenario is what it was to do",
		redeployed,
	},
}

var redeployed = []string{
	"dbdb-1 on=node1 added=false ports=[int=5432 ext=4203 target=192.168.1.1:5432] links=[192.168.1.1:5432:node1:4203,192.168.1.2:5432:node1:4204,192.168.1.3:5432:node2:4206]",
	"dbdb-2 on=node1 added=false ports=[int=5432 ext=4204 target=192.168.1.2:5432] links=[192.168.1.1:5432:node1:4203,192.168.1.2:5432:node1:4204,192.168.1.3:5432:node2:4206]",
	"dbdb-3 on=node2 added=false ports=[int=5432 ext=4206 target=192.168.1.3:5432] links=[192.168.1.1:5432:node1:4203,192.168.1.2:5432:node1:4204,192.168.1.3:5432:node2:4206]",
}

func TestScenarios(t *testing.T) {
	var scenarios []scenario
	readJSON(t, "scenarios.json", &scenarios)
	excepted := 0
	for _, s := range scenarios {
		t.Run(s.Name, func(t *testing.T) {
			p, err := resolve(t, parse(t, string(s.Descriptor)), Options{Hosts: s.Hosts})
			if right, ok := exceptions[s.Name]; ok {
				excepted++
				t.Logf("differs from geard: %s", right.reason)
				exception(t, s, right.instances, p, err)
				return
			}
			if msg(err) != s.Error {
				t.Fatalf("error: got %q; want %q", msg(err), s.Error)
			}
			if err != nil {
				return
			}
			if diff := cmp.Diff(s.Instances, describe(p)); diff != "" {
				t.Errorf("(-geard +got):\n%s", diff)
			}
			if diff := cmp.Diff(s.Removed, ids(p.Removed)); diff != "" {
				t.Errorf("removed (-geard +got):\n%s", diff)
			}
		})
	}
	if len(scenarios) < 30 || excepted != len(exceptions) {
		t.Errorf("%d scenarios, %d excepted; want at least 30, %d", len(scenarios), excepted, len(exceptions))
	}
}

// exception wants what is right, and geard to have recorded something else.
func exception(t *testing.T, s scenario, right []string, p *Plan, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(right, describe(p)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if s.Error == "" && cmp.Equal(right, s.Instances) {
		t.Error("geard has the same result; want no exception for it")
	}
}

// linked is a *.links.json: a deployment and the links of its instances.
type linked struct {
	Added    []string
	Deployed jsonText
	Fixture  string
	Hosts    []string
	Links    []linkedInstance
	Removed  []string
}

type linkedInstance struct {
	Compact []string
	ID, On  string
}

func TestDeployed(t *testing.T) {
	files, err := filepath.Glob("testdata/geard/deployed/*.links.json")
	if err != nil || len(files) < 10 {
		t.Fatalf("found %d deployments, error %v; want at least 10", len(files), err)
	}
	for _, file := range files {
		base := strings.TrimSuffix(filepath.Base(file), ".links.json")
		t.Run(base, func(t *testing.T) {
			var want linked
			readJSON(t, "deployed/"+base+".links.json", &want)
			p := plan(t, fixture(t, strings.TrimSuffix(want.Fixture, ".json")), want.Hosts...)
			giveOut(t, p)
			if diff := cmp.Diff(string(read(t, "deployed/"+base+".deployed.json")), string(p.Deployed.Text())); diff != "" {
				t.Errorf("(-geard +got):\n%s", diff)
			}
			if diff := cmp.Diff(want, linkedOf(p, want)); diff != "" {
				t.Errorf("links (-geard +got):\n%s", diff)
			}
		})
	}
}

func linkedOf(p *Plan, want linked) linked {
	got := linked{Added: []string{}, Deployed: want.Deployed, Fixture: want.Fixture, Hosts: want.Hosts, Removed: ids(p.Removed)}
	for _, in := range p.Instances {
		if in.Added {
			got.Added = append(got.Added, in.Instance.ID)
		}
		if len(in.Links) > 0 {
			got.Links = append(got.Links, linkedInstance{compact(p, in), in.Instance.ID, in.Instance.On})
		}
	}
	return got
}

// TestRedeploy: what was deployed stays when it is deployed again where it is.
func TestRedeploy(t *testing.T) {
	files, err := filepath.Glob("testdata/geard/deployed/*.deployed.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		name := filepath.Base(file)
		text := string(read(t, "deployed/"+name))
		hosts := []string{"localhost"}
		if strings.Contains(name, "2hosts") {
			hosts = []string{"node1", "node2"}
		}
		p := plan(t, parse(t, text), hosts...)
		if diff := cmp.Diff(text, string(p.Deployed.Text())); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		for _, in := range p.Instances {
			if in.Added || in.Changed != nil {
				t.Errorf("%s: %s added %v, changed %v; want it kept", name, in.Instance.ID, in.Added, in.Changed)
			}
		}
		if len(p.Removed) > 0 {
			t.Errorf("%s: removed %v; want none", name, ids(p.Removed))
		}
	}
	p := plan(t, fixture(t, "mongo_deploy_existing"), "localhost")
	if diff := cmp.Diff(string(read(t, "deployed/mongo_deploy_existing.redeploy.deployed.json")), string(p.Deployed.Text())); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
