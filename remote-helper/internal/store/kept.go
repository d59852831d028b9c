package store

import (
	"slices"

	"netrun/tasks/state"
)

// Kept is what a play changed in a book, for the undo of that play.
type Kept struct {
	Book  string  `json:"book"`
	Items []Prior `json:"items"`
}

// Prior is what the book held for a key before: nothing if Item is nil.
type Prior struct {
	Key  state.Key `json:"key"`
	Item *Encoded  `json:"item,omitempty"`
}

// Revert puts the books back to before the run, where no later run has had its say.
func (d *Dir) Revert(run string, kept []Kept) error {
	for _, k := range slices.Backward(kept) {
		b, err := d.Book(k.Book)
		if err != nil {
			return err
		}
		for _, prior := range k.Items {
			if err := b.revert(run, prior); err != nil {
				return err
			}
		}
		if err := d.Save(b); err != nil {
			return err
		}
	}
	return nil
}

func (b *Book) revert(run string, prior Prior) error {
	at := b.Find(prior.Key)
	if at >= 0 && b.Items[at].Run != run {
		return nil // a later run wants it
	}
	if prior.Item == nil {
		b.Drop(prior.Key)
		return nil
	}
	item, err := Decode(*prior.Item)
	if err != nil {
		return err
	}
	b.Set(item)
	return nil
}

// Difference is what turning a book into another changes.
func Difference(before, after *Book) (Kept, error) {
	k := Kept{Book: after.ID}
	old := map[state.Key]Item{}
	for _, i := range before.Items {
		old[i.Object.Key()] = i
	}
	for _, i := range after.Items {
		was, known := old[i.Object.Key()]
		delete(old, i.Object.Key())
		if known && i.same(was) {
			continue
		}
		if err := k.add(i.Object.Key(), was, known); err != nil {
			return k, err
		}
	}
	for _, i := range before.Items {
		if _, gone := old[i.Object.Key()]; gone {
			if err := k.add(i.Object.Key(), i, true); err != nil {
				return k, err
			}
		}
	}
	return k, nil
}

func (k *Kept) add(key state.Key, was Item, known bool) error {
	p := Prior{Key: key}
	if known {
		e, err := Encode(was)
		if err != nil {
			return err
		}
		p.Item = &e
	}
	k.Items = append(k.Items, p)
	return nil
}

// same reports whether nothing but the run and the place of the task differ.
func (i Item) same(o Item) bool {
	return len(state.DiffExact(i.Object, o.Object)) == 0 && i.Repair == o.Repair && i.Created == o.Created && i.Since.Equal(o.Since)
}
