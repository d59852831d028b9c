package serve

import (
	"slices"

	"netrun/remote-helper/internal/store"
	"netrun/tasks/reconcile"
	"netrun/tasks/state"
)

// placed finds out by which keys the host knows what the books have in containers:
// one container has many names, and what is done is known by the host's.
func (p *play) placed(books []*store.Book) error {
	var objects []state.Object
	for _, b := range books {
		for _, i := range b.Items {
			if inContainer(i.Object) {
				objects = append(objects, i.Object)
			}
		}
	}
	if len(objects) == 0 {
		return nil
	}
	places, err := p.planner.Places(p.ctx, objects)
	if err != nil {
		return err
	}
	p.places = map[state.Key]state.Key{}
	for i, o := range objects {
		p.places[o.Key()] = places[i]
	}
	return nil
}

func inContainer(o state.Object) bool {
	return slices.ContainsFunc(state.Scopes(o), func(s state.Scope) bool {
		_, sought := s.Sought()
		return sought
	})
}

// place is the key by which the host knows the object of a book.
func (p *play) place(k state.Key) state.Key {
	if at, ok := p.places[k]; ok {
		return at
	}
	return k
}

// takes reports whether the play takes something away that is in a container.
func (p *play) takes(made map[state.Key]*made) bool {
	for k, m := range made {
		if _, sought := k.Scope.Sought(); sought && m.gone {
			return true
		}
	}
	return slices.ContainsFunc(p.planner.Wanted(), func(w reconcile.Wanted) bool { return w.Absent && inContainer(w.Object) })
}

// heir is the item of another playbook that wants the object too.
func (p *play) heir(books []*store.Book, id string, k state.Key) bool {
	return slices.ContainsFunc(books, func(b *store.Book) bool { return b.ID != id && p.find(b, k) >= 0 })
}

// find is the index of the item that the host knows by the same key, -1 if there is none.
func (p *play) find(b *store.Book, k state.Key) int {
	if at := b.Find(k); at >= 0 {
		return at
	}
	place := p.place(k)
	return slices.IndexFunc(b.Items, func(i store.Item) bool { return p.place(i.Object.Key()) == place })
}

// bequeath hands what is known about the making of the dropped objects on to the
// playbooks that still want them.
func (p *play) bequeath(from, to *store.Book) {
	for _, k := range p.dropped {
		old, at := from.Find(k), p.find(to, k)
		if old < 0 || at < 0 || to.Items[at].Created {
			continue
		}
		// One that found it made, and changed it, has it to take away all the same.
		if was := from.Items[old]; was.Created || to.Items[at].Before == nil {
			to.Items[at].Created, to.Items[at].Before, to.Items[at].Fields = was.Created, was.Before, was.Fields
		}
	}
}
