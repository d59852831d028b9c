package linuxhost

import (
	"slices"
	"strings"

	"netrun/tasks/state"
)

// ordered is a list of changes in another order, each with its place in the list as it came.
type ordered struct {
	changes []state.Change
	at      []int
}

func (o *ordered) add(c state.Change, at int) {
	o.changes = append(o.changes, c)
	o.at = append(o.at, at)
}

func (o *ordered) append(other *ordered) {
	o.changes = append(o.changes, other.changes...)
	o.at = append(o.at, other.at...)
}

// gather brings the changes to Open vSwitch together, so that they are one transaction of
// its database: ovs-vsctl waits each time until ovs-vswitchd has done what it was told.
// New links that its ports may need come before them, all else follows in its order.
func gather(changes []state.Change) *ordered {
	all := &ordered{changes: changes}
	for i := range changes {
		all.at = append(all.at, i)
	}
	return all.gather().leasesLast()
}

// leasesLast brings new leases together at the end, so that they are waited for together:
// nothing hangs on them. They stay where something is deleted after them.
func (o *ordered) leasesLast() *ordered {
	first := slices.IndexFunc(o.changes, isNewLease)
	if first < 0 || slices.ContainsFunc(o.changes[first:], func(c state.Change) bool { return c.Op == state.Delete }) {
		return o
	}
	out, leases := &ordered{}, &ordered{}
	for i, c := range o.changes {
		if isNewLease(c) {
			leases.add(c, o.at[i])
		} else {
			out.add(c, o.at[i])
		}
	}
	out.append(leases)
	return out
}

func (o *ordered) gather() *ordered {
	first := slices.IndexFunc(o.changes, func(c state.Change) bool { return isOVS(c) && !c.Implied })
	if first < 0 {
		return o
	}
	out := &ordered{}
	out.append(&ordered{o.changes[:first], o.at[:first]})
	links, ovs, later := &ordered{}, &ordered{}, &ordered{}
	passed, skipped := newTouched(), newTouched() // by a new link; by a change to Open vSwitch
	into := later
	for i, c := range o.changes[first:] {
		switch {
		case c.Implied: // goes with what it follows from
		case isOVS(c) && !skipped.clashes(c):
			into = ovs
		case isNewLink(c) && !passed.clashes(c):
			into = links
		default:
			into = later
		}
		into.add(c, o.at[first+i])
		if into != links {
			passed.touch(c)
		}
		if into == later {
			skipped.touch(c)
		}
	}
	out.append(links)
	out.append(ovs)
	out.append(later.gather())
	return out
}

func isNewLink(c state.Change) bool {
	k := c.Key().Kind
	return c.Op == state.Create && (k == state.KindLink || k == state.KindNetns)
}

// touched is what a number of changes are about.
type touched struct {
	keys, needs map[state.Key]bool
	defaults    bool // parameters that new links are born with
}

func newTouched() *touched {
	return &touched{keys: map[state.Key]bool{}, needs: map[state.Key]bool{}}
}

func (t *touched) touch(c state.Change) {
	for _, k := range keysWith(c.Object()) {
		t.keys[k] = true
	}
	for _, k := range c.Object().Needs() {
		t.needs[k] = true
	}
	if s, ok := c.Object().(state.Sysctl); ok && strings.Contains(s.Name, "/conf/") {
		t.defaults = true
	}
}

// clashes reports whether the change must not come before those that were touched.
func (t *touched) clashes(c state.Change) bool {
	o := c.Object()
	for _, k := range keysWith(o) {
		if t.keys[k] || t.needs[k] {
			return true
		}
	}
	// A link leaves one bridge before it enters another.
	if p, ok := o.(state.OVSPort); ok && p.Type == "" && t.needs[state.LinkKey(state.HostScope, p.Name)] {
		return true
	}
	return isNewLink(c) && t.defaults || slices.ContainsFunc(o.Needs(), func(k state.Key) bool { return t.keys[k] })
}

// keysWith are the keys of the object and of what comes with it.
func keysWith(o state.Object) []state.Key {
	keys := []state.Key{o.Key()}
	if b, ok := o.(state.Bringer); ok {
		for _, brought := range b.Brings() {
			keys = append(keys, brought.Key())
		}
	}
	return keys
}
