package playbooks

import (
	"netrun/inventory/diag"
	"netrun/templates"
)

// checkNotify wants each notify to name a handler, or a topic that one listens to.
func (l *loader) checkNotify(p *Play) {
	known := map[string]bool{}
	var names []string
	learn := func(name string) {
		if !known[name] {
			known[name] = true
			names = append(names, name)
		}
	}
	for _, h := range p.Handlers {
		h.walk(func(t *Task) {
			learn(t.Name)
			if t.Role != "" {
				learn(t.Role + " : " + t.Name)
			}
			for _, topic := range t.listen {
				learn(topic)
			}
		})
	}
	check := func(t *Task) {
		for _, n := range t.notify {
			if _, template := n.tree.(*templates.Template); !template && !known[n.Value] {
				e := diag.Errorf(n.Pos, "no handler %q in this play", n.Value)
				e.Hint = diag.DidYouMean(n.Value, names)
				l.errs.Add(e)
			}
		}
	}
	for _, list := range [][]*Task{p.Tasks, p.Handlers} {
		for _, t := range list {
			t.walk(check)
		}
	}
}
