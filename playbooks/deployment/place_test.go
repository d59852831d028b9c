package deployment

import (
	"testing"
)

func TestRoundRobin(t *testing.T) {
	d := parse(t, `{Containers: [{Name: webb, Count: 3, Affinity: whatever}, {Name: dbdb, Count: 3}], Instances: [{Id: webb-1, From: webb, On: "n1:43273"}]}`)
	want := "webb-1@n1:43273 webb-2@n2 webb-3@n2 dbdb-1@n1:43273 dbdb-2@n2 dbdb-3@n2"
	if got := placed(plan(t, d, "n2", "n2", "n1:43273")); got != want {
		t.Errorf("got %s; want %s", got, want)
	}
}

func TestSpread(t *testing.T) {
	for name, tt := range map[string]struct {
		text  string
		hosts []string
		want  string
	}{
		"load of what is kept": {
			`{Containers: [{Name: webb, Count: 2}, {Name: dbdb, Count: 3}], Instances: [{Id: webb-1, From: webb, On: n1}, {Id: webb-2, From: webb, On: n1}]}`,
			[]string{"n1", "n2"}, "webb-1@n1 webb-2@n1 dbdb-1@n2 dbdb-2@n2 dbdb-3@n1",
		},
		"what is removed is no load": {
			`{Containers: [{Name: webb, Count: 1}, {Name: dbdb, Count: 2}], Instances: [{Id: webb-1, From: webb, On: n1}, {Id: webb-2, From: webb, On: n1}]}`,
			[]string{"n1", "n2"}, "webb-1@n1 dbdb-1@n2 dbdb-2@n1",
		},
		"weight": {
			`{Containers: [{Name: webb, Count: 6}]}`,
			[]string{"n1", "n2", "n2"}, "webb-1@n1 webb-2@n2 webb-3@n2 webb-4@n1 webb-5@n2 webb-6@n2",
		},
		"distribute": {
			`{Containers: [{Name: webb, Count: 3, Affinity: distribute}], Instances: [{Id: webb-3, From: webb, On: n1}, {Id: gone-1, From: gone, On: n2}]}`,
			[]string{"n1", "n2", "n3"}, "webb-3@n1 webb-1@n2 webb-2@n3",
		},
		"distribute before load": {
			`{Containers: [{Name: dbdb, Count: 3}, {Name: webb, Count: 2, Affinity: distribute}], Instances: [{Id: dbdb-1, From: dbdb, On: n2}, {Id: dbdb-2, From: dbdb, On: n2}, {Id: dbdb-3, From: dbdb, On: n2}]}`,
			[]string{"n1", "n2"}, "dbdb-1@n2 dbdb-2@n2 dbdb-3@n2 webb-1@n1 webb-2@n2",
		},
		"beside another, which comes later": {
			`{Containers: [{Name: webb, Count: 2, Affinity: dbdb}, {Name: logs, Count: 1}, {Name: dbdb, Count: 1}]}`,
			[]string{"n1", "n2"}, "webb-1@n1 webb-2@n1 logs-1@n2 dbdb-1@n1",
		},
		"beside another, by load among equals": {
			`{Containers: [{Name: dbdb, Count: 2, Affinity: distribute}, {Name: webb, Count: 2, Affinity: dbdb}]}`,
			[]string{"n1", "n2"}, "dbdb-1@n1 dbdb-2@n2 webb-1@n1 webb-2@n2",
		},
		"a chain": {
			`{Containers: [{Name: aaaa, Count: 1, Affinity: bbbb}, {Name: bbbb, Count: 1, Affinity: cccc}, {Name: cccc, Count: 1}]}`,
			[]string{"n1", "n2"}, "aaaa-1@n1 bbbb-1@n1 cccc-1@n1",
		},
	} {
		p := planWith(t, parse(t, tt.text), Options{Hosts: tt.hosts, Placement: Spread})
		if got := placed(p); got != tt.want {
			t.Errorf("%s: got %s; want %s", name, got, tt.want)
		}
	}
}

func TestSpreadErrors(t *testing.T) {
	for text, want := range map[string]string{
		`{Containers: [{Name: webb, Affinity: distrbute}]}`:                                     `site.json:1:15: affinity "distrbute" of container "webb" is neither "distribute" nor another container (did you mean "distribute"?)`,
		`{Containers: [{Name: webb, Affinity: webb}]}`:                                          `site.json:1:15: affinity "webb" of container "webb" is neither "distribute" nor another container (known: distribute)`,
		`{Containers: [{Name: aaaa, Affinity: bbbb}, {Name: bbbb, Affinity: aaaa}]}`:            `site.json:1:45: affinity of container "bbbb" to "aaaa" goes round in a circle`,
		`{Containers: [{Name: webb, Affinity: aaaa}, {Name: aaaa, Affinity: b}, {Name: bbbb}]}`: `site.json:1:45: affinity "b" of container "aaaa" is neither "distribute" nor another container (known: bbbb, distribute, webb)`,
	} {
		d := parse(t, text)
		if _, err := resolve(t, d, Options{Hosts: []string{"h"}, Placement: Spread}); err == nil || err.Error() != want {
			t.Errorf("%s:\ngot  %v\nwant %s", text, err, want)
		}
		plan(t, d, "h")
	}
}
