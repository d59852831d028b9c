package diag

import (
	"fmt"
	"slices"
	"strings"
)

const (
	maxNameLen = 256 // longer names get no suggestion: the distance is quadratic
	maxKnown   = 12  // known names listed in a hint
)

// Nearest returns the known name nearest to name by edit distance (insertion,
// deletion, substitution, swap of neighbours; case ignored), or "" if none is
// near enough: 1 edit in a name of up to 3 runes, 2 in one of up to 7, else 3.
// Among equally near names the alphabetically first wins.
func Nearest(name string, known []string) string {
	want := []rune(strings.ToLower(name))
	if len(want) > maxNameLen {
		return ""
	}
	best, bestDist := "", min(tolerance(len(want)), len(want)-1)+1
	for _, k := range known {
		if len(k) > 4*maxNameLen {
			continue
		}
		d := distance(want, []rune(strings.ToLower(k)), bestDist)
		if d < bestDist || (d == bestDist && best != "" && k < best) {
			best, bestDist = k, d
		}
	}
	return best
}

func tolerance(n int) int {
	switch {
	case n < 4:
		return 1
	case n < 8:
		return 2
	}
	return 3
}

// distance is the optimal string alignment distance of a and b, or something
// above limit as soon as it is known to be above limit.
func distance(a, b []rune, limit int) int {
	if len(a)-len(b) > limit || len(b)-len(a) > limit {
		return limit + 1
	}
	var before []int
	prev := make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := range a {
		row := nextRow(a, b, i, prev, before)
		if slices.Min(row) > limit {
			return limit + 1
		}
		before, prev = prev, row
	}
	return prev[len(b)]
}

func nextRow(a, b []rune, i int, prev, before []int) []int {
	row := make([]int, len(b)+1)
	row[0] = i + 1
	for j := range b {
		cost := 1
		if a[i] == b[j] {
			cost = 0
		}
		row[j+1] = min(prev[j+1]+1, row[j]+1, prev[j]+cost)
		if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
			row[j+1] = min(row[j+1], before[j-1]+1)
		}
	}
	return row
}

// DidYouMean returns a hint for an unknown name: `did you mean "x"?` if a known
// name is near, else "known: a, b, c" with the first dozen known names in
// alphabetical order, or "" if nothing is known.
func DidYouMean(name string, known []string) string {
	if near := Nearest(name, known); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	if len(known) == 0 {
		return ""
	}
	names := slices.Compact(slices.Sorted(slices.Values(known)))
	if more := len(names) - maxKnown; more > 0 {
		return fmt.Sprintf("known: %s and %d more", strings.Join(names[:maxKnown], ", "), more)
	}
	return "known: " + strings.Join(names, ", ")
}
