package serve

import (
	"fmt"

	"netrun/remote-helper/internal/journal"
	"netrun/remote-helper/internal/restore"
	"netrun/remote-helper/internal/store"
	"netrun/remote-helper/wire"
	"netrun/tasks/state"
)

// putBackKept makes again, in containers, what the undone plays had made there and what
// is wanted still: an act that was not undone may have put a new container in the place
// of the one that had it, and what the play made in the new one has just been undone.
func (p *play) putBackKept(entries []*journal.Entry) error {
	undone := map[state.Key]bool{}
	for _, e := range entries {
		if len(e.Acts) == 0 {
			continue // all is as it was
		}
		for _, r := range e.Records {
			for _, c := range r.Changes {
				undone[c.Key()] = undone[c.Key()] || c.Op == state.Create
			}
		}
	}
	if len(undone) == 0 {
		return nil
	}
	books, err := p.store().Books()
	if err != nil {
		return err
	}
	if err := p.placed(books); err != nil {
		return err
	}
	var items []store.Item
	for _, b := range books {
		for _, i := range b.Items {
			_, inside := i.Object.Key().Scope.Sought()
			if inside && undone[p.place(i.Object.Key())] {
				items = append(items, i)
			}
		}
	}
	if len(items) == 0 {
		return nil
	}
	results, err := restore.Put(p.lost, p.Host, items)
	for _, r := range results {
		if len(r.Changes) > 0 {
			p.out.send(wire.Event{Note: &wire.Note{Text: fmt.Sprintf("kept, and made again: %s", r.Item.Object.Key())}})
		}
	}
	return err
}
