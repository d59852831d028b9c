package serve

import (
	"context"
	"fmt"
	"strings"
	"time"

	"netrun/remote-helper/internal/journal"
	"netrun/remote-helper/internal/store"
	"netrun/tasks/reconcile"
	"netrun/tasks/state"
)

// Repair undoes what plays that died left half done, and says what it did, or
// would do, a line each. The caller holds the host's lock.
func Repair(ctx context.Context, host state.Host, dir *journal.Dir, kept *store.Dir, check bool) ([]string, error) {
	open, err := dir.Unfinished()
	if err != nil {
		return nil, err
	}
	var found []string
	for i := len(open) - 1; i >= 0; i-- {
		e := open[i]
		what := fmt.Sprintf("play %q by %s, begun %s, never ended", e.Name, e.By, e.Started.UTC().Format(time.DateTime+" UTC"))
		if check {
			found = append(found, what+"; a real run will undo its "+count(e.Changes(), "change"))
			continue
		}
		report, err := reconcile.Undo(ctx, host, e.Records, reconcile.UndoOptions{})
		if err == nil {
			err = kept.Revert(e.Run, e.Kept)
		}
		if err != nil {
			return found, fmt.Errorf("%s: undo it: %w (if this cannot be put right, remove %s on the host: then it counts as done)", what, err, e.Path)
		}
		if err := dir.Remove(e.Path); err != nil {
			return found, err
		}
		found = append(found, fmt.Sprintf("%s: undone, %s%s", what, count(len(report.Changes), "change"), leftOver(e.Acts, report.Left)))
	}
	return found, nil
}

func leftOver(acts, left []string) string {
	text := ""
	if len(acts) > 0 {
		text += "; not undone, since these are acts: " + strings.Join(acts, ", ")
	}
	if len(left) > 0 {
		text += "; left: " + strings.Join(left, "; ")
	}
	return text
}
