package state

import (
	"strings"
)

// Table is an iptables table of a scope. It is an object of its own so that undo
// can take away a table that only netrun brought to life (nf_tables backend;
// the legacy backend's tables stay, empty).
type Table struct {
	Scope  Scope  `json:"scope,omitempty" state:"key"`
	Family int    `json:"family" state:"key"` // 4 or 6
	Name   string `json:"name" state:"key"`   // filter, nat, mangle, raw
	// Busy is observed: it holds more than netrun's own chains and the jumps to them.
	Busy bool `json:"busy,omitempty" state:"hint"`
	// Foreign are observed: the chains that other programs made, and how many rules
	// they have; a RETURN for all packets at the end, which Docker puts there, is not counted.
	Foreign map[string]int `json:"foreign,omitempty" state:"hint"`
}

// When is a condition on the host, of an object in an iptables table:
// net/bridge/bridge-nf-call-iptables=1 is that the parameter is there and has that
// value, chain=DOCKER-USER that another program's chain of that name is in the table,
// nochain=DOCKER-USER that it is not; & joins several. An object whose condition does not hold is not wanted. "" always holds.
type When string

// in is the table that a condition is about.
type in struct {
	scope  Scope
	family int
	table  string
}

// reads lists what the condition is about.
func (w When) reads(at in) []Key {
	var keys []Key
	for _, part := range w.parts() {
		if part[0] == "chain" || part[0] == "nochain" {
			keys = append(keys, TableKey(at.scope, at.family, at.table))
		} else {
			keys = append(keys, Sysctl{Scope: at.scope, Name: part[0]}.Key())
		}
	}
	return keys
}

func (w When) parts() [][2]string {
	if w == "" {
		return nil
	}
	var out [][2]string
	for _, text := range strings.Split(string(w), "&") {
		name, value, _ := strings.Cut(text, "=")
		out = append(out, [2]string{name, value})
	}
	return out
}

func (w When) holds(view View, at in) bool {
	for i, part := range w.parts() {
		o, there := view.Get(w.reads(at)[i])
		t, _ := o.(Table)
		_, chain := t.Foreign[part[1]]
		switch s, _ := o.(Sysctl); {
		case part[0] == "chain" && !chain, part[0] == "nochain" && chain:
			return false
		case !strings.HasSuffix(part[0], "chain") && (!there || s.Value != part[1]):
			return false
		}
	}
	return true
}

// Conditional reports whether the object may come to be wanted, or not, by itself.
func Conditional(o Object) bool {
	switch c := o.(type) {
	case Chain:
		return c.When != ""
	case Jump:
		return c.When != ""
	}
	return false
}

// TableKey is the key of the named table.
func TableKey(scope Scope, family int, name string) Key {
	return Key{KindTable, scope, familyName(family) + " " + name}
}

// Key implements Object.
func (t Table) Key() Key { return TableKey(t.Scope, t.Family, t.Name) }

// Needs implements Object.
func (t Table) Needs() []Key { return t.Scope.Needs() }

// Chain is an iptables chain of netrun's own: its name begins with NETRUN, and
// it holds exactly Rules, in order. Chains of others are never objects.
type Chain struct {
	Scope  Scope  `json:"scope,omitempty" state:"key"`
	Family int    `json:"family" state:"key"`
	Table  string `json:"table" state:"key"`
	Name   string `json:"name" state:"key"` // NETRUN..., at most 28 characters
	// Rules are the rules' arguments, in the words of iptables-save or those that
	// CanonicalRule makes them of. An argument may name a fact (see Expand).
	Rules [][]string `json:"rules,omitempty"`
	// Of is the container that the rules are about: they may name its facts. It has to run.
	Of Scope `json:"of,omitempty" state:"hint"`
	// Given are the ports that were given out, PORT COMMENT, in the order of the rules.
	Given []string `json:"given,omitempty" state:"hint"`
	When  When     `json:"when,omitempty" state:"hint"`
}

// Key implements Object.
func (c Chain) Key() Key {
	return Key{KindChain, c.Scope, familyName(c.Family) + " " + c.Table + " " + c.Name}
}

// Needs implements Object.
func (c Chain) Needs() []Key { return []Key{TableKey(c.Scope, c.Family, c.Table)} }

// Reads implements Late.
func (c Chain) Reads() []Key {
	if c.Of != "" {
		keys := append(routingKeys(c.Scope), containerKeys(c.Of)...)
		return append(keys, Key{Kind: KindPort, Scope: c.Scope}, Key{Kind: KindChain, Scope: c.Scope})
	}
	keys := c.When.reads(in{c.Scope, c.Family, c.Table})
	for _, rule := range c.Rules {
		if HasFacts(rule...) {
			return append(keys, routingKeys(c.Scope)...)
		}
	}
	return keys
}

// Resolve implements Late: it replaces the facts that the rules name, and writes
// the rules as they will be read back.
func (c Chain) Resolve(view View) (Object, error) {
	if !c.When.holds(view, in{c.Scope, c.Family, c.Table}) {
		return nil, nil
	}
	c.When = ""
	if len(c.Rules) == 0 {
		return c, nil
	}
	rules, err := c.allot(view)
	if err != nil {
		return nil, err
	}
	known := facts{view, c.Scope, c.Of}
	for i, rule := range rules {
		expanded, err := known.all(rule)
		if err != nil {
			return nil, err
		}
		rules[i] = CanonicalRule(c.Family, expanded)
	}
	c.Rules, c.Of, c.Given = rules, "", nil
	return c, nil
}

// Jump is the one rule by which a chain of the system's (or of another program)
// sends packets to a chain of netrun's. It carries a comment that marks it.
type Jump struct {
	Scope  Scope    `json:"scope,omitempty" state:"key"`
	Family int      `json:"family" state:"key"`
	Table  string   `json:"table" state:"key"`
	From   string   `json:"from" state:"key"` // PREROUTING, OUTPUT, INPUT, DOCKER-USER, ...
	To     string   `json:"to" state:"key"`   // a Chain's name
	Match  []string `json:"match,omitempty" state:"fixed"`
	First  bool     `json:"first,omitempty" state:"hint"` // insert before, not append after, the rules that are there
	// Behind is the number of rules of others after which it was observed, Beside that of
	// netrun's jumps between the last of those and it. Created again, it goes back there;
	// with both 0 and First unset, after all.
	Behind int `json:"behind,omitempty" state:"hint"`
	Beside int `json:"beside,omitempty" state:"hint"`
	// Last puts the jump after the rules that another program has in its chain From, but
	// before a RETURN for all packets.
	Last bool `json:"last,omitempty" state:"hint"`
	When When `json:"when,omitempty" state:"hint"`
}

// Key implements Object.
func (j Jump) Key() Key {
	return Key{KindJump, j.Scope, familyName(j.Family) + " " + j.Table + " " + j.From + " " + j.To}
}

// Needs implements Object.
func (j Jump) Needs() []Key {
	return []Key{Chain{Scope: j.Scope, Family: j.Family, Table: j.Table, Name: j.To}.Key()}
}

// Reads implements Late.
func (j Jump) Reads() []Key {
	keys := j.When.reads(in{j.Scope, j.Family, j.Table})
	if j.Last {
		keys = append(keys, TableKey(j.Scope, j.Family, j.Table))
	}
	if HasFacts(j.Match...) {
		keys = append(keys, routingKeys(j.Scope)...)
	}
	return keys
}

// Resolve implements Late, as a chain's.
func (j Jump) Resolve(view View) (Object, error) {
	if !j.When.holds(view, in{j.Scope, j.Family, j.Table}) {
		return nil, nil
	}
	j.When = ""
	if j.Last {
		j = j.closing(view)
	}
	if len(j.Match) == 0 {
		return j, nil
	}
	match, err := facts{view: view, scope: j.Scope}.all(j.Match)
	if err != nil {
		return nil, err
	}
	j.Match = CanonicalRule(j.Family, match)
	return j, nil
}

// closing is the jump after the rules of others, which go on deciding first.
func (j Jump) closing(view View) Jump {
	if t, there := view.Get(TableKey(j.Scope, j.Family, j.Table)); there {
		j.Behind = t.(Table).Foreign[j.From]
	}
	j.First, j.Last = j.Behind == 0, false
	return j
}

// ChainPrefix begins the name of every chain that is netrun's own.
const ChainPrefix = "NETRUN"

// OwnChain reports whether the name is that of a chain of netrun's.
func OwnChain(name string) bool { return strings.HasPrefix(name, ChainPrefix) }

func familyName(family int) string {
	if family == 6 {
		return "ip6"
	}
	return "ip"
}
