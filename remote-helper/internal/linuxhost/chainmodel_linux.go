package linuxhost

import (
	"slices"

	"netrun/tasks/state"
)

// chainModel is a chain of others as far as a batch has come: what is put back
// into it finds its place there.
type chainModel struct{ rules []modelRule }

// modelRule is a rule of the chain: one of others where to is "", else a jump of
// netrun's, with its place among those that stand together.
type modelRule struct {
	to     string
	beside int
}

// model is the chain's that the jump is in, read only where a place is counted.
func (s *session) model(b *restoreBatch, j state.Jump) (*chainModel, error) {
	id := j.Table + " " + j.From
	if m, ok := b.chains[id]; ok {
		return m, nil
	}
	m := &chainModel{}
	b.chains[id] = m
	if !b.counted {
		return m, nil
	}
	rules, err := s.ruleset(b.set)
	if err != nil {
		return nil, err
	}
	if t := rules.table(j.Table); t != nil {
		m.fill(t.in(j.From))
	}
	return m, nil
}

func (m *chainModel) fill(rules []chainRule) {
	beside := 0
	for _, r := range rules {
		_, to, ok := r.asJump()
		if !ok {
			m.rules, beside = append(m.rules, modelRule{}), 0
			continue
		}
		m.rules = append(m.rules, modelRule{to, beside})
		beside++
	}
}

// apply notes the jump's coming or going, and says as which rule number it is to
// be inserted; 0 is after all.
func (m *chainModel) apply(op state.Op, j state.Jump) int {
	if op == state.Delete {
		if i := slices.IndexFunc(m.rules, func(r modelRule) bool { return r.to == j.To }); i >= 0 {
			m.rules = slices.Delete(m.rules, i, i+1)
		}
		return 0
	}
	at, number := len(m.rules), 0
	if j.First || j.Behind > 0 || j.Beside > 0 {
		at = m.place(j)
		number = at + 1
	}
	m.rules = slices.Insert(m.rules, at, modelRule{j.To, j.Beside})
	return number
}

// place is where the jump belongs: after Behind rules of others, and among
// netrun's jumps there before the first that stood further back.
func (m *chainModel) place(j state.Jump) int {
	at, foreign := 0, 0
	for at < len(m.rules) && foreign < j.Behind {
		if m.rules[at].to == "" {
			foreign++
		}
		at++
	}
	for at < len(m.rules) && m.rules[at].to != "" && m.rules[at].beside < j.Beside {
		at++
	}
	return at
}
