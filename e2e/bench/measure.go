package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// contender is one of several that are measured side by side.
type contender struct {
	name    string
	rounds  int                         // in how many rounds it takes part
	prepare func(context.Context) error // not timed; may be nil
	run     func(context.Context) error
}

// sample is what was measured of a contender.
type sample struct {
	name  string
	times []time.Duration
}

// interleave measures the contenders in turns, round by round, so that whatever
// else the machine does meanwhile falls on all of them.
func interleave(ctx context.Context, log io.Writer, contenders []contender) ([]sample, error) {
	samples := make([]sample, len(contenders))
	rounds := 0
	for i, c := range contenders {
		samples[i].name = c.name
		rounds = max(rounds, c.rounds)
	}
	for round := range rounds {
		for i, c := range contenders {
			if round >= c.rounds {
				continue
			}
			took, err := c.once(ctx)
			if err != nil {
				return nil, fmt.Errorf("%s, round %d: %w", c.name, round+1, err)
			}
			fmt.Fprintf(log, "  round %d/%d  %-34s %8.3f s\n", round+1, c.rounds, c.name, took.Seconds())
			samples[i].times = append(samples[i].times, took)
		}
	}
	return samples, nil
}

func (c contender) once(ctx context.Context) (time.Duration, error) {
	if c.prepare != nil {
		if err := c.prepare(ctx); err != nil {
			return 0, fmt.Errorf("prepare: %w", err)
		}
	}
	began := time.Now()
	err := c.run(ctx)
	return time.Since(began), err
}

func (s sample) median() time.Duration {
	sorted := slices.Sorted(slices.Values(s.times))
	if len(sorted) == 0 {
		return 0
	}
	mid := len(sorted) / 2
	if len(sorted)%2 == 0 {
		return (sorted[mid-1] + sorted[mid]) / 2
	}
	return sorted[mid]
}

// timesTable is the samples as a table; what they are compared with is the first.
func timesTable(samples []sample, against string) string {
	rows := [][]string{{"what", "n", "median", "min", "max", "of " + against}}
	base := samples[0].median().Seconds()
	for _, s := range samples {
		if len(s.times) == 0 {
			continue
		}
		m := s.median().Seconds()
		rows = append(rows, []string{s.name, fmt.Sprint(len(s.times)), seconds(m), seconds(slices.Min(s.times).Seconds()),
			seconds(slices.Max(s.times).Seconds()), fmt.Sprintf("%.2fx", m/base)})
	}
	return table(rows)
}

func seconds(s float64) string { return fmt.Sprintf("%.3f s", s) }

// table is the rows in Markdown, the first being the head; all columns but the
// first are for figures.
func table(rows [][]string) string {
	width := make([]int, len(rows[0]))
	for _, r := range rows {
		for i, cell := range r {
			width[i] = max(width[i], len(cell))
		}
	}
	var out strings.Builder
	for n, r := range rows {
		for i, cell := range r {
			pad := strings.Repeat(" ", width[i]-len(cell))
			if i == 0 {
				cell += pad
			} else {
				cell = pad + cell
			}
			out.WriteString("| " + cell + " ")
		}
		out.WriteString("|\n")
		if n == 0 {
			out.WriteString("|" + strings.Repeat("-", width[0]+2))
			for _, w := range width[1:] {
				out.WriteString("|" + strings.Repeat("-", w+1) + ":")
			}
			out.WriteString("|\n")
		}
	}
	return out.String()
}
