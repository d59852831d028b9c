package linuxhost

import (
	"fmt"
	"strings"

	"netrun/tasks/state"
)

// ruleset reads the tables of a scope and family once a session. It must be the
// plain iptables-save: with -t, and with iptables -L, the nf_tables backend makes
// the table that it is asked for.
func (s *session) ruleset(set tableSet) (*ruleset, error) {
	if known, ok := s.netfilter[set]; ok {
		return known, nil
	}
	sp, err := s.space(set.scope)
	if err != nil {
		return nil, err
	}
	text, err := s.run(sp, program{name: iptables(set.family) + "-save"})
	if isNotInstalled(err) {
		return nil, &notInstalledError{iptables(set.family)}
	}
	if err != nil {
		return nil, err
	}
	rules, err := parseRuleset(text)
	if err != nil {
		return nil, fmt.Errorf("%s-save: %w", iptables(set.family), err)
	}
	s.netfilter[set] = rules
	return rules, nil
}

func iptables(family int) string {
	if family == 6 {
		return "ip6tables"
	}
	return "iptables"
}

// rulesets reads the families that the keys ask for. Where iptables is not installed,
// there is nothing: a bridge asks everywhere for rules that it wants beside Docker's
// only. Who makes a rule there gets the error.
func (s *session) rulesets(q *query, each func(family int, t *ruleTable)) error {
	asked := map[int]bool{}
	for _, name := range q.names {
		asked[familyOfKey(name)] = true
	}
	for _, family := range []int{4, 6} {
		if !asked[family] && !q.all {
			continue
		}
		rules, err := s.ruleset(tableSet{q.scope, family})
		if isNotInstalled(err) {
			continue
		}
		if err != nil {
			return err
		}
		for _, t := range rules.tables {
			each(family, t)
		}
	}
	return nil
}

func familyOfKey(name string) int {
	if strings.HasPrefix(name, "ip6 ") {
		return 6
	}
	return 4
}

// readTables lists the tables. The nf_tables backend has those that somebody
// used, and they can be deleted again. A table of the legacy backend stays in the
// kernel once anybody looked at it and cannot be deleted; so that undoing a play
// leaves what was observed before, one in which nothing is said is none.
func (s *session) readTables(q *query) ([]state.Object, error) {
	var out []state.Object
	err := s.rulesets(q, func(family int, t *ruleTable) {
		if t.nft || !t.untouched() {
			out = append(out, state.Table{Scope: q.scope, Family: family, Name: t.name, Busy: t.busy(), Foreign: t.foreign()})
		}
	})
	return out, err
}

// readChains lists netrun's own chains, and the tables, which a chain that is to be
// made needs: they are known anyway.
func (s *session) readChains(q *query) ([]state.Object, error) {
	out, err := s.readTables(q)
	if err != nil {
		return nil, err
	}
	err = s.rulesets(q, func(family int, t *ruleTable) {
		for _, decl := range t.chains {
			if !state.OwnChain(decl.name) {
				continue
			}
			c := state.Chain{Scope: q.scope, Family: family, Table: t.name, Name: decl.name}
			for _, r := range t.in(decl.name) {
				c.Rules = append(c.Rules, state.CanonicalRule(family, r.args))
			}
			out = append(out, c)
		}
	})
	return out, err
}

// readJumps lists the rules of others' chains that lead to netrun's, and netrun's chains.
func (s *session) readJumps(q *query) ([]state.Object, error) {
	out, err := s.readChains(q)
	if err != nil {
		return nil, err
	}
	err = s.rulesets(q, func(family int, t *ruleTable) {
		for _, decl := range t.chains {
			behind, beside := 0, 0
			for _, r := range t.in(decl.name) {
				match, to, ok := r.asJump()
				if !ok {
					behind, beside = behind+1, 0
					continue
				}
				out = append(out, state.Jump{Scope: q.scope, Family: family, Table: t.name, From: decl.name, To: to,
					Match: state.CanonicalRule(family, match), First: behind == 0, Behind: behind, Beside: beside})
				beside++
			}
		}
	})
	return out, err
}
