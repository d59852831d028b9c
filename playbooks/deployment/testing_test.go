package deployment

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"netrun/inventory/diag"
)

// noPos compares without places.
var noPos = cmpopts.IgnoreTypes(diag.Pos{})

func read(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata/geard", name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func readJSON(t testing.TB, name string, to any) {
	t.Helper()
	if err := json.Unmarshal(read(t, name), to); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

func parse(t testing.TB, text string) *Deployment {
	t.Helper()
	d, warnings, err := Parse("site.json", []byte(text))
	if err != nil || len(warnings) > 0 {
		t.Fatalf("parse %s: %v, warnings %v", text, err, warnings)
	}
	return d
}

func fixture(t testing.TB, name string) *Deployment {
	t.Helper()
	return parse(t, string(read(t, "fixtures/"+name+".json")))
}

// resolve wants d not to change, and a second resolution to be the same.
func resolve(t testing.TB, d *Deployment, o Options) (*Plan, error) {
	t.Helper()
	before := string(d.Text())
	p, err := d.Resolve(o)
	if after := string(d.Text()); after != before {
		t.Errorf("Resolve changed the descriptor (-before +after):\n%s", cmp.Diff(before, after))
	}
	if o.Random != nil {
		return p, err
	}
	again, err2 := d.Resolve(o)
	if err == nil && err2 == nil {
		if diff := cmp.Diff(describe(p), describe(again)); diff != "" {
			t.Errorf("a second resolution differs:\n%s", diff)
		}
	} else if fmt.Sprint(err) != fmt.Sprint(err2) {
		t.Errorf("a second resolution differs: %v, then %v", err, err2)
	}
	return p, err
}

func plan(t testing.TB, d *Deployment, hosts ...string) *Plan {
	t.Helper()
	return planWith(t, d, Options{Hosts: hosts})
}

func planWith(t testing.TB, d *Deployment, o Options) *Plan {
	t.Helper()
	p, err := resolve(t, d, o)
	if err != nil {
		t.Fatalf("resolve on %v: %v", o.Hosts, err)
	}
	return p
}

// deployed resolves on hosts that give out ports, and reads back what was written.
func deployed(t testing.TB, d *Deployment, hosts ...string) *Deployment {
	t.Helper()
	p := plan(t, d, hosts...)
	giveOut(t, p)
	return parse(t, string(p.Deployed.Text()))
}

// giveOut is what hosts do: the lowest free port from 4000 on, for each port that is left to them.
func giveOut(t testing.TB, p *Plan) {
	t.Helper()
	used := map[string]map[int]bool{}
	for _, in := range p.Deployed.Instances {
		if used[in.On] == nil {
			used[in.On] = map[int]bool{}
		}
		for _, port := range in.Ports {
			used[in.On][port.External] = true
		}
	}
	for _, in := range p.Deployed.Instances {
		for _, port := range in.Ports {
			if port.External != 0 {
				continue
			}
			next := 4000
			for used[in.On][next] {
				next++
			}
			used[in.On][next] = true
			if err := p.SetExternal(in.ID, port.Internal, next); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// describe is a plan in the words of scenarios.json.
func describe(p *Plan) []string {
	out := []string{}
	for _, in := range p.Instances {
		out = append(out, fmt.Sprintf("%s on=%s added=%v ports=[%s] links=[%s]", in.Instance.ID, in.Instance.On, in.Added,
			strings.Join(portTexts(in.Instance.Ports), "; "), strings.Join(compact(p, in), ",")))
	}
	return out
}

func portTexts(ports []InstancePort) (out []string) {
	for _, p := range ports {
		out = append(out, fmt.Sprintf("int=%d ext=%d target=%s:%d", p.Internal, p.External, p.Target.Host, p.Target.Port))
	}
	return out
}

func compact(p *Plan, in Planned) []string {
	out := []string{}
	for _, l := range in.Links {
		out = append(out, p.Compact(l))
	}
	return out
}

// from is the local addresses of the links of the instance with the id.
func from(t testing.TB, p *Plan, id string) string {
	t.Helper()
	for _, in := range p.Instances {
		if in.Instance.ID != id {
			continue
		}
		var out []string
		for _, l := range in.Links {
			out = append(out, fmt.Sprintf("%s:%d", l.From.Host, l.From.Port))
		}
		return strings.Join(out, " ")
	}
	t.Fatalf("no instance %s", id)
	return ""
}

func ids(instances []Instance) []string {
	out := []string{}
	for _, in := range instances {
		out = append(out, in.ID)
	}
	return out
}

// placed is "id@host" of each instance.
func placed(p *Plan) string {
	var out []string
	for _, in := range p.Deployed.Instances {
		out = append(out, in.ID+"@"+in.On)
	}
	return strings.Join(out, " ")
}

// msg is the text of an error without its place and hint.
func msg(err error) string {
	var e *diag.Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &e):
		return e.Msg
	}
	return err.Error()
}

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }
