package run

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"netrun/cmd/netrun/internal/fleet"
	"netrun/cmd/netrun/internal/report"
	"netrun/remote-helper/wire"
)

// recorded is a fleet on which some hosts fail, and a reporter.
type recorded struct {
	fail, lost map[string]bool
	log        []string
	during     func()
}

func (r *recorded) Play(_ context.Context, p fleet.Play) map[string]fleet.Outcome {
	r.log = append(r.log, p.Begin.Name+": "+strings.Join(p.Hosts, " "))
	if r.during != nil {
		r.during()
	}
	out := map[string]fleet.Outcome{}
	for _, h := range p.Hosts {
		switch {
		case r.lost[h]:
			out[h] = fleet.Outcome{Unreachable: errors.New("gone")}
		case r.fail[h]:
			out[h] = fleet.Outcome{Ended: &wire.Ended{Error: &wire.Failed{}}}
		default:
			out[h] = fleet.Outcome{Ended: &wire.Ended{}}
		}
	}
	return out
}

func (r *recorded) Stop()                   { r.log = append(r.log, "stop") }
func (r *recorded) PlayStart(p report.Play) {}
func (r *recorded) PlayEnd()                {}
func (r *recorded) Say(msg string)          { r.log = append(r.log, msg) }

func set(names string) map[string]bool {
	out := map[string]bool{}
	for _, n := range strings.Fields(names) {
		out[n] = true
	}
	return out
}

func TestPlays(t *testing.T) {
	half := 50.0
	serial := [][]string{{"a", "b"}, {"c", "d"}}
	cases := []struct {
		name, fail, lost string
		first            Play
		want             []string
	}{
		{"all well", "", "", Play{Batches: serial}, []string{"one: a b", "one: c d", "two: a b c d"}},
		{"a failed host is left out", "a", "", Play{Batches: serial}, []string{"one: a b", "one: c d", "two: b c d"}},
		{"an unreachable host is left out", "", "b", Play{Batches: serial}, []string{"one: a b", "one: c d", "two: a c d"}},
		{"unless that is ignored", "", "b", Play{Batches: serial, IgnoreUnreachable: true}, []string{"one: a b", "one: c d", "two: a b c d"}},
		{"a batch that fails whole", "a b", "", Play{Batches: serial}, []string{"one: a b", "the run ends here: no host is left of this batch"}},
		{"together", "a", "", Play{Batches: serial, Together: true}, []string{"one: a b", "the run ends here: a host failed, and any_errors_fatal is set"}},
		{"as many as may fail", "a", "", Play{Batches: serial, MaxFail: &half}, []string{"one: a b", "one: c d", "two: b c d"}},
		{"more than may fail", "a b", "", Play{Batches: [][]string{{"a", "b", "c"}, {"d"}}, MaxFail: &half},
			[]string{"one: a b c", "the run ends here: 67% of this batch failed, and max_fail_percentage is 50"}},
		{"no hosts", "", "", Play{}, []string{`play "one": no hosts`, "two: a b c d"}},
	}
	for _, c := range cases {
		rec := &recorded{fail: set(c.fail), lost: set(c.lost)}
		c.first.Fleet, c.first.Begin.Name = rec, "one"
		second := &Play{Fleet: rec, Begin: wire.Begin{Name: "two"}, Batches: [][]string{{"a", "b", "c", "d"}}}
		New(rec).Plays(t.Context(), []*Play{&c.first, second})
		if diff := cmp.Diff(c.want, rec.log); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestStopEndsTheRun(t *testing.T) {
	rec := &recorded{}
	r := New(rec)
	rec.during = r.Stop
	r.Plays(t.Context(), []*Play{{Fleet: rec, Begin: wire.Begin{Name: "one"}, Batches: [][]string{{"a"}, {"b"}}}})
	if diff := cmp.Diff([]string{"one: a", "stop"}, rec.log); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
