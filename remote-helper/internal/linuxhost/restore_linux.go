package linuxhost

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"netrun/tasks/state"
)

// restoreBatch is the input of one iptables-restore: the lines of each table.
type restoreBatch struct {
	set    tableSet
	tables []string
	lines  map[string][]string
	from   map[string][]int // which change each line belongs to
	// chains are those that jumps are put into or taken from; counted says that
	// some jump has its place by counting, so that they must be read.
	chains  map[string]*chainModel
	counted bool
}

func newRestoreBatch(set tableSet, counted bool) *restoreBatch {
	return &restoreBatch{set: set, lines: map[string][]string{}, from: map[string][]int{},
		chains: map[string]*chainModel{}, counted: counted}
}

func (b *restoreBatch) open(table string) {
	if _, ok := b.lines[table]; !ok {
		b.tables = append(b.tables, table)
		b.lines[table] = []string{}
	}
}

func (b *restoreBatch) add(change int, table, line string) {
	b.open(table)
	b.lines[table] = append(b.lines[table], line)
	b.from[table] = append(b.from[table], change)
}

// text is the input, and for each of its lines the change it belongs to (-1: none).
func (b *restoreBatch) text() (string, []int) {
	var out strings.Builder
	var owner []int
	write := func(line string, change int) {
		out.WriteString(line + "\n")
		owner = append(owner, change)
	}
	for _, t := range b.tables {
		write("*"+t, -1)
		last := -1
		for i, line := range b.lines[t] {
			last = b.from[t][i]
			write(line, last)
		}
		write("COMMIT", last)
	}
	return out.String(), owner
}

// applyNetfilter carries out the run of changes to tables, chains and jumps that
// begins at i. Scopes and families do not depend on each other: each has one
// iptables-restore, or one before and one after a table is deleted.
func (s *session) applyNetfilter(changes []state.Change, i int) (int, error) {
	var sets []tableSet
	batches := map[tableSet]*restoreBatch{}
	n := i
	for ; n < len(changes) && isNetfilter(changes[n]); n++ {
		if changes[n].Implied {
			continue
		}
		set := setOf(changes[n].Object())
		if batches[set] == nil {
			sets = append(sets, set)
			batches[set] = newRestoreBatch(set, slices.ContainsFunc(changes[i:], isCounted))
		}
		if err := s.collect(batches[set], changes, n); err != nil {
			return 0, &state.ApplyError{Index: n, Err: describe(changes[n], err)}
		}
	}
	for _, set := range sets {
		if err := s.restore(batches[set], changes); err != nil {
			return 0, err
		}
	}
	return n - i, nil
}

func isNetfilter(c state.Change) bool {
	switch c.Key().Kind {
	case state.KindTable, state.KindChain, state.KindJump:
		return true
	}
	return false
}

// isCounted reports whether the change puts a jump back behind a number of others' rules.
func isCounted(c state.Change) bool {
	j, ok := c.After.(state.Jump)
	return ok && c.Op == state.Create && (j.Behind > 0 || j.Beside > 0)
}

func setOf(o state.Object) tableSet {
	switch o := o.(type) {
	case state.Table:
		return tableSet{o.Scope, o.Family}
	case state.Chain:
		return tableSet{o.Scope, o.Family}
	case state.Jump:
		return tableSet{o.Scope, o.Family}
	}
	return tableSet{}
}

// collect adds the lines of one change. Deleting a table ends the batch before it.
func (s *session) collect(b *restoreBatch, changes []state.Change, n int) error {
	c := changes[n]
	switch o := c.Object().(type) {
	case state.Table:
		if !validWord(o.Name) {
			return fmt.Errorf("%q is no table's name", o.Name)
		}
		if c.Op != state.Delete {
			b.open(o.Name)
			return nil
		}
		if err := s.restore(b, changes); err != nil {
			return err
		}
		*b = *newRestoreBatch(b.set, b.counted)
		return s.deleteTable(o)
	case state.Chain:
		return chainLines(b, n, c.Op, o)
	case state.Jump:
		return s.jumpLine(b, n, c, o)
	}
	return nil
}

// chainLines declares the chain, which empties it under --noflush, and fills it:
// one table's lines take effect at once.
func chainLines(b *restoreBatch, n int, op state.Op, c state.Chain) error {
	if !state.OwnChain(c.Name) || !validWord(c.Name) || len(c.Name) > 28 {
		return fmt.Errorf("%q is not a chain of netrun's", c.Name)
	}
	if !validWord(c.Table) {
		return fmt.Errorf("%q is no table's name", c.Table)
	}
	if op == state.Delete {
		b.add(n, c.Table, "-F "+c.Name)
		b.add(n, c.Table, "-X "+c.Name)
		return nil
	}
	b.add(n, c.Table, ":"+c.Name+" - [0:0]")
	for i, rule := range c.Rules {
		line, err := ruleLine("-A "+c.Name, rule)
		if err != nil {
			return fmt.Errorf("rule %d: %w", i+1, err)
		}
		b.add(n, c.Table, line)
	}
	return nil
}

// jumpLine adds or deletes exactly one rule of a chain of others.
func (s *session) jumpLine(b *restoreBatch, n int, c state.Change, j state.Jump) error {
	if !validWord(j.From) || !validWord(j.Table) || !state.OwnChain(j.To) || !validWord(j.To) {
		return fmt.Errorf("want a jump from a chain to one of netrun's, have %q to %q", j.From, j.To)
	}
	verb := ""
	switch c.Op {
	case state.Update:
		return errors.New("a jump cannot be changed in place")
	case state.Delete:
		verb = "-D " + j.From
	case state.Create:
		verb = "-A " + j.From
	}
	model, err := s.model(b, j)
	if err != nil {
		return err
	}
	if at := model.apply(c.Op, j); at > 0 {
		verb = fmt.Sprintf("-I %s %d", j.From, at)
	}
	line, err := ruleLine(verb, append(append([]string{}, j.Match...), jumpTail(j.To)...))
	if err != nil {
		return err
	}
	b.add(n, j.Table, line)
	return nil
}

// restore runs iptables-restore on the batch.
func (s *session) restore(b *restoreBatch, changes []state.Change) error {
	if len(b.tables) == 0 {
		return nil
	}
	text, owner := b.text()
	failed := func(err error, stderr string) error {
		at := failedChange(stderr, owner)
		if at < 0 {
			return fmt.Errorf("write %s rules: %w", iptables(b.set.family), err)
		}
		return &state.ApplyError{Index: at, Err: describe(changes[at], err)}
	}
	sp, err := s.space(b.set.scope)
	if err != nil {
		return failed(err, "")
	}
	delete(s.netfilter, b.set)
	_, err = s.run(sp, program{name: iptables(b.set.family) + "-restore", args: []string{"--noflush", "--wait=10"}, stdin: text})
	var ran *programError
	if errors.As(err, &ran) {
		return failed(err, ran.stderr)
	}
	if isNotInstalled(err) {
		return failed(&notInstalledError{iptables(b.set.family)}, "")
	}
	return err
}

var lineNumber = regexp.MustCompile(`line:? (\d+)`)

// failedChange is the change whose line iptables-restore complained of, else the first; -1 for none.
func failedChange(stderr string, owner []int) int {
	if m := lineNumber.FindStringSubmatch(stderr); m != nil {
		if n, err := strconv.Atoi(m[1]); err == nil && n >= 1 && n <= len(owner) && owner[n-1] >= 0 {
			return owner[n-1]
		}
	}
	for _, change := range owner {
		if change >= 0 {
			return change
		}
	}
	return -1
}
