package diag

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// maxErrors is how many mistakes a List keeps: nobody reads more at once.
const maxErrors = 100

// List collects mistakes, so that all of them are reported at once. The zero
// value is ready to use. It is not safe for concurrent use.
type List struct {
	kept []error
	seen map[string]bool
	more int
}

// Add puts err on the list; the parts of a joined error are added one by one. A
// nil error and one whose text is on the list already change nothing.
func (l *List) Add(err error) {
	for _, e := range leaves(err) {
		l.add(e)
	}
}

func (l *List) add(err error) {
	key := err.Error()
	switch {
	case l.seen[key]:
	case len(l.kept) == maxErrors:
		l.more++
	default:
		if l.seen == nil {
			l.seen = map[string]bool{}
		}
		l.seen[key] = true
		l.kept = append(l.kept, err)
	}
}

// Len returns how many mistakes were added, those beyond the kept ones too.
func (l *List) Len() int { return len(l.kept) + l.more }

// Err returns nil for an empty list, or all kept mistakes joined, ordered by
// file, line and column, mistakes without a place first. The first 100 are
// kept; a last line says how many more there were.
func (l *List) Err() error {
	if len(l.kept) == 0 {
		return nil
	}
	errs := slices.Clone(l.kept)
	slices.SortStableFunc(errs, func(a, b error) int { return place(a).compare(place(b)) })
	if l.more > 0 {
		errs = append(errs, fmt.Errorf("and %d more", l.more))
	}
	return errors.Join(errs...)
}

func place(err error) Pos {
	var e *Error
	if errors.As(err, &e) {
		return e.Pos
	}
	return Pos{}
}

// leaves takes joined errors apart. An error that wraps a single other one is
// a leaf, unless a join is inside it.
func leaves(err error) []error {
	if err == nil {
		return nil
	}
	parts := joined(err)
	if parts == nil {
		return []error{err}
	}
	var out []error
	for _, p := range parts {
		out = append(out, leaves(p)...)
	}
	return out
}

// joined returns the parts of the nearest join in err's chain, or nil. What
// wraps a join is dropped only where the parts have places of their own.
func joined(err error) []error {
	for e := err; e != nil; e = errors.Unwrap(e) {
		j, ok := e.(interface{ Unwrap() []error })
		if !ok {
			continue
		}
		var d *Error
		if !isJoin(e, j.Unwrap()) || (e != err && !errors.As(e, &d)) {
			return nil
		}
		return j.Unwrap()
	}
	return nil
}

// isJoin tells errors.Join from an error that wraps several others in a
// sentence of its own, such as fmt.Errorf with two %w.
func isJoin(e error, parts []error) bool {
	texts := make([]string, len(parts))
	for i, p := range parts {
		texts[i] = p.Error()
	}
	return e.Error() == strings.Join(texts, "\n")
}
