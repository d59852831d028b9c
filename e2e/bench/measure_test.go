package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestMedian(t *testing.T) {
	cases := []struct {
		times []time.Duration
		want  time.Duration
	}{
		{nil, 0},
		{[]time.Duration{7}, 7},
		{[]time.Duration{9, 1, 5}, 5},
		{[]time.Duration{9, 1, 5, 7}, 6},
	}
	for _, c := range cases {
		if got := (sample{times: c.times}).median(); got != c.want {
			t.Errorf("median of %v: got %d; want %d", c.times, got, c.want)
		}
	}
}

func TestTimesTable(t *testing.T) {
	got := timesTable([]sample{
		{"the limit", []time.Duration{time.Second, 3 * time.Second, 2 * time.Second}},
		{"left out", nil},
		{"ours", []time.Duration{3 * time.Second}},
	}, "the limit")
	want := `| what      | n |  median |     min |     max | of the limit |
|-----------|--:|--------:|--------:|--------:|-------------:|
| the limit | 3 | 2.000 s | 1.000 s | 3.000 s |        1.00x |
| ours      | 1 | 3.000 s | 3.000 s | 3.000 s |        1.50x |
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
}
